/* Local addresses and ports of configs in a hash table, so that thousands of configs are compared
 * in linear time. Each claims a few keys: its address, for others with the same one, and the family
 * of the address, for those that listen on all addresses of the family. */
#include "share/local-claims.h"

#include <arpa/inet.h>
#include <string.h>

#include "config/port-check.h"

/* How many ports are tried for one proposal. */
#define MAX_TRIES 256
/* A port that needs rights becomes one that resembles it: 80 → 8080, 443 → 8443. */
#define FIRST_UNPRIVILEGED_PORT 1024
#define UNPRIVILEGED_OFFSET 8000U

#define MAX_KEYS 4

struct KftLocalClaims {
    GHashTable *by_key; /* text → const KftConfig */
    bool is_taken[UINT16_MAX + 1];
    uint16_t next[UINT16_MAX + 1]; /* by port: where the next search begins, 0 = at the port */
};

typedef struct {
    char *keys[MAX_KEYS + 1];
    size_t n;
} Keys;

static void add_key(Keys *self, const KftConfig *config, const char *address)
{
    g_assert(self->n < MAX_KEYS);
    self->keys[self->n++] = g_strdup_printf("%s %u %s", kft_protocol_name(config->protocol),
                                            config->local_port, address);
}

static void clear_keys(Keys *self)
{
    for (size_t i = 0; i < self->n; i++)
        g_free(self->keys[i]);
}

/* One spelling for each address: "::0" and "0:0::" are the same. */
static void canonicalize(const char *text, char out[INET6_ADDRSTRLEN], bool *ret_is_v6)
{
    struct in6_addr address;

    *ret_is_v6 = inet_pton(AF_INET6, text, &address) == 1;
    if (*ret_is_v6)
        (void)inet_ntop(AF_INET6, &address, out, INET6_ADDRSTRLEN);
    else
        (void)g_strlcpy(out, text, INET6_ADDRSTRLEN);
}

static bool is_localhost(const KftConfig *config)
{
    return config->local_address != NULL &&
           g_ascii_strcasecmp(config->local_address, "localhost") == 0;
}

static const char *get_address(const KftConfig *config)
{
    return config->local_address == NULL ? "127.0.0.1" : config->local_address;
}

/* The keys under which others find @config. */
static Keys list_own_keys(const KftConfig *config)
{
    Keys keys = {.n = 0};
    char address[INET6_ADDRSTRLEN];
    bool is_v6 = false;

    if (is_localhost(config)) {
        add_key(&keys, config, "127.0.0.1");
        add_key(&keys, config, "::1");
        add_key(&keys, config, "any4");
        add_key(&keys, config, "any6");
        return keys;
    }
    canonicalize(get_address(config), address, &is_v6);
    add_key(&keys, config, address);
    add_key(&keys, config, is_v6 ? "any6" : "any4");
    return keys;
}

/* The keys of those that exclude @config. A listener on "::" takes IPv4 as well, as Linux has it by
 * default. */
static Keys list_rival_keys(const KftConfig *config)
{
    Keys keys = {.n = 0};
    char address[INET6_ADDRSTRLEN];
    bool is_v6 = false;

    canonicalize(get_address(config), address, &is_v6);
    if (is_localhost(config)) {
        add_key(&keys, config, "127.0.0.1");
        add_key(&keys, config, "::1");
        add_key(&keys, config, "0.0.0.0");
        add_key(&keys, config, "::");
    } else if (strcmp(address, "::") == 0) {
        add_key(&keys, config, "any4");
        add_key(&keys, config, "any6");
    } else if (strcmp(address, "0.0.0.0") == 0) {
        add_key(&keys, config, "any4");
        add_key(&keys, config, "::");
    } else {
        add_key(&keys, config, address);
        add_key(&keys, config, "::");
        if (!is_v6)
            add_key(&keys, config, "0.0.0.0");
    }
    return keys;
}

/* An exposed service listens by itself; an automatic address is chosen so that it is free. */
static bool has_claim(const KftConfig *config)
{
    return config->local_port != 0 && config->workload_type != KFT_WORKLOAD_TYPE_EXPOSE &&
           !config->auto_loopback_address;
}

KftLocalClaims *kft_local_claims_new(void)
{
    KftLocalClaims *self = g_new0(KftLocalClaims, 1);
    self->by_key = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    return self;
}

void kft_local_claims_free(KftLocalClaims *self)
{
    if (self == NULL)
        return;
    g_hash_table_unref(self->by_key);
    g_free(self);
}

void kft_local_claims_add(KftLocalClaims *self, const KftConfig *config)
{
    self->is_taken[config->local_port] = true;
    if (!has_claim(config))
        return;
    Keys keys = list_own_keys(config);
    for (size_t i = 0; i < keys.n; i++) {
        if (!g_hash_table_contains(self->by_key, keys.keys[i]))
            g_hash_table_insert(self->by_key, g_steal_pointer(&keys.keys[i]),
                                (void *)(uintptr_t)config);
    }
    clear_keys(&keys);
}

const KftConfig *kft_local_claims_find(const KftLocalClaims *self, const KftConfig *config)
{
    const KftConfig *found = NULL;

    if (!has_claim(config))
        return NULL;
    Keys keys = list_rival_keys(config);
    for (size_t i = 0; i < keys.n && found == NULL; i++)
        found = g_hash_table_lookup(self->by_key, keys.keys[i]);
    clear_keys(&keys);
    return found;
}

uint16_t kft_local_claims_choose_port(KftLocalClaims *self, const KftConfig *config)
{
    uint16_t wanted = config->local_port;
    unsigned port = self->next[wanted];

    if (port == 0)
        port = wanted + (wanted < FIRST_UNPRIVILEGED_PORT ? UNPRIVILEGED_OFFSET : 1U);
    for (unsigned i = 0; i < MAX_TRIES; i++, port++) {
        if (port > UINT16_MAX)
            port = FIRST_UNPRIVILEGED_PORT;
        if (self->is_taken[port] ||
            !kft_port_is_free(config->local_address, config->protocol, (uint16_t)port))
            continue;
        self->is_taken[port] = true;
        self->next[wanted] = (uint16_t)port;
        return (uint16_t)port;
    }
    self->next[wanted] = (uint16_t)port;
    return 0;
}
