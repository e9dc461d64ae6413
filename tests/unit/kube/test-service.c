/* Services, endpoints, and the choice of pods and ports from them. */
#include <string.h>

#include "kftray/error.h"

#include "kube/selection.h"
#include "kube/service.h"
#include "sample.h"

/* NOLINTBEGIN(readability-function-size,readability-function-cognitive-complexity,bugprone-suspicious-missing-comma):
 * each assertion is a macro of several branches, and each row a text of several literals. */

static void test_service(void)
{
    g_autoptr(json_object) object = kft_test_load_sample("service-web.json");
    KftService *service = kft_service_new_from_json(object);
    g_autofree char *ports = kft_service_describe_ports(service);

    g_assert_cmpstr(service->selector, ==, "app=web");
    g_assert_cmpstr(ports, ==, "8080 (http), 7 (echo)");
    g_assert_false(service->is_headless);
    g_assert_null(service->external_name);
    const KftServicePort *http = kft_service_find_port(service, "http", 0);
    g_assert_cmpstr(http->target_name, ==, "http");
    const KftServicePort *echo = kft_service_find_port(service, NULL, 7);
    g_assert_cmpuint(echo->target_number, ==, 7);
    g_assert_null(kft_service_find_port(service, NULL, 80));
    g_assert_null(kft_service_find_port(service, "grpc", 0));
    kft_service_free(service);
}

static void test_slices(void)
{
    g_autoptr(json_object) list = kft_test_load_sample("slices.json");
    unsigned n_pods = 0;

    for (size_t i = 0; i < kft_json_length(list, "items"); i++) {
        KftEndpoints *endpoints = kft_endpoints_new_from_json(kft_json_at(list, "items", i));
        g_assert_cmpuint(endpoints->sets->len, ==, 1);
        const KftEndpointSet *set = g_ptr_array_index(endpoints->sets, 0);
        g_assert_cmpuint(kft_endpoint_set_find_port(set, "http"), !=, 0);
        g_assert_cmpuint(kft_endpoint_set_find_port(set, NULL), ==, 0);
        n_pods += set->pods->len;
        kft_endpoints_free(endpoints);
    }
    g_assert_cmpuint(n_pods, >, 3);
}

static void test_endpoints(void)
{
    g_autoptr(json_object) object = kft_test_load_sample("endpoints-web.json");
    KftEndpoints *endpoints = kft_endpoints_new_from_json(object);
    const KftEndpointSet *set = g_ptr_array_index(endpoints->sets, 0);

    g_assert_cmpuint(set->pods->len, ==, 2);
    g_assert_cmpuint(kft_endpoint_set_find_port(set, "http"), ==, 80);
    const KftPod *pod = g_ptr_array_index(set->pods, 0);
    g_assert_true(kft_pod_is_usable(pod));
    kft_endpoints_free(endpoints);
}

/* --- selection --- */

#define PORTS(http, udp)                                                                           \
    "'spec':{'nodeName':'n','containers':[{'name':'c','ports':[{'name':'http','containerPort'"     \
    ":" http "},{'name':'dns','containerPort':" udp                                                \
    ",'protocol':'UDP'},{'name':'own','containerPort':9000}]}]}"
#define RUNS "'status':{'phase':'Running','conditions':[{'type':'Ready','status':'True'}]}"

static const char *const pod_texts[] = {
    "{'metadata':{'name':'a','uid':'1'}," PORTS("80", "53") "," RUNS "}",
    "{'metadata':{'name':'b','uid':'2'}," PORTS("8081", "53") "," RUNS "}",
    "{'metadata':{'name':'c','uid':'3','deletionTimestamp':'x'}," PORTS("80", "53") "," RUNS "}",
    "{'metadata':{'name':'d','uid':'4'}," PORTS("80", "53") ",'status':{'phase':'Pending'}}",
    "{'metadata':{'name':'e','uid':'5'},'spec':{'nodeName':'n'}," RUNS "}",
};

#define SERVICE                                                                                    \
    "{'metadata':{'name':'web'},'spec':{'selector':{'app':'web','b':'c'},'clusterIP':'None','"     \
    "ports':[{"                                                                                    \
    "'name':'http','port':8080,'targetPort':'http'},{'name':'num','port':7,'targetPort':70},{'"    \
    "name':"                                                                                       \
    "'same','port':9},{'name':'dns','port':53,'protocol':'UDP'},{'name':'lost','port':10,'"        \
    "targetPort'"                                                                                  \
    ":'nowhere'}]}}"

static void unref_pod(gpointer pod)
{
    kft_pod_unref(pod);
}

static GPtrArray *make_pods(const char *letters)
{
    GPtrArray *pods = g_ptr_array_new_with_free_func(unref_pod);
    for (const char *at = letters; *at != '\0'; at++) {
        g_autoptr(json_object) object = kft_test_parse_quoted(pod_texts[*at - 'a']);
        g_ptr_array_add(pods, kft_pod_new_from_json(object));
    }
    return pods;
}

/* "a=80,b=8081", or the error, or the reason for waiting. */
static char *describe(const KftSelection *selection, const GError *error)
{
    if (error != NULL)
        return g_strdup_printf("error: %s", error->message);
    if (selection->waiting_reason != NULL)
        return g_strdup_printf("wait: %s", selection->waiting_reason);
    GString *out = g_string_new(NULL);
    for (guint i = 0; i < selection->candidates->len; i++) {
        const KftCandidate *candidate = &g_array_index(selection->candidates, KftCandidate, i);
        g_string_append_printf(out, "%s%s", i > 0 ? " " : "", candidate->pod->name);
        for (size_t k = 0; k < selection->n_ports; k++)
            g_string_append_printf(out, "%c%u", k > 0 ? ',' : '=', candidate->ports[k]);
    }
    g_string_append_printf(out, " local %u", selection->local_numbers[0]);
    return g_string_free(out, FALSE);
}

static char *
select_ports(const char *target_text, KftService *service, GPtrArray *pods, const char *ports)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(KftTarget) target = kft_target_parse(target_text, NULL, NULL);
    g_auto(GStrv) texts = g_strsplit(ports, " ", -1);
    g_autofree KftPortSpec *specs = g_new0(KftPortSpec, g_strv_length(texts));
    bool from_remote = false;

    for (size_t i = 0; texts[i] != NULL; i++)
        g_assert_true(kft_port_spec_parse(texts[i], &specs[i], &from_remote, NULL));
    KftSelectionInput input = {
        .target = target,
        .namespace_ = "ns",
        .ports = specs,
        .n_ports = g_strv_length(texts),
        .service = service,
        .pods = pods,
    };
    g_autoptr(KftSelection) selection = kft_selection_new(&input, &error);
    g_autoptr(KftSelection) again = kft_selection_new(&input, NULL);
    g_assert_true(kft_selection_equal(selection, again));
    for (size_t i = 0; texts[i] != NULL; i++)
        kft_port_spec_clear(&specs[i]);
    return describe(selection, error);
}

static void test_selection(void)
{
    static const struct {
        const char *target;
        const char *pods;
        const char *ports;
        const char *result;
    } rows[] = {
        {"svc/web", "ab", "8080", "a=80 b=8081 local 8080"},
        {"svc/web", "ab", "http", "a=80 b=8081 local 8080"},
        {"svc/web", "ab", "1:7", "a=70 b=70 local 7"},
        {"svc/web", "ab", "9", "a=9 b=9 local 9"},
        {"svc/web", "ab", "8080 7", "a=80,70 b=8081,70 local 8080"},
        {"svc/web", "eabcd", "8080", "a=80 b=8081 local 8080"},
        {"svc/web", "ab", "9000", "a=9000 b=9000 local 9000"},
        {"svc/web", "ab", "own", "a=9000 b=9000 local 9000"},
        {"svc/web", "abe", "8081", "b=8081 local 8081"},
        {"svc/web", "ab", "99",
         "error: service \"web\" has no port 99, and no container of its pods declares it; its "
         "ports "
         "are: 8080 (http), 7 (num), 9 (same), 53/UDP (dns), 10 (lost)"},
        {"svc/web", "ab", "grpc", "error: service \"web\" has no port grpc, *"},
        {"svc/web", "ab", "53",
         "error: port 53 of service \"web\" is not TCP, and only TCP can be forwarded"},
        {"svc/web", "", "53", "error: port 53 of service*"},
        {"svc/web", "ab", "10",
         "error: port 10 of service \"web\" leads to the container port \"nowhere\", which no "
         "container of its pods declares"},
        {"svc/web", "", "8080",
         "wait: service \"web\" has no endpoints: no pod matches app=web,b=c"},
        {"svc/web", "c", "8080", "wait: pod \"c\" is being deleted"},
        {"svc/web", "cd", "8080",
         "wait: pod \"d\" is Pending: its containers are not started yet (and 1 more pod)"},
        {"pod/a", "a", "80", "a=80 local 80"},
        {"pod/a", "a", "4444", "a=4444 local 4444"},
        {"pod/a", "a", "http", "a=80 local 80"},
        {"pod/a", "a", "grpc",
         "error: pod \"a\" has no port named \"grpc\"; its ports are: 80 (http), 53/UDP (dns), "
         "9000 "
         "(own)"},
        {"pod/e", "e", "http", "error: pod \"e\" has no port named \"http\"; its ports are: none"},
        {"pod/a", "a", "dns",
         "error: port dns of pod \"a\" is not TCP, and only TCP can be forwarded"},
        {"pod/a", "a", "53",
         "error: port 53 of pod \"a\" is not TCP, and only TCP can be forwarded"},
        {"pod/a", "", "80", "wait: pod \"a\" does not exist in namespace \"ns\""},
    };
    g_autoptr(json_object) object = kft_test_parse_quoted(SERVICE);
    KftService *service = kft_service_new_from_json(object);

    g_assert_true(service->is_headless);
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(GPtrArray) pods = make_pods(rows[i].pods);
        bool is_service = g_str_has_prefix(rows[i].target, "svc");
        g_autofree char *result =
            select_ports(rows[i].target, is_service ? service : NULL, pods, rows[i].ports);
        g_test_message("%s %s: %s", rows[i].target, rows[i].ports, result);
        g_assert_true(g_pattern_match_simple(rows[i].result, result));
    }
    kft_service_free(service);
}

static void test_external_name(void)
{
    g_autoptr(json_object) object = kft_test_parse_quoted(
        "{'metadata':{'name':'e'},'spec':{'type':'ExternalName','externalName':'db.example'}}");
    KftService *service = kft_service_new_from_json(object);
    g_autoptr(GPtrArray) pods = make_pods("");
    g_autofree char *result = select_ports("svc/e", service, pods, "80");

    g_assert_cmpstr(
        result, ==,
        "error: service \"e\" is only another name for \"db.example\": there are no pods "
        "behind it");
    kft_service_free(service);
}

/* The endpoint sets of all @texts. */
static GPtrArray *make_sets(const char *const *texts, GPtrArray *owners)
{
    GPtrArray *sets = g_ptr_array_new();
    for (size_t i = 0; texts[i] != NULL; i++) {
        g_autoptr(json_object) object = kft_test_parse_quoted(texts[i]);
        KftEndpoints *endpoints = kft_endpoints_new_from_json(object);
        for (guint k = 0; k < endpoints->sets->len; k++)
            g_ptr_array_add(sets, g_ptr_array_index(endpoints->sets, k));
        g_ptr_array_add(owners, endpoints);
    }
    return sets;
}

static void free_endpoints(gpointer endpoints)
{
    kft_endpoints_free(endpoints);
}

static char *select_endpoints(const char *const *texts, const char *port)
{
    g_autoptr(GPtrArray) owners = g_ptr_array_new_with_free_func(free_endpoints);
    g_autoptr(GPtrArray) sets = make_sets(texts, owners);
    g_autoptr(json_object) object = kft_test_parse_quoted(
        "{'metadata':{'name':'s'},'spec':{'ports':[{'name':'http','port':80,'targetPort':'h'}]}}");
    KftService *service = kft_service_new_from_json(object);
    g_autoptr(KftTarget) target = kft_target_parse("svc/s", NULL, NULL);
    g_autoptr(GError) error = NULL;
    KftPortSpec spec = {0};
    bool from_remote = false;
    g_assert_true(kft_port_spec_parse(port, &spec, &from_remote, NULL));
    KftSelectionInput input = {.target = target,
                               .namespace_ = "ns",
                               .ports = &spec,
                               .n_ports = 1,
                               .service = service,
                               .endpoint_sets = sets};
    g_autoptr(KftSelection) selection = kft_selection_new(&input, &error);
    char *result = describe(selection, error);
    kft_port_spec_clear(&spec);
    kft_service_free(service);
    return result;
}

static void test_selection_by_endpoints(void)
{
    static const char *const slices[] = {
        "{'metadata':{'name':'s-1'},'addressType':'IPv4','endpoints':[{'addresses':['10.0.0.1'],"
        "'conditions':{'ready':true},'targetRef':{'kind':'Pod','name':'a','uid':'1'}},{'addresses':"
        "["
        "'10.0.0.2'],'conditions':{'ready':false},'targetRef':{'kind':'Pod','name':'b','uid':'2'}}]"
        ","
        "'ports':[{'name':'http','port':8080,'protocol':'TCP'}]}",
        "{'metadata':{'name':'s-2'},'addressType':'IPv6','endpoints':[{'addresses':['fd00::1'],"
        "'targetRef':{'kind':'Pod','name':'a','uid':'1'}}],'ports':[{'name':'http','port':8080}]}",
        "{'metadata':{'name':'s-3'},'addressType':'IPv4','endpoints':[{'addresses':['10.0.0.3'],"
        "'targetRef':{'kind':'Pod','name':'c','uid':'3'}}],'ports':[{'name':'http','port':9090}]}",
        NULL,
    };
    static const char *const foreign[] = {
        "{'metadata':{'name':'s'},'subsets':[{'addresses':[{'ip':'192.0.2.1'}],'ports':[{'port':1}]"
        "}]}",
        NULL,
    };
    static const char *const none[] = {NULL};

    g_autofree char *named = select_endpoints(slices, "80");
    g_assert_cmpstr(named, ==, "a=8080 c=9090 b=8080 local 80");
    g_autofree char *container = select_endpoints(slices, "9090");
    g_assert_cmpstr(container, ==, "c=9090 local 9090");
    g_autofree char *unknown = select_endpoints(slices, "1");
    g_assert_true(g_str_has_prefix(unknown, "error: service \"s\" has no port 1,"));
    g_autofree char *outside = select_endpoints(foreign, "80");
    g_assert_cmpstr(outside, ==,
                    "error: service \"s\" leads to 192.0.2.1, which is no pod: only pods can be "
                    "forwarded to");
    g_autofree char *empty = select_endpoints(none, "80");
    g_assert_cmpstr(empty, ==,
                    "wait: service \"s\" has no endpoints, and no selector that would find pods");
}

/* NOLINTEND(readability-function-size,readability-function-cognitive-complexity,bugprone-suspicious-missing-comma)
 */

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/kube/service/ports", test_service);
    g_test_add_func("/kube/service/slices", test_slices);
    g_test_add_func("/kube/service/endpoints", test_endpoints);
    g_test_add_func("/kube/service/selection", test_selection);
    g_test_add_func("/kube/service/external-name", test_external_name);
    g_test_add_func("/kube/service/selection-by-endpoints", test_selection_by_endpoints);
    return g_test_run();
}
