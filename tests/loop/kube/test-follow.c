/* A resolver follows its target through everything that a watch can do. */
#include <string.h>

#include "base/json.h"
#include "world.h"

/* NOLINTBEGIN(readability-function-size,readability-function-cognitive-complexity): each assertion
 * is a macro of several branches. */

static void start_web(World *world, Observer *observer)
{
    observer_init(observer, world, "svc/web", "default", "8080");
    observer_wait(observer, "web-?=80 web-?=80");
    /* The watches are open. */
    g_free(world_control(world, "GET", "/wait?counter=watches&least=2&timeout_ms=60000", NULL));
}

static void test_pods_come_and_go(void)
{
    g_auto(World) world = {0};
    world_init(&world, NULL, NULL);
    g_auto(Observer) observer = {0};
    start_web(&world, &observer);
    world_delete_pod(&world, "web-0");
    observer_wait(&observer, "web-1=80");
    world_delete_pod(&world, "web-1");
    observer_wait(&observer, "wait: service \"web\" has no endpoints: *");
    world_put_pod(&world, "web-2", "'app':'web'");
    observer_wait(&observer, "web-2=80");
    /* A pod of another app means nothing. */
    guint n_lines = observer.lines->len;
    world_put_pod(&world, "other", "'app':'other'");
    kft_test_loop_run_for(&world.loop, 300);
    g_assert_cmpuint(observer.lines->len, ==, n_lines);
}

/* A pod that ends gracefully is left at its deletionTimestamp, not when it is gone. */
static void test_terminating(void)
{
    g_auto(World) world = {0};
    world_init(&world, NULL, NULL);
    g_auto(Observer) observer = {0};
    start_web(&world, &observer);
    g_free(world_control(&world, "DELETE", "/objects/Pod/default/web-0?grace_ms=60000", NULL));
    observer_wait(&observer, "web-1=80");
}

static void test_replaced(void)
{
    g_auto(World) world = {0};
    world_init(&world, NULL, NULL);
    g_auto(Observer) observer = {0};
    observer_init(&observer, &world, "db-0", "default", "sql");
    observer_wait(&observer, "db-0=5432");
    g_free(world_control(&world, "GET", "/wait?counter=watches&least=1&timeout_ms=60000", NULL));
    guint n_lines = observer.lines->len;
    g_free(world_control(&world, "POST", "/objects/Pod/default/db-0/replace", NULL));
    observer_wait_new(&observer, n_lines, "db-0=5432"); /* another uid under the same name */
}

static void test_service_changes(void)
{
    g_auto(World) world = {0};
    world_init(&world, NULL, NULL);
    g_auto(Observer) observer = {0};
    start_web(&world, &observer);
    g_free(world_control(&world, "PATCH", "/objects/Service/default/web",
                         "{'spec':{'selector':{'app':'x'}}}"));
    observer_wait(&observer, "x=80");
    g_free(world_control(&world, "DELETE", "/objects/Service/default/web", NULL));
    observer_wait(&observer, "wait: service \"web\" does not exist any more in namespace *");
    g_free(
        world_control(&world, "POST", "/objects",
                      "{'services':[{'name':'web','selector':{'app':'db'},'ports':[{'name':'sql',"
                      "'port':8080,'targetPort':'sql'}]}]}"));
    observer_wait(&observer, "db-0=5432");
}

/* The history is forgotten while the connections are gone: 410, then a list. */
static void test_gone(void)
{
    static const char *const faults[] = {
        "{'name':'f','on':'watch','do':'gone-status','times':2}",
        "{'name':'f','on':'watch','do':'gone-event','times':2}",
        "{'name':'f','on':'watch','do':'error-event','code':500,'message':'etcd','times':2}",
        "{'name':'f','on':'watch','do':'rubbish','text':'<html>\\n','times':2}",
        "{'name':'f','on':'list','do':'gone','times':1}",
        ("{'name':'f','on':'request','path':'pods','do':'status','code':429,'retry_after':1,'times'"
         ":"
         "1}"),
        "{'name':'f','on':'request','path':'pods','do':'reset','times':1}",
    };
    for (size_t i = 0; i < G_N_ELEMENTS(faults); i++) {
        g_auto(World) world = {0};
        g_test_message("%s", faults[i]);
        world_init(&world, NULL, NULL);
        g_auto(Observer) observer = {0};
        start_web(&world, &observer);
        g_free(world_control(&world, "POST", "/faults", faults[i]));
        g_free(world_control(&world, "POST", "/compact", NULL));
        g_free(world_control(&world, "POST", "/drop-connections", "{'how':'reset'}"));
        world_delete_pod(&world, "web-0");
        observer_wait(&observer, "web-1=80");
        world_put_pod(&world, "web-9", "'app':'web'");
        observer_wait(&observer, "*web-9=80*");
    }
}

/* Chunks of lists and events of watches arrive in pieces of any size. */
static void test_cut_in_pieces(void)
{
    static const char *const sizes[] = {"1", "3", "1000"};
    for (size_t i = 0; i < G_N_ELEMENTS(sizes); i++) {
        g_auto(World) world = {0};
        world_init(&world, NULL, NULL);
        g_autofree char *split = g_strdup_printf(
            "[{'on':'watch','do':'split','size':%s},{'on':'list','do':'tiny-chunks',"
            "'size':1}]",
            sizes[i]);
        g_free(world_control(&world, "PUT", "/faults", split));
        g_auto(Observer) observer = {0};
        start_web(&world, &observer);
        world_delete_pod(&world, "web-1");
        observer_wait(&observer, "web-0=80");
        world_put_pod(&world, "web-3", "'app':'web'");
        observer_wait(&observer, "*web-3=80*");
    }
}

/* A watch that ends in the ordinary way goes on from where it was, without a list. */
static void test_clean_end(void)
{
    g_auto(World) world = {0};
    world_init(&world, NULL, NULL);
    g_auto(Observer) observer = {0};
    start_web(&world, &observer);
    g_free(
        world_control(&world, "POST", "/faults", "{'on':'watch','do':'end','events':0,'times':1}"));
    g_free(world_control(&world, "POST", "/drop-connections", "{'how':'eof'}"));
    world_delete_pod(&world, "web-0");
    observer_wait(&observer, "web-1=80");
}

/* A server that is away: tries go on, and what was known stays. */
static void test_refused_at_first(void)
{
    g_auto(World) world = {0};
    world_init(&world,
               "{'faults':[{'on':'request','path':'services','do':'status','code':503,'times':"
               "2}]}",
               NULL);
    g_auto(Observer) observer = {0};
    observer_init(&observer, &world, "svc/web", "default", "8080");
    observer_wait(&observer, "web-?=80 web-?=80");
    g_assert_cmpuint(observer.lines->len, ==, 3);
    g_assert_true(g_str_has_prefix(g_ptr_array_index(observer.lines, 0), "error: get service"));
}

static void test_refresh(void)
{
    g_auto(World) world = {0};
    world_init(&world, NULL, NULL);
    g_auto(Observer) observer = {0};
    start_web(&world, &observer);
    for (guint i = 1; i <= 3; i++) {
        kft_resolver_refresh(observer.resolver);
        observer_wait_lines(&observer, i + 1);
    }
    /* After a final error a refresh starts over. */
    g_auto(Observer) missing = {0};
    observer_init(&missing, &world, "later", "default", "80");
    observer_wait(&missing, "final: pod \"later\" not found *");
    world_put_pod(&world, "later", "");
    kft_test_loop_run_for(&world.loop, 300);
    g_assert_cmpuint(missing.lines->len, ==, 1);
    kft_resolver_refresh(missing.resolver);
    observer_wait(&missing, "later=80");
}

static bool has_error(const Observer *observer)
{
    guint n = observer->lines->len;
    return g_str_has_prefix(g_ptr_array_index(observer->lines, n - 1), "error: ");
}

/* A refresh that first meets an error is answered all the same, with what was known before. */
static void test_refresh_after_error(void)
{
    g_auto(World) world = {0};
    world_init(&world, NULL, NULL);
    g_auto(Observer) observer = {0};
    start_web(&world, &observer);
    g_free(world_control(&world, "PUT", "/faults",
                         "[{'on':'watch','do':'gone-status','times':2},"
                         "{'on':'list','do':'gone'}]"));
    g_free(world_control(&world, "POST", "/drop-connections", "{'how':'reset'}"));
    /* An error is told only while a refresh waits; there is no further one behind the error. */
    while (!has_error(&observer)) {
        kft_resolver_refresh(observer.resolver);
        kft_test_loop_run_for(&world.loop, 50);
    }
    g_free(world_control(&world, "PUT", "/faults", "[]"));
    observer_wait(&observer, "web-?=80 web-?=80");
}

/* Freed inside its own callbacks, and at once. */
static void test_free_in_callbacks(void)
{
    static const char *const targets[] = {"svc/web", "x", "nope", "svc/nope", "-l app=nobody"};
    g_auto(World) world = {0};
    world_init(&world, NULL, NULL);
    for (size_t i = 0; i < G_N_ELEMENTS(targets); i++) {
        g_auto(Observer) observer = {0};
        observer_init(&observer, &world, targets[i], "default", "80");
        observer.free_after = 1;
        observer_wait_lines(&observer, 1);
        g_assert_null(observer.resolver);
        g_auto(Observer) unused = {0};
        observer_init(&unused, &world, targets[i], "default", "80");
    }
    g_auto(Observer) second = {0};
    observer_init(&second, &world, "svc/web", "default", "8080");
    second.free_after = 2;
    observer_wait(&second, "web-*");
    world_delete_pod(&world, "web-0");
    observer_wait_lines(&second, 2);
    g_assert_null(second.resolver);
}

/* How many watches were opened so far: at least @least, which it waits for. */
static void assert_watches(World *world, unsigned least, unsigned most)
{
    g_autofree char *path =
        g_strdup_printf("/wait?counter=watches&least=%u&timeout_ms=60000", least);
    g_autofree char *text = world_control(world, "GET", path, NULL);
    g_autoptr(json_object) answer = kft_json_parse(text, strlen(text), NULL);
    g_assert_cmpint(kft_json_int(answer, "value", -1), <=, most);
}

/* All ports of a service follow it by one watch, and its pods by another; who comes later needs no
 * request at all. */
static void test_shared(void)
{
    g_auto(World) world = {0};
    world_init(&world, NULL, NULL);
    g_auto(Observer) first = {0};
    g_auto(Observer) second = {0};
    observer_init(&second, &world, "svc/web", "default", "8080");
    start_web(&world, &first);
    observer_wait(&second, "web-?=80 web-?=80");
    g_free(world_control(&world, "PUT", "/faults",
                         "[{'on':'request','path':'api','do':'status','code':500}]"));
    g_auto(Observer) late = {0};
    observer_init(&late, &world, "svc/web", "default", "8080");
    observer_wait_lines(&late, 1);
    observer_wait(&late, "web-?=80 web-?=80");
    assert_watches(&world, 2, 2);
    world_delete_pod(&world, "web-0");
    observer_wait(&first, "web-1=80");
    observer_wait(&second, "web-1=80");
    observer_wait(&late, "web-1=80");
    kft_resolver_free(g_steal_pointer(&first.resolver));
    kft_resolver_free(g_steal_pointer(&second.resolver));
    world_put_pod(&world, "web-2", "'app':'web'");
    observer_wait(&late, "*web-2=80*");
    assert_watches(&world, 2, 2);
}

/* From the fifth service on, one watch has all of the namespace. */
static void test_many_services(void)
{
    static const char *const names[] = {"a", "b", "c", "d", "e", "f", "g"};
    Observer observers[G_N_ELEMENTS(names)] = {0};
    g_auto(World) world = {0};
    world_init(&world, NULL, NULL);
    for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
        g_autofree char *body = g_strdup_printf(
            "{'services':[{'name':'%s','selector':{'app':'x'},'ports':[{'port':8080,"
            "'targetPort':80}]}]}",
            names[i]);
        g_free(world_control(&world, "POST", "/objects", body));
    }
    for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
        g_autofree char *target = g_strdup_printf("svc/%s", names[i]);
        observer_init(&observers[i], &world, target, "default", "8080");
        observer_wait(&observers[i], "x=80");
    }
    /* Four services, all services, and one for the pods of all seven. */
    assert_watches(&world, 6, 6);
    g_auto(Observer) missing = {0};
    observer_init(&missing, &world, "svc/nope", "default", "8080");
    observer_wait(&missing, "final: service \"nope\" not found *");
    g_free(world_control(&world, "PATCH", "/objects/Service/default/g",
                         "{'spec':{'selector':{'app':'web'}}}"));
    observer_wait(&observers[6], "web-?=80 web-?=80");
    g_free(world_control(&world, "DELETE", "/objects/Service/default/g", NULL));
    observer_wait(&observers[6], "wait: service \"g\" does not exist any more in namespace *");
    for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
        g_assert_cmpuint(observers[i].lines->len, ==, i == 6 ? 3 : 1);
        observer_clear(&observers[i]);
    }
}

/* What the watches of one user see is not given to who comes as another one. */
static void test_shared_until_other_user(void)
{
    g_auto(World) world = {0};
    KftKubeContext other;
    world_init(&world, NULL, NULL);
    g_auto(Observer) first = {0};
    start_web(&world, &first);
    g_assert_true(kft_kubeconfig_select(world.config, "fake-nobody", &other, NULL));
    g_assert_cmpint(kft_cluster_apply(world.cluster, world.config, &other), ==,
                    KFT_CLUSTER_NEW_USER);
    g_auto(Observer) denied = {0};
    observer_init(&denied, &world, "svc/web", "default", "8080");
    observer_wait(&denied, "final: *");
    g_assert_true(kft_kubeconfig_select(world.config, "fake-cert-ec", &other, NULL));
    g_assert_cmpint(kft_cluster_apply(world.cluster, world.config, &other), ==,
                    KFT_CLUSTER_NEW_USER);
    g_auto(Observer) second = {0};
    observer_init(&second, &world, "svc/web", "default", "8080");
    observer_wait(&second, "web-?=80 web-?=80");
    assert_watches(&world, 4, 4);
    world_delete_pod(&world, "web-0");
    observer_wait(&first, "web-1=80"); /* what is open stays */
    observer_wait(&second, "web-1=80");
}

/* NOLINTEND(readability-function-size,readability-function-cognitive-complexity)
 */

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/kube/follow/pods-come-and-go", test_pods_come_and_go);
    g_test_add_func("/kube/follow/terminating", test_terminating);
    g_test_add_func("/kube/follow/replaced", test_replaced);
    g_test_add_func("/kube/follow/service-changes", test_service_changes);
    g_test_add_func("/kube/follow/gone", test_gone);
    g_test_add_func("/kube/follow/cut-in-pieces", test_cut_in_pieces);
    g_test_add_func("/kube/follow/clean-end", test_clean_end);
    g_test_add_func("/kube/follow/refused-at-first", test_refused_at_first);
    g_test_add_func("/kube/follow/refresh", test_refresh);
    g_test_add_func("/kube/follow/refresh-after-error", test_refresh_after_error);
    g_test_add_func("/kube/follow/shared", test_shared);
    g_test_add_func("/kube/follow/many-services", test_many_services);
    g_test_add_func("/kube/follow/shared-until-other-user", test_shared_until_other_user);
    g_test_add_func("/kube/follow/free-in-callbacks", test_free_in_callbacks);
    return g_test_run();
}
