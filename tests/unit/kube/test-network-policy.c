/* What NetworkPolicies allow, row by row. */
#include <string.h>

#include "kube/network-policy.h"

/* The ends of all rows: the relay in "shop", which wants to reach a pod of "db", or an address. */
static const char relay_json[] =
    "{'metadata': {'name': 'relay', 'labels': {'app': 'relay', 'a.b/c': 'd'}},"
    " 'spec': {'containers': [{'ports': [{'name': 'in', 'containerPort': 8080}]}]}}";
static const char target_json[] =
    "{'metadata': {'name': 'pg-0', 'labels': {'app': 'pg', 'tier': 'data'}},"
    " 'spec': {'containers': [{'ports': [{'name': 'sql', 'containerPort': 5432},"
    " {'name': 'dns', 'containerPort': 53, 'protocol': 'UDP'}]}]}}";

#define TO_POD KFT_POLICY_EGRESS, true
#define TO_ADDRESS KFT_POLICY_EGRESS, false
#define AT_POD KFT_POLICY_INGRESS, true
#define TCP KFT_PROTOCOL_TCP
#define UDP KFT_PROTOCOL_UDP
#define FREE KFT_POLICY_VERDICT_FREE
#define ALLOWED KFT_POLICY_VERDICT_ALLOWED
#define UNKNOWN KFT_POLICY_VERDICT_UNKNOWN
#define DENIED KFT_POLICY_VERDICT_DENIED

typedef struct {
    const char *name;
    KftPolicyDirection direction;
    bool is_pod; /* else the other end is the address */
    KftProtocol protocol;
    uint16_t port;
    const char *ip;     /* of the target; NULL: not known */
    const char *spec;   /* of the policy, in the namespace of the pod that is looked at */
    const char *spec_2; /* of a second one; nullable */
    KftPolicyVerdict verdict;
    const char *text; /* must be in the words; nullable */
} Row;

/* NOLINTBEGIN(bugprone-suspicious-missing-comma): a row's text may have several literals. */
static const Row rows[] = {
    {"none", TO_POD, TCP, 5432, "10.0.0.5", NULL, NULL, FREE, NULL},
    {"selects another pod", TO_POD, TCP, 5432, "10.0.0.5",
     "{'podSelector': {'matchLabels': {'app': 'web'}}, 'policyTypes': ['Egress']}", NULL, FREE,
     NULL},
    {"for ingress only", TO_POD, TCP, 5432, "10.0.0.5",
     "{'podSelector': {}, 'policyTypes': ['Ingress']}", NULL, FREE, NULL},
    {"no types and no egress: ingress only", TO_POD, TCP, 5432, "10.0.0.5",
     "{'podSelector': {}, 'ingress': []}", NULL, FREE, NULL},
    {"no types, but egress rules", TO_POD, TCP, 5432, "10.0.0.5",
     "{'podSelector': {}, 'egress': [{'ports': [{'port': 80}]}]}", NULL, DENIED, "rule 1"},
    {"no types: ingress", AT_POD, TCP, 5432, "10.0.0.5", "{'podSelector': {}}", NULL, DENIED,
     "NetworkPolicy \"one\" selects pg-0 and allows no TCP from the relay to its port 5432"},
    {"deny all", TO_POD, TCP, 5432, "10.0.0.5", "{'podSelector': {}, 'policyTypes': ['Egress']}",
     NULL, DENIED, "NetworkPolicy \"one\" selects the relay and allows no TCP to pg-0 port 5432"},
    {"deny all, twice", TO_POD, UDP, 53, "10.0.0.5",
     "{'podSelector': {}, 'policyTypes': ['Egress']}",
     "{'podSelector': {'matchLabels': {'a.b/c': 'd'}}, 'policyTypes': ['Egress']}", DENIED,
     "NetworkPolicies \"one\", \"two\" select the relay and allow no UDP to pg-0 port 53"},
    {"policies add up", TO_POD, TCP, 5432, "10.0.0.5",
     "{'podSelector': {}, 'policyTypes': ['Egress']}",
     "{'podSelector': {}, 'policyTypes': ['Egress'], 'egress': [{}]}", ALLOWED,
     "egress rule 1 of \"two\" allows it"},

    {"namespace by name", TO_POD, TCP, 5432, "10.0.0.5",
     "{'podSelector': {}, 'egress': [{'to': [{'namespaceSelector': {'matchLabels':"
     " {'kubernetes.io/metadata.name': 'db'}}}]}]}",
     NULL, ALLOWED, NULL},
    {"another namespace", TO_POD, TCP, 5432, "10.0.0.5",
     "{'podSelector': {}, 'egress': [{'to': [{'namespaceSelector': {'matchLabels':"
     " {'kubernetes.io/metadata.name': 'kube-system'}}}]}]}",
     NULL, DENIED, "egress rule 1 of \"one\" is for other peers"},
    {"pods of any namespace", TO_POD, TCP, 5432, "10.0.0.5",
     "{'podSelector': {}, 'egress': [{'to': [{'namespaceSelector': {}, 'podSelector':"
     " {'matchLabels': {'app': 'pg'}}}]}]}",
     NULL, ALLOWED, NULL},
    {"other pods of that namespace", TO_POD, TCP, 5432, "10.0.0.5",
     "{'podSelector': {}, 'egress': [{'to': [{'namespaceSelector': {}, 'podSelector':"
     " {'matchLabels': {'app': 'web'}}}]}]}",
     NULL, DENIED, NULL},
    {"pods of the policy's own namespace only", TO_POD, TCP, 5432, "10.0.0.5",
     "{'podSelector': {}, 'egress': [{'to': [{'podSelector': {'matchLabels': {'app': 'pg'}}}]}]}",
     NULL, DENIED, NULL},
    {"In", TO_POD, TCP, 5432, "10.0.0.5",
     "{'podSelector': {}, 'egress': [{'to': [{'namespaceSelector': {}, 'podSelector':"
     " {'matchExpressions': [{'key': 'tier', 'operator': 'In', 'values': ['web', 'data']}]}}]}]}",
     NULL, ALLOWED, NULL},
    {"NotIn", TO_POD, TCP, 5432, "10.0.0.5",
     "{'podSelector': {}, 'egress': [{'to': [{'namespaceSelector': {}, 'podSelector':"
     " {'matchExpressions': [{'key': 'tier', 'operator': 'NotIn', 'values': ['data']}]}}]}]}",
     NULL, DENIED, NULL},
    {"Exists and DoesNotExist", TO_POD, TCP, 5432, "10.0.0.5",
     "{'podSelector': {'matchExpressions': [{'key': 'app', 'operator': 'Exists'},"
     " {'key': 'none', 'operator': 'DoesNotExist'}]}, 'policyTypes': ['Egress']}",
     NULL, DENIED, NULL},
    {"an unknown operator fits nothing", TO_POD, TCP, 5432, "10.0.0.5",
     "{'podSelector': {'matchExpressions': [{'key': 'app', 'operator': 'Like'}]},"
     " 'policyTypes': ['Egress']}",
     NULL, FREE, NULL},

    {"a network", TO_ADDRESS, TCP, 5432, "10.1.2.3",
     "{'podSelector': {}, 'egress': [{'to': [{'ipBlock': {'cidr': '10.1.0.0/16'}}]}]}", NULL,
     ALLOWED, NULL},
    {"a network that ends inside a byte", TO_ADDRESS, TCP, 5432, "10.1.144.3",
     "{'podSelector': {}, 'egress': [{'to': [{'ipBlock': {'cidr': '10.1.128.0/20'}}]}]}", NULL,
     DENIED, "is for other peers"},
    {"the same, inside", TO_ADDRESS, TCP, 5432, "10.1.143.3",
     "{'podSelector': {}, 'egress': [{'to': [{'ipBlock': {'cidr': '10.1.128.0/20'}}]}]}", NULL,
     ALLOWED, NULL},
    {"an exception of a network", TO_ADDRESS, TCP, 5432, "10.1.2.3",
     "{'podSelector': {}, 'egress': [{'to': [{'ipBlock': {'cidr': '0.0.0.0/0',"
     " 'except': ['10.0.0.0/8']}}]}]}",
     NULL, DENIED, NULL},
    {"beside the exception", TO_ADDRESS, TCP, 5432, "11.1.2.3",
     "{'podSelector': {}, 'egress': [{'to': [{'ipBlock': {'cidr': '0.0.0.0/0',"
     " 'except': ['10.0.0.0/8']}}]}]}",
     NULL, ALLOWED, NULL},
    {"IPv6", TO_ADDRESS, TCP, 5432, "fd00:1::5",
     "{'podSelector': {}, 'egress': [{'to': [{'ipBlock': {'cidr': 'fd00:1::/32'}}]}]}", NULL,
     ALLOWED, NULL},
    {"IPv4 rules are not for IPv6", TO_ADDRESS, TCP, 5432, "fd00:1::5",
     "{'podSelector': {}, 'egress': [{'to': [{'ipBlock': {'cidr': '0.0.0.0/0'}}]}]}", NULL, DENIED,
     NULL},
    {"a name, and a network", TO_ADDRESS, TCP, 5432, NULL,
     "{'podSelector': {}, 'egress': [{'to': [{'ipBlock': {'cidr': '10.0.0.0/8'}}]}]}", NULL,
     UNKNOWN, "may allow it"},
    {"a name, and all networks", TO_ADDRESS, TCP, 5432, NULL,
     "{'podSelector': {}, 'egress': [{'to': [{'ipBlock': {'cidr': '0.0.0.0/0'}}]}]}", NULL, ALLOWED,
     NULL},
    {"an address is no pod", TO_ADDRESS, TCP, 5432, "10.1.2.3",
     "{'podSelector': {}, 'egress': [{'to': [{'namespaceSelector': {}}]}]}", NULL, DENIED, NULL},
    {"no network at all", TO_ADDRESS, TCP, 5432, "10.1.2.3",
     "{'podSelector': {}, 'egress': [{'to': [{'ipBlock': {'cidr': 'rubbish'}}]}]}", NULL, DENIED,
     NULL},

    {"the port", TO_POD, TCP, 5432, "10.0.0.5",
     "{'podSelector': {}, 'egress': [{'ports': [{'port': 5432}]}]}", NULL, ALLOWED, NULL},
    {"another port", TO_POD, TCP, 5432, "10.0.0.5",
     "{'podSelector': {}, 'egress': [{'ports': [{'port': 443}]}]}", NULL, DENIED,
     "egress rule 1 of \"one\" is for other ports"},
    {"a range", TO_POD, TCP, 5432, "10.0.0.5",
     "{'podSelector': {}, 'egress': [{'ports': [{'port': 5000, 'endPort': 6000}]}]}", NULL, ALLOWED,
     NULL},
    {"below a range", TO_POD, TCP, 5432, "10.0.0.5",
     "{'podSelector': {}, 'egress': [{'ports': [{'port': 5433, 'endPort': 6000}]}]}", NULL, DENIED,
     NULL},
    {"the other protocol", TO_POD, UDP, 53, "10.0.0.5",
     "{'podSelector': {}, 'egress': [{'ports': [{'port': 53}]}]}", NULL, DENIED,
     "is for other ports"},
    {"all ports of a protocol", TO_POD, UDP, 53, "10.0.0.5",
     "{'podSelector': {}, 'egress': [{'ports': [{'protocol': 'UDP'}]}]}", NULL, ALLOWED, NULL},
    {"a port by name", TO_POD, TCP, 5432, "10.0.0.5",
     "{'podSelector': {}, 'egress': [{'ports': [{'port': 'sql'}]}]}", NULL, ALLOWED, NULL},
    {"a name of the other protocol", TO_POD, UDP, 5432, "10.0.0.5",
     "{'podSelector': {}, 'egress': [{'ports': [{'port': 'sql', 'protocol': 'UDP'}]}]}", NULL,
     DENIED, NULL},
    {"a named port of no pod", TO_ADDRESS, TCP, 5432, "10.1.2.3",
     "{'podSelector': {}, 'egress': [{'ports': [{'port': 'sql'}]}]}", NULL, DENIED, NULL},
    {"peer and port must be of one rule", TO_POD, TCP, 5432, "10.0.0.5",
     "{'podSelector': {}, 'egress': [{'to': [{'namespaceSelector': {}}], 'ports': [{'port': 1}]},"
     " {'to': [{'ipBlock': {'cidr': '1.1.1.1/32'}}], 'ports': [{'port': 5432}]}]}",
     NULL, DENIED, "egress rule 1"},

    {"from pods of the relay's namespace", AT_POD, TCP, 5432, "10.0.0.5",
     "{'podSelector': {'matchLabels': {'app': 'pg'}}, 'ingress': [{'from': [{'namespaceSelector':"
     " {'matchLabels': {'team': 'shop'}}}], 'ports': [{'port': 'sql'}]}]}",
     NULL, ALLOWED, "ingress rule 1 of \"one\" allows it"},
    {"from pods with another label", AT_POD, TCP, 5432, "10.0.0.5",
     "{'podSelector': {}, 'ingress': [{'from': [{'namespaceSelector': {}, 'podSelector':"
     " {'matchLabels': {'app': 'web'}}}]}]}",
     NULL, DENIED, "ingress rule 1 of \"one\" is for other peers"},
    {"a namespace whose labels are not known", TO_POD, TCP, 5432, "10.0.0.5",
     "{'podSelector': {}, 'egress': [{'to': [{'namespaceSelector': {'matchLabels':"
     " {'team': 'data'}}}]}]}",
     NULL, UNKNOWN, "may allow it"},
};
/* NOLINTEND(bugprone-suspicious-missing-comma) */

static json_object *parse(const char *text)
{
    g_autoptr(GString) json = g_string_new(text);
    g_autoptr(GError) error = NULL;

    (void)g_string_replace(json, "'", "\"", 0);
    json_object *object = kft_json_parse(json->str, json->len, &error);
    g_assert_no_error(error);
    return object;
}

static void add_policy(json_object *items, const char *name, const char *space, const char *spec)
{
    json_object *policy = json_object_new_object();
    json_object *metadata = json_object_new_object();

    (void)json_object_object_add(metadata, "name", json_object_new_string(name));
    (void)json_object_object_add(metadata, "namespace", json_object_new_string(space));
    (void)json_object_object_add(policy, "metadata", metadata);
    (void)json_object_object_add(policy, "spec", parse(spec));
    (void)json_object_array_add(items, policy);
}

static json_object *make_list(const Row *row)
{
    const char *space = row->direction == KFT_POLICY_EGRESS ? "shop" : "db";
    json_object *list = json_object_new_object();
    json_object *items = json_object_new_array();

    (void)json_object_object_add(list, "items", items);
    /* One of another namespace counts for nothing. */
    add_policy(items, "elsewhere", "kube-system",
               "{'podSelector': {}, 'policyTypes': ['Ingress', 'Egress']}");
    if (row->spec != NULL)
        add_policy(items, "one", space, row->spec);
    if (row->spec_2 != NULL)
        add_policy(items, "two", space, row->spec_2);
    return list;
}

static void test_row(const void *data)
{
    const Row *row = data;
    g_autoptr(json_object) list = make_list(row);
    g_autoptr(json_object) relay_pod = parse(relay_json);
    g_autoptr(json_object) target_pod = parse(target_json);
    g_autoptr(json_object) shop = parse("{'team': 'shop', 'kubernetes.io/metadata.name': 'shop'}");
    g_autofree char *text = NULL;
    KftPolicyEnd relay = {.name = "the relay",
                          .namespace_ = "shop",
                          .namespace_labels = shop,
                          .pod = relay_pod,
                          .ip = "10.0.0.9"};
    KftPolicyEnd target = {.name = "pg-0", .ip = row->ip};
    bool is_egress = row->direction == KFT_POLICY_EGRESS;

    if (row->is_pod) {
        target.namespace_ = "db";
        target.pod = target_pod;
    }
    KftPolicyVerdict verdict =
        kft_network_policies_judge(list, row->direction, is_egress ? &relay : &target,
                                   is_egress ? &target : &relay, row->protocol, row->port, &text);
    g_assert_cmpstr(kft_policy_verdict_name(verdict), ==, kft_policy_verdict_name(row->verdict));
    g_assert_true((text == NULL) == (verdict == FREE));
    if (row->text != NULL && strstr(text, row->text) == NULL)
        g_error("\"%s\" is not in \"%s\"", row->text, text);
}

/* Whatever an API server may send instead. */
static void test_rubbish(void)
{
    static const char *const lists[] = {
        "{}",
        "[]",
        "{'items': {}}",
        "{'items': [1, null, {}, {'metadata': {'name': 'a', 'namespace': 'shop'}}]}",
        ("{'items': [{'metadata': {'name': 'a', 'namespace': 'shop'}, 'spec': {'podSelector': {},"
         " 'egress': [1, null, {'to': [null, 1, {}], 'ports': [null, 'x', {'port': -1}]}]}}]}"),
    };
    g_autoptr(json_object) pod = parse(relay_json);
    KftPolicyEnd relay = {.name = "the relay", .namespace_ = "shop", .pod = pod};
    KftPolicyEnd target = {.name = "it", .ip = "10.0.0.1"};

    for (size_t i = 0; i < G_N_ELEMENTS(lists); i++) {
        g_autoptr(json_object) list = parse(lists[i]);
        g_autofree char *text = NULL;
        (void)kft_network_policies_judge(list, KFT_POLICY_EGRESS, &relay, &target, TCP, 1, &text);
    }
}

static void test_named_port(void)
{
    g_autoptr(json_object) pod = parse(target_json);
    g_assert_cmpuint(kft_pod_json_find_port(pod, "sql", TCP), ==, 5432);
    g_assert_cmpuint(kft_pod_json_find_port(pod, "sql", UDP), ==, 0);
    g_assert_cmpuint(kft_pod_json_find_port(pod, "dns", UDP), ==, 53);
    g_assert_cmpuint(kft_pod_json_find_port(NULL, "dns", UDP), ==, 0);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autofree char *path = g_strdup_printf("/network-policy/%s", rows[i].name);
        g_test_add_data_func(path, &rows[i], test_row);
    }
    g_test_add_func("/network-policy/rubbish", test_rubbish);
    g_test_add_func("/network-policy/named port", test_named_port);
    return g_test_run();
}
