/* Drives a curl multi handle from the loop: curl says which sockets and which timer it wants
 * watched, we tell it what happened, and finished transfers are reported from here. Invariant:
 * nothing of ours that adds or removes a handle runs while curl runs (depth > 0); such calls are
 * deferred, since curl refuses them. Handles of this file do not keep the loop alive; the owners of
 * the transfers do. */
#include "net/curl-multi.h"

#include <kftray/error.h>

#include "base/fault.h"
#include "base/log.h"
#include "net/loop-priv.h"

/* One socket that curl wants watched. */
typedef struct {
    uv_poll_t poll;
    KftCurlMulti *owner;
    curl_socket_t fd;
} WatchedSocket;

/* What CURLOPT_PRIVATE of an added easy handle points to. */
typedef struct {
    KftCurlMulti *owner;
    CURL *easy;
    KftCurlDoneFunc func; /* NULL once it ran or the handle was dropped */
    void *user_data;
    KftDeferred *deferred; /* adding, dropping or failing it in a later turn; nullable */
    bool is_added;
} Transfer;

static Transfer *transfer_of(CURL *easy)
{
    char *transfer = NULL;
    (void)curl_easy_getinfo(easy, CURLINFO_PRIVATE, &transfer);
    return (Transfer *)(void *)transfer;
}

static void finish(Transfer *transfer, CURLcode result)
{
    KftCurlDoneFunc func = transfer->func;
    transfer->func = NULL;
    if (func != NULL)
        func(transfer->easy, result, transfer->user_data);
}

static void report_finished(KftCurlMulti *self)
{
    int n_left = 0;
    CURLMsg *message = NULL;
    while ((message = curl_multi_info_read(self->multi, &n_left)) != NULL) {
        if (message->msg == CURLMSG_DONE)
            finish(transfer_of(message->easy_handle), message->data.result);
    }
}

static void drive(KftCurlMulti *self, curl_socket_t fd, int flags)
{
    int n_running = 0;
    self->depth++;
    CURLMcode code = curl_multi_socket_action(self->multi, fd, flags, &n_running);
    self->depth--;
    if (code != CURLM_OK)
        kft_log(KFT_LOG_NET, KFT_LEVEL_ERROR, "curl_multi_socket_action: %s",
                curl_multi_strerror(code));
    report_finished(self);
}

static void on_timer_curl(uv_timer_t *handle)
{
    drive(handle->data, CURL_SOCKET_TIMEOUT, 0);
}

static int on_curl_timer(CURLM *multi, long timeout_ms, void *user_data)
{
    KftCurlMulti *self = user_data;
    (void)multi;
    if (timeout_ms < 0)
        (void)uv_timer_stop(&self->timer);
    else
        /* 0 must not call curl from inside curl: the timer fires in the next turn. */
        (void)uv_timer_start(&self->timer, on_timer_curl, (uint64_t)timeout_ms, 0);
    return 0;
}

static void on_poll_curl(uv_poll_t *handle, int status, int events)
{
    const WatchedSocket *watched = handle->data;
    int flags = 0;
    if (status < 0)
        flags = CURL_CSELECT_ERR;
    if ((events & UV_READABLE) != 0)
        flags |= CURL_CSELECT_IN;
    if ((events & UV_WRITABLE) != 0)
        flags |= CURL_CSELECT_OUT;
    drive(watched->owner, watched->fd, flags);
}

static void on_poll_closed(uv_handle_t *handle)
{
    g_free(handle->data);
}

static WatchedSocket *watch(KftCurlMulti *self, curl_socket_t fd)
{
    WatchedSocket *watched = g_new0(WatchedSocket, 1);
    int status = KFT_FAULT("uv_poll_init_curl")
                     ? UV_ENOMEM
                     : uv_poll_init_socket(kft_loop_get_uv(self->loop), &watched->poll, fd);
    if (status != 0) {
        kft_log(KFT_LOG_NET, KFT_LEVEL_WARNING, "cannot watch a socket: %s", uv_strerror(status));
        g_free(watched);
        return NULL;
    }
    uv_unref((uv_handle_t *)&watched->poll);
    watched->poll.data = watched;
    watched->owner = self;
    watched->fd = fd;
    (void)curl_multi_assign(self->multi, fd, watched);
    return watched;
}

static void on_deferred_fail(void *user_data)
{
    Transfer *transfer = user_data;
    transfer->deferred = NULL;
    finish(transfer, CURLE_FAILED_INIT);
}

static void fail_later(Transfer *transfer)
{
    if (transfer->deferred == NULL)
        transfer->deferred = kft_loop_defer(transfer->owner->loop, on_deferred_fail, transfer);
}

static int
on_curl_socket(CURL *easy, curl_socket_t fd, int what, void *user_data, void *socket_data)
{
    KftCurlMulti *self = user_data;
    WatchedSocket *watched = socket_data;
    int events = 0;

    if (what == CURL_POLL_REMOVE) {
        if (watched != NULL) {
            (void)uv_poll_stop(&watched->poll);
            uv_close((uv_handle_t *)&watched->poll, on_poll_closed);
            (void)curl_multi_assign(self->multi, fd, NULL);
        }
        return 0;
    }
    if (watched == NULL)
        watched = watch(self, fd);
    if (watched == NULL) {
        /* An error code would end every transfer of this multi handle. */
        fail_later(transfer_of(easy));
        return 0;
    }
    if (what == CURL_POLL_IN || what == CURL_POLL_INOUT)
        events |= UV_READABLE;
    if (what == CURL_POLL_OUT || what == CURL_POLL_INOUT)
        events |= UV_WRITABLE;
    if (uv_poll_start(&watched->poll, events, on_poll_curl) != 0)
        fail_later(transfer_of(easy));
    return 0;
}

bool kft_curl_multi_init(KftCurlMulti *self, KftLoop *loop, GError **error)
{
    self->loop = loop;
    self->multi = KFT_FAULT("curl_multi_init") ? NULL : curl_multi_init();
    if (self->multi == NULL) {
        g_set_error_literal(error, KFT_ERROR, KFT_ERROR_INTERNAL, "cannot set up curl");
        return false;
    }
    (void)uv_timer_init(kft_loop_get_uv(loop), &self->timer);
    uv_unref((uv_handle_t *)&self->timer);
    self->timer.data = self;
    (void)curl_multi_setopt(self->multi, CURLMOPT_SOCKETFUNCTION, on_curl_socket);
    (void)curl_multi_setopt(self->multi, CURLMOPT_SOCKETDATA, self);
    (void)curl_multi_setopt(self->multi, CURLMOPT_TIMERFUNCTION, on_curl_timer);
    (void)curl_multi_setopt(self->multi, CURLMOPT_TIMERDATA, self);
    return true;
}

void kft_curl_multi_clear(KftCurlMulti *self)
{
    if (self->multi == NULL)
        return;
    (void)curl_multi_cleanup(self->multi);
    self->multi = NULL;
    uv_close((uv_handle_t *)&self->timer, NULL);
}

static void add_now(Transfer *transfer)
{
    transfer->is_added = true;
    transfer->owner->depth++;
    CURLMcode code = KFT_FAULT("curl_multi_add_handle")
                         ? CURLM_OUT_OF_MEMORY
                         : curl_multi_add_handle(transfer->owner->multi, transfer->easy);
    transfer->owner->depth--;
    if (code != CURLM_OK) {
        transfer->is_added = false;
        fail_later(transfer);
    }
}

static void on_deferred_add(void *user_data)
{
    Transfer *transfer = user_data;
    transfer->deferred = NULL;
    add_now(transfer);
}

void kft_curl_multi_add(KftCurlMulti *self, CURL *easy, KftCurlDoneFunc func, void *user_data)
{
    Transfer *transfer = g_new0(Transfer, 1);
    transfer->owner = self;
    transfer->easy = easy;
    transfer->func = func;
    transfer->user_data = user_data;
    (void)curl_easy_setopt(easy, CURLOPT_PRIVATE, transfer);
    self->has_begun = true;
    kft_loop_object_opened(self->loop);
    if (self->depth > 0)
        transfer->deferred = kft_loop_defer(self->loop, on_deferred_add, transfer);
    else
        add_now(transfer);
}

static void drop_now(Transfer *transfer)
{
    KftCurlMulti *self = transfer->owner;
    self->depth++;
    if (transfer->is_added)
        (void)curl_multi_remove_handle(self->multi, transfer->easy);
    curl_easy_cleanup(transfer->easy);
    self->depth--;
    kft_loop_object_closed(self->loop);
    g_free(transfer);
}

static void on_deferred_drop(void *user_data)
{
    drop_now(user_data);
}

void kft_curl_multi_drop(KftCurlMulti *self, CURL *easy)
{
    Transfer *transfer = transfer_of(easy);
    if (transfer == NULL) {
        curl_easy_cleanup(easy);
        return;
    }
    transfer->func = NULL;
    if (transfer->deferred != NULL)
        kft_deferred_cancel(transfer->deferred);
    transfer->deferred = NULL;
    if (self->depth > 0)
        transfer->deferred = kft_loop_defer(self->loop, on_deferred_drop, transfer);
    else
        drop_now(transfer);
}

bool kft_curl_multi_is_running(const KftCurlMulti *self)
{
    return self->depth > 0;
}
