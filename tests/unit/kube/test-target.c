/* Targets and port pairs, as kubectl takes them. */
#include <string.h>

#include "kftray/error.h"

#include "kube/target.h"
#include "kube/workload.h"

/* NOLINTBEGIN(readability-function-size,readability-function-cognitive-complexity): each assertion
 * is a macro of several branches. */

static void test_accepted(void)
{
    static const struct {
        const char *text;
        KftTargetKind kind;
        const char *name;
    } rows[] = {
        {"web-0", KFT_TARGET_POD, "web-0"},
        {"pod/x", KFT_TARGET_POD, "x"},
        {"Pods/x.y", KFT_TARGET_POD, "x.y"},
        {"po/1a", KFT_TARGET_POD, "1a"},
        {"svc/web", KFT_TARGET_SERVICE, "web"},
        {"service/web", KFT_TARGET_SERVICE, "web"},
        {"services/web", KFT_TARGET_SERVICE, "web"},
        {"services.v1/web", KFT_TARGET_SERVICE, "web"},
        {"deploy/web", KFT_TARGET_DEPLOYMENT, "web"},
        {"deployments.apps/web", KFT_TARGET_DEPLOYMENT, "web"},
        {"deployments.v1.apps/web", KFT_TARGET_DEPLOYMENT, "web"},
        {"rs/web", KFT_TARGET_REPLICASET, "web"},
        {"statefulset/db", KFT_TARGET_STATEFULSET, "db"},
        {"sts/db", KFT_TARGET_STATEFULSET, "db"},
        {"ds/agent", KFT_TARGET_DAEMONSET, "agent"},
        {"daemonset.apps/agent", KFT_TARGET_DAEMONSET, "agent"},
        {"job/batch", KFT_TARGET_JOB, "batch"},
        {"jobs.batch/batch", KFT_TARGET_JOB, "batch"},
        {"rc/older", KFT_TARGET_REPLICATIONCONTROLLER, "older"},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(GError) error = NULL;
        g_autoptr(KftTarget) target = kft_target_parse(rows[i].text, NULL, &error);
        g_assert_no_error(error);
        g_assert_cmpint(target->kind, ==, rows[i].kind);
        g_assert_cmpstr(target->name, ==, rows[i].name);
        g_assert_null(target->selector);
    }
}

static void test_refused(void)
{
    static const struct {
        const char *text;
        const char *selector;
        const char *pattern;
    } rows[] = {
        {NULL, NULL, "a target is missing*"},
        {"", NULL, "a target is missing*"},
        {"web", "app=web", "*not both"},
        {NULL, " ", "*selector is empty"},
        {NULL, "a=b\n", NULL},
        {NULL, "a\001", "*control character"},
        {"gizmo/x", NULL, "unknown kind \"gizmo\"*svc*"},
        {"deployments.batch/x", NULL, "unknown kind*"},
        {"/x", NULL, "unknown kind \"\"*"},
        {"svc/", NULL, "the name of the service is missing"},
        {"pod/a/b", NULL, "no pod can have the name \"a/b\"*"},
        {"Web", NULL, "no pod can have the name \"Web\"*"},
        {"-a", NULL, "no pod*"},
        {"a-", NULL, "no pod*"},
        {"a..b", NULL, "no pod*"},
        {"a?b", NULL, "no pod*"},
        {"a\nb", NULL, "no pod can have the name \"a\\nb\"*"},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(GError) error = NULL;
        g_autoptr(KftTarget) target = kft_target_parse(rows[i].text, rows[i].selector, &error);
        if (rows[i].pattern == NULL) {
            g_assert_no_error(error);
            continue;
        }
        g_assert_null(target);
        g_assert_error(error, KFT_ERROR, KFT_ERROR_BAD_CONFIG);
        g_assert_true(g_pattern_match_simple(rows[i].pattern, error->message));
    }
    g_autofree char *long_name = g_strnfill(254, 'a');
    g_assert_null(kft_target_parse(long_name, NULL, NULL));
    long_name[253] = '\0';
    g_autoptr(KftTarget) longest = kft_target_parse(long_name, NULL, NULL);
    g_assert_nonnull(longest);
}

static void test_selector(void)
{
    g_autoptr(KftTarget) target = kft_target_parse(NULL, " app=web,tier in (a,b) ", NULL);
    g_autoptr(KftTarget) copy = kft_target_copy(target);
    g_autofree char *text = kft_target_describe(copy);

    g_assert_cmpint(copy->kind, ==, KFT_TARGET_SELECTOR);
    g_assert_cmpstr(text, ==, "pods with app=web,tier in (a,b)");
    g_autoptr(KftTarget) pod = kft_target_parse("web-0", NULL, NULL);
    g_autofree char *pod_text = kft_target_describe(pod);
    g_assert_cmpstr(pod_text, ==, "pod \"web-0\"");
}

static void test_apis(void)
{
    for (int kind = KFT_TARGET_POD; kind < KFT_TARGET_SELECTOR; kind++) {
        const char *prefix = NULL;
        const char *resource = NULL;
        kft_target_kind_get_api((KftTargetKind)kind, &prefix, &resource);
        g_autofree char *text = g_strdup_printf("%s/x", resource);
        g_autoptr(KftTarget) target = kft_target_parse(text, NULL, NULL);
        g_assert_true(g_str_has_prefix(prefix, "/api"));
        g_assert_cmpint(target->kind, ==, kind);
    }
}

static void test_ports(void)
{
    static const struct {
        const char *text;
        const char *remote;
        uint16_t local;
        uint16_t number;
        bool is_local_from_remote;
    } rows[] = {
        {"80", "80", 80, 80, false},           {"8080:80", "80", 8080, 80, false},
        {":80", "80", 0, 80, false},           {"0:80", "80", 0, 80, false},
        {"http", "http", 0, 0, true},          {"8080:http", "http", 8080, 0, false},
        {":http", "http", 0, 0, false},        {"65535", "65535", 65535, 65535, false},
        {"1:my-port", "my-port", 1, 0, false},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(GError) error = NULL;
        KftPortSpec spec = {0};
        bool from_remote = false;
        g_assert_true(kft_port_spec_parse(rows[i].text, &spec, &from_remote, &error));
        g_assert_no_error(error);
        g_assert_cmpuint(spec.local, ==, rows[i].local);
        g_assert_cmpstr(spec.remote, ==, rows[i].remote);
        g_assert_cmpuint(spec.remote_number, ==, rows[i].number);
        g_assert_true(from_remote == rows[i].is_local_from_remote);
        kft_port_spec_clear(&spec);
    }
}

static void test_bad_ports(void)
{
    static const char *const texts[] = {
        "",      ":",     "0",      "80:",   "80:0",     "99999",  "80:70000",
        "-1:80", "80:-1", "1.5:80", "a:80",  "80:80:80", "80:Web", " 80",
        "80 ",   "+80",   "80:a_b", "80:-a", "80:1\n",   "1e2",    "0x50:80",
    };
    for (size_t i = 0; i < G_N_ELEMENTS(texts); i++) {
        g_autoptr(GError) error = NULL;
        KftPortSpec spec = {0};
        bool from_remote = false;
        bool is_name = strcmp(texts[i], "1e2") == 0; /* a letter makes it a name, as for kubectl */
        g_test_message("%s", texts[i]);
        g_assert_true(kft_port_spec_parse(texts[i], &spec, &from_remote, &error) == is_name);
        if (!is_name)
            g_assert_error(error, KFT_ERROR, KFT_ERROR_BAD_CONFIG);
        kft_port_spec_clear(&spec);
    }
}

/* NOLINTEND(readability-function-size,readability-function-cognitive-complexity) */

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/kube/target/accepted", test_accepted);
    g_test_add_func("/kube/target/refused", test_refused);
    g_test_add_func("/kube/target/selector", test_selector);
    g_test_add_func("/kube/target/apis", test_apis);
    g_test_add_func("/kube/target/ports", test_ports);
    g_test_add_func("/kube/target/bad-ports", test_bad_ports);
    return g_test_run();
}
