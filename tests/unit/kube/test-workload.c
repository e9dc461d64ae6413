/* Workloads and their selectors. */
#include "kube/workload.h"
#include "sample.h"

/* NOLINTBEGIN(readability-function-size,readability-function-cognitive-complexity): each assertion
 * is a macro of several branches. */

static void test_samples(void)
{
    static const struct {
        const char *file;
        const char *selector;
    } rows[] = {
        {"deployment-web.json", "app=web"},
        {"job-batch.json", "controller-uid=*"},
        {"rc-older.json", "app=older"},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(json_object) object = kft_test_load_sample(rows[i].file);
        KftWorkload *workload = kft_workload_new_from_json(object);
        g_test_message("%s: %s", rows[i].file, workload->selector);
        g_assert_true(g_pattern_match_simple(rows[i].selector, workload->selector));
        g_assert_cmpint(workload->replicas, >=, 1);
        g_assert_false(workload->is_finished);
        kft_workload_free(workload);
    }
}

#define SELECTOR(text) "{'metadata':{'name':'w'},'spec':{'replicas':0,'selector':" text "}}"

static void test_selectors(void)
{
    static const struct {
        const char *json;
        const char *selector;
    } rows[] = {
        {SELECTOR("{'matchLabels':{'a':'b','c':'d'},'matchExpressions':[{'key':'k','operator':'In',"
                  "'values':['x','y']},{'key':'n','operator':'NotIn','values':['z']},{'key':'e',"
                  "'operator':'Exists'},{'key':'g','operator':'DoesNotExist'}]}"),
         "a=b,c=d,k in (x,y),n notin (z),e,!g"},
        {SELECTOR("{'matchExpressions':[{'key':'k','operator':'In','values':['x']}]}"), "k in (x)"},
        {SELECTOR("{'matchLabels':{'a':'b'},'matchExpressions':[{'key':'k','operator':'Gt'}]}"),
         NULL},
        {SELECTOR("{'a':'b'}"), "a=b"},
        {SELECTOR("{}"), NULL},
        {SELECTOR("7"), NULL},
        {"{'metadata':{'name':'w'}}", NULL},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(json_object) object = kft_test_parse_quoted(rows[i].json);
        KftWorkload *workload = kft_workload_new_from_json(object);
        g_assert_cmpstr(workload->selector, ==, rows[i].selector);
        kft_workload_free(workload);
    }
}

static void test_finished_job(void)
{
    g_autoptr(json_object) object = kft_test_parse_quoted(
        "{'metadata':{'name':'j'},'status':{'conditions':[{'type':'Complete','status':'True'}]}}");
    KftWorkload *workload = kft_workload_new_from_json(object);
    g_assert_true(workload->is_finished);
    kft_workload_free(workload);
}

/* NOLINTEND(readability-function-size,readability-function-cognitive-complexity) */

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/kube/workload/samples", test_samples);
    g_test_add_func("/kube/workload/selectors", test_selectors);
    g_test_add_func("/kube/workload/finished-job", test_finished_job);
    return g_test_run();
}
