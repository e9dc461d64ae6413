/* A local TCP connection on a uv_tcp_t. What the kernel does not take at once is queued in two
 * buffers: `flying`, whose front slice libuv is writing and which therefore never moves, and
 * `waiting`, which takes new bytes and becomes `flying` when that one is empty. Slices keep
 * on_drained timely: libuv reports only whole writes.
 *
 * Invariants: at most one write and one shutdown request are under way; on_error runs once, and
 * after it nothing but freeing. */
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include "base/buf.h"
#include "base/fault.h"
#include "base/log.h"
#include "net/loop-priv.h"
#include "net/peer.h"
#include "net/socket-priv.h"

#define SLICE_BYTES ((size_t)128 * 1024)
/* Pieces that are written together: those of a wire's read buffer (128 KiB) usually fit. */
#define MAX_LENT 32
#define KEEPALIVE_IDLE_S 60
#define KEEPALIVE_INTERVAL_S 10
#define KEEPALIVE_PROBES 6

struct KftSocket {
    KftLoop *loop;
    uv_tcp_t handle;
    uv_write_t write;
    uv_shutdown_t shutdown;
    KftSocketFuncs funcs;
    void *user_data;
    char *peer;
    KftBuf flying;
    KftBuf waiting;
    size_t slice_size; /* of `flying` that libuv is writing; 0 = no write under way */
    uv_buf_t lent[MAX_LENT];
    unsigned n_lent;
    size_t lent_bytes;
    KftDeferred *failure; /* nullable */
    bool is_reading;
    bool is_above_mark;
    bool wants_shutdown;
    bool has_shutdown; /* requested from libuv */
    bool is_broken;
    bool is_closed;
    bool is_in_alloc;
};

char *kft_socket_format_address(const struct sockaddr_storage *address)
{
    char text[INET6_ADDRSTRLEN] = "";
    if (address->ss_family == AF_INET6) {
        const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)(const void *)address;
        (void)inet_ntop(AF_INET6, &v6->sin6_addr, text, sizeof text);
        return g_strdup_printf("[%s]:%u", text, ntohs(v6->sin6_port));
    }
    const struct sockaddr_in *v4 = (const struct sockaddr_in *)(const void *)address;
    (void)inet_ntop(AF_INET, &v4->sin_addr, text, sizeof text);
    return g_strdup_printf("%s:%u", text, ntohs(v4->sin_port));
}

static uv_stream_t *stream_of(KftSocket *self)
{
    return (uv_stream_t *)&self->handle;
}

static void on_handle_closed(uv_handle_t *handle)
{
    KftSocket *self = handle->data;
    kft_buf_clear(&self->flying);
    kft_buf_clear(&self->waiting);
    g_free(self->peer);
    kft_loop_object_closed(self->loop);
    g_free(self);
}

/* A program on another machine that went away without a word must not hold its pod's connection for
 * ever. On loopback the kernel answers at once. */
static void keep_alive(KftSocket *self)
{
    int interval_s = KEEPALIVE_INTERVAL_S;
    int n_probes = KEEPALIVE_PROBES;
    uv_os_fd_t fd = -1;
    (void)uv_tcp_keepalive(&self->handle, 1, KEEPALIVE_IDLE_S);
    if (uv_fileno((const uv_handle_t *)&self->handle, &fd) != 0)
        return;
    (void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &interval_s, sizeof interval_s);
    (void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &n_probes, sizeof n_probes);
}

KftSocket *kft_socket_accept(KftLoop *loop, uv_stream_t *server)
{
    struct sockaddr_storage address = {0};
    int length = sizeof address;
    KftSocket *self = g_new0(KftSocket, 1);
    self->loop = loop;
    kft_buf_init(&self->flying, KFT_SOCKET_MAX_QUEUE_BYTES);
    kft_buf_init(&self->waiting, KFT_SOCKET_MAX_QUEUE_BYTES);
    (void)uv_tcp_init(kft_loop_get_uv(loop), &self->handle);
    self->handle.data = self;
    kft_loop_object_opened(loop);
    int status = KFT_FAULT("uv_accept") ? UV_EMFILE : uv_accept(server, stream_of(self));
    if (status != 0) {
        kft_log(KFT_LOG_NET, KFT_LEVEL_WARNING, "cannot accept a connection: %s",
                uv_strerror(status));
        kft_socket_free(self);
        return NULL;
    }
    (void)uv_tcp_nodelay(&self->handle, 1);
    keep_alive(self);
    if (uv_tcp_getpeername(&self->handle, (struct sockaddr *)&address, &length) == 0)
        self->peer = kft_socket_format_address(&address);
    else
        self->peer = g_strdup("a closed connection");
    return self;
}

void kft_socket_set_funcs(KftSocket *self, const KftSocketFuncs *funcs, void *user_data)
{
    self->funcs = *funcs;
    self->user_data = user_data;
}

static void stop_reading(KftSocket *self)
{
    if (self->is_reading)
        (void)uv_read_stop(stream_of(self));
    self->is_reading = false;
}

static void on_deferred_failure(void *user_data)
{
    KftSocket *self = user_data;
    self->failure = NULL;
    if (self->funcs.on_error != NULL)
        self->funcs.on_error(self->user_data);
}

/* Always in a later turn: the causes are met inside calls of the owner too. */
static void break_connection(KftSocket *self, int status)
{
    if (self->is_broken || self->is_closed)
        return;
    kft_log(KFT_LOG_CONN, KFT_LEVEL_DEBUG, "%s: %s", self->peer, uv_strerror(status));
    self->is_broken = true;
    stop_reading(self);
    self->failure = kft_loop_defer(self->loop, on_deferred_failure, self);
}

static void on_handle_alloc(uv_handle_t *handle, size_t suggested_size, uv_buf_t *buffer)
{
    KftSocket *self = handle->data;
    uint8_t *data = NULL;
    size_t size = 0;
    (void)suggested_size;
    self->is_in_alloc = true;
    self->funcs.on_alloc(&data, &size, self->user_data);
    self->is_in_alloc = false;
    size = MIN(kft_fault_clip_read(size), UINT_MAX);
    *buffer = self->is_closed ? uv_buf_init(NULL, 0) : uv_buf_init((char *)data, (unsigned)size);
}

/* libuv reports a reset that comes together with the last data as an ordinary end; the kernel still
 * has the error then. */
static int pending_error(const KftSocket *self)
{
    uv_os_fd_t fd = -1;
    int number = 0;
    socklen_t size = sizeof number;
    if (uv_fileno((const uv_handle_t *)&self->handle, &fd) != 0 ||
        getsockopt(fd, SOL_SOCKET, SO_ERROR, &number, &size) != 0)
        return 0;
    return -number;
}

static void on_handle_read(uv_stream_t *handle, ssize_t n_bytes, const uv_buf_t *buffer)
{
    KftSocket *self = handle->data;
    (void)buffer;
    if (self->is_closed || n_bytes == 0)
        return;
    if (n_bytes > 0) {
        self->funcs.on_read((size_t)n_bytes, self->user_data);
        return;
    }
    stop_reading(self);
    if (n_bytes == UV_ENOBUFS)
        return; /* on_alloc had no room */
    int status = n_bytes == UV_EOF ? pending_error(self) : (int)n_bytes;
    if (status == 0)
        self->funcs.on_eof(self->user_data);
    else
        break_connection(self, status);
}

void kft_socket_set_reading(KftSocket *self, bool reading)
{
    KFT_ASSERT_LOOP_THREAD(self->loop);
    if (!reading) {
        stop_reading(self);
    } else if (!self->is_reading && !self->is_broken) {
        int status = KFT_FAULT("uv_read_start")
                         ? UV_ENOMEM
                         : uv_read_start(stream_of(self), on_handle_alloc, on_handle_read);
        self->is_reading = status == 0;
        if (status != 0)
            break_connection(self, status);
    }
}

size_t kft_socket_get_queued(const KftSocket *self)
{
    return kft_buf_size(&self->flying) + kft_buf_size(&self->waiting) + self->lent_bytes;
}

static void on_handle_shutdown(uv_shutdown_t *request, int status)
{
    KftSocket *self = request->data;
    if (self->is_closed)
        return;
    /* A peer that is gone already has no use for a FIN; reading will tell. */
    if (status != 0 && status != UV_ENOTCONN)
        break_connection(self, status);
    else if (self->funcs.on_flushed != NULL && !self->is_broken)
        self->funcs.on_flushed(self->user_data);
}

static void send_shutdown(KftSocket *self)
{
    self->has_shutdown = true;
    self->shutdown.data = self;
    int status = KFT_FAULT("uv_shutdown")
                     ? UV_ENOTCONN
                     : uv_shutdown(&self->shutdown, stream_of(self), on_handle_shutdown);
    if (status != 0)
        break_connection(self, status);
}

static void report_progress(KftSocket *self)
{
    size_t n_queued = kft_socket_get_queued(self);
    if (n_queued == 0 || (self->is_above_mark && n_queued <= KFT_SOCKET_DRAINED_BYTES)) {
        self->is_above_mark = false;
        if (self->funcs.on_drained != NULL)
            self->funcs.on_drained(self->user_data);
    }
    if (self->is_closed || self->is_broken || kft_socket_get_queued(self) > 0)
        return;
    if (self->wants_shutdown && !self->has_shutdown)
        send_shutdown(self);
    else if (!self->wants_shutdown && self->funcs.on_flushed != NULL)
        self->funcs.on_flushed(self->user_data);
}

static void on_handle_written(uv_write_t *request, int status);

static void write_slice(KftSocket *self)
{
    if (kft_buf_size(&self->flying) == 0) {
        KftBuf empty = self->flying;
        self->flying = self->waiting;
        self->waiting = empty;
    }
    self->slice_size = kft_fault_clip_write(MIN(kft_buf_size(&self->flying), SLICE_BYTES));
    if (self->slice_size == 0)
        return;
    uv_buf_t slice = {.base = (char *)self->flying.memory + self->flying.start,
                      .len = self->slice_size};
    self->write.data = self;
    int status = KFT_FAULT("uv_write")
                     ? UV_EPIPE
                     : uv_write(&self->write, stream_of(self), &slice, 1, on_handle_written);
    if (status != 0) {
        self->slice_size = 0;
        break_connection(self, status);
    }
}

static void on_handle_written(uv_write_t *request, int status)
{
    KftSocket *self = request->data;
    size_t n_written = self->slice_size;
    self->slice_size = 0;
    if (self->is_closed)
        return;
    if (status != 0) {
        break_connection(self, status);
        return;
    }
    kft_buf_consume(&self->flying, n_written);
    if (self->is_broken)
        return;
    write_slice(self);
    report_progress(self);
}

/* What the kernel takes of the lent pieces at once. */
static ssize_t try_write(KftSocket *self)
{
    size_t n_first = kft_fault_clip_write(self->lent[0].len);
    uv_buf_t first = {.base = self->lent[0].base, .len = n_first};
    bool is_clipped = n_first < self->lent[0].len;

    if (self->slice_size > 0)
        return 0;
    int n_written = KFT_FAULT("uv_try_write")
                        ? UV_EPIPE
                        : uv_try_write(stream_of(self), is_clipped ? &first : self->lent,
                                       is_clipped ? 1 : self->n_lent);
    return n_written == UV_EAGAIN ? 0 : n_written;
}

/* Copies the lent pieces into the queue, but for the first @n_skipped bytes. */
static KftResult queue_lent(KftSocket *self, size_t n_skipped)
{
    KftResult result = KFT_R_OK;

    for (unsigned i = 0; i < self->n_lent && result == KFT_R_OK; i++) {
        const uv_buf_t *piece = &self->lent[i];
        size_t n_less = MIN(n_skipped, piece->len);
        n_skipped -= n_less;
        result = kft_buf_append(&self->waiting, piece->base + n_less, piece->len - n_less);
    }
    return result;
}

static void forget_lent(KftSocket *self)
{
    self->n_lent = 0;
    self->lent_bytes = 0;
}

KftResult kft_socket_flush(KftSocket *self)
{
    KFT_ASSERT_LOOP_THREAD(self->loop);
    if (self->n_lent == 0 || self->is_broken) {
        forget_lent(self);
        return self->is_broken ? KFT_R_IO : KFT_R_OK;
    }
    ssize_t n_written = try_write(self);
    KftResult result = n_written < 0 ? KFT_R_IO : queue_lent(self, (size_t)n_written);
    forget_lent(self);
    if (result != KFT_R_OK) {
        break_connection(self, n_written < 0 ? (int)n_written : UV_ENOMEM);
        return KFT_R_IO;
    }
    if (kft_socket_get_queued(self) > KFT_SOCKET_DRAINED_BYTES)
        self->is_above_mark = true;
    if (self->slice_size == 0)
        write_slice(self);
    return self->is_broken ? KFT_R_IO : KFT_R_OK;
}

KftResult kft_socket_lend(KftSocket *self, const uint8_t *data, size_t size)
{
    KFT_ASSERT_LOOP_THREAD(self->loop);
    g_assert(!self->wants_shutdown);
    if (self->is_broken)
        return KFT_R_IO;
    if (size > KFT_SOCKET_MAX_QUEUE_BYTES - kft_socket_get_queued(self))
        return KFT_R_LIMIT;
    KftResult result = self->n_lent == MAX_LENT ? kft_socket_flush(self) : KFT_R_OK;
    if (result != KFT_R_OK || size == 0)
        return result;
    uv_buf_t *piece = &self->lent[self->n_lent++];
    piece->len = size;
    /* uv_buf_t has no const; libuv only reads. */
    memcpy(&piece->base, &data, sizeof data);
    self->lent_bytes += size;
    return KFT_R_OK;
}

KftResult kft_socket_write(KftSocket *self, const uint8_t *data, size_t size)
{
    KftResult result = kft_socket_lend(self, data, size);
    return result == KFT_R_OK ? kft_socket_flush(self) : result;
}

void kft_socket_shutdown(KftSocket *self)
{
    KFT_ASSERT_LOOP_THREAD(self->loop);
    if (self->wants_shutdown || kft_socket_flush(self) != KFT_R_OK)
        return;
    self->wants_shutdown = true;
    if (kft_socket_get_queued(self) == 0)
        send_shutdown(self);
}

const char *kft_socket_get_peer(const KftSocket *self)
{
    return self->peer;
}

void kft_socket_abort(KftSocket *self)
{
    struct linger linger = {.l_onoff = 1, .l_linger = 0};
    uv_os_fd_t fd = -1;
    /* Not uv_tcp_close_reset(): it refuses while a shutdown is under way. */
    if (uv_fileno((const uv_handle_t *)&self->handle, &fd) == 0)
        (void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
    kft_socket_free(self);
}

static void on_deferred_close(void *user_data)
{
    KftSocket *self = user_data;
    uv_close((uv_handle_t *)&self->handle, on_handle_closed);
}

void kft_socket_free(KftSocket *self)
{
    if (self == NULL)
        return;
    KFT_ASSERT_LOOP_THREAD(self->loop);
    g_assert(!self->is_closed);
    self->is_closed = true;
    if (self->failure != NULL)
        kft_deferred_cancel(self->failure);
    if (self->is_in_alloc)
        /* libuv calls the read callback next, which uv_close() would already have taken away. */
        (void)kft_loop_defer(self->loop, on_deferred_close, self);
    else
        on_deferred_close(self);
}

bool kft_socket_is_peer_closed(const KftSocket *self)
{
    uv_os_fd_t fd = -1;
    if (uv_fileno((const uv_handle_t *)&self->handle, &fd) != 0)
        return true;
    return kft_peer_is_closed(fd);
}
