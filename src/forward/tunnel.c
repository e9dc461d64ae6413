/* Maps stream pairs to SPDY streams. A pair lives until its owner frees it or its end was told;
 * what still arrives for its streams is dropped, since an unknown stream id is no error here (wire
 * protocols, 3.5).
 *
 * There is no flow control in this protocol: the only way to stop one pair is to stop reading the
 * tunnel, which stops all of them. Hence congestion marks early, pausing late and only as long as
 * it must. */
#include "forward/tunnel.h"

#include <string.h>

#include "base/buf.h"
#include "base/log.h"
#include "forward/bulk.h"
#include "forward/vigil.h"
#include "forward/wire.h"
#include "net/timer.h"
#include "proto/spdy.h"

/* Fits 128 KiB of memory with the WebSocket head. Two such messages may be queued. */
#define MAX_MESSAGE_BYTES ((size_t)128 * 1024 - KFT_WS_MAX_HEAD_BYTES)
/* DATA frame sizes (5.4): small frames while several pairs are active keep echo latency low. */
#define MAX_DATA_ALONE_BYTES ((size_t)64 * 1024)
#define MAX_DATA_SHARED_BYTES ((size_t)16 * 1024)
/* Less room than this is not worth a frame. */
#define MIN_DATA_BYTES 512
/* Frames without data that wait for room: as many as surely fit when the wire says that it has
 * some, half of a message. */
#define MAX_CONTROL_BYTES ((size_t)32 * 1024)

/* Congestion (5.4). */
#define CONGESTED_QUEUE_BYTES ((size_t)256 * 1024)
#define PAUSE_QUEUE_BYTES ((size_t)4 * 1024 * 1024)
#define RESUME_QUEUE_BYTES ((size_t)512 * 1024)
/* A pair that is open for so long may stay, and wait behind whatever else comes to its tunnel. */
#define LASTING_MS 3000
/* A reader that has stopped others for so long, while they had something to say, is cut off. */
#define STALLED_READER_MS 10000

/* How long the end of the error stream is awaited after the data stream's FIN (3.7 rule 1), and the
 * end of both after an error text. */
#define ERROR_STREAM_GRACE_MS 250
/* A server that does not answer a SYN_STREAM within this time never will (3.4). */
#define PAIR_ANSWER_MS 30000
#define MAX_AGE_MS (UINT64_C(60) * 60 * 1000)
#define MAX_STREAM_ID 200000

typedef struct SpdyPair SpdyPair;

struct SpdyPair {
    KftPair base;
    KftTunnel *tunnel;
    GList link; /* in the tunnel's pairs */
    uint32_t error_id;
    uint32_t data_id;
    uint16_t port;
    bool is_answered;   /* SYN_REPLY of the data stream came */
    bool is_data_ended; /* FIN or RST on the data stream came */
    bool is_error_ended;
    bool was_reset;      /* the server reset the data stream before its end */
    bool is_finished;    /* our FIN went out */
    bool is_ending_soon; /* the first sign of the end came */
    bool has_received;
    bool is_paused; /* its queue stopped the tunnel */
    bool wants_room;
    uint32_t round; /* in which it sent round_bytes */
    size_t round_bytes;
    GString *error_text; /* nullable */
    KftTimer *timer;     /* until the answer; then between the first and the last sign of the end */
    size_t queued_bytes;
    uint64_t opened_at; /* what the wire had taken before it */
    uint64_t opened_ms;
    uint64_t last_up_ms;    /* when its last bytes were taken */
    uint64_t up_since_down; /* bytes sent since the pod last said something */
    KftBulk bulk;
    bool owes_data_end; /* is in the tunnel's list `fed` */
    SpdyPair *next_fed;
    bool is_ending; /* on_end runs: the memory goes when it returns */
};

struct KftTunnel {
    KftLoop *loop;
    KftWire *wire;
    KftTunnelFuncs funcs;
    void *user_data;
    KftSpdyEncoder encoder;
    KftSpdyDecoder decoder;
    GHashTable *streams; /* stream id → SpdyPair, both ids of a pair */
    GQueue pairs;        /* SpdyPair by age, the oldest first */
    GQueue writers;      /* SpdyPair that wait for room, first come first served */
    SpdyPair *fed;       /* which got data of the input that is being read */
    uint32_t round;      /* counts how often the wire had room again */
    size_t share_bytes;  /* of each pair in this round, when several wait; 0 = no limit */
    KftBuf controls;     /* resets, ends and pings that wait for room, before all writers */
    KftVigil *vigil;
    uint64_t opened_ms;
    uint64_t trusted_ms; /* when it was last found to be well after a doubt or a hold */
    int64_t pinged_us;   /* when the last ping went; monotonic */
    bool is_ping_answered;
    uint32_t round_trip_us;
    uint32_t next_ping_id;
    uint64_t paused_since_ms; /* 0 = reading */
    bool is_closed;
    bool is_freed;
    unsigned n_dispatching; /* callbacks on the stack: freeing waits */
};

static void destroy(KftTunnel *self)
{
    g_hash_table_destroy(self->streams);
    g_queue_clear(&self->writers);
    kft_buf_clear(&self->controls);
    g_free(self);
}

/* Called after each dispatch; the tunnel may be gone then. */
static void leave_dispatch(KftTunnel *self)
{
    g_assert(self->n_dispatching > 0);
    self->n_dispatching--;
    if (self->n_dispatching == 0 && self->is_freed)
        destroy(self);
}

static gpointer stream_key(uint32_t id)
{
    return GUINT_TO_POINTER(id);
}

/* --- reading interest: derived in one place --- */

static bool any_pair_paused(const KftTunnel *self)
{
    for (const GList *link = self->pairs.head; link != NULL; link = link->next) {
        const SpdyPair *pair = link->data;
        if (pair->is_paused)
            return true;
    }
    return false;
}

static void update_reading(KftTunnel *self)
{
    if (self->is_closed)
        return;
    bool paused = any_pair_paused(self);
    if (paused && self->paused_since_ms == 0)
        self->paused_since_ms = kft_loop_now_ms(self->loop);
    else if (!paused)
        self->paused_since_ms = 0;
    kft_wire_set_reading(self->wire, !paused);
}

/* --- pairs --- */

static void forget_stream(KftTunnel *self, uint32_t id)
{
    g_hash_table_remove(self->streams, stream_key(id));
}

static void note_fed(SpdyPair *pair)
{
    if (pair->owes_data_end)
        return;
    pair->owes_data_end = true;
    pair->next_fed = pair->tunnel->fed;
    pair->tunnel->fed = pair;
}

static void forget_fed(SpdyPair *pair)
{
    if (!pair->owes_data_end)
        return;
    SpdyPair **link = &pair->tunnel->fed;
    while (*link != pair)
        link = &(*link)->next_fed;
    *link = pair->next_fed;
    pair->owes_data_end = false;
}

static void end_data(SpdyPair *pair)
{
    if (!pair->owes_data_end)
        return;
    forget_fed(pair);
    if (pair->base.funcs.on_data_end != NULL)
        pair->base.funcs.on_data_end(pair->base.user_data);
}

/* Takes the pair out of the tunnel and ends its memory; no callback follows. */
static void remove_pair(SpdyPair *pair)
{
    KftTunnel *self = pair->tunnel;
    bool was_paused = pair->is_paused;

    forget_stream(self, pair->error_id);
    forget_stream(self, pair->data_id);
    forget_fed(pair);
    g_queue_remove(&self->writers, pair);
    g_queue_unlink(&self->pairs, &pair->link);
    kft_timer_free(pair->timer);
    if (pair->error_text != NULL)
        g_string_free(pair->error_text, TRUE);
    g_free(pair);
    if (was_paused)
        update_reading(self);
}

static void tell_if_idle(KftTunnel *self)
{
    if (self->pairs.length == 0 && !self->is_closed && !self->is_freed)
        self->funcs.on_idle(self, self->user_data);
}

/* An upload that is faster than the network keeps the wire full, and a reset or an end that got
 * lost would leave a connection of the pod open for good. */
static void send_control(KftTunnel *self, const uint8_t *frame, size_t size)
{
    bool is_behind = kft_buf_size(&self->controls) > 0;
    uint8_t *room = is_behind ? NULL : kft_wire_reserve(self->wire, size);
    if (room == NULL) {
        /* Beyond the limit the server has not read for long, and would not read these either. */
        (void)kft_buf_append(&self->controls, frame, size);
        return;
    }
    memcpy(room, frame, size);
    kft_wire_commit(self->wire, size);
}

static void send_waiting_controls(KftTunnel *self)
{
    size_t size = kft_buf_size(&self->controls);
    uint8_t *room = size == 0 ? NULL : kft_wire_reserve(self->wire, size);
    if (room == NULL)
        return;
    memcpy(room, kft_buf_data(&self->controls), size);
    kft_wire_commit(self->wire, size);
    kft_buf_consume(&self->controls, size);
}

static void send_reset(KftTunnel *self, uint32_t stream_id)
{
    uint8_t frame[16];
    send_control(self, frame, kft_spdy_write_rst_stream(frame, stream_id, KFT_SPDY_RST_CANCEL));
}

static KftPairEnd classify_end(const SpdyPair *pair)
{
    if (pair->error_text == NULL && !pair->was_reset)
        return KFT_PAIR_END_CLEAN;
    return kft_pair_classify_text(pair->error_text, pair->has_received);
}

/* The last thing that happens to a pair: tells its owner and frees it. */
static void end_pair(SpdyPair *pair, KftPairEnd end, const char *text)
{
    KftTunnel *self = pair->tunnel;

    self->n_dispatching++;
    end_data(pair);
    pair->is_ending = true;
    pair->base.funcs.on_end(end, text, pair->base.user_data);
    remove_pair(pair);
    tell_if_idle(self);
    leave_dispatch(self);
}

static void end_pair_by_text(SpdyPair *pair)
{
    const char *text = pair->was_reset ? "the server reset the stream" : NULL;
    if (pair->error_text != NULL)
        text = pair->error_text->str;
    end_pair(pair, classify_end(pair), text);
}

static bool is_held_up(const KftTunnel *self)
{
    return self->paused_since_ms != 0 || kft_wire_get_stuck_since_ms(self->wire) != 0;
}

static void on_pair_timer(void *user_data)
{
    SpdyPair *pair = user_data;
    KftTunnel *self = pair->tunnel;
    uint64_t trusted_for_ms = kft_loop_now_ms(self->loop) - self->trusted_ms;

    if (pair->error_text != NULL || pair->is_data_ended) {
        end_pair_by_text(pair);
    } else if (!kft_vigil_is_trusted(self->vigil) || trusted_for_ms < PAIR_ANSWER_MS) {
        /* It waits as all that is held: the kernel may yet send it again. */
        kft_timer_start(pair->timer, PAIR_ANSWER_MS);
    } else {
        /* Not sent again elsewhere: the server may only be slow and carry it out later. */
        send_reset(self, pair->data_id);
        pair->is_data_ended = true;
        self->funcs.on_held(self, "the server did not answer a connection", self->user_data);
        end_pair(pair, KFT_PAIR_END_LOST, "the server did not answer within 30 s");
    }
}

/* Decides whether the pair is over (3.7): the data stream's end and then the error stream's, or a
 * text. */
static void check_end(SpdyPair *pair)
{
    bool has_sign = pair->is_data_ended || pair->error_text != NULL;

    if (pair->is_data_ended && pair->is_error_ended) {
        end_pair_by_text(pair);
    } else if (has_sign && !pair->is_ending_soon) {
        pair->is_ending_soon = true;
        kft_timer_start(pair->timer, ERROR_STREAM_GRACE_MS);
    }
}

static size_t max_data_bytes(const KftTunnel *self)
{
    return self->pairs.length > 1 ? MAX_DATA_SHARED_BYTES : MAX_DATA_ALONE_BYTES;
}

/* What the pair may still send in this round: the one that is read first must not take all room
 * each time. */
static size_t share_left(const SpdyPair *pair)
{
    const KftTunnel *self = pair->tunnel;
    size_t used = pair->round == self->round ? pair->round_bytes : 0;
    if (self->share_bytes == 0)
        return SIZE_MAX;
    return used >= self->share_bytes ? 0 : MAX(self->share_bytes - used, MIN_DATA_BYTES);
}

static uint8_t *pair_reserve(KftPair *base, size_t *ret_size)
{
    SpdyPair *pair = (SpdyPair *)base;
    KftTunnel *self = pair->tunnel;
    uint8_t *room = NULL;

    if (self->is_closed || pair->is_finished)
        return NULL;
    size_t size = kft_wire_get_room(self->wire);
    size = size > KFT_SPDY_HEAD_BYTES ? MIN(size - KFT_SPDY_HEAD_BYTES, max_data_bytes(self)) : 0;
    size = MIN(size, share_left(pair));
    if (size >= MIN_DATA_BYTES)
        room = kft_wire_reserve(self->wire, KFT_SPDY_HEAD_BYTES + size);
    if (room == NULL) {
        /* Registers for on_drained. */
        (void)kft_wire_reserve(self->wire, SIZE_MAX / 2);
        if (!pair->wants_room)
            g_queue_push_tail(&self->writers, pair);
        pair->wants_room = true;
        /* If only its share is used up, the end of this turn begins the next round. */
        kft_wire_commit(self->wire, 0);
        return NULL;
    }
    *ret_size = size;
    return room + KFT_SPDY_HEAD_BYTES;
}

static void count_bulk(SpdyPair *pair, size_t size)
{
    KftTunnel *self = pair->tunnel;
    if (kft_bulk_count(&pair->bulk, kft_loop_now_ms(self->loop), size))
        self->funcs.on_congested(self, self->user_data);
}

static void pair_commit(KftPair *base, size_t size)
{
    SpdyPair *pair = (SpdyPair *)base;
    KftTunnel *self = pair->tunnel;
    uint8_t *room = kft_wire_reserve(self->wire, KFT_SPDY_HEAD_BYTES + size);

    g_assert(room != NULL && size > 0);
    kft_spdy_write_data_head(room, pair->data_id, 0, size);
    kft_wire_commit(self->wire, KFT_SPDY_HEAD_BYTES + size);
    pair->last_up_ms = kft_loop_now_ms(self->loop);
    if (pair->round != self->round)
        pair->round_bytes = 0;
    pair->round = self->round;
    pair->round_bytes += size;
    bool was_mute = pair->up_since_down > KFT_MUTE_UPLOAD_BYTES;
    pair->up_since_down += size;
    if (!was_mute && pair->up_since_down > KFT_MUTE_UPLOAD_BYTES)
        self->funcs.on_congested(self, self->user_data);
    count_bulk(pair, size);
}

static void pair_finish(KftPair *base)
{
    SpdyPair *pair = (SpdyPair *)base;
    uint8_t frame[KFT_SPDY_HEAD_BYTES];

    if (pair->is_finished || pair->is_data_ended || pair->tunnel->is_closed)
        return;
    pair->is_finished = true;
    kft_spdy_write_data_head(frame, pair->data_id, KFT_SPDY_FLAG_FIN, 0);
    send_control(pair->tunnel, frame, sizeof frame);
}

static void pair_report_queued(KftPair *base, size_t queued_bytes)
{
    SpdyPair *pair = (SpdyPair *)base;
    KftTunnel *self = pair->tunnel;
    bool was_paused = pair->is_paused;
    bool was_congested = pair->queued_bytes > CONGESTED_QUEUE_BYTES;

    pair->queued_bytes = queued_bytes;
    if (queued_bytes > PAUSE_QUEUE_BYTES)
        pair->is_paused = true;
    else if (queued_bytes <= RESUME_QUEUE_BYTES)
        pair->is_paused = false;
    if (was_paused != pair->is_paused)
        update_reading(self);
    if (!was_congested && queued_bytes > CONGESTED_QUEUE_BYTES)
        self->funcs.on_congested(self, self->user_data);
}

static void pair_free(KftPair *base)
{
    SpdyPair *pair = (SpdyPair *)base;
    KftTunnel *self = pair->tunnel;

    if (pair->is_ending)
        return;
    if (!self->is_closed && !pair->is_data_ended) {
        kft_log(KFT_LOG_TUNNEL, KFT_LEVEL_DEBUG, "stream %u: reset by us", pair->data_id);
        send_reset(self, pair->data_id);
    }
    self->n_dispatching++;
    remove_pair(pair);
    tell_if_idle(self);
    leave_dispatch(self);
}

static const KftPairOps pair_ops = {
    .reserve = pair_reserve,
    .commit = pair_commit,
    .finish = pair_finish,
    .report_queued = pair_report_queued,
    .free = pair_free,
};

static bool send_syn_streams(KftTunnel *self, const SpdyPair *pair)
{
    uint8_t *room = kft_wire_reserve(self->wire, (size_t)2 * KFT_SPDY_MAX_SYN_BYTES);
    if (room == NULL)
        return false;
    size_t size = kft_spdy_write_syn_stream(&self->encoder, room, pair->error_id,
                                            KFT_SPDY_STREAM_ERROR, pair->port, pair->error_id);
    size += kft_spdy_write_syn_stream(&self->encoder, room + size, pair->data_id,
                                      KFT_SPDY_STREAM_DATA, pair->port, pair->error_id);
    /* The local peer's first bytes are usually there one turn after the connection itself. */
    kft_wire_commit_later(self->wire, size);
    return true;
}

KftPair *
kft_tunnel_open_pair(KftTunnel *self, uint16_t port, const KftPairFuncs *funcs, void *user_data)
{
    if (!kft_tunnel_is_usable(self) ||
        kft_wire_get_room(self->wire) < (size_t)2 * KFT_SPDY_MAX_SYN_BYTES)
        return NULL;
    uint32_t error_id = kft_spdy_encoder_take_id(&self->encoder);
    uint32_t data_id = kft_spdy_encoder_take_id(&self->encoder);
    if (error_id == 0 || data_id == 0)
        return NULL;
    SpdyPair *pair = g_new0(SpdyPair, 1);
    *pair = (SpdyPair){
        .base = {.ops = &pair_ops, .funcs = *funcs, .user_data = user_data},
        .tunnel = self,
        .error_id = error_id,
        .data_id = data_id,
        .port = port,
        .opened_at = kft_wire_get_committed(self->wire),
        .opened_ms = kft_loop_now_ms(self->loop),
    };
    pair->link.data = pair;
    bool sent = send_syn_streams(self, pair);
    g_assert(sent);
    pair->timer = kft_timer_new(self->loop, on_pair_timer, pair);
    kft_timer_start(pair->timer, PAIR_ANSWER_MS);
    g_hash_table_insert(self->streams, stream_key(error_id), pair);
    g_hash_table_insert(self->streams, stream_key(data_id), pair);
    g_queue_push_tail_link(&self->pairs, &pair->link);
    kft_vigil_look_again(self->vigil);
    return &pair->base;
}

/* --- frames of the server --- */

static void handle_error_data(SpdyPair *pair, const KftSpdyEvent *event)
{
    if (event->size > 0)
        kft_pair_append_text(&pair->error_text, event->data, event->size);
    if (event->is_fin)
        pair->is_error_ended = true;
    check_end(pair);
}

static void handle_data(KftTunnel *self, const KftSpdyEvent *event)
{
    SpdyPair *pair = g_hash_table_lookup(self->streams, stream_key(event->stream_id));
    if (pair == NULL)
        return;
    if (event->stream_id == pair->error_id) {
        handle_error_data(pair, event);
        return;
    }
    if (pair->is_data_ended)
        return;
    if (event->size > 0) {
        pair->has_received = true;
        pair->up_since_down = 0;
        count_bulk(pair, event->size);
        note_fed(pair);
        pair->base.funcs.on_data(event->data, event->size, pair->base.user_data);
    }
    if (!event->is_fin || g_hash_table_lookup(self->streams, stream_key(event->stream_id)) != pair)
        return;
    pair->is_data_ended = true;
    check_end(pair);
}

static void handle_syn_reply(KftTunnel *self, const KftSpdyEvent *event)
{
    SpdyPair *pair = g_hash_table_lookup(self->streams, stream_key(event->stream_id));
    if (pair == NULL || event->stream_id != pair->data_id || pair->is_answered)
        return;
    pair->is_answered = true;
    if (!pair->is_ending_soon)
        kft_timer_stop(pair->timer);
}

static void handle_reset(KftTunnel *self, const KftSpdyEvent *event)
{
    SpdyPair *pair = g_hash_table_lookup(self->streams, stream_key(event->stream_id));
    if (pair == NULL)
        return;
    if (event->stream_id == pair->error_id) {
        pair->is_error_ended = true;
    } else if (!pair->is_data_ended) {
        /* The error stream may still bring the reason. */
        pair->is_data_ended = true;
        pair->was_reset = true;
    }
    check_end(pair);
}

static void handle_ping(KftTunnel *self, const KftSpdyEvent *event)
{
    uint8_t frame[16];

    if (event->value % 2 == 1) {
        if (event->value + 2 != self->next_ping_id)
            return;
        self->round_trip_us =
            (uint32_t)CLAMP(g_get_monotonic_time() - self->pinged_us, 1, UINT32_MAX);
        self->is_ping_answered = true;
        kft_vigil_look_again(self->vigil);
        return;
    }
    send_control(self, frame, kft_spdy_write_ping(frame, event->value));
}

/* @last_good_id: of the streams that the server has looked at, by its own words. */
static void close_after(KftTunnel *self, uint32_t last_good_id, const char *reason)
{
    if (self->is_closed)
        return;
    uint64_t n_begun = kft_wire_get_begun(self->wire);
    self->is_closed = true;
    g_clear_pointer(&self->vigil, kft_vigil_free);
    self->n_dispatching++;
    /* Each on_end may free its pair or others: take them one at a time. */
    SpdyPair *pair = NULL;
    while ((pair = g_queue_peek_head(&self->pairs)) != NULL) {
        bool is_unsent = pair->opened_at >= n_begun || pair->error_id > last_good_id;
        end_pair(pair, is_unsent ? KFT_PAIR_END_UNSENT : KFT_PAIR_END_LOST, reason);
    }
    if (!self->is_freed)
        self->funcs.on_closed(self, reason, self->user_data);
    leave_dispatch(self);
}

static void close_with(KftTunnel *self, const char *reason)
{
    close_after(self, UINT32_MAX, reason);
}

static void handle_event(KftTunnel *self, const KftSpdyEvent *event)
{
    switch (event->type) {
    case KFT_SPDY_EVENT_DATA:
        handle_data(self, event);
        return;
    case KFT_SPDY_EVENT_SYN_STREAM:
        send_reset(self, event->stream_id);
        return;
    case KFT_SPDY_EVENT_SYN_REPLY:
        handle_syn_reply(self, event);
        return;
    case KFT_SPDY_EVENT_IGNORED:
        return;
    case KFT_SPDY_EVENT_RST_STREAM:
        handle_reset(self, event);
        return;
    case KFT_SPDY_EVENT_PING:
        handle_ping(self, event);
        return;
    case KFT_SPDY_EVENT_GOAWAY:
        close_after(self, event->stream_id, "the server ended the session");
        return;
    }
    g_assert_not_reached();
}

static KftResult on_wire_input(const KftWsEvent *input, void *user_data)
{
    KftTunnel *self = user_data;
    const uint8_t *data = input->data;
    size_t size = input->size;
    KftResult result = KFT_R_OK;

    if (input->opcode == KFT_WS_TEXT)
        return KFT_R_PROTOCOL;
    self->n_dispatching++;
    while (size > 0 && !self->is_closed && !self->is_freed) {
        size_t consumed = 0;
        KftSpdyEvent event;
        result = kft_spdy_decoder_next(&self->decoder, data, size, &consumed, &event);
        if (result != KFT_R_OK)
            break;
        handle_event(self, &event);
        data += consumed;
        size -= consumed;
    }
    /* Other input may come although nothing of ours gets there any more. */
    if (self->is_ping_answered && !self->is_closed && !self->is_freed)
        kft_vigil_trust(self->vigil);
    leave_dispatch(self);
    return result == KFT_R_AGAIN ? KFT_R_OK : result;
}

static void on_wire_input_end(void *user_data)
{
    KftTunnel *self = user_data;

    self->n_dispatching++;
    while (self->fed != NULL)
        end_data(self->fed);
    leave_dispatch(self);
}

static void on_wire_drained(void *user_data)
{
    KftTunnel *self = user_data;
    guint n_waiting = g_queue_get_length(&self->writers);

    send_waiting_controls(self);
    self->round++;
    self->share_bytes = n_waiting > 1 ? kft_wire_get_room(self->wire) / n_waiting + 1 : 0;
    self->n_dispatching++;
    while (n_waiting-- > 0 && !self->is_closed && !self->is_freed) {
        SpdyPair *pair = g_queue_pop_head(&self->writers);
        if (pair == NULL)
            break;
        pair->wants_room = false;
        pair->base.funcs.on_writable(pair->base.user_data);
    }
    leave_dispatch(self);
}

static void on_wire_closed(const char *reason, bool is_orderly, void *user_data)
{
    (void)is_orderly;
    close_with(user_data, reason);
}

/* --- keeping alive --- */

/* The oldest pair that @fits; NULL = none does. */
static SpdyPair *find_pair(const KftTunnel *self, bool (*fits)(const SpdyPair *pair))
{
    for (GList *link = self->pairs.head; link != NULL; link = link->next) {
        /* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): remove_pair() unlinks what it frees */
        if (fits(link->data))
            return link->data;
    }
    return NULL;
}

static bool is_mute_upload(const SpdyPair *pair)
{
    return pair->up_since_down > KFT_MUTE_UPLOAD_BYTES;
}

static void describe(KftLivenessInput *input, void *user_data)
{
    const KftTunnel *self = user_data;
    input->is_paused = self->paused_since_ms != 0;
    input->is_busy = self->pairs.length > 0;
    input->is_idle = self->pairs.length == 0;
    input->is_unanswered = !self->is_ping_answered;
    input->is_mute_upload = find_pair(self, is_mute_upload) != NULL;
}

static void send_ping(void *user_data)
{
    KftTunnel *self = user_data;
    uint8_t frame[16];
    send_control(self, frame, kft_spdy_write_ping(frame, self->next_ping_id));
    self->next_ping_id += 2;
    self->pinged_us = g_get_monotonic_time();
    self->is_ping_answered = false;
}

/* Whether it sent something that may well have been answered since reading stopped. */
static bool is_waiting(const SpdyPair *pair)
{
    return !pair->is_paused &&
           (!pair->is_answered || pair->last_up_ms >= pair->tunnel->paused_since_ms);
}

static bool is_paused(const SpdyPair *pair)
{
    return pair->is_paused;
}

/* Ends a pair whose reader has stopped others for too long. Without others it may take its time. */
static void cut_stalled_reader(KftTunnel *self, uint64_t now)
{
    if (self->paused_since_ms == 0 || now - self->paused_since_ms < STALLED_READER_MS)
        return;
    SpdyPair *pair = find_pair(self, is_paused);
    if (pair == NULL || find_pair(self, is_waiting) == NULL)
        return;
    send_reset(self, pair->data_id);
    pair->is_data_ended = true;
    end_pair(pair, KFT_PAIR_END_ERROR,
             "the local program did not read and held up other connections");
}

static void on_tick(uint64_t now_ms, void *user_data)
{
    KftTunnel *self = user_data;
    if (kft_tunnel_has_lasting_pair(self))
        self->funcs.on_congested(self, self->user_data);
    cut_stalled_reader(self, now_ms);
}

/* Whether its owner would rather have another at once. */
static bool is_impatient(const SpdyPair *pair)
{
    return pair->base.funcs.is_impatient && !pair->is_ending;
}

static void on_held(const char *reason, void *user_data)
{
    KftTunnel *self = user_data;
    SpdyPair *pair = NULL;

    self->n_dispatching++;
    self->funcs.on_held(self, reason, self->user_data);
    while (!self->is_closed && !self->is_freed && (pair = find_pair(self, is_impatient)) != NULL)
        end_pair(pair, KFT_PAIR_END_LOST, reason);
    leave_dispatch(self);
}

static void on_trusted(void *user_data)
{
    KftTunnel *self = user_data;
    self->trusted_ms = kft_loop_now_ms(self->loop);
    self->funcs.on_trusted(self, self->user_data);
}

static void on_dead(const char *reason, void *user_data)
{
    close_with(user_data, reason);
}

void kft_tunnel_verify(KftTunnel *self, uint32_t limit_ms)
{
    if (!self->is_closed)
        kft_vigil_verify(self->vigil, limit_ms);
}

void kft_tunnel_give_up(KftTunnel *self)
{
    close_with(self, "the server stopped answering");
}

/* --- life --- */

KftTunnel *kft_tunnel_new(KftCluster *cluster,
                          KftHeldList *held,
                          KftStream *stream,
                          KftCarrier carrier,
                          GBytes *early,
                          const KftTunnelFuncs *funcs,
                          void *user_data)
{
    static const KftWireFuncs wire_funcs = {
        .on_input = on_wire_input,
        .on_input_end = on_wire_input_end,
        .on_drained = on_wire_drained,
        .on_closed = on_wire_closed,
    };
    static const KftVigilFuncs vigil_funcs = {
        .describe = describe,
        .send_ping = send_ping,
        .on_tick = on_tick,
        .on_held = on_held,
        .on_trusted = on_trusted,
        .on_dead = on_dead,
    };
    KftLoop *loop = kft_cluster_get_loop(cluster);
    KftTunnel *self = g_new0(KftTunnel, 1);
    self->loop = loop;
    self->funcs = *funcs;
    self->user_data = user_data;
    self->streams = g_hash_table_new(g_direct_hash, g_direct_equal);
    g_queue_init(&self->writers);
    kft_buf_init(&self->controls, MAX_CONTROL_BYTES);
    kft_spdy_encoder_init(&self->encoder);
    kft_spdy_decoder_init(&self->decoder);
    self->next_ping_id = 1;
    self->opened_ms = kft_loop_now_ms(loop);
    self->wire = kft_wire_new(loop, stream, carrier == KFT_CARRIER_TUNNEL, MAX_MESSAGE_BYTES, early,
                              &wire_funcs, self);
    self->vigil =
        kft_vigil_new(loop, kft_cluster_get_reach(cluster), held, self->wire, &vigil_funcs, self);
    kft_vigil_ping(self->vigil); /* for the round trip */
    return self;
}

size_t kft_tunnel_get_n_pairs(const KftTunnel *self)
{
    return self->pairs.length;
}

static bool is_bulk(const SpdyPair *pair)
{
    return kft_bulk_is_now(&pair->bulk, kft_loop_now_ms(pair->tunnel->loop)) ||
           pair->queued_bytes > CONGESTED_QUEUE_BYTES;
}

bool kft_tunnel_is_congested(const KftTunnel *self)
{
    return is_held_up(self) || find_pair(self, is_mute_upload) != NULL ||
           find_pair(self, is_bulk) != NULL;
}

bool kft_tunnel_has_lasting_pair(const KftTunnel *self)
{
    uint64_t now = kft_loop_now_ms(self->loop);
    for (const GList *link = self->pairs.head; link != NULL; link = link->next) {
        const SpdyPair *pair = link->data;
        if (now - pair->opened_ms < LASTING_MS)
            return false;
        if (!pair->is_data_ended)
            return true;
    }
    return false;
}

bool kft_tunnel_is_usable(const KftTunnel *self)
{
    return !self->is_closed && kft_vigil_is_trusted(self->vigil);
}

bool kft_tunnel_was_heard(const KftTunnel *self)
{
    return kft_wire_was_heard(self->wire);
}

uint32_t kft_tunnel_get_round_trip_us(const KftTunnel *self)
{
    return self->round_trip_us;
}

bool kft_tunnel_is_worn(const KftTunnel *self)
{
    return self->encoder.next_stream_id > MAX_STREAM_ID ||
           kft_loop_now_ms(self->loop) - self->opened_ms > MAX_AGE_MS;
}

void kft_tunnel_free(KftTunnel *self)
{
    if (self == NULL || self->is_freed)
        return;
    self->is_freed = true;
    self->n_dispatching++;
    if (!self->is_closed) {
        uint8_t frame[16];
        send_control(self, frame, kft_spdy_write_goaway(frame, 0));
        close_with(self, "closed");
    }
    /* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): n_dispatching keeps it until the last line */
    kft_wire_close(self->wire);
    leave_dispatch(self);
}
