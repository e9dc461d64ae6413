/* A connection that libcurl set up (CONNECT_ONLY) and that is then read and written through it, so
 * that proxies and TLS in TLS stay curl's work. Readiness comes from our own uv_poll on curl's
 * socket: curl stops watching it before it reports the transfer as done.
 *
 * Invariant: while reading is wanted and the last read did not say AGAIN, on_readable runs in each
 * turn, because decrypted bytes may wait in one of the TLS layers where poll does not see them. */
#include "net/stream.h"

#include <kftray/error.h>
#include <string.h>

#include "base/fault.h"
#include "net/curl-easy.h"
#include "net/loop-priv.h"

#define DEFAULT_TIMEOUT_MS 15000
/* See on_transfer_done(). */
#define MAX_TRIES 3

struct KftStream {
    KftLoop *loop;
    KftCurlEasy *curl;
    int fd;   /* curl's; asking curl for it means a walk through all of its connections */
    SSL *ssl; /* curl's, if it is right above the socket; else NULL */
    uv_poll_t poll;
    int polled_events;
    KftStreamFuncs funcs;
    void *user_data;
    bool wants_read;
    bool wants_write;
    bool is_drained;       /* the last read said AGAIN and the socket was not readable since */
    bool read_needs_write; /* TLS has to write before it can read on */
    bool is_broken;        /* poll reported an error; reading and writing will tell which */
    bool is_short;         /* nothing is left inside TLS after the last read */
    bool has_early_byte;
    uint8_t early_byte;
    KftDeferred *ready; /* nullable */
    char *error_text;   /* nullable */
    bool is_closed;
};

struct KftDial {
    KftLoop *loop;
    KftCurlEasy *curl; /* NULL if it could not be set up, and once the stream has it */
    KftEndpoint *endpoint;
    uint32_t timeout_ms;
    unsigned n_tries;
    KftDialFunc on_done;
    void *user_data;
    KftDeferred *failure; /* nullable */
    GError *error;        /* of setting up; nullable */
    KftHop failed_hop;
};

static void on_transfer_done(CURL *easy, CURLcode result, void *user_data);
static void on_poll_stream(uv_poll_t *handle, int status, int events);

static void update_poll(KftStream *self)
{
    int events = 0;
    if (self->wants_read)
        events |= UV_READABLE;
    if (self->wants_write || (self->wants_read && self->read_needs_write))
        events |= UV_WRITABLE;
    if (self->is_broken)
        events = 0;
    if (events == self->polled_events)
        return;
    self->polled_events = events;
    if (events == 0) {
        (void)uv_poll_stop(&self->poll);
    } else if (KFT_FAULT("uv_poll_start_stream") ||
               uv_poll_start(&self->poll, events, on_poll_stream) != 0) {
        self->is_broken = true;
    }
}

/* Runs the callbacks that are due. */
static void run_callbacks(KftStream *self, bool is_writable)
{
    if (self->wants_read && !self->is_drained && self->funcs.on_readable != NULL)
        self->funcs.on_readable(self->user_data);
    if (!self->is_closed && is_writable && self->wants_write && self->funcs.on_writable != NULL)
        self->funcs.on_writable(self->user_data);
}

static void on_deferred_ready(void *user_data);

static void schedule(KftStream *self)
{
    bool is_ready =
        (self->wants_read && !self->is_drained) || (self->wants_write && self->is_broken);
    if (is_ready && self->ready == NULL)
        self->ready = kft_loop_defer(self->loop, on_deferred_ready, self);
}

static void on_deferred_ready(void *user_data)
{
    KftStream *self = user_data;
    self->ready = NULL;
    run_callbacks(self, self->is_broken);
    if (!self->is_closed)
        schedule(self);
}

static void on_poll_stream(uv_poll_t *handle, int status, int events)
{
    KftStream *self = handle->data;
    if (status < 0) {
        self->is_broken = true;
        self->polled_events = 0;
        (void)uv_poll_stop(&self->poll);
    }
    if (self->is_broken || (events & UV_READABLE) != 0 || self->read_needs_write)
        self->is_drained = self->is_short = false;
    run_callbacks(self, self->is_broken || (events & UV_WRITABLE) != 0);
    if (!self->is_closed)
        schedule(self);
}

void kft_stream_set_funcs(KftStream *self, const KftStreamFuncs *funcs, void *user_data)
{
    self->funcs = *funcs;
    self->user_data = user_data;
}

void kft_stream_set_interest(KftStream *self, bool read, bool write)
{
    KFT_ASSERT_LOOP_THREAD(self->loop);
    self->wants_read = read;
    self->wants_write = write;
    update_poll(self);
    schedule(self);
}

static bool tls_wants_write(const KftStream *self)
{
    const SSL *ssl = kft_curl_easy_get_ssl(self->curl);
    return ssl != NULL && SSL_want_write(ssl) != 0;
}

bool kft_stream_get_tls(KftStream *self, KftStreamTls *ret_tls)
{
    const SSL *ssl = kft_curl_easy_get_ssl(self->curl);
    if (ssl == NULL)
        return false;
    const X509 *certificate = SSL_get0_peer_certificate(ssl);
    *ret_tls = (KftStreamTls){
        .version = g_strdup(SSL_get_version(ssl)),
        .is_resumed = SSL_session_reused(ssl) == 1,
    };
    if (certificate != NULL) {
        ret_tls->subject = kft_tls_note_dup_name(X509_get_subject_name(certificate));
        ret_tls->issuer = kft_tls_note_dup_name(X509_get_issuer_name(certificate));
        ret_tls->not_after_s = kft_tls_note_read_time(X509_get0_notAfter(certificate));
    }
    return true;
}

void kft_stream_tls_clear(KftStreamTls *self)
{
    g_clear_pointer(&self->version, g_free);
    g_clear_pointer(&self->subject, g_free);
    g_clear_pointer(&self->issuer, g_free);
}

static KftResult fail(KftStream *self, CURLcode code)
{
    g_autoptr(GError) error = kft_curl_easy_dup_error(self->curl, code);
    g_free(self->error_text);
    self->error_text = g_strdup(error->message);
    return KFT_R_IO;
}

/* A peer that closes TCP without the TLS close has ended its data all the same: all that we speak
 * on streams has frames of its own and notices what is missing. */
static bool is_unclean_end(const KftStream *self, CURLcode code)
{
    return code == CURLE_RECV_ERROR && strstr(self->curl->error_text, "unexpected eof") != NULL;
}

static KftResult note_drained(KftStream *self, bool needs_write)
{
    self->is_drained = true;
    if (needs_write != self->read_needs_write) {
        self->read_needs_write = needs_write;
        update_poll(self);
    }
    return KFT_R_AGAIN;
}

/* TLS took less from the socket than it would have (it reads ahead), and all of it was given out:
 * asking the kernel again would be a system call for nothing. What came meanwhile, poll tells. */
static bool is_known_empty(KftStream *self)
{
    bool is_empty = self->is_short;
    self->is_short = false;
    return is_empty;
}

KftResult kft_stream_read(KftStream *self, uint8_t *data, size_t size, size_t *ret_size)
{
    KFT_ASSERT_LOOP_THREAD(self->loop);
    g_assert(size > 0);
    if (self->has_early_byte) {
        self->has_early_byte = false;
        data[0] = self->early_byte;
        *ret_size = 1;
        return KFT_R_OK;
    }
    if (is_known_empty(self))
        return note_drained(self, /* needs_write= */ false);
    size_t n_bytes = 0;
    CURLcode code =
        KFT_FAULT("curl_easy_recv")
            ? CURLE_RECV_ERROR
            : curl_easy_recv(self->curl->easy, data, kft_fault_clip_read(size), &n_bytes);
    if (code == CURLE_AGAIN)
        return note_drained(self, tls_wants_write(self));
    if (is_unclean_end(self, code))
        return KFT_R_EOF;
    if (code != CURLE_OK)
        return fail(self, code);
    if (n_bytes == 0)
        return KFT_R_EOF;
    self->is_short = self->ssl != NULL && SSL_has_pending(self->ssl) == 0;
    *ret_size = n_bytes;
    return KFT_R_OK;
}

KftResult kft_stream_write(KftStream *self, const uint8_t *data, size_t size, size_t *ret_size)
{
    KFT_ASSERT_LOOP_THREAD(self->loop);
    size_t n_written = 0;
    CURLcode code = CURLE_OK;
    /* One call takes one TLS record (16 KiB). */
    while (code == CURLE_OK && n_written < size) {
        size_t n_bytes = 0;
        size_t n_rest = size - n_written;
        size_t n_offered = kft_fault_clip_write(n_rest);
        code = KFT_FAULT("curl_easy_send")
                   ? CURLE_SEND_ERROR
                   : curl_easy_send(self->curl->easy, data + n_written, n_offered, &n_bytes);
        n_written += code == CURLE_OK ? n_bytes : 0;
        if (n_offered < n_rest)
            break;
    }
    if (code != CURLE_OK && code != CURLE_AGAIN)
        return fail(self, code);
    if (n_written == 0)
        return KFT_R_AGAIN;
    *ret_size = n_written;
    return KFT_R_OK;
}

const char *kft_stream_get_error(const KftStream *self)
{
    return self->error_text != NULL ? self->error_text : "no error";
}

void kft_stream_get_tcp_state(const KftStream *self, KftTcpState *ret_state)
{
    kft_tcp_state_read(self->fd, ret_state);
}

void kft_stream_set_patience(KftStream *self, uint32_t patience_ms)
{
    kft_tcp_set_patience(self->fd, patience_ms);
}

static void on_poll_closed(uv_handle_t *handle)
{
    KftStream *self = handle->data;
    g_free(self->error_text);
    kft_loop_object_closed(self->loop);
    g_free(self);
}

void kft_stream_free(KftStream *self)
{
    if (self == NULL)
        return;
    KFT_ASSERT_LOOP_THREAD(self->loop);
    g_assert(!self->is_closed);
    self->is_closed = true;
    if (self->ready != NULL)
        kft_deferred_cancel(self->ready);
    /* Before curl closes the socket, whose number may be given out again at once. */
    (void)uv_poll_stop(&self->poll);
    uv_close((uv_handle_t *)&self->poll, on_poll_closed);
    kft_curl_easy_free(self->curl);
}

/* Takes over @curl if it returns a stream. */
static KftStream *new_stream(KftLoop *loop, KftCurlEasy *curl, GError **error)
{
    curl_socket_t fd = CURL_SOCKET_BAD;
    KftStream *self = g_new0(KftStream, 1);
    (void)curl_easy_getinfo(curl->easy, CURLINFO_ACTIVESOCKET, &fd);
    int status = KFT_FAULT("uv_poll_init_stream")
                     ? UV_ENOMEM
                     : uv_poll_init_socket(kft_loop_get_uv(loop), &self->poll, fd);
    if (status != 0) {
        g_set_error(error, KFT_ERROR, KFT_ERROR_INTERNAL, "cannot watch the connection to %s: %s",
                    curl->authority, uv_strerror(status));
        g_free(self);
        return NULL;
    }
    self->loop = loop;
    self->curl = curl;
    self->fd = fd;
    self->poll.data = self;
    kft_loop_object_opened(loop);
    return self;
}

static void report(KftDial *self, KftStream *stream, const GError *error)
{
    KftDialFunc on_done = self->on_done;
    self->on_done = NULL;
    on_done(stream, error, self->user_data);
}

static void on_deferred_fail(void *user_data)
{
    KftDial *self = user_data;
    self->failure = NULL;
    self->failed_hop = KFT_HOP_SETUP;
    report(self, NULL, self->error);
}

static bool start_transfer(KftDial *self, GError **error)
{
    self->n_tries++;
    self->curl = kft_curl_easy_new(kft_loop_get_dials(self->loop), self->endpoint, "", error);
    if (self->curl == NULL)
        return false;
    kft_curl_easy_set_long(self->curl, CURLOPT_CONNECT_ONLY, 1);
    kft_curl_easy_set_long(self->curl, CURLOPT_HTTPPROXYTUNNEL, 1);
    kft_curl_easy_set_long(self->curl, CURLOPT_CONNECTTIMEOUT_MS, (long)self->timeout_ms);
    return kft_curl_easy_start(self->curl, on_transfer_done, self, error);
}

/* curl has put the connection among its idle ones, where another dial that starts would drop it if
 * it looks dead, and something to read (a TLS session ticket) makes it look so. The first I/O takes
 * it out again, hence this read. If the connection was dropped before we came here, curl says
 * UNSUPPORTED_PROTOCOL. */
static CURLcode claim_connection(KftStream *stream)
{
    size_t n_bytes = 0;
    CURLcode code = curl_easy_recv(stream->curl->easy, &stream->early_byte, 1, &n_bytes);
    stream->has_early_byte = code == CURLE_OK && n_bytes == 1;
    return code == CURLE_AGAIN || is_unclean_end(stream, code) ? CURLE_OK : code;
}

static void on_transfer_done(CURL *easy, CURLcode result, void *user_data)
{
    KftDial *self = user_data;
    g_autoptr(GError) error = NULL;
    (void)easy;
    if (result != CURLE_OK) {
        error = kft_curl_easy_dup_error(self->curl, result);
        self->failed_hop = self->curl->failed_hop;
        report(self, NULL, error);
        return;
    }
    KftStream *stream = new_stream(self->loop, self->curl, &error);
    if (stream == NULL) {
        report(self, NULL, error);
        return;
    }
    self->curl = NULL;
    result = claim_connection(stream);
    if (result == CURLE_OK) {
        kft_curl_easy_trim(stream->curl);
        /* With TLS in TLS curl's own layers lie in between. */
        stream->ssl = stream->curl->n_handshakes == 1 ? kft_curl_easy_get_ssl(stream->curl) : NULL;
        report(self, stream, NULL);
        return;
    }
    bool is_lost = result == CURLE_UNSUPPORTED_PROTOCOL && self->n_tries < MAX_TRIES;
    if (!is_lost) {
        error = kft_curl_easy_dup_error(stream->curl, result);
        self->failed_hop = stream->curl->failed_hop;
    }
    kft_stream_free(stream);
    if (!is_lost || !start_transfer(self, &error))
        report(self, NULL, error);
}

KftDial *kft_dial_start(
    KftLoop *loop, KftEndpoint *endpoint, uint32_t timeout_ms, KftDialFunc on_done, void *user_data)
{
    KFT_ASSERT_LOOP_THREAD(loop);
    KftDial *self = g_new0(KftDial, 1);
    self->loop = loop;
    self->endpoint = kft_endpoint_ref(endpoint);
    self->timeout_ms = timeout_ms != 0 ? timeout_ms : DEFAULT_TIMEOUT_MS;
    self->on_done = on_done;
    self->user_data = user_data;
    kft_loop_object_opened(loop);
    if (!start_transfer(self, &self->error))
        self->failure = kft_loop_defer(loop, on_deferred_fail, self);
    return self;
}

KftHop kft_dial_get_failed_hop(const KftDial *self)
{
    return self->failed_hop;
}

static void on_deferred_destroy(void *user_data)
{
    KftDial *self = user_data;
    kft_endpoint_unref(self->endpoint);
    g_clear_error(&self->error);
    kft_loop_object_closed(self->loop);
    g_free(self);
}

void kft_dial_free(KftDial *self)
{
    if (self == NULL)
        return;
    KFT_ASSERT_LOOP_THREAD(self->loop);
    if (self->failure != NULL)
        kft_deferred_cancel(self->failure);
    self->on_done = NULL;
    kft_curl_easy_free(self->curl);
    self->curl = NULL;
    /* An error that is being reported belongs to it. */
    (void)kft_loop_defer(self->loop, on_deferred_destroy, self);
}
