/* UDP over TCP.
 *
 * Invariants: the stream is read only while nothing waits in `sending`; `waiting` begins with a
 * whole frame, so that the oldest datagram can be dropped, and what has begun to be written is
 * never dropped; metrics.queued_bytes is the sum of all `waiting` and `flying`. */
#include "server/datagrams.h"

#include <string.h>

#include "base/fault.h"

/* As much as the kernel allows; a burst should wait there and not be lost. */
#define SOCKET_BUFFER_BYTES (1024 * 1024)

static KftMetrics *metrics_of(KftDatagrams *self)
{
    return &self->traffic->context->metrics;
}

static void end(KftDatagrams *self, KftEnding ending)
{
    if (self->is_ended)
        return;
    kft_datagrams_stop(self);
    self->on_end(ending, self->user_data);
}

/* The socket of its own handle's data: the list of handles outlives this object's part in it. */
static void on_socket_closed(uv_handle_t *handle)
{
    KftHandles *handles = handle->data;
    g_free(handle);
    kft_handles_closed(handles);
}

static void close_socket(KftDatagrams *self)
{
    uv_udp_t *socket = self->socket;
    if (socket == NULL)
        return;
    self->socket = NULL;
    (void)uv_udp_recv_stop(socket);
    socket->data = self->handles;
    uv_close((uv_handle_t *)socket, on_socket_closed);
}

static void drop_oldest(KftDatagrams *self)
{
    size_t size = kft_relay_frame_size(kft_buf_data(&self->waiting));
    kft_buf_consume(&self->waiting, size);
    metrics_of(self)->queued_bytes -= size;
    metrics_of(self)->dropped_backlog++;
    self->traffic->n_dropped++;
}

static void on_written(uv_write_t *request, int status);

/* Writes what waits, unless a write is under way already. */
static void flush(KftDatagrams *self)
{
    if (self->is_writing || kft_buf_size(&self->waiting) == 0)
        return;
    KftBuf empty = self->flying;
    self->flying = self->waiting;
    self->waiting = empty;
    uv_buf_t buffer = {.base = (char *)self->flying.memory + self->flying.start,
                       .len = kft_buf_size(&self->flying)};
    buffer.len = kft_fault_clip_write(buffer.len);
    int n_written = KFT_FAULT("uv_try_write")
                        ? UV_EPIPE
                        : uv_try_write((uv_stream_t *)self->stream, &buffer, 1);
    if (n_written < 0 && n_written != UV_EAGAIN) {
        end(self, KFT_ENDING_CLIENT_GONE);
        return;
    }
    if (n_written > 0) {
        metrics_of(self)->queued_bytes -= (size_t)n_written;
        kft_buf_consume(&self->flying, (size_t)n_written);
    }
    if (kft_buf_size(&self->flying) == 0)
        return;
    buffer.base = (char *)self->flying.memory + self->flying.start;
    buffer.len = kft_buf_size(&self->flying);
    self->write.data = self;
    self->is_writing = true;
    if (KFT_FAULT("uv_write") ||
        uv_write(&self->write, (uv_stream_t *)self->stream, &buffer, 1, on_written) != 0)
        end(self, KFT_ENDING_CLIENT_GONE);
}

static void on_written(uv_write_t *request, int status)
{
    KftDatagrams *self = request->data;

    self->is_writing = false;
    if (self->is_ended)
        return;
    if (status != 0) {
        end(self, KFT_ENDING_CLIENT_GONE);
        return;
    }
    metrics_of(self)->queued_bytes -= kft_buf_size(&self->flying);
    kft_buf_consume(&self->flying, kft_buf_size(&self->flying));
    flush(self);
}

void kft_datagrams_flush_all(KftContext *context)
{
    GList *link = NULL;
    while ((link = g_queue_pop_head_link(&context->unflushed)) != NULL) {
        KftDatagrams *self = link->data;
        link->data = NULL;
        flush(self);
    }
}

static void flush_later(KftDatagrams *self)
{
    if (self->unflushed_link.data != NULL)
        return;
    self->unflushed_link.data = self;
    g_queue_push_tail_link(&self->traffic->context->unflushed, &self->unflushed_link);
}

static void take_datagram(KftDatagrams *self, const uint8_t *data, size_t size)
{
    KftMetrics *metrics = metrics_of(self);
    size_t needed = KFT_RELAY_HEAD_BYTES + size;

    self->has_received = true;
    if (size > KFT_RELAY_MAX_DATAGRAM_BYTES) {
        metrics->dropped_size++;
        self->traffic->n_dropped++;
        return;
    }
    /* A burst that came in one turn of the loop is no backlog. */
    if (kft_buf_room(&self->waiting) < needed)
        flush(self);
    if (self->is_ended)
        return;
    while (kft_buf_size(&self->waiting) > 0 &&
           (kft_buf_room(&self->waiting) < needed ||
            metrics->queued_bytes + needed > KFT_DATAGRAMS_MAX_QUEUED_BYTES))
        drop_oldest(self);
    uint8_t *frame = metrics->queued_bytes + needed > KFT_DATAGRAMS_MAX_QUEUED_BYTES
                         ? NULL
                         : kft_buf_reserve(&self->waiting, needed);
    if (frame == NULL) {
        metrics->dropped_backlog++;
        self->traffic->n_dropped++;
        return;
    }
    kft_relay_write_head(frame, size);
    if (size > 0)
        memcpy(frame + KFT_RELAY_HEAD_BYTES, data, size);
    kft_buf_commit(&self->waiting, needed);
    metrics->queued_bytes += needed;
    metrics->datagrams_to_client++;
    kft_traffic_to_client(self->traffic, size);
    flush_later(self);
}

static int open_next_socket(KftDatagrams *self);

/* The target says that nobody listens. It may be that somebody will: that is no reason to end. */
static void note_refusal(KftDatagrams *self)
{
    if (self->has_received || self->addresses.n_items < 2 || self->is_sending)
        return;
    close_socket(self);
    if (open_next_socket(self) != 0)
        end(self, KFT_ENDING_UNREACHABLE);
}

static void on_udp_alloc(uv_handle_t *handle, size_t suggested_size, uv_buf_t *buffer)
{
    KftDatagrams *self = handle->data;
    (void)suggested_size;
    *buffer = uv_buf_init((char *)self->traffic->context->scratch, KFT_SCRATCH_BYTES);
}

static void on_udp_recv(uv_udp_t *socket,
                        ssize_t n_bytes,
                        const uv_buf_t *buffer,
                        const struct sockaddr *from,
                        unsigned flags)
{
    KftDatagrams *self = socket->data;
    (void)flags;

    if (n_bytes == UV_ECONNREFUSED)
        note_refusal(self);
    else if (n_bytes > 0 || (n_bytes == 0 && from != NULL))
        take_datagram(self, (const uint8_t *)buffer->base, (size_t)n_bytes);
}

static int open_socket(KftDatagrams *self, const KftAddress *address)
{
    int size = SOCKET_BUFFER_BYTES;
    self->socket = g_new0(uv_udp_t, 1);
    (void)uv_udp_init(self->traffic->context->loop, self->socket);
    self->socket->data = self;
    kft_handles_opened(self->handles);
    int status =
        KFT_FAULT("uv_udp_connect") ? UV_ENETUNREACH : uv_udp_connect(self->socket, &address->base);
    if (status == 0) {
        (void)uv_recv_buffer_size((uv_handle_t *)self->socket, &size);
        status = KFT_FAULT("uv_udp_recv_start")
                     ? UV_ENOMEM
                     : uv_udp_recv_start(self->socket, on_udp_alloc, on_udp_recv);
    }
    if (status != 0)
        close_socket(self);
    return status;
}

/* Tries the addresses behind the one in use, each once, around the end of the list. */
static int open_next_socket(KftDatagrams *self)
{
    int status = UV_EADDRNOTAVAIL;
    for (unsigned n = 0; n < self->addresses.n_items && status != 0; n++) {
        self->address_index = (self->address_index + 1) % self->addresses.n_items;
        status = open_socket(self, &self->addresses.items[self->address_index]);
    }
    return status;
}

static void count_sent(KftDatagrams *self, size_t size, int status)
{
    KftMetrics *metrics = metrics_of(self);
    if (status >= 0) {
        metrics->datagrams_to_target++;
        kft_traffic_to_target(self->traffic, size);
        return;
    }
    self->traffic->n_dropped++;
    if (status == UV_EMSGSIZE)
        metrics->dropped_size++;
    else
        metrics->dropped_send++;
}

static void on_sent(uv_udp_send_t *request, int status);

/* Returns false if the datagram has to wait for the kernel. */
static bool send_datagram(KftDatagrams *self, const KftRelayDatagram *datagram)
{
    uv_buf_t buffer = {.len = datagram->size};
    /* uv_buf_t has no const; libuv only reads. */
    memcpy(&buffer.base, &datagram->data, sizeof datagram->data);
    int status =
        KFT_FAULT("uv_udp_try_send") ? UV_EAGAIN : uv_udp_try_send(self->socket, &buffer, 1, NULL);
    if (status == UV_ECONNREFUSED) {
        /* The answer to an earlier datagram; this one was not sent. */
        note_refusal(self);
        if (self->is_ended)
            return true;
        status = uv_udp_try_send(self->socket, &buffer, 1, NULL);
    }
    if (status != UV_EAGAIN) {
        count_sent(self, datagram->size, status);
        return true;
    }
    if (kft_buf_append(&self->sending, datagram->data, datagram->size) != KFT_R_OK) {
        count_sent(self, datagram->size, UV_ENOMEM);
        return true;
    }
    buffer.base = (char *)self->sending.memory + self->sending.start;
    self->send.data = self;
    status = KFT_FAULT("uv_udp_send")
                 ? UV_ENOBUFS
                 : uv_udp_send(&self->send, self->socket, &buffer, 1, NULL, on_sent);
    if (status == 0) {
        self->is_sending = true;
        return false;
    }
    kft_buf_clear(&self->sending);
    count_sent(self, datagram->size, status);
    return true;
}

/* Sends the datagrams that are in the input. Returns how much was taken; less than @size if the
 * kernel takes no more, or after the end. */
static size_t send_all(KftDatagrams *self, const uint8_t *input, size_t size)
{
    size_t at = 0;

    for (;;) {
        KftRelayDatagram datagram;
        size_t consumed = 0;
        KftResult result =
            kft_relay_decoder_next(&self->decoder, input + at, size - at, &consumed, &datagram);
        at += consumed;
        if (result == KFT_R_AGAIN)
            return at;
        if (result != KFT_R_OK) {
            end(self, result == KFT_R_PROTOCOL ? KFT_ENDING_BAD_CLIENT : KFT_ENDING_FAILED);
            return at;
        }
        if (!send_datagram(self, &datagram) || self->is_ended)
            return at;
    }
}

static void on_stream_alloc(uv_handle_t *handle, size_t suggested_size, uv_buf_t *buffer)
{
    KftDatagrams *self = handle->data;
    (void)suggested_size;
    *buffer = uv_buf_init((char *)self->traffic->context->scratch,
                          (unsigned)kft_fault_clip_read(KFT_SCRATCH_BYTES));
}

static void on_stream_read(uv_stream_t *stream, ssize_t n_bytes, const uv_buf_t *buffer)
{
    KftDatagrams *self = stream->data;

    if (n_bytes == 0)
        return;
    if (n_bytes < 0) {
        bool is_orderly = n_bytes == UV_EOF && kft_relay_decoder_is_between_frames(&self->decoder);
        end(self, is_orderly ? KFT_ENDING_DONE : KFT_ENDING_CLIENT_GONE);
        return;
    }
    size_t size = (size_t)n_bytes;
    const uint8_t *input = (const uint8_t *)buffer->base;
    size_t n_taken = send_all(self, input, size);
    if (self->is_ended || !self->is_sending)
        return;
    (void)uv_read_stop(stream);
    if (kft_buf_append(&self->unread, input + n_taken, size - n_taken) != KFT_R_OK)
        end(self, KFT_ENDING_FAILED);
}

static void read_stream(KftDatagrams *self)
{
    if (KFT_FAULT("uv_read_start") ||
        uv_read_start((uv_stream_t *)self->stream, on_stream_alloc, on_stream_read) != 0)
        end(self, KFT_ENDING_CLIENT_GONE);
}

/* Goes on with the input that is here already, then with the stream. */
static void go_on(KftDatagrams *self)
{
    size_t size = kft_buf_size(&self->unread);
    size_t n_taken = size == 0 ? 0 : send_all(self, kft_buf_data(&self->unread), size);
    if (self->is_ended)
        return;
    kft_buf_consume(&self->unread, n_taken);
    if (self->is_sending)
        return;
    kft_buf_clear(&self->unread);
    read_stream(self);
}

static void on_sent(uv_udp_send_t *request, int status)
{
    KftDatagrams *self = request->data;

    self->is_sending = false;
    if (self->is_ended)
        return;
    count_sent(self, kft_buf_size(&self->sending), status);
    kft_buf_clear(&self->sending);
    go_on(self);
}

int kft_datagrams_init(KftDatagrams *self,
                       KftTraffic *traffic,
                       KftHandles *handles,
                       uv_tcp_t *stream,
                       const KftAddressList *addresses)
{
    size_t queue_bytes = traffic->context->config->udp_queue_bytes;
    *self = (KftDatagrams){.traffic = traffic, .handles = handles, .stream = stream};
    self->addresses = *addresses;
    self->address_index = addresses->n_items - 1;
    kft_relay_decoder_init(&self->decoder);
    kft_buf_init(&self->unread, KFT_SCRATCH_BYTES);
    kft_buf_init(&self->sending, KFT_RELAY_MAX_DATAGRAM_BYTES);
    kft_buf_init(&self->waiting, queue_bytes);
    kft_buf_init(&self->flying, queue_bytes);
    return open_next_socket(self);
}

void kft_datagrams_start(
    KftDatagrams *self, const uint8_t *early, size_t size, KftDatagramsFunc on_end, void *user_data)
{
    self->on_end = on_end;
    self->user_data = user_data;
    self->stream->data = self;
    if (kft_buf_append(&self->unread, early, size) != KFT_R_OK)
        end(self, KFT_ENDING_FAILED);
    else
        go_on(self);
}

const KftAddress *kft_datagrams_get_address(const KftDatagrams *self)
{
    return &self->addresses.items[self->address_index];
}

void kft_datagrams_stop(KftDatagrams *self)
{
    if (self->is_ended)
        return;
    self->is_ended = true;
    (void)uv_read_stop((uv_stream_t *)self->stream);
    close_socket(self);
    if (self->unflushed_link.data != NULL)
        g_queue_unlink(&self->traffic->context->unflushed, &self->unflushed_link);
    self->unflushed_link.data = NULL;
    metrics_of(self)->queued_bytes -= kft_buf_size(&self->waiting) + kft_buf_size(&self->flying);
}

void kft_datagrams_clear(KftDatagrams *self)
{
    kft_relay_decoder_clear(&self->decoder);
    kft_buf_clear(&self->unread);
    kft_buf_clear(&self->sending);
    kft_buf_clear(&self->waiting);
    kft_buf_clear(&self->flying);
}
