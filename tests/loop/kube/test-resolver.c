/* Targets of every kind, good and bad, resolved against the fake API server. */
#include "world.h"

static void test_kinds(void)
{
    static const struct {
        const char *target;
        const char *ports;
        const char *line;
    } rows[] = {
        {"pod/x", "80", "x=80"},
        {"x", "http", "x=80"},
        {"x", "4444", "x=4444"},
        {"svc/web", "8080", "web-?=80 web-?=80"},
        {"svc/web", "echo 8080", "web-?=7 web-?=7"},
        {"svc/web", "80", "web-?=80 web-?=80"},
        {"svc/headless", "80", "web-?=80 web-?=80"},
        {"svc/outside", "80", "outside-a=8080"},
        {"deploy/web", "http", "web-?=80 web-?=80"},
        {"rs/web-5d9c", "http", "web-?=80 web-?=80"},
        {"sts/db", "sql", "db-0=5432"},
        {"ds/agent", "9100", "agent-a=9100"},
        {"job/batch", "http", "batch-a=80"},
        {"rc/old", "http", "old-a=80"},
        {"-l app=web", "http", "web-?=80 web-?=80"},
        {"-l app in (x,db)", "5", "*=5 *=5"},
        {"not-ready", "80", "not-ready=80"},
    };
    g_auto(World) world = {0};
    world_init(&world, NULL, NULL);
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++)
        observer_check_first(&world, rows[i].target, rows[i].ports, rows[i].line);
}

static void test_refused(void)
{
    static const struct {
        const char *target;
        const char *ports;
        const char *line;
    } rows[] = {
        {"pod/nope", "80", "final: pod \"nope\" not found in namespace \"default\""},
        {"svc/nope", "80", "final: service \"nope\" not found in namespace \"default\""},
        {"deploy/nope", "80", "final: deployment*\"nope\" not found in namespace \"default\""},
        {"svc/web", "99", "final: service \"web\" has no port 99, * 8080 (http), 7 (echo)"},
        {"svc/web", "grpc", "final: service \"web\" has no port grpc, *"},
        {"svc/dns", "53", "final: port 53 of service \"dns\" is not TCP*"},
        {"x", "grpc", "final: pod \"x\" has no port named \"grpc\"; its ports are: *80 (http)*"},
        {"dns-0", "dns", "final: port dns of pod \"dns-0\" is not TCP*"},
    };
    g_auto(World) world = {0};
    world_init(&world, NULL, NULL);
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++)
        observer_check_first(&world, rows[i].target, rows[i].ports, rows[i].line);
}

static void test_waiting(void)
{
    static const struct {
        const char *target;
        const char *line;
    } rows[] = {
        {"unschedulable", "wait: pod \"unschedulable\" is Pending: Unschedulable: *"},
        {"image-pull", "wait: pod \"image-pull\" is Pending: *ImagePull*"},
        {"crash-loop", "wait: pod \"crash-loop\" is *: CrashLoopBackOff: *exit code*"},
        {"done", "wait: pod \"done\" is Succeeded: *"},
        {"svc/nobody", "wait: service \"nobody\" has no endpoints: no pod matches app=nobody"},
        {"svc/stuck", "wait: pod \"image-pull\" is Pending: *"},
        {"deploy/empty", "wait: deployment \"empty\" has no pods: it is scaled to 0 replicas"},
        {"-l app=nobody", "wait: no pod in namespace \"default\" matches app=nobody"},
    };
    g_auto(World) world = {0};
    world_init(&world, NULL, NULL);
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++)
        observer_check_first(&world, rows[i].target, "80", rows[i].line);
}

static void test_missing_namespace(void)
{
    static const char *const targets[] = {"pod/x", "svc/web", "-l app=web"};
    g_auto(World) world = {0};
    world_init(&world, NULL, NULL);
    for (size_t i = 0; i < G_N_ELEMENTS(targets); i++) {
        g_auto(Observer) observer = {0};
        observer_init(&observer, &world, targets[i], "atlantis", "80");
        observer_wait(&observer, "final: namespace \"atlantis\" does not exist");
    }
}

static void test_port_named_differently(void)
{
    g_auto(World) world = {0};
    world_init(
        &world,
        "{'extends':'empty','pods':[{'name':'a','labels':{'app':'m'},'ports':{'http':8080}},"
        "{'name':'b','labels':{'app':'m'},'ports':{'http':9090}},{'name':'c','labels':{'app':"
        "'m'},'ports':{'other':1}}],'services':[{'name':'m','selector':{'app':'m'},'ports':[{"
        "'name':'web','port':80,'targetPort':'http'}]}]}",
        NULL);
    observer_check_first(&world, "svc/m", "80", "a=8080 b=9090");
    observer_check_first(&world, "svc/m", "9090", "b=9090");
}

/* --- rights --- */

static void test_denied(void)
{
    static const struct {
        const char *target;
        const char *line;
    } rows[] = {
        {"svc/web", "final: user \"denied\" may not get resource \"services\" in namespace "
                    "\"default\": ask for a role with verb get on services"},
        {"x", "final: user \"denied\" may not get resource \"pods\"*"},
        {"deploy/web", "final: user \"denied\" may not get resource \"deployments\" of group "
                       "\"apps\" in namespace \"default\"*"},
        {"-l app=web", "final: user \"denied\" may not list resource \"pods\"*"},
    };
    g_auto(World) world = {0};
    world_init(&world, NULL, "fake-denied");
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++)
        observer_check_first(&world, rows[i].target, "80", rows[i].line);
}

static void test_get_only(void)
{
    g_auto(World) world = {0};
    world_init(&world, NULL, "fake-pods-only");
    g_auto(Observer) observer = {0};
    observer_init(&observer, &world, "x", "default", "http");
    observer_wait(&observer, "x=80");
    /* Nothing watches, so only a refresh sees the change; it answers also when there is none. */
    kft_resolver_refresh(observer.resolver);
    observer_wait_lines(&observer, 2);
    world_delete_pod(&world, "x");
    kft_test_loop_run_for(&world.loop, 300);
    g_assert_cmpuint(observer.lines->len, ==, 2);
    kft_resolver_refresh(observer.resolver);
    observer_wait(&observer, "wait: pod \"x\" does not exist in namespace \"default\"");
    /* While nothing can be used, it looks again by itself. */
    world_put_pod(&world, "x", "");
    observer_wait(&observer, "x=80");
}

#define USER(rules) "{'users':[{'name':'admin','groups':[],'rules':[" rules "]}]}"

static void test_no_watch(void)
{
    g_auto(World) world = {0};
    world_init(&world, USER("{'verbs':['get','list'],'resources':['pods','services']}"), NULL);
    g_auto(Observer) observer = {0};
    observer_init(&observer, &world, "svc/web", "default", "8080");
    observer_wait(&observer, "web-?=80 web-?=80");
    kft_test_loop_run_for(&world.loop, 300);
    g_assert_cmpuint(observer.lines->len, ==, 1);
    world_delete_pod(&world, "web-0");
    kft_resolver_refresh(observer.resolver);
    observer_wait(&observer, "web-1=80");
}

/* The refusal of the watch comes behind the first answer: what is waited for is then polled. */
static void test_no_watch_while_waiting(void)
{
    g_auto(World) world = {0};
    world_init(&world, USER("{'verbs':['get','list'],'resources':['pods']}"), NULL);
    g_auto(Observer) observer = {0};
    observer_init(&observer, &world, "-l app=late", "default", "80");
    observer_wait(&observer, "wait: no pod in namespace \"default\" matches app=late");
    kft_test_loop_run_for(&world.loop, 300);
    world_put_pod(&world, "late", "'app':'late'");
    observer_wait(&observer, "late=80");
}

static void test_endpoints_instead_of_pods(void)
{
    static const char *const rules[] = {
        USER("{'verbs':['get'],'resources':['services']},{'verbs':['list','watch'],'resources':["
             "'endpointslices'],'groups':['discovery.k8s.io']}"),
        USER("{'verbs':['get'],'resources':['services']},{'verbs':['get'],'resources':['endpoints']"
             "}"),
    };
    for (size_t i = 0; i < G_N_ELEMENTS(rules); i++) {
        g_auto(World) world = {0};
        world_init(&world, rules[i], NULL);
        observer_check_first(&world, "svc/web", "8080", "web-?=80 web-?=80");
    }
    g_auto(World) world = {0};
    world_init(&world, USER("{'verbs':['get'],'resources':['services']}"), NULL);
    observer_check_first(
        &world, "svc/web", "8080",
        "final: service \"web\": user * may not list resource \"pods\" in namespace "
        "\"default\"*");
}

/* --- credentials --- */

static void test_unauthorized(void)
{
    g_auto(World) world = {0};
    world_init(&world, NULL, "fake-bad-token");
    observer_check_first(&world, "x", "80", "final: get pod \"x\" *credentials*401*");
}

/* A token that was renewed in its file: the request that meets the 401 is sent again with the new
 * one, and nobody sees it. */
static void test_unauthorized_once(void)
{
    g_auto(World) world = {0};
    world_init(&world, NULL, NULL);
    g_autofree char *file = world_use_token_file(&world);
    observer_check_first(&world, "x", "80", "x=80");
    g_free(world_control(&world, "POST", "/users/admin/rotate-token", "{'token':'renewed-token'}"));
    g_assert_true(g_file_set_contents(file, "renewed-token\n", -1, NULL));
    observer_check_first(&world, "x", "80", "x=80");
    g_free(world_control(&world, "POST", "/users/admin/rotate-token", "{'token':'next-token'}"));
    observer_check_first(&world, "x", "80", "final: *401*");
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/kube/resolver/kinds", test_kinds);
    g_test_add_func("/kube/resolver/refused", test_refused);
    g_test_add_func("/kube/resolver/waiting", test_waiting);
    g_test_add_func("/kube/resolver/missing-namespace", test_missing_namespace);
    g_test_add_func("/kube/resolver/port-named-differently", test_port_named_differently);
    g_test_add_func("/kube/resolver/denied", test_denied);
    g_test_add_func("/kube/resolver/get-only", test_get_only);
    g_test_add_func("/kube/resolver/no-watch", test_no_watch);
    g_test_add_func("/kube/resolver/no-watch-while-waiting", test_no_watch_while_waiting);
    g_test_add_func("/kube/resolver/endpoints-instead-of-pods", test_endpoints_instead_of_pods);
    g_test_add_func("/kube/resolver/unauthorized", test_unauthorized);
    g_test_add_func("/kube/resolver/unauthorized-once", test_unauthorized_once);
    return g_test_run();
}
