/* One HTTP exchange on a curl easy handle. Invariant: on_done runs exactly once, outside of curl,
 * and nothing of the caller's runs after kft_http_call_free(). The object itself lives until a
 * later turn, since it may be freed inside curl's write callback. */
#include "net/http.h"

#include <kftray/error.h>
#include <string.h>

#include "base/buf.h"
#include "base/fault.h"
#include "net/curl-easy.h"
#include "net/loop-priv.h"
#include "net/timer.h"

/* A watch lasts, and most of the time nothing comes. */
#define WATCH_BUFFER_BYTES 2048L
#define DEFAULT_CONNECT_TIMEOUT_MS 15000
#define DEFAULT_MAX_BODY_BYTES ((size_t)16 * 1024 * 1024)

struct KftHttpCall {
    KftLoop *loop;
    KftCurlEasy *curl;                /* NULL if it could not be set up */
    void (*on_head)(void *user_data); /* NULL once it ran */
    KftHttpBodyFunc on_body;
    KftHttpDoneFunc on_done; /* NULL once it ran */
    void *user_data;
    KftBuf body;
    size_t max_body_bytes;
    bool is_over_limit;
    bool is_lasting; /* has no limit of time: a watch */
    uint32_t idle_timeout_ms;
    KftTimer *idle_timer; /* nullable */
    KftDeferred *failure; /* nullable */
    GError *error;        /* found by ourselves; nullable */
    bool is_freed;
};

static void finish(KftHttpCall *self, const KftHttpResponse *response, const GError *error)
{
    KftHttpDoneFunc on_done = self->on_done;
    self->on_done = NULL;
    if (self->idle_timer != NULL)
        kft_timer_stop(self->idle_timer);
    if (on_done != NULL && !self->is_freed)
        on_done(response, error, self->user_data);
}

static void on_deferred_fail(void *user_data)
{
    KftHttpCall *self = user_data;
    self->failure = NULL;
    finish(self, NULL, self->error);
}

static void on_timer_idle(void *user_data)
{
    KftHttpCall *self = user_data;
    g_autoptr(GError) error =
        g_error_new(KFT_ERROR, KFT_ERROR_TIMEOUT, "%s sent nothing for %u seconds",
                    self->curl->authority, (self->idle_timeout_ms + 999) / 1000);
    finish(self, NULL, error);
}

/* Something of the final answer came, and for a while it may be all. */
static void note_progress(KftHttpCall *self)
{
    if (self->idle_timer != NULL)
        kft_timer_start(self->idle_timer, self->idle_timeout_ms);
    if (self->is_lasting)
        kft_curl_easy_trim(self->curl);
}

static long status_of(const KftHttpCall *self)
{
    long status = 0;
    (void)curl_easy_getinfo(self->curl->easy, CURLINFO_RESPONSE_CODE, &status);
    return status;
}

/* NOLINTNEXTLINE(readability-non-const-parameter): the type is curl's. */
static size_t on_curl_header(char *data, size_t size, size_t n_items, void *user_data)
{
    KftHttpCall *self = user_data;
    (void)data;
    (void)size;
    if (self->is_freed || self->on_done == NULL || status_of(self) < 200)
        return n_items;
    note_progress(self);
    void (*on_head)(void *) = self->on_head;
    self->on_head = NULL;
    if (on_head != NULL)
        on_head(self->user_data);
    return n_items;
}

static size_t on_curl_body(char *data, size_t size, size_t n_items, void *user_data)
{
    KftHttpCall *self = user_data;
    size_t n_bytes = size * n_items;
    /* Any other number than n_bytes makes curl end the transfer. */
    if (self->is_freed || self->on_done == NULL)
        return 0;
    note_progress(self);
    long status = status_of(self);
    if (self->on_body != NULL && status >= 200 && status < 300) {
        self->on_body((const uint8_t *)data, n_bytes, self->user_data);
        return self->is_freed ? 0 : n_bytes;
    }
    if (n_bytes > self->max_body_bytes - kft_buf_size(&self->body) ||
        kft_buf_append(&self->body, data, n_bytes) != KFT_R_OK) {
        self->is_over_limit = true;
        return 0;
    }
    return n_bytes;
}

static void report_response(KftHttpCall *self)
{
    char *content_type = NULL;
    char *peer = NULL;
    curl_off_t retry_after_s = 0;
    /* The room for the NUL is part of the queue's limit. */
    if (kft_buf_append(&self->body, "", 1) != KFT_R_OK)
        g_assert_not_reached();
    (void)curl_easy_getinfo(self->curl->easy, CURLINFO_CONTENT_TYPE, &content_type);
    (void)curl_easy_getinfo(self->curl->easy, CURLINFO_RETRY_AFTER, &retry_after_s);
    (void)curl_easy_getinfo(self->curl->easy, CURLINFO_PRIMARY_IP, &peer);
    KftHttpResponse response = {
        .status = (unsigned)status_of(self),
        .content_type = content_type,
        .retry_after_s = (uint32_t)CLAMP(retry_after_s, 0, UINT32_MAX),
        .body = (const char *)kft_buf_data(&self->body),
        .body_size = kft_buf_size(&self->body) - 1,
        .peer = peer,
    };
    finish(self, &response, NULL);
}

static void on_transfer_done(CURL *easy, CURLcode result, void *user_data)
{
    KftHttpCall *self = user_data;
    (void)easy;
    if (result == CURLE_OK) {
        report_response(self);
        return;
    }
    g_autoptr(GError) error =
        self->is_over_limit
            ? g_error_new(KFT_ERROR, KFT_ERROR_LIMIT, "the answer of %s is larger than %zu bytes",
                          self->curl->authority, self->max_body_bytes)
            : kft_curl_easy_dup_error(self->curl, result);
    finish(self, NULL, error);
}

static bool add_headers(KftHttpCall *self, const KftHttpRequest *request, GError **error)
{
    for (size_t i = 0; request->headers != NULL && request->headers[i] != NULL; i++) {
        const char *header = request->headers[i];
        const char *colon = strchr(header, ':');
        if (strpbrk(header, "\r\n") != NULL || colon == NULL || colon == header) {
            /* The value may be a credential and is not repeated. */
            g_set_error(
                error, KFT_ERROR, KFT_ERROR_BAD_CONFIG,
                "a header of the request to %s is not allowed: it has no name or a line break",
                self->curl->authority);
            return false;
        }
        if (colon[1 + strspn(colon + 1, " \t")] != '\0') {
            kft_curl_easy_add_header(self->curl, header);
            continue;
        }
        /* curl leaves a field without a value out unless it is written so. */
        g_autofree char *empty = g_strdup_printf("%.*s;", (int)(colon - header), header);
        kft_curl_easy_add_header(self->curl, empty);
    }
    /* Do not wait for "100 Continue" before a body. */
    kft_curl_easy_add_header(self->curl, "Expect:");
    return true;
}

static void set_method(KftCurlEasy *curl, const KftHttpRequest *request)
{
    const char *method = request->method != NULL ? request->method : "GET";
    bool has_body = request->body != NULL || strcmp(method, "POST") == 0;
    if (has_body) {
        CURLcode code = curl_easy_setopt(curl->easy, CURLOPT_POSTFIELDSIZE_LARGE,
                                         (curl_off_t)request->body_size);
        if (curl->setup == CURLE_OK)
            curl->setup = code;
        kft_curl_easy_set_pointer(curl, CURLOPT_COPYPOSTFIELDS,
                                  request->body != NULL ? request->body : "");
    }
    if (strcmp(method, "HEAD") == 0)
        kft_curl_easy_set_long(curl, CURLOPT_NOBODY, 1);
    else if (strcmp(method, has_body ? "POST" : "GET") != 0)
        kft_curl_easy_set_pointer(curl, CURLOPT_CUSTOMREQUEST, method);
}

static void set_callbacks(KftHttpCall *self)
{
    CURL *easy = self->curl->easy;
    (void)curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_curl_body);
    (void)curl_easy_setopt(easy, CURLOPT_WRITEDATA, self);
    (void)curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_curl_header);
    (void)curl_easy_setopt(easy, CURLOPT_HEADERDATA, self);
}

static bool
set_up(KftHttpCall *self, KftEndpoint *endpoint, const KftHttpRequest *request, GError **error)
{
    self->curl =
        kft_curl_easy_new(kft_loop_get_requests(self->loop), endpoint, request->path, error);
    if (self->curl == NULL)
        return false;
    long connect_ms = request->connect_timeout_ms != 0 ? (long)request->connect_timeout_ms
                                                       : DEFAULT_CONNECT_TIMEOUT_MS;
    kft_curl_easy_set_long(self->curl, CURLOPT_CONNECTTIMEOUT_MS, connect_ms);
    kft_curl_easy_set_long(self->curl, CURLOPT_TIMEOUT_MS, (long)request->timeout_ms);
    self->is_lasting = request->timeout_ms == 0 && request->body == NULL;
    if (self->is_lasting)
        kft_curl_easy_set_long(self->curl, CURLOPT_BUFFERSIZE, WATCH_BUFFER_BYTES);
    if (request->is_fresh || kft_loop_is_distrusting(self->loop)) {
        kft_curl_easy_set_long(self->curl, CURLOPT_FRESH_CONNECT, 1);
        kft_curl_easy_set_long(self->curl, CURLOPT_DNS_CACHE_TIMEOUT, 0);
    }
    set_callbacks(self);
    set_method(self->curl, request);
    if (!add_headers(self, request, error))
        return false;
    if (request->idle_timeout_ms != 0)
        self->idle_timer = kft_timer_new(self->loop, on_timer_idle, self);
    return kft_curl_easy_start(self->curl, on_transfer_done, self, error);
}

KftHttpCall *kft_http_call_start(KftLoop *loop,
                                 KftEndpoint *endpoint,
                                 const KftHttpRequest *request,
                                 KftHttpBodyFunc on_body,
                                 KftHttpDoneFunc on_done,
                                 void *user_data)
{
    KFT_ASSERT_LOOP_THREAD(loop);
    KftHttpCall *self = g_new0(KftHttpCall, 1);
    self->loop = loop;
    self->on_head = request->on_head;
    self->on_body = on_body;
    self->on_done = on_done;
    self->user_data = user_data;
    self->idle_timeout_ms = request->idle_timeout_ms;
    self->max_body_bytes =
        request->max_body_bytes != 0 ? request->max_body_bytes : DEFAULT_MAX_BODY_BYTES;
    kft_buf_init(&self->body, self->max_body_bytes + 1);
    kft_loop_object_opened(loop);
    if (!set_up(self, endpoint, request, &self->error))
        self->failure = kft_loop_defer(loop, on_deferred_fail, self);
    return self;
}

static void on_deferred_destroy(void *user_data)
{
    KftHttpCall *self = user_data;
    kft_curl_easy_free(self->curl);
    kft_timer_free(self->idle_timer);
    kft_buf_clear(&self->body);
    g_clear_error(&self->error);
    kft_loop_object_closed(self->loop);
    g_free(self);
}

void kft_http_call_free(KftHttpCall *self)
{
    if (self == NULL)
        return;
    KFT_ASSERT_LOOP_THREAD(self->loop);
    g_assert(!self->is_freed);
    self->is_freed = true;
    self->on_done = NULL;
    if (self->failure != NULL)
        kft_deferred_cancel(self->failure);
    if (self->idle_timer != NULL)
        kft_timer_stop(self->idle_timer);
    (void)kft_loop_defer(self->loop, on_deferred_destroy, self);
}
