/* The loop thread's event loop: the libuv loop, the two curl multi handles on it, the queue of
 * deferred calls and the count of open objects. The loop stays alive by one async handle that is
 * referenced exactly while objects are open: whether an object's own handles are active does not
 * matter, so an idle timer or a paused socket keeps the loop running too. */
#include "net/loop.h"

#include <kftray/error.h>

#include "base/fault.h"
#include "base/log.h"
#include "net/loop-priv.h"

/* curl does not use a connection that was idle for longer (CURLOPT_MAXAGE_CONN). */
#define MAX_IDLE_MS UINT64_C(118000)

struct KftLoop {
    uv_loop_t uv;
    uv_async_t keep_alive;
    uv_idle_t idle; /* active while something is deferred: polling does not wait then */
    KftCurlMulti requests;
    KftCurlMulti dials;
    CURLSH *share;
    KftTrust trust;
    KftNetwork network;
    GQueue deferred;
    uint64_t turn;
    uint64_t distrust_until_ms; /* 0 = never */
    unsigned n_open;
    bool has_run;
    uv_thread_t thread;
};

struct KftDeferred {
    KftLoop *loop;
    GList link;
    uint64_t turn;
    void (*func)(void *user_data);
    void *user_data;
};

static void init_curl_once(void)
{
    static gsize ready;
    if (g_once_init_enter(&ready)) {
        (void)curl_global_init(CURL_GLOBAL_DEFAULT);
        g_once_init_leave(&ready, 1);
    }
}

static void on_idle_run(uv_idle_t *handle)
{
    KftLoop *self = handle->data;
    self->turn++;
    GList *head = NULL;
    while ((head = self->deferred.head) != NULL) {
        KftDeferred *deferred = head->data;
        if (deferred->turn == self->turn)
            break; /* deferred by one of these: next turn */
        g_queue_unlink(&self->deferred, head);
        void (*func)(void *user_data) = deferred->func;
        void *user_data = deferred->user_data;
        g_free(deferred);
        func(user_data);
    }
    if (g_queue_is_empty(&self->deferred))
        (void)uv_idle_stop(handle);
}

KftDeferred *kft_loop_defer(KftLoop *self, void (*func)(void *user_data), void *user_data)
{
    KftDeferred *deferred = g_new0(KftDeferred, 1);
    deferred->loop = self;
    deferred->link.data = deferred;
    deferred->turn = self->turn;
    deferred->func = func;
    deferred->user_data = user_data;
    g_queue_push_tail_link(&self->deferred, &deferred->link);
    (void)uv_idle_start(&self->idle, on_idle_run);
    return deferred;
}

void kft_deferred_cancel(KftDeferred *deferred)
{
    KftLoop *self = deferred->loop;
    g_queue_unlink(&self->deferred, &deferred->link);
    g_free(deferred);
    if (g_queue_is_empty(&self->deferred))
        (void)uv_idle_stop(&self->idle);
}

static bool init_share(KftLoop *self)
{
    self->share = KFT_FAULT("curl_share_init") ? NULL : curl_share_init();
    return self->share != NULL &&
           curl_share_setopt(self->share, CURLSHOPT_SHARE, CURL_LOCK_DATA_DNS) == CURLSHE_OK &&
           curl_share_setopt(self->share, CURLSHOPT_SHARE, CURL_LOCK_DATA_SSL_SESSION) ==
               CURLSHE_OK;
}

static bool init_curl(KftLoop *self, GError **error)
{
    if (!init_share(self)) {
        g_set_error_literal(error, KFT_ERROR, KFT_ERROR_INTERNAL, "cannot set up curl's share");
        return false;
    }
    return kft_curl_multi_init(&self->requests, self, error) &&
           kft_curl_multi_init(&self->dials, self, error);
}

KftLoop *kft_loop_new(GError **error)
{
    KftLoop *self = g_new0(KftLoop, 1);
    init_curl_once();
    int status = KFT_FAULT("uv_loop_init") ? UV_EMFILE : uv_loop_init(&self->uv);
    if (status != 0) {
        g_set_error(error, KFT_ERROR, KFT_ERROR_INTERNAL, "cannot set up the event loop: %s",
                    uv_strerror(status));
        g_free(self);
        return NULL;
    }
    g_queue_init(&self->deferred);
    (void)uv_idle_init(&self->uv, &self->idle);
    self->idle.data = self;
    status =
        KFT_FAULT("uv_async_init") ? UV_EMFILE : uv_async_init(&self->uv, &self->keep_alive, NULL);
    if (status == 0)
        uv_unref((uv_handle_t *)&self->keep_alive);
    else
        g_set_error(error, KFT_ERROR, KFT_ERROR_INTERNAL, "cannot set up the event loop: %s",
                    uv_strerror(status));
    if (status != 0 || !init_curl(self, error)) {
        (void)kft_loop_free(self);
        return NULL;
    }
    return self;
}

void kft_loop_run(KftLoop *self)
{
    self->thread = uv_thread_self();
    self->has_run = true;
    (void)uv_run(&self->uv, UV_RUN_DEFAULT);
}

static void close_if_initialized(uv_handle_t *handle)
{
    if (handle->type != UV_UNKNOWN_HANDLE && !uv_is_closing(handle))
        uv_close(handle, NULL);
}

static void on_walk_report(uv_handle_t *handle, void *user_data)
{
    (void)user_data;
    kft_log(KFT_LOG_NET, KFT_LEVEL_ERROR, "handle still open at the end of the loop: %s%s",
            uv_handle_type_name(uv_handle_get_type(handle)),
            uv_is_active(handle) ? " (active)" : "");
}

bool kft_loop_free(KftLoop *self)
{
    if (self->n_open > 0)
        kft_log(KFT_LOG_NET, KFT_LEVEL_ERROR, "%u objects still open at the end of the loop",
                self->n_open);
    kft_curl_multi_clear(&self->requests);
    kft_curl_multi_clear(&self->dials);
    if (self->share != NULL)
        (void)curl_share_cleanup(self->share);
    close_if_initialized((uv_handle_t *)&self->keep_alive);
    close_if_initialized((uv_handle_t *)&self->idle);
    (void)uv_run(&self->uv, UV_RUN_NOWAIT);
    kft_network_clear(&self->network);
    kft_trust_clear(&self->trust);
    bool is_clean = uv_loop_close(&self->uv) == 0 && self->n_open == 0;
    if (is_clean)
        g_free(self);
    else
        /* Left in memory: the open handles point into it. */
        uv_walk(&self->uv, on_walk_report, NULL);
    return is_clean;
}

uv_loop_t *kft_loop_get_uv(KftLoop *self)
{
    return &self->uv;
}

KftNetwork *kft_loop_get_network(KftLoop *self)
{
    return &self->network;
}

CURLSH *kft_loop_get_share(KftLoop *self)
{
    return self->share;
}

uint64_t kft_loop_now_ms(KftLoop *self)
{
    return uv_now(&self->uv);
}

void kft_loop_distrust_idle(KftLoop *self)
{
    /* What the settings say before the first request is no change for it. */
    if (self->requests.has_begun)
        self->distrust_until_ms = uv_now(&self->uv) + MAX_IDLE_MS;
}

bool kft_loop_is_distrusting(KftLoop *self)
{
    return uv_now(&self->uv) < self->distrust_until_ms;
}

bool kft_loop_is_current(const KftLoop *self)
{
    uv_thread_t current = uv_thread_self();
    return !self->has_run || uv_thread_equal(&self->thread, &current) != 0;
}

void kft_loop_object_opened(KftLoop *self)
{
    KFT_ASSERT_LOOP_THREAD(self);
    if (self->n_open++ == 0)
        uv_ref((uv_handle_t *)&self->keep_alive);
}

void kft_loop_object_closed(KftLoop *self)
{
    g_assert(self->n_open > 0);
    if (--self->n_open == 0)
        uv_unref((uv_handle_t *)&self->keep_alive);
}

KftCurlMulti *kft_loop_get_requests(KftLoop *self)
{
    return &self->requests;
}

KftCurlMulti *kft_loop_get_dials(KftLoop *self)
{
    return &self->dials;
}

KftTrust *kft_loop_get_trust(KftLoop *self)
{
    return &self->trust;
}
