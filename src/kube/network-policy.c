/* Comparisons have three results, in the order in which they combine: MIN() where all conditions
 * must hold, MAX() where one suffices. MAYBE is an address or a namespace that is not known, and
 * only matters where nothing better is found. */
#include "kube/network-policy.h"

#include <arpa/inet.h>
#include <json-c/json_object_iterator.h>
#include <stdlib.h>
#include <string.h>

#include "base/number.h"

/* Of policies that are named in a text. */
#define MAX_NAMES 4

/* As good as a comparison can be where something is not known. */
typedef enum {
    FITS_NOT,
    FITS_MAYBE,
    FITS,
} Fit;

static Fit fit_of(bool is_fitting)
{
    return is_fitting ? FITS : FITS_NOT;
}

const char *kft_policy_verdict_name(KftPolicyVerdict verdict)
{
    switch (verdict) {
    case KFT_POLICY_VERDICT_FREE:
        return "free";
    case KFT_POLICY_VERDICT_ALLOWED:
        return "allowed";
    case KFT_POLICY_VERDICT_UNKNOWN:
        return "unknown";
    case KFT_POLICY_VERDICT_DENIED:
        return "denied";
    }
    g_assert_not_reached();
}

/* --- labels --- */

/* Keys have dots, so kft_json_string() cannot be asked. NULL if there is none. */
static const char *find_label(json_object *labels, const char *key)
{
    json_object *value = NULL;
    if (!json_object_is_type(labels, json_type_object) ||
        !json_object_object_get_ex(labels, key, &value) ||
        !json_object_is_type(value, json_type_string))
        return NULL;
    return json_object_get_string(value);
}

static bool matches_expression(json_object *expression, json_object *labels)
{
    const char *key = kft_json_string(expression, "key");
    const char *operator_ = kft_json_string(expression, "operator");
    const char *value = key != NULL ? find_label(labels, key) : NULL;
    bool is_among = false;

    for (size_t i = 0; i < kft_json_length(expression, "values"); i++) {
        const char *one = json_object_get_string(kft_json_at(expression, "values", i));
        is_among = is_among || (value != NULL && g_strcmp0(value, one) == 0);
    }
    if (g_strcmp0(operator_, "In") == 0)
        return is_among;
    if (g_strcmp0(operator_, "NotIn") == 0)
        return !is_among;
    if (g_strcmp0(operator_, "Exists") == 0)
        return value != NULL;
    return g_strcmp0(operator_, "DoesNotExist") == 0 && value == NULL;
}

/* @wanted: a map, nullable. */
static bool has_labels(json_object *wanted, json_object *labels)
{
    if (!json_object_is_type(wanted, json_type_object))
        return true;
    struct json_object_iterator at = json_object_iter_begin(wanted);
    struct json_object_iterator end = json_object_iter_end(wanted);
    for (; !json_object_iter_equal(&at, &end); json_object_iter_next(&at)) {
        const char *value = json_object_get_string(json_object_iter_peek_value(&at));
        if (g_strcmp0(find_label(labels, json_object_iter_peek_name(&at)), value) != 0)
            return false;
    }
    return true;
}

bool kft_label_selector_matches(json_object *selector, json_object *labels)
{
    if (!json_object_is_type(selector, json_type_object) ||
        !has_labels(kft_json_get(selector, "matchLabels"), labels))
        return false;
    for (size_t i = 0; i < kft_json_length(selector, "matchExpressions"); i++) {
        if (!matches_expression(kft_json_at(selector, "matchExpressions", i), labels))
            return false;
    }
    return true;
}

/* --- addresses --- */

/* The bytes of a numeric address: 4, 16, or 0 if it is none. */
static size_t parse_address(const char *text, uint8_t out[16])
{
    if (inet_pton(AF_INET, text, out) == 1)
        return 4;
    return inet_pton(AF_INET6, text, out) == 1 ? 16 : 0;
}

static bool is_in_network(const char *ip, const char *network)
{
    uint8_t address[16] = {0};
    uint8_t base[16] = {0};
    uint64_t n_bits = 0;
    g_auto(GStrv) parts = g_strsplit(network, "/", 2);
    size_t size = parse_address(ip, address);

    if (size == 0 || parts[0] == NULL || parse_address(parts[0], base) != size)
        return false;
    if (parts[1] == NULL)
        n_bits = size * 8;
    else if (!kft_parse_uint(parts[1], 0, size * 8, &n_bits))
        return false;
    size_t n_whole = n_bits / 8;
    unsigned rest = n_bits % 8;
    return memcmp(address, base, n_whole) == 0 &&
           (rest == 0 || (address[n_whole] ^ base[n_whole]) >> (8 - rest) == 0);
}

static bool is_everything(const char *network)
{
    return g_str_has_suffix(network, "/0");
}

static Fit fit_block(json_object *block, const char *ip)
{
    const char *network = kft_json_string(block, "cidr");
    size_t n_except = kft_json_length(block, "except");

    if (network == NULL)
        return FITS_NOT;
    if (ip == NULL)
        return is_everything(network) && n_except == 0 ? FITS : FITS_MAYBE;
    if (!is_in_network(ip, network))
        return FITS_NOT;
    for (size_t i = 0; i < n_except; i++) {
        if (is_in_network(ip, json_object_get_string(kft_json_at(block, "except", i))))
            return FITS_NOT;
    }
    return FITS;
}

/* --- peers --- */

/* The label that the API server itself gives to each namespace. */
#define NAME_LABEL "kubernetes.io/metadata.name"

static bool asks_for_name_only(json_object *selector)
{
    json_object *wanted = kft_json_get(selector, "matchLabels");
    int n_others =
        json_object_is_type(wanted, json_type_object) ? json_object_object_length(wanted) : 0;
    if (find_label(wanted, NAME_LABEL) != NULL)
        n_others--;
    for (size_t i = 0; i < kft_json_length(selector, "matchExpressions"); i++) {
        json_object *expression = kft_json_at(selector, "matchExpressions", i);
        if (g_strcmp0(kft_json_string(expression, "key"), NAME_LABEL) != 0)
            n_others++;
    }
    return n_others == 0;
}

static Fit fit_namespace(json_object *selector, const KftPolicyEnd *end)
{
    if (end->namespace_labels != NULL)
        return fit_of(kft_label_selector_matches(selector, end->namespace_labels));
    g_autoptr(json_object) labels = json_object_new_object();
    (void)json_object_object_add(labels, NAME_LABEL, json_object_new_string(end->namespace_));
    if (asks_for_name_only(selector))
        return fit_of(kft_label_selector_matches(selector, labels));
    return FITS_MAYBE;
}

static Fit fit_peer(json_object *peer, const char *policy_namespace, const KftPolicyEnd *end)
{
    json_object *block = kft_json_get(peer, "ipBlock");
    json_object *pods = kft_json_get(peer, "podSelector");
    json_object *spaces = kft_json_get(peer, "namespaceSelector");
    Fit space = FITS_NOT;

    if (block != NULL)
        return fit_block(block, end->ip);
    if (end->namespace_ == NULL || (pods == NULL && spaces == NULL))
        return FITS_NOT;
    if (spaces != NULL)
        space = fit_namespace(spaces, end);
    else
        space = fit_of(strcmp(policy_namespace, end->namespace_) == 0);
    if (pods != NULL &&
        !kft_label_selector_matches(pods, kft_json_get(end->pod, "metadata.labels")))
        return FITS_NOT;
    return space;
}

/* @key: "to" or "from"; without peers a rule is for all. */
static Fit
fit_peers(json_object *rule, const char *key, const char *policy_namespace, const KftPolicyEnd *end)
{
    size_t n_peers = kft_json_length(rule, key);
    Fit best = n_peers == 0 ? FITS : FITS_NOT;

    for (size_t i = 0; i < n_peers; i++)
        best = MAX(best, fit_peer(kft_json_at(rule, key, i), policy_namespace, end));
    return best;
}

/* --- ports --- */

static bool is_protocol(const char *text, KftProtocol protocol)
{
    const char *name = text != NULL ? text : "TCP";
    return g_ascii_strcasecmp(name, kft_protocol_name(protocol)) == 0;
}

uint16_t kft_pod_json_find_port(json_object *pod, const char *name, KftProtocol protocol)
{
    for (size_t i = 0; i < kft_json_length(pod, "spec.containers"); i++) {
        json_object *container = kft_json_at(pod, "spec.containers", i);
        for (size_t k = 0; k < kft_json_length(container, "ports"); k++) {
            json_object *port = kft_json_at(container, "ports", k);
            if (g_strcmp0(kft_json_string(port, "name"), name) == 0 &&
                is_protocol(kft_json_string(port, "protocol"), protocol))
                return kft_json_port(port, "containerPort");
        }
    }
    return 0;
}

/* @server: the end whose port it is, for ports by name. */
static Fit
fit_port(json_object *entry, const KftPolicyEnd *server, KftProtocol protocol, uint16_t port)
{
    const char *name = kft_json_string(entry, "port");
    uint16_t first = kft_json_port(entry, "port");
    uint16_t last = kft_json_port(entry, "endPort");

    if (!is_protocol(kft_json_string(entry, "protocol"), protocol))
        return FITS_NOT;
    if (kft_json_get(entry, "port") == NULL || port == 0)
        return FITS;
    if (name != NULL && server->pod == NULL)
        return FITS_NOT;
    if (name != NULL)
        first = kft_pod_json_find_port(server->pod, name, protocol);
    return fit_of(first != 0 && port >= first && port <= MAX(first, last));
}

static Fit
fit_ports(json_object *rule, const KftPolicyEnd *server, KftProtocol protocol, uint16_t port)
{
    size_t n_ports = kft_json_length(rule, "ports");
    Fit best = n_ports == 0 ? FITS : FITS_NOT;

    for (size_t i = 0; i < n_ports; i++)
        best = MAX(best, fit_port(kft_json_at(rule, "ports", i), server, protocol, port));
    return best;
}

/* --- policies --- */

typedef struct {
    KftPolicyDirection direction;
    const KftPolicyEnd *pod;
    const KftPolicyEnd *peer;
    KftProtocol protocol;
    uint16_t port;
    Fit best;
    size_t n_selecting;
    GString *names; /* of those that select the pod */
    GString *rule;  /* the one that decided, or came closest; "" if there is none */
    bool is_near;   /* what @rule says is that one came close */
} Judgement;

static bool has_type(json_object *policy, KftPolicyDirection direction)
{
    const char *wanted = direction == KFT_POLICY_EGRESS ? "Egress" : "Ingress";
    size_t n_types = kft_json_length(policy, "spec.policyTypes");

    for (size_t i = 0; i < n_types; i++) {
        const char *type = json_object_get_string(kft_json_at(policy, "spec.policyTypes", i));
        if (g_strcmp0(type, wanted) == 0)
            return true;
    }
    /* Without types it is for ingress, and for egress if it has rules for it. */
    return n_types == 0 &&
           (direction == KFT_POLICY_INGRESS || kft_json_length(policy, "spec.egress") > 0);
}

static bool selects(json_object *policy, const KftPolicyEnd *end)
{
    const char *space = kft_json_string(policy, "metadata.namespace");
    return end->namespace_ != NULL && g_strcmp0(space, end->namespace_) == 0 &&
           kft_label_selector_matches(kft_json_get(policy, "spec.podSelector"),
                                      kft_json_get(end->pod, "metadata.labels"));
}

static const char *protocol_title(KftProtocol protocol)
{
    return protocol == KFT_PROTOCOL_UDP ? "UDP" : "TCP";
}

static const char *direction_name(KftPolicyDirection direction)
{
    return direction == KFT_POLICY_EGRESS ? "egress" : "ingress";
}

static void judge_rule(Judgement *self, json_object *rule, const char *policy_name, size_t index)
{
    bool is_egress = self->direction == KFT_POLICY_EGRESS;
    const KftPolicyEnd *server = is_egress ? self->peer : self->pod;
    /* A policy is of the namespace of the pods that it selects. */
    Fit peer = fit_peers(rule, is_egress ? "to" : "from", self->pod->namespace_, self->peer);
    Fit port = fit_ports(rule, server, self->protocol, self->port);
    Fit both = MIN(peer, port);
    bool is_near = both == FITS_NOT && peer != port;

    if (both > self->best || (is_near && self->best == FITS_NOT && !self->is_near)) {
        g_string_printf(self->rule, "%s rule %zu of \"%s\"", direction_name(self->direction),
                        index + 1, policy_name);
        if (is_near)
            g_string_append(self->rule,
                            peer == FITS_NOT ? " is for other peers" : " is for other ports");
        self->is_near = is_near;
    }
    self->best = MAX(self->best, both);
}

static void judge_policy(Judgement *self, json_object *policy)
{
    const char *key = self->direction == KFT_POLICY_EGRESS ? "spec.egress" : "spec.ingress";
    const char *name = kft_json_string(policy, "metadata.name");

    if (name == NULL || !has_type(policy, self->direction) || !selects(policy, self->pod))
        return;
    if (self->n_selecting < MAX_NAMES)
        g_string_append_printf(self->names, "%s\"%s\"", self->n_selecting == 0 ? "" : ", ", name);
    else if (self->n_selecting == MAX_NAMES)
        g_string_append(self->names, ", …");
    self->n_selecting++;
    for (size_t i = 0; i < kft_json_length(policy, key); i++)
        judge_rule(self, kft_json_at(policy, key, i), name, i);
}

static char *dup_text(const Judgement *self)
{
    bool is_one = self->n_selecting == 1;
    const char *whose = self->direction == KFT_POLICY_EGRESS ? "" : " to its";
    g_autofree char *port =
        self->port != 0 ? g_strdup_printf("%s port %u", whose, self->port) : NULL;
    g_autofree char *near = self->is_near ? g_strdup_printf(" (%s)", self->rule->str) : NULL;

    if (self->best != FITS_NOT)
        return g_strdup_printf("%s %s it", self->rule->str,
                               self->best == FITS ? "allows" : "may allow");
    return g_strdup_printf("NetworkPolic%s %s select%s %s and allow%s no %s %s %s%s%s",
                           is_one ? "y" : "ies", self->names->str, is_one ? "s" : "",
                           self->pod->name, is_one ? "s" : "", protocol_title(self->protocol),
                           self->direction == KFT_POLICY_EGRESS ? "to" : "from", self->peer->name,
                           port != NULL ? port : "", near != NULL ? near : "");
}

KftPolicyVerdict kft_network_policies_judge(json_object *list,
                                            KftPolicyDirection direction,
                                            const KftPolicyEnd *pod,
                                            const KftPolicyEnd *peer,
                                            KftProtocol protocol,
                                            uint16_t port,
                                            char **ret_text)
{
    g_autoptr(GString) names = g_string_new(NULL);
    g_autoptr(GString) rule = g_string_new(NULL);
    Judgement self = {.direction = direction,
                      .pod = pod,
                      .peer = peer,
                      .protocol = protocol,
                      .port = port,
                      .names = names,
                      .rule = rule};

    *ret_text = NULL;
    for (size_t i = 0; i < kft_json_length(list, "items"); i++)
        judge_policy(&self, kft_json_at(list, "items", i));
    if (self.n_selecting == 0)
        return KFT_POLICY_VERDICT_FREE;
    *ret_text = dup_text(&self);
    if (self.best == FITS)
        return KFT_POLICY_VERDICT_ALLOWED;
    return self.best == FITS_MAYBE ? KFT_POLICY_VERDICT_UNKNOWN : KFT_POLICY_VERDICT_DENIED;
}
