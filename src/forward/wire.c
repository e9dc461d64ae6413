/* The wire keeps two message buffers: one is filled, the other is on its way to the peer, so what
 * TLS has begun to write never moves. A message begins with room for the longest WebSocket head;
 * the head is written right before the payload when its length is known. Control frames have a
 * queue of their own and go between messages.
 *
 * Decoders take all input at once and hold what is incomplete, so one read buffer per thread serves
 * all wires. */
#include "forward/wire.h"

#include <string.h>

#include "base/buf.h"
#include "base/random.h"
#include "net/timer.h"

/* Eight TLS records (RFC 8446 5.1): payload of several records goes to a local socket in one write.
 */
#define READ_BUFFER_BYTES ((size_t)128 * 1024)
/* After so many buffers other connections get their turn. */
#define READS_PER_TURN 8
/* One TLS record: a write of more may fail after a part of it has left. */
#define MAX_RECORD_BYTES ((size_t)16 * 1024)
#define CONTROL_LIMIT_BYTES ((size_t)8 * 1024)
#define LINGER_MS 2000

typedef enum {
    SENDING_NOTHING,
    SENDING_CONTROL,
    SENDING_MESSAGE
} Sending;

struct KftWire {
    KftLoop *loop;
    KftStream *stream;
    KftWireFuncs funcs;
    void *user_data;
    bool is_websocket;
    size_t max_message_bytes;
    KftWsDecoder decoder;
    KftBuf messages[2];
    unsigned filling;     /* index of the message that is being filled */
    uint64_t n_committed; /* of all messages */
    uint64_t n_sealed;    /* of those that were sealed */
    uint64_t n_begun;     /* of those of which something may have left */
    KftBuf control;
    Sending sending;
    bool wants_room; /* a reserve failed: on_drained is owed */
    bool is_reading;
    bool is_closed; /* on_closed was given out, or the wire lingers */
    bool is_lingering;
    bool is_dispatching; /* inside input callbacks: freeing waits */
    bool is_freed;
    GBytes *early;
    KftDeferred *flush;
    bool flush_is_late;
    KftTimer *linger;
    uint64_t last_input_ms;
    bool was_heard;
    uint64_t stuck_since_ms;
};

static _Thread_local uint8_t read_buffer[READ_BUFFER_BYTES];

static void on_flush(void *user_data);

static void destroy(KftWire *self)
{
    if (self->flush != NULL)
        kft_deferred_cancel(self->flush);
    kft_timer_free(self->linger);
    kft_stream_free(self->stream);
    kft_buf_clear(&self->messages[0]);
    kft_buf_clear(&self->messages[1]);
    kft_buf_clear(&self->control);
    g_clear_pointer(&self->early, g_bytes_unref);
    g_free(self);
}

static void update_interest(KftWire *self)
{
    bool has_output = self->sending != SENDING_NOTHING;
    kft_stream_set_interest(self->stream,
                            self->is_reading && (!self->is_closed || self->is_lingering),
                            has_output && (!self->is_closed || self->is_lingering));
}

static void close_as(KftWire *self, const char *reason, bool is_orderly)
{
    if (self->is_lingering) {
        self->is_freed = true;
        return;
    }
    if (self->is_closed)
        return;
    self->is_closed = true;
    update_interest(self);
    self->funcs.on_closed(reason, is_orderly, self->user_data);
}

static void close_with(KftWire *self, const char *reason)
{
    close_as(self, reason, /* is_orderly= */ false);
}

/* --- output --- */

static KftBuf *filling_buf(KftWire *self)
{
    return &self->messages[self->filling];
}

static size_t head_room(const KftWire *self)
{
    return self->is_websocket ? KFT_WS_MAX_HEAD_BYTES : 0;
}

size_t kft_wire_get_room(const KftWire *self)
{
    const KftBuf *buf = &self->messages[self->filling];
    size_t size = kft_buf_size(buf);
    size_t used = size > head_room(self) ? size - head_room(self) : 0;
    return used >= self->max_message_bytes ? 0 : self->max_message_bytes - used;
}

uint8_t *kft_wire_reserve(KftWire *self, size_t size)
{
    KftBuf *buf = filling_buf(self);
    uint8_t *room = NULL;

    if (size <= kft_wire_get_room(self) && !self->is_closed) {
        if (kft_buf_size(buf) == 0 && self->is_websocket &&
            kft_buf_reserve(buf, KFT_WS_MAX_HEAD_BYTES + size) != NULL)
            kft_buf_commit(buf, KFT_WS_MAX_HEAD_BYTES);
        room = kft_buf_reserve(buf, size);
    }
    if (room == NULL)
        self->wants_room = true;
    return room;
}

static void schedule_flush(KftWire *self, bool is_late)
{
    if (self->flush != NULL) {
        self->flush_is_late = self->flush_is_late && is_late;
        return;
    }
    self->flush_is_late = is_late;
    self->flush = kft_loop_defer(self->loop, on_flush, self);
}

static void commit(KftWire *self, size_t size, bool is_late)
{
    kft_buf_commit(filling_buf(self), size);
    self->n_committed += size;
    schedule_flush(self, is_late);
}

void kft_wire_commit(KftWire *self, size_t size)
{
    commit(self, size, /* is_late= */ false);
}

void kft_wire_commit_later(KftWire *self, size_t size)
{
    commit(self, size, /* is_late= */ true);
}

uint64_t kft_wire_get_committed(const KftWire *self)
{
    return self->n_committed;
}

uint64_t kft_wire_get_begun(const KftWire *self)
{
    return self->n_begun;
}

/* Writes the WebSocket head right before the payload and drops the room that it did not need. */
static void seal_message(KftBuf *buf)
{
    size_t payload = kft_buf_size(buf) - KFT_WS_MAX_HEAD_BYTES;
    uint8_t mask[4];
    uint8_t head[KFT_WS_MAX_HEAD_BYTES];

    kft_random_bytes(mask, sizeof mask);
    size_t head_size = kft_ws_write_head(head, KFT_WS_BINARY, payload, mask);
    kft_buf_consume(buf, KFT_WS_MAX_HEAD_BYTES - head_size);
    uint8_t *start = buf->memory + buf->start;
    memcpy(start, head, head_size);
    kft_ws_mask(start + head_size, payload, mask, 0);
}

static bool has_message(const KftWire *self)
{
    return kft_buf_size(&self->messages[self->filling]) > head_room(self);
}

/* Picks what is sent next once the last piece is out. */
static KftBuf *pick_output(KftWire *self)
{
    if (self->sending == SENDING_NOTHING) {
        bool has_control = kft_buf_size(&self->control) > 0;
        /* Nothing may follow a Close frame (RFC 6455 5.5.1): at the end data goes first. */
        bool prefers_message = self->is_lingering || !has_control;
        if (prefers_message && has_message(self)) {
            if (self->is_websocket)
                seal_message(filling_buf(self));
            self->filling ^= 1;
            self->n_sealed = self->n_committed;
            self->sending = SENDING_MESSAGE;
        } else if (has_control) {
            self->sending = SENDING_CONTROL;
        }
    }
    switch (self->sending) {
    case SENDING_NOTHING:
        return NULL;
    case SENDING_CONTROL:
        return &self->control;
    case SENDING_MESSAGE:
        return &self->messages[self->filling ^ 1];
    }
    g_assert_not_reached();
}

/* Writes a piece of @buf, and keeps account of what has left. */
static KftResult write_output(KftWire *self, KftBuf *buf)
{
    size_t size = kft_buf_size(buf);
    size_t written = 0;

    KftResult result = kft_stream_write(self->stream, kft_buf_data(buf), size, &written);
    bool may_have_left = result == KFT_R_OK || result == KFT_R_AGAIN || size > MAX_RECORD_BYTES;
    if (self->sending == SENDING_MESSAGE && may_have_left)
        self->n_begun = self->n_sealed;
    kft_buf_consume(buf, written);
    return result;
}

/* Writes until the socket takes no more. Returns false if the stream failed. */
static bool flush_output(KftWire *self)
{
    KftBuf *buf = NULL;

    while ((buf = pick_output(self)) != NULL) {
        KftResult result = write_output(self, buf);
        if (result == KFT_R_AGAIN) {
            if (self->stuck_since_ms == 0)
                self->stuck_since_ms = kft_loop_now_ms(self->loop);
            return true;
        }
        if (result != KFT_R_OK)
            return false;
        self->stuck_since_ms = 0;
        if (kft_buf_size(buf) == 0)
            self->sending = SENDING_NOTHING;
    }
    return true;
}

static void flush_and_tell(KftWire *self)
{
    if (self->is_closed && !self->is_lingering)
        return;
    if (!flush_output(self)) {
        close_with(self, kft_stream_get_error(self->stream));
        return;
    }
    update_interest(self);
    if (self->wants_room && !self->is_closed &&
        kft_wire_get_room(self) >= self->max_message_bytes / 2) {
        self->wants_room = false;
        self->funcs.on_drained(self->user_data);
    }
}

static void run_flush(KftWire *self)
{
    bool was_dispatching = self->is_dispatching;
    self->is_dispatching = true;
    flush_and_tell(self);
    self->is_dispatching = was_dispatching;
    if (self->is_freed && !was_dispatching)
        destroy(self);
}

static void on_flush(void *user_data)
{
    KftWire *self = user_data;
    self->flush = NULL;
    if (self->flush_is_late) {
        schedule_flush(self, /* is_late= */ false);
        return;
    }
    run_flush(self);
}

static void on_stream_writable(void *user_data)
{
    run_flush(user_data);
}

static void queue_control(KftWire *self, unsigned opcode, const uint8_t *payload, size_t size)
{
    uint8_t frame[KFT_WS_MAX_HEAD_BYTES + KFT_WS_MAX_CONTROL_BYTES];
    uint8_t mask[4];

    kft_random_bytes(mask, sizeof mask);
    size_t length = kft_ws_write_control(frame, opcode, payload, size, mask);
    /* A peer that pings faster than it reads loses pongs, not our memory. */
    if (kft_buf_append(&self->control, frame, length) == KFT_R_OK)
        schedule_flush(self, /* is_late= */ false);
}

static void queue_close(KftWire *self)
{
    static const uint8_t normal[] = {KFT_WS_CLOSE_NORMAL >> 8, KFT_WS_CLOSE_NORMAL & 0xff};
    queue_control(self, KFT_WS_CLOSE, normal, sizeof normal);
}

void kft_wire_ping(KftWire *self)
{
    if (self->is_websocket && !self->is_closed)
        queue_control(self, KFT_WS_PING, (const uint8_t *)"kft", 3);
}

void kft_wire_send_empty_frame(KftWire *self)
{
    if (self->is_websocket && !self->is_closed)
        queue_control(self, KFT_WS_BINARY, NULL, 0);
}

/* --- input --- */

static void handle_ws_event(KftWire *self, const KftWsEvent *event)
{
    switch (event->type) {
    case KFT_WS_EVENT_DATA: {
        if (self->is_closed)
            return;
        KftResult result = self->funcs.on_input(event, self->user_data);
        if (result != KFT_R_OK)
            close_with(self, "the server broke the port-forward protocol");
        return;
    }
    case KFT_WS_EVENT_PING:
        queue_control(self, KFT_WS_PONG, event->data, event->size);
        return;
    case KFT_WS_EVENT_PONG:
        return;
    case KFT_WS_EVENT_CLOSE:
        if (!self->is_lingering)
            queue_close(self);
        (void)flush_output(self);
        close_as(self, "the server closed the connection", /* is_orderly= */ true);
        return;
    }
    g_assert_not_reached();
}

static void feed_websocket(KftWire *self, const uint8_t *data, size_t size)
{
    while (size > 0 && !self->is_freed) {
        size_t consumed = 0;
        KftWsEvent event;
        KftResult result = kft_ws_decoder_next(&self->decoder, data, size, &consumed, &event);
        if (result == KFT_R_OK) {
            handle_ws_event(self, &event);
        } else if (result != KFT_R_AGAIN) {
            close_with(self, "the server sent something that is not a WebSocket frame");
            return;
        }
        if (self->is_closed && !self->is_lingering)
            return;
        data += consumed;
        size -= consumed;
    }
}

static void feed(KftWire *self, const uint8_t *data, size_t size)
{
    self->was_heard = true;
    self->last_input_ms = kft_loop_now_ms(self->loop);
    if (self->is_websocket) {
        feed_websocket(self, data, size);
    } else {
        const KftWsEvent event = {.type = KFT_WS_EVENT_DATA, .data = data, .size = size};
        handle_ws_event(self, &event);
    }
    if (!self->is_closed && !self->is_freed)
        self->funcs.on_input_end(self->user_data);
}

/* Fills the read buffer from as many TLS records as there are. */
static KftResult fill_read_buffer(KftWire *self, size_t *ret_size)
{
    KftResult result = KFT_R_OK;
    size_t size = 0;

    while (size < sizeof read_buffer && result == KFT_R_OK) {
        size_t got = 0;
        result = kft_stream_read(self->stream, read_buffer + size, sizeof read_buffer - size, &got);
        if (result == KFT_R_OK)
            size += got;
    }
    *ret_size = size;
    return result;
}

static void read_input(KftWire *self)
{
    for (unsigned i = 0; i < READS_PER_TURN; i++) {
        size_t size = 0;
        KftResult result = fill_read_buffer(self, &size);
        if (size > 0)
            feed(self, read_buffer, size);
        if (self->is_freed || (self->is_closed && !self->is_lingering))
            return;
        if (result == KFT_R_AGAIN)
            return;
        if (result == KFT_R_EOF) {
            close_with(self, "the server ended the connection");
            return;
        }
        if (result != KFT_R_OK) {
            close_with(self, kft_stream_get_error(self->stream));
            return;
        }
        if (!self->is_reading)
            return;
    }
}

static void on_stream_readable(void *user_data)
{
    KftWire *self = user_data;
    self->is_dispatching = true;
    read_input(self);
    self->is_dispatching = false;
    if (self->is_freed)
        destroy(self);
}

static void on_early(void *user_data)
{
    KftWire *self = user_data;
    self->flush = NULL;
    g_autoptr(GBytes) early = g_steal_pointer(&self->early);
    gsize size = 0;
    const uint8_t *data = g_bytes_get_data(early, &size);

    self->is_dispatching = true;
    feed(self, data, size);
    if (!self->is_freed)
        flush_and_tell(self);
    self->is_dispatching = false;
    if (self->is_freed)
        destroy(self);
}

void kft_wire_set_reading(KftWire *self, bool reading)
{
    self->is_reading = reading;
    update_interest(self);
}

bool kft_wire_was_heard(const KftWire *self)
{
    return self->was_heard;
}

uint64_t kft_wire_get_last_input_ms(const KftWire *self)
{
    return self->last_input_ms;
}

uint64_t kft_wire_get_stuck_since_ms(const KftWire *self)
{
    return self->stuck_since_ms;
}

void kft_wire_get_tcp_state(const KftWire *self, KftTcpState *ret_state)
{
    kft_stream_get_tcp_state(self->stream, ret_state);
}

void kft_wire_set_patience(KftWire *self, uint32_t patience_ms)
{
    kft_stream_set_patience(self->stream, patience_ms);
}

/* --- life --- */

KftWire *kft_wire_new(KftLoop *loop,
                      KftStream *stream,
                      bool is_websocket,
                      size_t max_message_bytes,
                      GBytes *early,
                      const KftWireFuncs *funcs,
                      void *user_data)
{
    static const KftStreamFuncs stream_funcs = {
        .on_readable = on_stream_readable,
        .on_writable = on_stream_writable,
    };
    KftWire *self = g_new0(KftWire, 1);
    self->loop = loop;
    self->stream = stream;
    self->funcs = *funcs;
    self->user_data = user_data;
    self->is_websocket = is_websocket;
    self->max_message_bytes = max_message_bytes;
    self->is_reading = true;
    self->last_input_ms = kft_loop_now_ms(loop);
    kft_ws_decoder_init(&self->decoder);
    size_t limit = max_message_bytes + KFT_WS_MAX_HEAD_BYTES;
    kft_buf_init(&self->messages[0], limit);
    kft_buf_init(&self->messages[1], limit);
    kft_buf_init(&self->control, CONTROL_LIMIT_BYTES);
    kft_stream_set_funcs(stream, &stream_funcs, self);
    if (early != NULL && g_bytes_get_size(early) > 0) {
        self->early = g_bytes_ref(early);
        self->flush = kft_loop_defer(loop, on_early, self);
    }
    update_interest(self);
    return self;
}

static void on_linger_end(void *user_data)
{
    destroy(user_data);
}

void kft_wire_close(KftWire *self)
{
    if (self->is_closed || !self->is_websocket) {
        /* Without a handshake what the socket takes at once is all that still leaves. */
        if (!self->is_closed)
            (void)flush_output(self);
        kft_wire_free(self);
        return;
    }
    queue_close(self);
    self->is_closed = true;
    self->is_lingering = true;
    self->is_reading = true;
    self->linger = kft_timer_new(self->loop, on_linger_end, self);
    kft_timer_start(self->linger, LINGER_MS);
    update_interest(self);
}

void kft_wire_free(KftWire *self)
{
    if (self == NULL || self->is_freed)
        return;
    self->is_freed = true;
    self->is_closed = true;
    if (!self->is_dispatching)
        destroy(self);
}
