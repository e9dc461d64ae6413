/* Listeners of one list-watch, against a scripted server and a clock that is moved by hand. */
#include <string.h>

#include "fake-cluster.h"
#include "kube/pod.h"
#include "kube/shared-watch.h"

/* NOLINTBEGIN(readability-function-size,readability-function-cognitive-complexity): each assertion
 * is a macro of several branches. */

#define LIST "/api/v1/namespaces/a/pods?limit=500"
#define ITEM(name) "{'metadata':{'name':'" name "'}}"
#define EVENT(type, name, version)                                                                 \
    "{'type':'" type "','object':{'metadata':{'name':'" name "','resourceVersion':'" version "'}}" \
    "}"
#define ONE_POD "{'metadata':{'resourceVersion':'10'},'items':[" ITEM("x") "]}"
#define GONE "{'type':'ERROR','object':{'kind':'Status','code':410,'reason':'Expired'}}"

typedef struct Observer Observer;
struct Observer {
    KftSharedWatch *watch;
    unsigned n_changes;
    unsigned n_errors;
    bool is_final;
    /* In the next callback. */
    Observer *frees;
    Observer *starts;
};

static void *model_new(json_object *object)
{
    return kft_pod_new_from_json(object);
}

static void model_free(void *model)
{
    kft_pod_unref(model);
}

static void start(Observer *self, const char *name, const char *selector);

static void after_callback(Observer *self)
{
    Observer *frees = g_steal_pointer(&self->frees);
    Observer *starts = g_steal_pointer(&self->starts);
    if (frees != NULL)
        g_clear_pointer(&frees->watch, kft_shared_watch_free);
    if (starts != NULL)
        start(starts, NULL, NULL);
}

static void on_change(void *user_data)
{
    Observer *self = user_data;
    self->n_changes++;
    after_callback(self);
}

static void on_error(const GError *error, unsigned status, bool is_final, void *user_data)
{
    Observer *self = user_data;
    (void)status;
    g_assert_nonnull(error);
    self->n_errors++;
    self->is_final = is_final;
    after_callback(self);
}

static void start_spec(Observer *self, const KftListWatchSpec *spec)
{
    static const KftListWatchFuncs funcs = {model_new, model_free, on_change, on_error};
    static char cluster;
    *self = (Observer){0};
    self->watch = kft_shared_watch_new((KftCluster *)(void *)&cluster, spec, &funcs, self);
}

static void start_as(Observer *self, const char *name, const char *selector, bool is_polled)
{
    KftListWatchSpec spec = {.prefix = "/api/v1",
                             .namespace_ = "a",
                             .resource = "pods",
                             .name = name,
                             .label_selector = selector,
                             .is_polled = is_polled};
    start_spec(self, &spec);
}

static void start(Observer *self, const char *name, const char *selector)
{
    start_as(self, name, selector, /* is_polled= */ false);
}

static void stop(Observer *self)
{
    g_clear_pointer(&self->watch, kft_shared_watch_free);
}

static void assert_told(const Observer *self, unsigned n_changes, unsigned n_errors)
{
    g_assert_cmpuint(self->n_changes, ==, n_changes);
    g_assert_cmpuint(self->n_errors, ==, n_errors);
}

static bool has_pod(const Observer *self, const char *name)
{
    return g_hash_table_contains(kft_shared_watch_get_models(self->watch), name);
}

/* Two that watch the pod x. */
static void start_two(Observer *first, Observer *second)
{
    fake_init();
    start(first, NULL, NULL);
    start(second, NULL, NULL);
    fake_answer(ONE_POD);
    g_assert_cmpuint(fake_count_requests(), ==, 2); /* a list and a watch for both */
}

static void test_told_together(void)
{
    Observer first;
    Observer second;
    start_two(&first, &second);
    assert_told(&first, 1, 0);
    assert_told(&second, 1, 0);
    fake_give_event(EVENT("ADDED", "y", "11"));
    assert_told(&first, 2, 0);
    assert_told(&second, 2, 0);
    g_assert_true(has_pod(&second, "x") && has_pod(&second, "y"));
    stop(&first);
    fake_give_event(EVENT("DELETED", "x", "12"));
    assert_told(&first, 2, 0);
    assert_told(&second, 3, 0);
    g_assert_false(has_pod(&second, "x"));
    stop(&second);
    fake_check_clean();
}

/* What differs is not shared. */
static void test_told_apart(void)
{
    static const struct {
        const char *first_name;
        const char *first_selector;
        const char *name;
        const char *selector;
        bool is_polled;
    } rows[] = {
        {NULL, NULL, NULL, NULL, true},     {NULL, NULL, "x", NULL, false},
        {"y", NULL, "x", NULL, false},      {NULL, NULL, "any", NULL, false},
        {NULL, NULL, NULL, "app=x", false}, {NULL, "app=y", NULL, "app=x", false},
        {NULL, "app=x", "x", NULL, false},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        Observer first;
        Observer second;
        fake_init();
        fake_allow(2);
        start_as(&first, rows[i].first_name, rows[i].first_selector, rows[i].is_polled);
        start_as(&second, rows[i].name, rows[i].selector, rows[i].is_polled);
        g_assert_cmpuint(fake_count_requests(), ==, 2);
        fake_answer(rows[i].name != NULL ? ITEM("x") : ONE_POD);
        assert_told(&first, 0, 0);
        assert_told(&second, 1, 0);
        stop(&first);
        stop(&second);
        fake_check_clean();
    }
}

static void test_late(void)
{
    Observer first;
    Observer late;
    Observer hasty;
    fake_init();
    start(&first, "x", NULL);
    fake_answer(ITEM("x"));
    fake_answer(ONE_POD);
    unsigned n_requests = fake_count_requests();
    start(&late, "x", NULL);
    start(&hasty, "x", NULL);
    assert_told(&late, 0, 0); /* not inside the call */
    stop(&hasty);
    fake_run_deferred();
    assert_told(&first, 2, 0);
    assert_told(&late, 1, 0);
    assert_told(&hasty, 0, 0);
    g_assert_true(has_pod(&late, "x"));
    g_assert_cmpuint(fake_count_requests(), ==, n_requests);
    stop(&first);
    fake_give_event(EVENT("MODIFIED", "x", "11"));
    assert_told(&late, 2, 0);
    stop(&late);
    fake_check_clean();
}

/* News that come before its turn are enough. */
static void test_late_and_news(void)
{
    Observer first;
    Observer late;
    fake_init();
    start(&first, NULL, NULL);
    fake_answer(ONE_POD);
    start(&late, NULL, NULL);
    fake_give_event(EVENT("ADDED", "y", "11"));
    assert_told(&late, 1, 0);
    fake_run_deferred();
    assert_told(&late, 1, 0);
    stop(&first);
    stop(&late);
    fake_check_clean();
}

/* Nothing was read yet: the next try is now, and both hear of it. */
static void test_late_to_a_wait(void)
{
    Observer first;
    Observer late;
    fake_init();
    start(&first, NULL, NULL);
    fake_refuse(503, 0);
    g_assert_null(fake_get_path());
    start(&late, NULL, NULL);
    g_assert_cmpstr(fake_get_path(), ==, LIST);
    fake_refuse(503, 0);
    assert_told(&first, 0, 2);
    assert_told(&late, 0, 1);
    fake_advance(fake_get_timer_ms());
    fake_answer(ONE_POD);
    assert_told(&first, 1, 2);
    assert_told(&late, 1, 1);
    stop(&first);
    stop(&late);
    fake_check_clean();
}

/* What nothing watches may have changed: who comes is told what is there now. */
static void test_late_without_watch(void)
{
    Observer first;
    Observer late;
    fake_init();
    start(&first, NULL, NULL);
    fake_answer(ONE_POD);
    fake_refuse(403, 0);
    g_assert_false(kft_shared_watch_is_watched(first.watch));
    start(&late, NULL, NULL);
    fake_run_deferred();
    assert_told(&late, 0, 0);
    g_assert_true(kft_shared_watch_is_reading(late.watch));
    fake_answer("{'metadata':{'resourceVersion':'20'},'items':[" ITEM("z") "]}");
    assert_told(&late, 1, 0);
    g_assert_true(has_pod(&late, "z"));
    stop(&first);
    stop(&late);
    fake_check_clean();
}

/* The history is forgotten: one list for both, and what was known stays until it is there. */
static void test_gone(void)
{
    Observer first;
    Observer second;
    start_two(&first, &second);
    fake_advance(10000);
    fake_give_event(GONE);
    g_assert_cmpstr(fake_get_path(), ==, LIST);
    g_assert_cmpuint(fake_count_requests(), ==, 3);
    g_assert_true(has_pod(&second, "x"));
    fake_answer("{'metadata':{'resourceVersion':'50'},'items':[" ITEM("z") "]}");
    assert_told(&first, 2, 0);
    assert_told(&second, 2, 0);
    g_assert_true(has_pod(&second, "z"));
    stop(&first);
    stop(&second);
    fake_check_clean();
}

/* A change of network makes each ask: one watch is opened anew. */
static void test_refresh(void)
{
    Observer first;
    Observer second;
    start_two(&first, &second);
    fake_advance(3000);
    kft_shared_watch_refresh(first.watch);
    kft_shared_watch_refresh(second.watch);
    g_assert_cmpuint(fake_count_requests(), ==, 3);
    fake_refuse(0, 0);
    assert_told(&first, 1, 1);
    assert_told(&second, 1, 1);
    stop(&first);
    stop(&second);
    fake_check_clean();
}

/* All hear of it, and who comes then tries for himself. */
static void test_final_error(void)
{
    Observer first;
    Observer second;
    Observer late;
    fake_init();
    start(&first, NULL, NULL);
    start(&second, NULL, NULL);
    fake_refuse(403, 0);
    assert_told(&first, 0, 1);
    assert_told(&second, 0, 1);
    g_assert_true(first.is_final && second.is_final);
    fake_allow(2);
    start(&late, NULL, NULL);
    fake_answer(ONE_POD);
    assert_told(&late, 1, 0);
    assert_told(&first, 0, 1);
    g_assert_false(kft_shared_watch_is_synced(first.watch));
    stop(&first);
    stop(&second);
    g_assert_nonnull(fake_get_path()); /* the late one's watch goes on */
    stop(&late);
    fake_check_clean();
}

/* Whose credentials opened a watch is who may see what it says. */
static void test_other_user(void)
{
    Observer first;
    Observer other;
    Observer third;
    fake_init();
    start(&first, NULL, NULL);
    fake_answer(ONE_POD);
    fake_change_user();
    fake_allow(2);
    start(&other, NULL, NULL);
    fake_run_deferred();
    assert_told(&other, 0, 0);
    g_assert_cmpstr(fake_get_path(), ==, LIST);
    stop(&first); /* leaves the others' place in the table */
    start(&third, NULL, NULL);
    fake_answer(ONE_POD);
    g_assert_cmpuint(fake_count_requests(), ==, 4);
    assert_told(&other, 1, 0);
    assert_told(&third, 1, 0);
    stop(&other);
    stop(&third);
    fake_check_clean();
}

/* --- many objects by name --- */

static void start_few(Observer *self, const char *name)
{
    g_autofree char *namespace_ = g_strdup("a");
    g_autofree char *own = g_strdup(name);
    KftListWatchSpec spec = {.prefix = "/api/v1",
                             .namespace_ = namespace_,
                             .resource = "pods",
                             .name = own,
                             .is_few = true};
    start_spec(self, &spec);
}

/* Four that are watched one by one. */
static void start_singles(Observer singles[4])
{
    static const char *const names[] = {"s0", "s1", "s2", "s3"};
    fake_init();
    fake_allow(6);
    for (unsigned i = 0; i < 4; i++) {
        start_few(&singles[i], names[i]);
        g_assert_true(g_str_has_suffix(fake_get_path(), names[i]));
    }
    g_assert_cmpuint(fake_count_requests(), ==, 4);
}

static void stop_singles(Observer singles[4])
{
    for (unsigned i = 0; i < 4; i++)
        stop(&singles[i]);
    fake_check_clean();
}

static void assert_model(const Observer *self, const char *name)
{
    const KftPod *pod = kft_shared_watch_get_model(self->watch);
    g_assert_cmpstr(pod != NULL ? pod->name : NULL, ==, name);
}

#define TWO_PODS "{'metadata':{'resourceVersion':'10'},'items':[" ITEM("x") "," ITEM("y") "]}"

static void test_among_all(void)
{
    Observer singles[4];
    Observer fifth;
    Observer sixth;
    Observer late;
    Observer again;
    start_singles(singles);
    start_few(&fifth, "x");
    g_assert_cmpstr(fake_get_path(), ==, LIST);
    start_few(&sixth, "y");
    g_assert_false(kft_shared_watch_is_synced(sixth.watch));
    fake_answer(TWO_PODS);
    assert_told(&fifth, 1, 0);
    assert_told(&sixth, 1, 0);
    assert_model(&fifth, "x");
    assert_model(&sixth, "y");
    start_few(&late, "y");
    fake_run_deferred();
    assert_told(&late, 1, 0);
    assert_model(&late, "y");
    g_assert_cmpuint(fake_count_requests(), ==, 6);
    start_few(&again, "s0"); /* as before */
    g_assert_cmpuint(fake_count_requests(), ==, 6);
    stop(&again);
    /* One that is gone may come again. */
    fake_give_event(EVENT("DELETED", "y", "11"));
    assert_told(&sixth, 2, 0);
    assert_model(&sixth, NULL);
    fake_give_event(EVENT("ADDED", "y", "12"));
    assert_told(&sixth, 3, 0);
    assert_model(&sixth, "y");
    g_assert_cmpuint(fake_count_requests(), ==, 6);
    stop(&fifth);
    stop(&sixth);
    stop(&late);
    stop_singles(singles);
}

/* Who is not there is asked for by name, which says why. */
static void test_among_all_missing(void)
{
    Observer singles[4];
    Observer fifth;
    Observer missing;
    Observer late;
    start_singles(singles);
    start_few(&fifth, "x");
    start_few(&missing, "nope");
    fake_answer(TWO_PODS);
    assert_told(&fifth, 1, 0);
    assert_told(&missing, 0, 0);
    g_assert_true(g_str_has_suffix(fake_get_path(), "/pods/nope"));
    fake_refuse(404, 0);
    assert_told(&missing, 0, 1);
    g_assert_true(missing.is_final);
    stop(&missing);
    start_few(&late, "nope");
    g_assert_false(kft_shared_watch_is_synced(late.watch));
    g_assert_true(g_str_has_suffix(fake_get_path(), "/pods/nope"));
    stop(&late);
    stop(&fifth);
    stop_singles(singles);
}

/* Rights for single objects are enough. */
static void test_among_all_refused(void)
{
    static const bool may_list[] = {false, true};
    for (size_t i = 0; i < G_N_ELEMENTS(may_list); i++) {
        Observer singles[4];
        Observer fifth;
        start_singles(singles);
        start_few(&fifth, "x");
        if (may_list[i]) {
            fake_answer(TWO_PODS);
            assert_told(&fifth, 1, 0);
        }
        fake_refuse(403, 0); /* the list, or the watch */
        assert_told(&fifth, may_list[i] ? 1 : 0, 0);
        g_assert_true(g_str_has_suffix(fake_get_path(), "/pods/x"));
        fake_answer(ITEM("x"));
        assert_told(&fifth, may_list[i] ? 2 : 1, 0);
        assert_model(&fifth, "x");
        stop(&fifth);
        stop_singles(singles);
    }
}

/* --- callbacks that free and start --- */

/* In a callback of the one that is told first: itself, the next one, all. */
static void test_free_in_callbacks(void)
{
    for (int is_error = 0; is_error < 2; is_error++) {
        for (int which = 0; which < 2; which++) {
            Observer last;
            Observer next;
            Observer told;
            start_two(&last, &next);
            start(&told, NULL, NULL);
            fake_run_deferred();
            told.frees = which == 0 ? &told : &next;
            if (is_error)
                fake_refuse(0, 0);
            else
                fake_give_event(EVENT("ADDED", "y", "11"));
            /* The one in front hears of it first. */
            g_assert_null((which == 0 ? &told : &next)->watch);
            assert_told(&told, is_error ? 1 : 2, is_error ? 1 : 0);
            bool next_heard = which == 0;
            assert_told(&next, !is_error && next_heard ? 2 : 1, is_error && next_heard ? 1 : 0);
            assert_told(&last, is_error ? 1 : 2, is_error ? 1 : 0);
            stop(&last);
            stop(&next);
            stop(&told);
            fake_check_clean();
        }
    }
}

/* The last one goes in its own callback, and another one comes there. */
static void test_last_in_callback(void)
{
    Observer only;
    Observer heir = {0};
    fake_init();
    start(&only, NULL, NULL);
    fake_answer(ONE_POD);
    only.frees = &only;
    fake_give_event(EVENT("ADDED", "y", "11"));
    fake_check_clean();
    fake_init();
    start(&only, NULL, NULL);
    fake_answer(ONE_POD);
    only.frees = &only;
    only.starts = &heir;
    fake_give_event(EVENT("ADDED", "y", "11"));
    assert_told(&heir, 0, 0);
    fake_run_deferred();
    assert_told(&heir, 1, 0);
    g_assert_true(has_pod(&heir, "y"));
    g_assert_cmpuint(fake_count_requests(), ==, 2);
    stop(&heir);
    fake_check_clean();
}

/* NOLINTEND(readability-function-size,readability-function-cognitive-complexity) */

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/kube/shared-watch/told-together", test_told_together);
    g_test_add_func("/kube/shared-watch/told-apart", test_told_apart);
    g_test_add_func("/kube/shared-watch/late", test_late);
    g_test_add_func("/kube/shared-watch/late-and-news", test_late_and_news);
    g_test_add_func("/kube/shared-watch/late-to-a-wait", test_late_to_a_wait);
    g_test_add_func("/kube/shared-watch/late-without-watch", test_late_without_watch);
    g_test_add_func("/kube/shared-watch/gone", test_gone);
    g_test_add_func("/kube/shared-watch/refresh", test_refresh);
    g_test_add_func("/kube/shared-watch/final-error", test_final_error);
    g_test_add_func("/kube/shared-watch/other-user", test_other_user);
    g_test_add_func("/kube/shared-watch/among-all", test_among_all);
    g_test_add_func("/kube/shared-watch/among-all-missing", test_among_all_missing);
    g_test_add_func("/kube/shared-watch/among-all-refused", test_among_all_refused);
    g_test_add_func("/kube/shared-watch/free-in-callbacks", test_free_in_callbacks);
    g_test_add_func("/kube/shared-watch/last-in-callback", test_last_in_callback);
    return g_test_run();
}
