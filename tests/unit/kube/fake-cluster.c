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

struct KftTimer {
    void (*func)(void *user_data);
    void *user_data;
    uint64_t due_ms; /* 0 = stopped */
};

static uint64_t clock_ms;
static unsigned n_requests;
static int n_references;
static KftApiCall *open_call;
static KftTimer *only_timer;

/* An address that stands for the cluster and its loop; nothing looks behind it. */
static char handle;

void fake_init(void)
{
    clock_ms = 1000000;
    n_requests = 0;
    n_references = 0;
    g_assert_null(open_call);
    g_assert_null(only_timer);
}

void fake_check_clean(void)
{
    g_assert_null(open_call);
    g_assert_null(only_timer);
    g_assert_cmpint(n_references, ==, 0);
}

const char *fake_get_path(void)
{
    return open_call != NULL ? open_call->path : NULL;
}

uint32_t fake_get_timeout_ms(void)
{
    g_assert_nonnull(open_call);
    return open_call->timeout_ms;
}

unsigned fake_count_requests(void)
{
    return n_requests;
}

void fake_give(const char *text, size_t size)
{
    g_assert_nonnull(open_call);
    g_autofree uint8_t *copy = g_memdup2(text, size); /* so that ASan sees its end */
    open_call->on_body(copy, size, open_call->user_data);
}

void fake_give_event(const char *text)
{
    g_autofree char *line = g_strdup_printf("%s\n", text);
    (void)g_strdelimit(line, "'", '"');
    fake_give(line, strlen(line));
}

void fake_answer(const char *body)
{
    g_assert_nonnull(open_call);
    g_autofree char *text = g_strdelimit(g_strdup(body != NULL ? body : ""), "'", '"');
    KftHttpResponse response = {.status = 200, .content_type = "application/json", .body = ""};
    KftApiCall *call = open_call;

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
    g_assert_nonnull(open_call);
    KftHttpResponse response = {.status = status, .body = "", .retry_after_s = retry_after_s};
    g_autoptr(GError) error =
        status != 0 ? kft_status_to_error(status, NULL, "", 0, "test")
                    : g_error_new_literal(KFT_ERROR, KFT_ERROR_UNREACHABLE, "no connection");
    open_call->on_done(status != 0 ? &response : NULL, error, open_call->user_data);
}

void fake_advance(uint64_t duration_ms)
{
    clock_ms += duration_ms;
    if (only_timer != NULL && only_timer->due_ms != 0 && only_timer->due_ms <= clock_ms) {
        only_timer->due_ms = 0;
        only_timer->func(only_timer->user_data);
    }
}

uint64_t fake_get_timer_ms(void)
{
    if (only_timer == NULL || only_timer->due_ms == 0)
        return G_MAXUINT64;
    return only_timer->due_ms - clock_ms;
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

KftApiCall *kft_cluster_request(KftCluster *self,
                                const KftApiRequest *request,
                                KftHttpBodyFunc on_body,
                                KftApiFunc on_done,
                                void *user_data)
{
    (void)self;
    g_assert_null(open_call);
    g_assert_nonnull(request->what);
    open_call = g_new0(KftApiCall, 1);
    open_call->path = g_strdup(request->path);
    open_call->timeout_ms = request->timeout_ms;
    open_call->on_body = on_body;
    open_call->on_done = on_done;
    open_call->user_data = user_data;
    n_requests++;
    g_test_message("%s", request->path);
    return open_call;
}

void kft_api_call_free(KftApiCall *self)
{
    if (self == NULL)
        return;
    g_assert_true(self == open_call);
    open_call = NULL;
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

KftTimer *kft_timer_new(KftLoop *loop, void (*func)(void *user_data), void *user_data)
{
    (void)loop;
    g_assert_null(only_timer);
    only_timer = g_new0(KftTimer, 1);
    only_timer->func = func;
    only_timer->user_data = user_data;
    return only_timer;
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
    only_timer = NULL;
    g_free(self);
}
