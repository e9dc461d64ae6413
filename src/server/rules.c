/* The gateway's allow list. Names are compared as text, addresses after resolution: a name that
 * resolves to a reserved address is refused like the address itself. */
#include "server/rules.h"

#include <arpa/inet.h>
#include <kftray/error.h>
#include <string.h>

#include "base/number.h"

typedef enum {
    TARGET_ALL,
    TARGET_NETWORK,
    TARGET_NAME,   /* exactly this one */
    TARGET_SUFFIX, /* ".example.com": what ends in it */
} TargetKind;

typedef struct {
    TargetKind kind;
    KftNetwork network;
    char *name; /* lower case; nullable */
    uint16_t min_port;
    uint16_t max_port;
    bool is_denial;
} Rule;

struct KftRules {
    GArray *rules;    /* of Rule */
    GArray *reserved; /* of KftNetwork, reachable although reserved */
};

/* Never a gateway's business unless somebody says so. */
static const char *const reserved_networks[] = {
    "0.0.0.0/8",       /* this host, RFC 1122 3.2.1.3 */
    "127.0.0.0/8",     /* loopback */
    "169.254.0.0/16",  /* link-local, and most clouds' metadata services */
    "224.0.0.0/4",     /* multicast */
    "240.0.0.0/4",     /* reserved, and broadcast */
    "100.100.100.200", /* metadata of Alibaba Cloud */
    "168.63.129.16",   /* host agent of Azure */
    "192.0.0.192",     /* metadata of Oracle Cloud, before 169.254.169.254 */
    "::/128",          /* unspecified */
    "::1/128",         /* loopback */
    "fe80::/10",       /* link-local */
    "ff00::/8",        /* multicast */
    "fd00:ec2::/32",   /* metadata and others of Amazon EC2 */
    "fd20:ce::/32",    /* metadata of Google Cloud */
};

static void clear_rule(gpointer rule)
{
    g_free(((Rule *)rule)->name);
}

static bool parse_ports(const char *text, Rule *rule)
{
    g_auto(GStrv) parts = g_strsplit(text, "-", 2);

    if (parts[0] == NULL || !kft_parse_port(parts[0], 1, &rule->min_port))
        return false;
    if (parts[1] == NULL) {
        rule->max_port = rule->min_port;
        return true;
    }
    return kft_parse_port(parts[1], 1, &rule->max_port) && rule->min_port <= rule->max_port;
}

static bool is_name(const char *text)
{
    size_t length = strlen(text);
    if (length == 0 || length > 253)
        return false;
    for (const char *at = text; *at != '\0'; at++) {
        if (!g_ascii_isalnum(*at) && strchr("-_.", *at) == NULL)
            return false;
    }
    /* "10.0.0" and "10.0.0.256" are addresses with a mistake in them, no names. */
    const char *last = strrchr(text, '.');
    return strspn(last == NULL ? text : last + 1, "0123456789") !=
           strlen(last == NULL ? text : last + 1);
}

static bool parse_target(const char *text, Rule *rule)
{
    if (strcmp(text, "*") == 0) {
        rule->kind = TARGET_ALL;
        return true;
    }
    if (kft_network_parse(text, &rule->network)) {
        rule->kind = TARGET_NETWORK;
        return true;
    }
    rule->kind = TARGET_NAME;
    if (g_str_has_prefix(text, "*.") || text[0] == '.') {
        rule->kind = TARGET_SUFFIX;
        text = strchr(text, '.');
    }
    if (!is_name(rule->kind == TARGET_SUFFIX ? text + 1 : text))
        return false;
    rule->name = g_ascii_strdown(text, -1);
    return true;
}

/* Cuts "target:ports" and "[target]:ports" in two; an IPv6 network without brackets has no ports.
 */
static char *dup_target(const char *text, const char **ret_ports)
{
    const char *colon = strrchr(text, ':');

    *ret_ports = NULL;
    if (text[0] == '[') {
        const char *end = strchr(text, ']');
        if (end == NULL)
            return g_strdup(text);
        if (end[1] == ':')
            *ret_ports = end + 2;
        else if (end[1] != '\0')
            return g_strdup(text);
        return g_strndup(text + 1, (size_t)(end - text - 1));
    }
    if (colon == NULL || strchr(text, ':') != colon)
        return g_strdup(text);
    *ret_ports = colon + 1;
    return g_strndup(text, (size_t)(colon - text));
}

static bool parse_rule(const char *text, Rule *rule, GError **error)
{
    const char *ports = NULL;

    rule->is_denial = text[0] == '!';
    rule->min_port = 1;
    rule->max_port = UINT16_MAX;
    g_autofree char *target = dup_target(rule->is_denial ? text + 1 : text, &ports);
    if (!parse_target(target, rule)) {
        g_set_error(error, KFT_ERROR, KFT_ERROR_BAD_CONFIG,
                    "GATEWAY_ALLOW: \"%s\" is no rule: write a network (10.0.0.0/8, no bits set "
                    "behind the prefix), an address, a name, *.SUFFIX or *",
                    text);
        return false;
    }
    if (ports != NULL && !parse_ports(ports, rule)) {
        g_set_error(error, KFT_ERROR, KFT_ERROR_BAD_CONFIG,
                    "GATEWAY_ALLOW: \"%s\" ends in no port (443) or range of ports (8000-8999)",
                    text);
        return false;
    }
    return true;
}

static bool parse_rules(KftRules *self, const char *allowed, GError **error)
{
    g_auto(GStrv) words = g_strsplit_set(allowed, ", \t\r\n", -1);
    bool has_permission = false;

    for (size_t i = 0; words[i] != NULL; i++) {
        Rule rule = {0};
        if (words[i][0] == '\0')
            continue;
        bool is_good = parse_rule(words[i], &rule, error);
        g_array_append_val(self->rules, rule);
        if (!is_good)
            return false;
        has_permission = has_permission || !rule.is_denial;
    }
    if (!has_permission)
        g_set_error_literal(error, KFT_ERROR, KFT_ERROR_BAD_CONFIG,
                            "GATEWAY_ALLOW allows nothing: set it to what may be reached, such as "
                            "\"10.0.0.0/8 *.example.com:443\"");
    return has_permission;
}

static bool parse_reserved(KftRules *self, const char *reserved, GError **error)
{
    g_auto(GStrv) words = g_strsplit_set(reserved, ", \t\r\n", -1);

    for (size_t i = 0; words[i] != NULL; i++) {
        KftNetwork network;
        if (words[i][0] == '\0')
            continue;
        if (!kft_network_parse(words[i], &network)) {
            g_set_error(error, KFT_ERROR, KFT_ERROR_BAD_CONFIG,
                        "GATEWAY_ALLOW_RESERVED: \"%s\" is no network: write 127.0.0.0/8 or ::1",
                        words[i]);
            return false;
        }
        g_array_append_val(self->reserved, network);
    }
    return true;
}

KftRules *kft_rules_new(const char *allowed, const char *reserved, GError **error)
{
    KftRules *self = g_new0(KftRules, 1);
    self->rules = g_array_new(FALSE, FALSE, sizeof(Rule));
    g_array_set_clear_func(self->rules, clear_rule);
    self->reserved = g_array_new(FALSE, FALSE, sizeof(KftNetwork));
    if (!parse_rules(self, allowed, error) || !parse_reserved(self, reserved, error)) {
        kft_rules_free(self);
        return NULL;
    }
    return self;
}

void kft_rules_free(KftRules *self)
{
    if (self == NULL)
        return;
    g_array_unref(self->rules);
    g_array_unref(self->reserved);
    g_free(self);
}

/* The IPv4 address inside an IPv6 one that leads to it: IPv4-compatible (RFC 4291 2.5.5.1), NAT64
 * (RFC 6052, well-known and RFC 8215 local prefix), 6to4 (RFC 3056). IPv4-mapped ones are equal to
 * IPv4 everywhere here. */
static bool get_embedded_v4(const KftAddress *address, KftAddress *ret_v4)
{
    static const struct {
        const char *network;
        unsigned offset;
    } forms[] = {{"::/96", 12}, {"64:ff9b::/96", 12}, {"64:ff9b:1::/48", 12}, {"2002::/16", 2}};

    if (address->base.sa_family != AF_INET6)
        return false;
    for (size_t i = 0; i < G_N_ELEMENTS(forms); i++) {
        KftNetwork network;
        g_assert(kft_network_parse(forms[i].network, &network));
        if (kft_network_contains(&network, address)) {
            memset(ret_v4, 0, sizeof *ret_v4);
            ret_v4->v4.sin_family = AF_INET;
            memcpy(&ret_v4->v4.sin_addr, address->v6.sin6_addr.s6_addr + forms[i].offset, 4);
            return true;
        }
    }
    return false;
}

static bool is_reserved(const KftAddress *address)
{
    for (size_t i = 0; i < G_N_ELEMENTS(reserved_networks); i++) {
        KftNetwork network;
        g_assert(kft_network_parse(reserved_networks[i], &network));
        if (kft_network_contains(&network, address))
            return true;
    }
    return false;
}

static bool is_excepted(const KftRules *self, const KftAddress *address)
{
    for (guint i = 0; i < self->reserved->len; i++) {
        if (kft_network_contains(&g_array_index(self->reserved, KftNetwork, i), address))
            return true;
    }
    return false;
}

/* Without the dot at the end of a name that is not completed by search domains. */
static size_t name_length(const char *name)
{
    size_t length = strlen(name);
    return length > 0 && name[length - 1] == '.' ? length - 1 : length;
}

static bool matches_name(const Rule *rule, const char *name)
{
    size_t length = name_length(name);
    size_t wanted = strlen(rule->name);

    if (rule->kind == TARGET_NAME)
        return length == wanted && g_ascii_strncasecmp(name, rule->name, length) == 0;
    return length > wanted && g_ascii_strncasecmp(name + length - wanted, rule->name, wanted) == 0;
}

static bool matches(const Rule *rule, const char *name, const KftAddress *address, uint16_t port)
{
    if (port < rule->min_port || port > rule->max_port)
        return false;
    switch (rule->kind) {
    case TARGET_ALL:
        return true;
    case TARGET_NETWORK:
        return address != NULL && kft_network_contains(&rule->network, address);
    case TARGET_NAME:
    case TARGET_SUFFIX:
        return name != NULL && matches_name(rule, name);
    }
    g_assert_not_reached();
}

static bool is_allowed(const KftRules *self, const char *name, const KftAddress *address)
{
    uint16_t port = kft_address_get_port(address);
    bool has_permission = false;

    for (guint i = 0; i < self->rules->len; i++) {
        const Rule *rule = &g_array_index(self->rules, Rule, i);
        if (!matches(rule, name, address, port))
            continue;
        if (rule->is_denial)
            return false;
        has_permission = true;
    }
    return has_permission;
}

bool kft_rules_allow(const KftRules *self, const char *name, const KftAddress *address)
{
    KftAddress embedded;

    if (is_reserved(address) && !is_excepted(self, address))
        return false;
    if (get_embedded_v4(address, &embedded)) {
        kft_address_set_port(&embedded, kft_address_get_port(address));
        bool is_denied =
            is_reserved(&embedded) && !is_excepted(self, &embedded) && !is_excepted(self, address);
        /* A "!" rule for the IPv4 address holds for this form of it, too. */
        for (guint i = 0; i < self->rules->len && !is_denied; i++) {
            const Rule *rule = &g_array_index(self->rules, Rule, i);
            is_denied = rule->is_denial && rule->kind == TARGET_NETWORK &&
                        matches(rule, NULL, &embedded, kft_address_get_port(&embedded));
        }
        if (is_denied)
            return false;
    }
    return is_allowed(self, name, address);
}

bool kft_rules_may_resolve(const KftRules *self, const char *name, uint16_t port)
{
    bool may = false;

    for (guint i = 0; i < self->rules->len; i++) {
        const Rule *rule = &g_array_index(self->rules, Rule, i);
        bool is_for_names = rule->kind == TARGET_NAME || rule->kind == TARGET_SUFFIX;
        if (rule->is_denial) {
            if (rule->kind != TARGET_NETWORK && matches(rule, name, NULL, port))
                return false;
        } else if (is_for_names ? matches(rule, name, NULL, port)
                                : port >= rule->min_port && port <= rule->max_port) {
            may = true;
        }
    }
    return may;
}
