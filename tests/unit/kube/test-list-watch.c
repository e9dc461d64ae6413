/* Listing and watching against a scripted server and a clock that is moved by hand. */
#include <string.h>

#include "fake-cluster.h"
#include "kube/list-watch.h"
#include "kube/pod.h"

/* NOLINTBEGIN(readability-function-size,readability-function-cognitive-complexity): each assertion
 * is a macro of several branches. */

#define LIST "/api/v1/namespaces/a/pods?limit=500"
#define ITEM(name) "{'metadata':{'name':'" name "'}}"
#define EVENT(type, name, version)                                                                 \
    "{'type':'" type "','object':{'metadata':{'name':'" name "','resourceVersion':'" version "'}}" \
    "}"
#define BOOKMARK(version)                                                                          \
    "{'type':'BOOKMARK','object':{'metadata':{'resourceVersion':'" version "'}}}"
#define GONE "{'type':'ERROR','object':{'kind':'Status','code':410,'reason':'Expired'}}"

typedef struct {
    KftListWatch *list_watch;
    unsigned n_changes;
    unsigned n_errors;
    unsigned last_status;
    bool is_final;
    bool frees; /* in the next callback */
} Observer;

static void *model_new(json_object *object)
{
    return kft_pod_new_from_json(object);
}

static void model_free(void *model)
{
    kft_pod_unref(model);
}

static void after_callback(Observer *self)
{
    if (self->frees)
        g_clear_pointer(&self->list_watch, kft_list_watch_free);
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
    g_assert_nonnull(error);
    self->n_errors++;
    self->last_status = status;
    self->is_final = is_final;
    after_callback(self);
}

static void start(Observer *self, const char *name, const char *selector)
{
    static const KftListWatchFuncs funcs = {model_new, model_free, on_change, on_error};
    static char cluster;
    KftListWatchSpec spec = {.prefix = "/api/v1",
                             .namespace_ = "a",
                             .resource = "pods",
                             .name = name,
                             .label_selector = selector};
    fake_init();
    *self = (Observer){0};
    self->list_watch = kft_list_watch_new((KftCluster *)(void *)&cluster, &spec, &funcs, self);
}

static void stop(Observer *self)
{
    kft_list_watch_free(self->list_watch);
    fake_check_clean();
}

/* Names in order, joined by spaces. */
static void assert_names(const Observer *self, const char *expected)
{
    g_autoptr(GList) keys = g_hash_table_get_keys(kft_list_watch_get_models(self->list_watch));
    g_autoptr(GString) names = g_string_new(NULL);

    keys = g_list_sort(keys, (GCompareFunc)strcmp);
    for (const GList *at = keys; at != NULL; at = at->next)
        g_string_append_printf(names, "%s%s", names->len > 0 ? " " : "", (const char *)at->data);
    g_assert_cmpstr(names->str, ==, expected);
}

static void assert_watches_from(const char *version)
{
    g_autofree char *part = g_strdup_printf("?watch=1&resourceVersion=%s&", version);
    g_assert_nonnull(fake_get_path());
    g_assert_nonnull(strstr(fake_get_path(), part));
    g_assert_nonnull(strstr(fake_get_path(), "&allowWatchBookmarks=true&timeoutSeconds="));
}

static void start_watching(Observer *self)
{
    start(self, NULL, NULL);
    fake_answer("{'metadata':{'resourceVersion':'10'},'items':[" ITEM("x") "," ITEM("y") "]}");
    assert_watches_from("10");
}

static void test_list_and_watch(void)
{
    Observer observer;
    start(&observer, NULL, "app=w,b in (c)");
    g_assert_cmpstr(fake_get_path(), ==, LIST "&labelSelector=app%3Dw%2Cb%20in%20%28c%29");
    fake_answer("{'metadata':{'resourceVersion':'10'},'items':[" ITEM("x") "]}");
    g_assert_cmpuint(observer.n_changes, ==, 1);
    g_assert_true(kft_list_watch_is_synced(observer.list_watch));
    g_assert_true(g_str_has_suffix(fake_get_path(), "&labelSelector=app%3Dw%2Cb%20in%20%28c%29"));
    fake_give_event(EVENT("ADDED", "y", "11"));
    fake_give_event(EVENT("MODIFIED", "y", "12"));
    fake_give_event(EVENT("DELETED", "x", "13"));
    g_assert_cmpuint(observer.n_changes, ==, 4);
    assert_names(&observer, "y");
    fake_give_event(BOOKMARK("20"));
    fake_give_event("{'type':'NOVELTY','object':{'metadata':{'name':'z'}}}");
    g_assert_cmpuint(observer.n_changes, ==, 4);
    fake_advance(400000);
    assert_watches_from("20"); /* silent for too long after a bookmark */
    stop(&observer);
}

static void test_chunks(void)
{
    Observer observer;
    start(&observer, NULL, NULL);
    fake_answer("{'metadata':{'resourceVersion':'9','continue':'t/1'},'items':[" ITEM("x") "]}");
    g_assert_cmpstr(fake_get_path(), ==, LIST "&continue=t%2F1");
    g_assert_cmpuint(observer.n_changes, ==, 0);
    fake_answer("{'metadata':{'resourceVersion':'10','continue':''},'items':[" ITEM("y") "]}");
    assert_names(&observer, "x y");
    assert_watches_from("10");
    stop(&observer);
}

/* The token of the second chunk has expired: the list starts over, whole. */
static void test_expired_chunk(void)
{
    Observer observer;
    start(&observer, NULL, NULL);
    fake_answer("{'metadata':{'continue':'t'},'items':[" ITEM("old") "]}");
    fake_refuse(410, 0);
    g_assert_cmpstr(fake_get_path(), ==, "/api/v1/namespaces/a/pods?resourceVersion=");
    g_assert_cmpuint(observer.n_errors, ==, 0);
    fake_answer("{'metadata':{'resourceVersion':'10'},'items':[" ITEM("x") "]}");
    assert_names(&observer, "x");
    stop(&observer);
}

/* --- ends of a watch --- */

static void test_clean_end(void)
{
    Observer observer;
    start_watching(&observer);
    fake_advance(250000);
    fake_give_event(EVENT("ADDED", "z", "30"));
    fake_answer(NULL);
    assert_watches_from("30");
    g_assert_cmpuint(fake_count_requests(), ==, 3);
    stop(&observer);
}

/* Watches that end at once must not become a busy loop. */
static void test_short_watches(void)
{
    Observer observer;
    uint64_t total_ms = 0;
    start_watching(&observer);
    for (unsigned i = 0; i < 12; i++) {
        fake_answer(NULL);
        g_assert_null(fake_get_path());
        uint64_t wait_ms = fake_get_timer_ms();
        g_assert_cmpuint(wait_ms, >=, 800);
        g_assert_cmpuint(wait_ms, <=, 30000);
        total_ms += wait_ms;
        fake_advance(wait_ms);
        assert_watches_from("10");
    }
    /* Without growth each would be at most 1,600 ms. */
    g_assert_cmpuint(total_ms, >, 12 * 1600);
    /* After two good minutes it begins anew. */
    fake_advance(130000);
    fake_answer(NULL);
    fake_answer(NULL);
    g_assert_cmpuint(fake_get_timer_ms(), <=, 1600);
    g_assert_cmpuint(observer.n_errors, ==, 0);
    stop(&observer);
}

static void test_gone(void)
{
    Observer observer;
    start_watching(&observer);
    fake_advance(10000);
    fake_give_event(GONE);
    g_assert_cmpstr(fake_get_path(), ==, LIST);
    assert_names(&observer, "x y"); /* old knowledge is kept until the list is there */
    fake_answer("{'metadata':{'resourceVersion':'50'},'items':[" ITEM("z") "]}");
    assert_names(&observer, "z");
    fake_advance(10000);
    fake_refuse(410, 0);
    g_assert_cmpstr(fake_get_path(), ==, LIST);
    g_assert_cmpuint(observer.n_errors, ==, 0);
    stop(&observer);
}

static void test_failures(void)
{
    static const struct {
        unsigned status;
        bool lists;
    } rows[] = {{0, false}, {429, false}, {500, false}, {503, false}, {401, true}, {404, true}};

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        Observer observer;
        start_watching(&observer);
        fake_refuse(rows[i].status, rows[i].status == 429 ? 7 : 0);
        g_assert_cmpuint(observer.n_errors, ==, 1);
        g_assert_cmpuint(observer.last_status, ==, rows[i].status);
        g_assert_false(observer.is_final);
        if (rows[i].status == 429)
            g_assert_cmpuint(fake_get_timer_ms(), ==, 7000);
        fake_advance(fake_get_timer_ms());
        if (rows[i].lists)
            g_assert_cmpstr(fake_get_path(), ==, LIST);
        else
            assert_watches_from("10");
        stop(&observer);
    }
}

static void test_endless_retry_after(void)
{
    Observer observer;
    start_watching(&observer);
    fake_refuse(429, G_MAXUINT32);
    g_assert_cmpuint(fake_get_timer_ms(), ==, 300000);
    stop(&observer);
}

static void test_rubbish(void)
{
    static const char *const bodies[] = {"<html>\n", "{\"type\":7}\n", "[]\n", "{}\n", "\"\n"};
    for (size_t i = 0; i < G_N_ELEMENTS(bodies); i++) {
        Observer observer;
        start_watching(&observer);
        fake_give(bodies[i], strlen(bodies[i]));
        g_assert_cmpuint(observer.n_errors, ==, 1);
        fake_advance(fake_get_timer_ms());
        g_assert_cmpstr(fake_get_path(), ==, LIST);
        fake_answer("<html>");
        g_assert_cmpuint(observer.n_errors, ==, 2);
        stop(&observer);
    }
}

/* Without bookmarks, silence until the time that the server was told. */
static void test_silence(void)
{
    Observer observer;
    start_watching(&observer);
    g_assert_cmpuint(fake_get_timer_ms(), >=, 330000);
    g_assert_cmpuint(fake_get_timer_ms(), <=, 630000);
    fake_give_event(BOOKMARK("11"));
    g_assert_cmpuint(fake_get_timer_ms(), ==, 180000);
    fake_advance(100000);
    fake_give_event(BOOKMARK("12"));
    g_assert_cmpuint(fake_get_timer_ms(), ==, 180000);
    fake_advance(180000);
    assert_watches_from("12");
    g_assert_cmpuint(fake_get_timer_ms(), ==, 180000);
    g_assert_cmpuint(fake_count_requests(), ==, 3);
    stop(&observer);
}

static void test_cut_anywhere(void)
{
    static const char text[] = "{\"type\":\"ADDED\",\"object\":{\"metadata\":{\"name\":"
                               "\"w\303\244\",\"resourceVersion\":\"11\"}}}\r\n"
                               "\n{\"type\":\"DELETED\",\"object\":{\"metadata\":{\"name\":\"x\","
                               "\"resourceVersion\":\"12\"}}}\n";
    for (size_t cut = 0; cut <= strlen(text); cut++) {
        Observer observer;
        start_watching(&observer);
        fake_give(text, cut);
        fake_give(text + cut, strlen(text) - cut);
        assert_names(&observer, "w\303\244 y");
        g_assert_cmpuint(observer.n_errors, ==, 0);
        stop(&observer);
    }
}

/* An event without an end is not collected for ever. */
static void test_endless_event(void)
{
    g_autofree char *piece = g_strnfill(1U << 20, ' ');
    Observer observer;
    start_watching(&observer);
    for (unsigned i = 0; i < 16; i++) {
        fake_give(piece, strlen(piece));
        g_assert_cmpuint(observer.n_errors, ==, 0);
    }
    fake_give(piece, strlen(piece));
    g_assert_cmpuint(observer.n_errors, ==, 1);
    stop(&observer);
}

/* --- first reads --- */

static void test_final_errors(void)
{
    static const struct {
        unsigned status;
        bool is_final;
    } rows[] = {{0, false},   {400, true},  {401, true},  {403, true},  {404, true},
                {410, false}, {429, false}, {500, false}, {503, false}, {422, true}};

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        Observer observer;
        start(&observer, NULL, NULL);
        fake_refuse(rows[i].status, 0);
        g_assert_cmpuint(observer.n_errors, ==, 1);
        g_assert_true(observer.is_final == rows[i].is_final);
        g_assert_true((fake_get_timer_ms() == G_MAXUINT64) == rows[i].is_final);
        kft_list_watch_refresh(observer.list_watch);
        g_assert_cmpstr(fake_get_path(), ==, LIST);
        stop(&observer);
    }
}

/* The limit is the exchange's: somebody may be logging in. */
static void test_list_timeout(void)
{
    Observer observer;
    start(&observer, NULL, NULL);
    g_assert_cmpuint(fake_get_timeout_ms(), ==, 60000);
    fake_advance(120000);
    g_assert_cmpuint(observer.n_errors, ==, 0);
    fake_give("{", 1);
    fake_refuse(0, 0);
    g_assert_cmpuint(observer.n_errors, ==, 1);
    g_assert_false(observer.is_final);
    fake_advance(fake_get_timer_ms());
    g_assert_cmpstr(fake_get_path(), ==, LIST);
    stop(&observer);
}

static void test_single(void)
{
    Observer observer;
    start(&observer, "x", NULL);
    g_assert_cmpstr(fake_get_path(), ==, "/api/v1/namespaces/a/pods/x");
    fake_answer(ITEM("x"));
    g_assert_cmpuint(observer.n_changes, ==, 1); /* one request is enough to go on */
    g_assert_nonnull(kft_list_watch_get_model(observer.list_watch));
    g_assert_cmpstr(fake_get_path(), ==, LIST "&fieldSelector=metadata.name%3Dx");
    fake_answer("{'metadata':{'resourceVersion':'10'},'items':[" ITEM("x") "]}");
    g_assert_nonnull(strstr(fake_get_path(), "&fieldSelector=metadata.name%3Dx"));
    fake_give_event(EVENT("DELETED", "x", "11"));
    g_assert_null(kft_list_watch_get_model(observer.list_watch));
    stop(&observer);
}

static void test_single_without_rights(void)
{
    static const bool may_list[] = {false, true};
    for (size_t i = 0; i < G_N_ELEMENTS(may_list); i++) {
        Observer observer;
        start(&observer, "x", NULL);
        fake_answer(ITEM("x"));
        if (may_list[i])
            fake_answer("{'metadata':{'resourceVersion':'10'},'items':[" ITEM("x") "]}");
        fake_refuse(403, 0);
        g_assert_cmpuint(observer.n_errors, ==, 0);
        g_assert_false(kft_list_watch_is_watched(observer.list_watch));
        g_assert_cmpuint(fake_get_timer_ms(), ==, G_MAXUINT64);
        kft_list_watch_refresh(observer.list_watch);
        g_assert_cmpstr(fake_get_path(), ==, "/api/v1/namespaces/a/pods/x");
        fake_refuse(404, 0); /* deleted meanwhile: that is no error any more */
        g_assert_cmpuint(observer.n_errors, ==, 0);
        g_assert_null(kft_list_watch_get_model(observer.list_watch));
        stop(&observer);
    }
}

static void test_refresh(void)
{
    Observer observer;
    start_watching(&observer);
    kft_list_watch_refresh(observer.list_watch); /* just opened: nothing to do */
    g_assert_cmpuint(fake_count_requests(), ==, 2);
    fake_advance(3000);
    kft_list_watch_refresh(observer.list_watch);
    g_assert_cmpuint(fake_count_requests(), ==, 3);
    assert_watches_from("10");
    fake_refuse(0, 0);
    kft_list_watch_refresh(observer.list_watch); /* does not wait for the timer */
    assert_watches_from("10");
    stop(&observer);
}

static void test_free_in_callbacks(void)
{
    Observer observer;
    start(&observer, NULL, NULL);
    observer.frees = true;
    fake_answer("{'metadata':{'resourceVersion':'10'},'items':[]}");
    stop(&observer);
    start(&observer, "x", NULL);
    observer.frees = true;
    fake_answer(ITEM("x"));
    stop(&observer);
    start(&observer, NULL, NULL);
    observer.frees = true;
    fake_refuse(403, 0);
    stop(&observer);
    start_watching(&observer);
    observer.frees = true;
    fake_give_event(EVENT("ADDED", "z", "11"));
    stop(&observer);
    start_watching(&observer);
    observer.frees = true;
    fake_refuse(403, 0); /* that nothing watches any more is a change for the owner */
    g_assert_null(observer.list_watch);
    stop(&observer);
    start_watching(&observer);
    observer.frees = true;
    fake_give("rubbish\n", 8);
    stop(&observer);
    start(&observer, NULL, NULL);
    observer.frees = true;
    fake_advance(60000);
    stop(&observer);
}

/* NOLINTEND(readability-function-size,readability-function-cognitive-complexity) */

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/kube/list-watch/list-and-watch", test_list_and_watch);
    g_test_add_func("/kube/list-watch/chunks", test_chunks);
    g_test_add_func("/kube/list-watch/expired-chunk", test_expired_chunk);
    g_test_add_func("/kube/list-watch/clean-end", test_clean_end);
    g_test_add_func("/kube/list-watch/short-watches", test_short_watches);
    g_test_add_func("/kube/list-watch/gone", test_gone);
    g_test_add_func("/kube/list-watch/failures", test_failures);
    g_test_add_func("/kube/list-watch/endless-retry-after", test_endless_retry_after);
    g_test_add_func("/kube/list-watch/rubbish", test_rubbish);
    g_test_add_func("/kube/list-watch/silence", test_silence);
    g_test_add_func("/kube/list-watch/cut-anywhere", test_cut_anywhere);
    g_test_add_func("/kube/list-watch/endless-event", test_endless_event);
    g_test_add_func("/kube/list-watch/final-errors", test_final_errors);
    g_test_add_func("/kube/list-watch/list-timeout", test_list_timeout);
    g_test_add_func("/kube/list-watch/single", test_single);
    g_test_add_func("/kube/list-watch/single-without-rights", test_single_without_rights);
    g_test_add_func("/kube/list-watch/refresh", test_refresh);
    g_test_add_func("/kube/list-watch/free-in-callbacks", test_free_in_callbacks);
    return g_test_run();
}
