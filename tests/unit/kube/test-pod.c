/* Pods: the model, the reason why one does not run, and the order. */
#include <string.h>

#include "kube/pod.h"
#include "sample.h"

/* NOLINTBEGIN(readability-function-size,readability-function-cognitive-complexity): each assertion
 * is a macro of several branches. */

static KftPod *load(const char *name)
{
    g_autoptr(json_object) object = kft_test_load_sample(name);
    KftPod *pod = kft_pod_new_from_json(object);
    g_assert_nonnull(pod);
    return pod;
}

static void test_running(void)
{
    g_autoptr(KftPod) pod = load("pod-x.json");

    g_assert_cmpstr(pod->name, ==, "x");
    g_assert_cmpstr(pod->namespace_, ==, "default");
    g_assert_cmpuint(strlen(pod->uid), ==, 36);
    g_assert_cmpint(pod->phase, ==, KFT_POD_PHASE_RUNNING);
    g_assert_true(pod->is_scheduled && pod->is_ready && !pod->is_terminating);
    g_assert_cmpint(pod->ready_since, >, pod->created);
    g_assert_null(pod->waiting_reason);
    g_assert_true(kft_pod_is_usable(pod));
    g_assert_cmpuint(kft_pod_find_port(pod, "http", NULL), ==, 80);
    g_assert_cmpuint(kft_pod_find_port(pod, "nope", NULL), ==, 0);
    g_assert_true(kft_pod_has_port(pod, 80, NULL));
}

static void test_samples_that_wait(void)
{
    static const struct {
        const char *file;
        const char *reason;
    } rows[] = {
        {"pod-crash.json",
         "CrashLoopBackOff: container \"podsrv\" last ended with exit code 3 (Error)"},
        {"pod-exits.json",
         "CrashLoopBackOff: container \"main\" last ended with exit code 0 (Completed)"},
        {"pod-done.json", "Completed: all its containers have ended"},
        {"pod-no-image.json",
         "ImagePullBackOff: Back-off pulling image \"localhost/kftray/absent:1\""},
        {"pod-no-node.json",
         "Unschedulable: 0/1 nodes are available: 1 node(s) didn't match Pod's node affinity"},
        {"pod-init-fails.json",
         "CrashLoopBackOff: init container \"first\" last ended with exit code 128 (StartError): "
         "failed to create containerd task: *"},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(KftPod) pod = load(rows[i].file);
        g_test_message("%s: %s", rows[i].file, pod->waiting_reason);
        g_assert_false(kft_pod_is_usable(pod));
        g_assert_true(g_pattern_match_simple(rows[i].reason, pod->waiting_reason));
    }
}

#define POD(status) "{'metadata':{'name':'p'},'spec':{'nodeName':'n'},'status':{" status "}}"

static void test_reasons(void)
{
    static const struct {
        const char *json;
        const char *reason;
    } rows[] = {
        {POD("'phase':'Pending','containerStatuses':[{'name':'a','image':'i:1','state':{'waiting':{"
             "'reason':'ContainerCreating'}}}]"),
         "ContainerCreating"},
        {POD("'phase':'Pending','containerStatuses':[{'name':'a','image':'i:1','state':{'waiting':{"
             "'reason':'ErrImagePull','message':'rpc error: not\\nfound.'}}}]"),
         "ErrImagePull: image \"i:1\": rpc error: not found"},
        {POD("'phase':'Pending','containerStatuses':[{'name':'a','state':{'waiting':{'reason':"
             "'CreateContainerConfigError','message':'secret \\'s\\' not found'}}}]"),
         "CreateContainerConfigError: container \"a\": secret \"s\" not found"},
        {POD("'phase':'Pending','initContainerStatuses':[{'name':'one','state':{'terminated':{"
             "'exitCode':0}}},{'name':'two','state':{'running':{}}}],'containerStatuses':[{'name':"
             "'a','state':{'waiting':{'reason':'PodInitializing'}}}]"),
         "init container \"two\" (2 of 2) is running"},
        {POD("'phase':'Pending','initContainerStatuses':[{'name':'one','state':{'terminated':{"
             "'exitCode':7,'reason':'Error'}}}]"),
         "Init:Error: init container \"one\" ended with exit code 7 (Error)"},
        {POD("'phase':'Pending','initContainerStatuses':[{'name':'side','started':true,'state':{"
             "'running':{}}},{'name':'two','state':{'running':{}}}]"),
         "init container \"two\" (2 of 2) is running"},
        {POD("'phase':'Failed','reason':'Evicted','message':'The node was low on resource: "
             "memory.'"),
         "Evicted: The node was low on resource: memory"},
        {POD("'phase':'Failed','containerStatuses':[{'name':'a','state':{'terminated':{'exitCode':"
             "137,'reason':'OOMKilled'}}}]"),
         "container \"a\" ended with exit code 137 (OOMKilled)"},
        {POD("'phase':'Running','containerStatuses':[{'name':'a','state':{'terminated':{'exitCode':"
             "1}}}]"),
         "container \"a\" ended with exit code 1"},
        {POD("'phase':'Running','containerStatuses':[{'name':'a','state':{'waiting':{'reason':"
             "'CrashLoopBackOff'}}}]"),
         "CrashLoopBackOff: container \"a\" ends again and again"},
        {POD("'phase':'Running','containerStatuses':[{'name':'a','state':{'waiting':{'reason':"
             "'CrashLoopBackOff'}}},{'name':'b','state':{'running':{}}}]"),
         NULL},
        {POD("'phase':'Running'"), NULL},
        {POD("'phase':'Pending'"), "its containers are not started yet"},
        {"{'metadata':{'name':'p'}}", "not assigned to a node yet"},
        {POD("'phase':'Unknown','reason':'NodeLost'"), "NodeLost"},
        {POD("'phase':'Odd'"), "the server gives no reason"},
        {POD("'phase':'Failed'"), "the server gives no reason"},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(json_object) object = kft_test_parse_quoted(rows[i].json);
        g_autoptr(KftPod) pod = kft_pod_new_from_json(object);
        g_assert_cmpstr(pod->waiting_reason, ==, rows[i].reason);
    }
}

static void test_ports(void)
{
    g_autoptr(json_object) object = kft_test_parse_quoted(
        "{'metadata':{'name':'p','deletionTimestamp':'2026-01-01T00:00:00Z'},'spec':{'containers':["
        "{"
        "'name':'a','ports':[{'name':'dns','containerPort':53,'protocol':'UDP'},{'containerPort':"
        "8080},{'name':'dns-tcp','containerPort':53},{'name':'bad','containerPort':0},{'name':'"
        "syslog'"
        ",'containerPort':514,'protocol':'UDP'}]}],'initContainers':[{'name':'i','ports':[{'name':"
        "'late','containerPort':9}]}]},'status':{'phase':'Running'}}");
    g_autoptr(KftPod) pod = kft_pod_new_from_json(object);
    bool is_udp = false;

    g_assert_true(pod->is_terminating);
    g_assert_false(kft_pod_is_usable(pod));
    g_assert_cmpuint(pod->ports->len, ==, 5);
    g_assert_cmpuint(kft_pod_find_port(pod, "dns", &is_udp), ==, 0);
    g_assert_true(is_udp);
    g_assert_cmpuint(kft_pod_find_port(pod, "dns-tcp", NULL), ==, 53);
    g_assert_cmpuint(kft_pod_find_port(pod, "late", NULL), ==, 9);
    g_assert_cmpuint(kft_pod_find_port(pod, "bad", &is_udp), ==, 0);
    g_assert_false(is_udp);
    g_assert_true(kft_pod_has_port(pod, 53, &is_udp));
    g_assert_false(kft_pod_has_port(pod, 514, &is_udp));
    g_assert_true(is_udp);
}

/* Best first, in the order in which the rules count. */
static void test_order(void)
{
    static const char *const pods[] = {
        ("{'metadata':{'name':'longest-ready'},'spec':{'nodeName':'n'},'status':{'phase':'Running',"
         "'conditions':[{'type':'Ready','status':'True','lastTransitionTime':'2026-01-01T00:00:00Z'"
         "}"
         "]}}"),
        ("{'metadata':{'name':'ready'},'spec':{'nodeName':'n'},'status':{'phase':'Running',"
         "'conditions':[{'type':'Ready','status':'True','lastTransitionTime':'2026-01-02T00:00:00Z'"
         "}"
         "]}}"),
        ("{'metadata':{'name':'restarted'},'spec':{'nodeName':'n'},'status':{'phase':'Running',"
         "'conditions':[{'type':'Ready','status':'True','lastTransitionTime':'2026-01-02T00:00:00Z'"
         "}"
         "],"
         "'containerStatuses':[{'restartCount':1,'state':{'running':{}}}]}}"),
        ("{'metadata':{'name':'ending','deletionTimestamp':'2026-01-03T00:00:00Z'},'spec':{'"
         "nodeName':"
         "'n'},'status':{'phase':'Running','conditions':[{'type':'Ready','status':'True',"
         "'lastTransitionTime':'2026-01-01T00:00:00Z'}]}}"),
        ("{'metadata':{'name':'older','creationTimestamp':'2026-01-01T00:00:00Z'},'spec':{'"
         "nodeName'"
         ":"
         "'n'},'status':{'phase':'Running'}}"),
        ("{'metadata':{'name':'not-ready','creationTimestamp':'2026-01-02T00:00:00Z'},'spec':{"
         "'nodeName':'n'},'status':{'phase':'Running'}}"),
        "{'metadata':{'name':'unknown'},'spec':{'nodeName':'n'},'status':{'phase':'Unknown'}}",
        "{'metadata':{'name':'a-done'},'spec':{'nodeName':'n'},'status':{'phase':'Succeeded'}}",
        "{'metadata':{'name':'b-pending'},'spec':{'nodeName':'n'},'status':{'phase':'Pending'}}",
        "{'metadata':{'name':'a-unscheduled'},'status':{'phase':'Pending'}}",
    };
    KftPod *models[G_N_ELEMENTS(pods)];

    for (size_t i = 0; i < G_N_ELEMENTS(pods); i++) {
        g_autoptr(json_object) object = kft_test_parse_quoted(pods[i]);
        models[i] = kft_pod_new_from_json(object);
    }
    for (size_t i = 0; i < G_N_ELEMENTS(pods); i++) {
        for (size_t k = 0; k < G_N_ELEMENTS(pods); k++) {
            int order = kft_pod_compare(models[i], models[k]);
            g_test_message("%s, %s", models[i]->name, models[k]->name);
            g_assert_cmpint((order > 0) - (order < 0), ==, (i > k) - (i < k));
        }
    }
    for (size_t i = 0; i < G_N_ELEMENTS(pods); i++)
        kft_pod_unref(models[i]);
}

static void test_rubbish(void)
{
    static const char *const texts[] = {
        "{}",
        "[]",
        "7",
        "{'metadata':'x'}",
        "{'metadata':{'name':7}}",
        ("{'metadata':{'name':'p','uid':{}},'spec':[],'status':{'phase':[],'conditions':{},"
         "'containerStatuses':[7,{'state':[]}]}}"),
    };
    for (size_t i = 0; i < G_N_ELEMENTS(texts); i++) {
        g_autoptr(json_object) object = kft_test_parse_quoted(texts[i]);
        g_autoptr(KftPod) pod = kft_pod_new_from_json(object);
        g_assert_true((pod != NULL) == (i == 5));
    }
}

/* NOLINTEND(readability-function-size,readability-function-cognitive-complexity)
 */

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/kube/pod/running", test_running);
    g_test_add_func("/kube/pod/samples-that-wait", test_samples_that_wait);
    g_test_add_func("/kube/pod/reasons", test_reasons);
    g_test_add_func("/kube/pod/ports", test_ports);
    g_test_add_func("/kube/pod/order", test_order);
    g_test_add_func("/kube/pod/rubbish", test_rubbish);
    return g_test_run();
}
