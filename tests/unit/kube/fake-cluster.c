/* Stand-ins for the cluster, the clock and the timer, so that hours of watching take no time. */
#include "fake-cluster.h"

#include <string.h>

#include "kftray/error.h"

#include "kube/status.h"
#include "net/timer.h"

struct KftApiCall {
    char *path;
    uint32_t timeout_ms;
    KftHttpBodyFunc on_body;
    KftApiFunc on_done;
    void *user_data;
};

struct KftDeferred {
    void (*func)(void *user_data);
    void *user_data;
};

struct KftTimer {
    void (*func)(void *user_data);
    void *user_data;
    uint64_t due_ms; /* 0 = stopped */
};

static uint64_t clock_ms;
static unsigned n_requests;
static int n_references;
static unsigned max_open;
static GQueue calls = G_QUEUE_INIT; /* the newest first */
static GQueue timers = G_QUEUE_INIT;
static GQueue queue = G_QUEUE_INIT; /* of what is deferred */
static GHashTable *shares;

/* An address that stands for the cluster and its loop; nothing looks behind it. */
static char handle;

void fake_init(void)
{
    clock_ms = 1000000;
    n_requests = 0;
    n_references = 0;
    max_open = 1;
    shares = g_hash_table_new(g_str_hash, g_str_equal);
    g_assert_true(g_queue_is_empty(&calls));
    g_assert_true(g_queue_is_empty(&timers));
}

void fake_allow(unsigned n_open)
{
    max_open = n_open;
}

void fake_check_clean(void)
{
    g_assert_true(g_queue_is_empty(&calls));
    g_assert_true(g_queue_is_empty(&timers));
    g_assert_true(g_queue_is_empty(&queue));
    g_assert_cmpuint(g_hash_table_size(shares), ==, 0);
    g_clear_pointer(&shares, g_hash_table_unref);
    g_assert_cmpint(n_references, ==, 0);
}

static KftApiCall *get_open_call(void)
{
    KftApiCall *call = g_queue_peek_head(&calls);
    g_assert_nonnull(call);
    return call;
}

const char *fake_get_path(void)
{
    const KftApiCall *call = g_queue_peek_head(&calls);
    return call != NULL ? call->path : NULL;
}

uint32_t fake_get_timeout_ms(void)
{
    return get_open_call()->timeout_ms;
}

unsigned fake_count_requests(void)
{
    return n_requests;
}

void fake_give(const char *text, size_t size)
{
    KftApiCall *call = get_open_call();
    g_autofree uint8_t *copy = g_memdup2(text, size); /* so that ASan sees its end */
    call->on_body(copy, size, call->user_data);
}

void fake_give_event(const char *text)
{
    g_autofree char *line = g_strdup_printf("%s\n", text);
    (void)g_strdelimit(line, "'", '"');
    fake_give(line, strlen(line));
}

void fake_answer(const char *body)
{
    KftApiCall *call = get_open_call();
    g_autofree char *text = g_strdelimit(g_strdup(body != NULL ? body : ""), "'", '"');
    KftHttpResponse response = {.status = 200, .content_type = "application/json", .body = ""};

    if (call->on_body == NULL) {
        response.body = text;
        response.body_size = strlen(text);
    } else if (text[0] != '\0') {
        call->on_body((const uint8_t *)text, strlen(text), call->user_data);
    }
    call->on_done(&response, NULL, call->user_data);
}

void fake_refuse(unsigned status, uint32_t retry_after_s)
{
    KftApiCall *call = get_open_call();
    KftHttpResponse response = {.status = status, .body = "", .retry_after_s = retry_after_s};
    g_autoptr(GError) error =
        status != 0 ? kft_status_to_error(status, NULL, "", 0, "test")
                    : g_error_new_literal(KFT_ERROR, KFT_ERROR_UNREACHABLE, "no connection");
    call->on_done(status != 0 ? &response : NULL, error, call->user_data);
}

void fake_advance(uint64_t duration_ms)
{
    KftTimer *timer = g_queue_peek_head(&timers);
    clock_ms += duration_ms;
    if (timer != NULL && timer->due_ms != 0 && timer->due_ms <= clock_ms) {
        timer->due_ms = 0;
        timer->func(timer->user_data);
    }
}

uint64_t fake_get_timer_ms(void)
{
    const KftTimer *timer = g_queue_peek_head(&timers);
    if (timer == NULL || timer->due_ms == 0)
        return G_MAXUINT64;
    return timer->due_ms - clock_ms;
}

void fake_change_user(void)
{
    g_hash_table_remove_all(shares);
}

void fake_run_deferred(void)
{
    for (guint n = g_queue_get_length(&queue); n > 0 && !g_queue_is_empty(&queue); n--) {
        KftDeferred *first = g_queue_pop_head(&queue);
        first->func(first->user_data);
        g_free(first);
    }
}

/* --- kube/cluster.h --- */

KftCluster *kft_cluster_ref(KftCluster *self)
{
    n_references++;
    return self;
}

void kft_cluster_unref(KftCluster *self)
{
    (void)self;
    n_references--;
}

KftLoop *kft_cluster_get_loop(const KftCluster *self)
{
    (void)self;
    return (KftLoop *)(void *)&handle;
}

GHashTable *kft_cluster_get_shares(const KftCluster *self)
{
    (void)self;
    return shares;
}

KftApiCall *kft_cluster_request(KftCluster *self,
                                const KftApiRequest *request,
                                KftHttpBodyFunc on_body,
                                KftApiFunc on_done,
                                void *user_data)
{
    (void)self;
    g_assert_cmpuint(g_queue_get_length(&calls), <, max_open);
    g_assert_nonnull(request->what);
    KftApiCall *call = g_new0(KftApiCall, 1);
    call->path = g_strdup(request->path);
    call->timeout_ms = request->timeout_ms;
    call->on_body = on_body;
    call->on_done = on_done;
    call->user_data = user_data;
    g_queue_push_head(&calls, call);
    n_requests++;
    g_test_message("%s", request->path);
    return call;
}

void kft_api_call_free(KftApiCall *self)
{
    if (self == NULL)
        return;
    g_assert_true(g_queue_remove(&calls, self));
    g_free(self->path);
    g_free(self);
}

/* --- net/loop.h, net/timer.h --- */

bool kft_loop_is_current(const KftLoop *self)
{
    (void)self;
    return true;
}

uint64_t kft_loop_now_ms(KftLoop *self)
{
    (void)self;
    return clock_ms;
}

KftDeferred *kft_loop_defer(KftLoop *self, void (*func)(void *user_data), void *user_data)
{
    (void)self;
    KftDeferred *one = g_new0(KftDeferred, 1);
    one->func = func;
    one->user_data = user_data;
    g_queue_push_tail(&queue, one);
    return one;
}

void kft_deferred_cancel(KftDeferred *deferred)
{
    g_assert_true(g_queue_remove(&queue, deferred));
    g_free(deferred);
}

KftTimer *kft_timer_new(KftLoop *loop, void (*func)(void *user_data), void *user_data)
{
    (void)loop;
    g_assert_cmpuint(g_queue_get_length(&timers), <, max_open);
    KftTimer *timer = g_new0(KftTimer, 1);
    timer->func = func;
    timer->user_data = user_data;
    g_queue_push_head(&timers, timer);
    return timer;
}

void kft_timer_start(KftTimer *self, uint64_t delay_ms)
{
    self->due_ms = clock_ms + delay_ms;
}

void kft_timer_stop(KftTimer *self)
{
    self->due_ms = 0;
}

void kft_timer_free(KftTimer *self)
{
    g_assert_true(g_queue_remove(&timers, self));
    g_free(self);
}
