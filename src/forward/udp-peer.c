/* Datagrams of one local peer.
 *
 *   kft_udp_peer_send() ──► queue ──► pair ──► relay            (straight to the pair where it can)
 *                             ▲         │
 *                           sent ◄──────┘ until the relay has said something on this pair: if the
 *                                         pair turns out to have led nowhere, they are sent again
 *
 * Invariants: the front of `queue` may have been written in part (n_written), and is then neither
 * dropped nor followed by another before its rest went; a pair that ends makes it whole again. */
#include "forward/udp-peer.h"

#include <string.h>

#include "base/log.h"
#include "net/timer.h"
#include "proto/relay-frame.h"

/* Datagrams that are kept for a pair that may lead nowhere. */
#define MAX_SENT_BYTES ((size_t)16 * 1024)
/* Answers that are handed to the kernel in one call. */
#define MAX_ANSWERS 32
/* A relay that has no room closes a pair so soon. Later it is one that has sent on what it got and
 * waited in vain for an answer, which not every application gives. */
#define TURNED_AWAY_MS 2000

G_STATIC_ASSERT(KFT_UDP_MAX_BYTES == KFT_RELAY_MAX_DATAGRAM_BYTES);

typedef struct {
    GList link;
    uint64_t taken_ms;
    size_t size; /* of the frame */
    bool is_again;
    uint8_t frame[];
} Packet;

struct KftUdpPeer {
    KftLoop *loop;
    KftUdpPeerOptions options;
    KftUdpPeerFuncs funcs;
    void *user_data;
    KftPool *pool;
    KftPair *pair;
    KftRelayDecoder decoder;
    GQueue queue; /* Packet */
    GQueue sent;  /* Packet, whole */
    size_t n_written;
    size_t queued_bytes;
    size_t sent_bytes;
    uint64_t attached_ms;  /* when this pair was opened */
    bool has_heard;        /* something came on this pair */
    bool empty_is_nothing; /* of this pair */
    char *text;            /* of the last pair that ended with an error; nullable */
    uint64_t last_traffic_ms;
    KftTimer *timer; /* whichever comes first: a datagram waits for too long, or it is idle */
    KftUdpCounts counts;
};

/* --- the queues --- */

/* What a datagram costs; empty ones are not free. */
static size_t cost_of(const Packet *packet)
{
    return sizeof *packet + packet->size;
}

static void add_cost(KftUdpPeer *self, size_t *bytes, const Packet *packet)
{
    *bytes += cost_of(packet);
    *self->options.queued_bytes += cost_of(packet);
}

static Packet *take_from(KftUdpPeer *self, GQueue *queue, size_t *bytes, GList *link)
{
    Packet *packet = link->data;
    g_queue_unlink(queue, link);
    *bytes -= cost_of(packet);
    *self->options.queued_bytes -= cost_of(packet);
    return packet;
}

static void forget_sent(KftUdpPeer *self)
{
    while (self->sent.head != NULL)
        g_free(take_from(self, &self->sent, &self->sent_bytes, self->sent.head));
}

static void drop(KftUdpPeer *self, GList *link)
{
    const Packet *packet = link->data;
    self->counts.packets_dropped += packet->is_again ? 0 : 1;
    g_free(take_from(self, &self->queue, &self->queued_bytes, link));
}

/* The oldest that has not been begun; NULL if there is none. */
static GList *oldest_of(const KftUdpPeer *self)
{
    GList *link = self->queue.head;
    return link != NULL && self->n_written > 0 ? link->next : link;
}

static bool has_room(const KftUdpPeer *self, size_t cost)
{
    return self->queued_bytes + cost <= KFT_UDP_PEER_MAX_QUEUED_BYTES &&
           *self->options.queued_bytes + cost <= self->options.max_queued_bytes;
}

static void enqueue(KftUdpPeer *self, KftUdpDatagram datagram)
{
    size_t size = KFT_RELAY_HEAD_BYTES + datagram.size;
    size_t cost = sizeof(Packet) + size;
    GList *oldest = NULL;

    while (!has_room(self, cost) && (oldest = oldest_of(self)) != NULL)
        drop(self, oldest);
    if (!has_room(self, cost)) {
        self->counts.packets_dropped++;
        return;
    }
    Packet *packet = g_malloc(cost);
    *packet = (Packet){.size = size, .taken_ms = kft_loop_now_ms(self->loop)};
    packet->link.data = packet;
    kft_relay_write_head(packet->frame, datagram.size);
    if (datagram.size > 0)
        memcpy(packet->frame + KFT_RELAY_HEAD_BYTES, datagram.data, datagram.size);
    g_queue_push_tail_link(&self->queue, &packet->link);
    add_cost(self, &self->queued_bytes, packet);
}

/* Nobody waits for an answer to what is older than the hold time. Returns whether any went. */
static bool drop_expired(KftUdpPeer *self)
{
    uint64_t now = kft_loop_now_ms(self->loop);
    bool has_dropped = false;

    for (GList *link = oldest_of(self); link != NULL; link = oldest_of(self)) {
        const Packet *packet = link->data;
        if (packet->taken_ms + self->options.hold_ms > now)
            break;
        drop(self, link);
        has_dropped = true;
    }
    return has_dropped;
}

static void start_timer(KftUdpPeer *self)
{
    uint64_t now = kft_loop_now_ms(self->loop);
    uint64_t due = self->last_traffic_ms + self->options.idle_ms;
    GList *oldest = oldest_of(self);

    if (oldest != NULL)
        due = MIN(due, ((const Packet *)oldest->data)->taken_ms + self->options.hold_ms);
    kft_timer_start(self->timer, due > now ? due - now : 1);
}

/* --- to the relay --- */

static void count_up(KftUdpPeer *self, size_t frame_size)
{
    self->counts.packets_up++;
    self->counts.bytes_up += frame_size - KFT_RELAY_HEAD_BYTES;
}

/* The front packet went out whole. */
static void note_sent(KftUdpPeer *self)
{
    Packet *packet = take_from(self, &self->queue, &self->queued_bytes, self->queue.head);

    self->n_written = 0;
    if (!packet->is_again)
        count_up(self, packet->size);
    packet->is_again = true;
    if (self->has_heard || self->sent_bytes + cost_of(packet) > MAX_SENT_BYTES) {
        g_free(packet);
        return;
    }
    g_queue_push_tail_link(&self->sent, &packet->link);
    add_cost(self, &self->sent_bytes, packet);
}

static void flush(KftUdpPeer *self)
{
    (void)drop_expired(self);
    while (self->queue.head != NULL) {
        const Packet *packet = self->queue.head->data;
        size_t room = 0;
        uint8_t *to = kft_pair_reserve(self->pair, &room);
        if (to == NULL)
            return; /* on_writable follows */
        size_t size = MIN(room, packet->size - self->n_written);
        memcpy(to, packet->frame + self->n_written, size);
        self->n_written += size;
        kft_pair_commit(self->pair, size);
        if (self->n_written == packet->size)
            note_sent(self);
    }
}

static void on_pair_writable(void *user_data)
{
    flush(user_data);
}

/* What most datagrams take: no copy is kept and nothing waits. */
static bool send_straight(KftUdpPeer *self, KftUdpDatagram datagram)
{
    size_t size = KFT_RELAY_HEAD_BYTES + datagram.size;
    size_t room = 0;

    if (self->pair == NULL || !self->has_heard || self->queue.head != NULL)
        return false;
    uint8_t *to = kft_pair_reserve(self->pair, &room);
    if (to == NULL || room < size)
        return false;
    kft_relay_write_head(to, datagram.size);
    if (datagram.size > 0)
        memcpy(to + KFT_RELAY_HEAD_BYTES, datagram.data, datagram.size);
    kft_pair_commit(self->pair, size);
    count_up(self, size);
    return true;
}

void kft_udp_peer_send(KftUdpPeer *self, KftUdpDatagram datagram)
{
    bool was_empty = self->queue.head == NULL;

    self->last_traffic_ms = kft_loop_now_ms(self->loop);
    if (send_straight(self, datagram))
        return;
    enqueue(self, datagram);
    if (self->pair != NULL)
        flush(self);
    if (was_empty && self->queue.head != NULL)
        start_timer(self);
    if (was_empty && kft_udp_peer_is_waiting(self))
        self->funcs.on_wanted(self, self->user_data);
}

/* --- from the relay --- */

static void answer(KftUdpPeer *self, const KftUdpDatagram *datagrams, size_t n)
{
    size_t n_sent = n == 0 ? 0
                           : kft_udp_listener_send(self->options.listener, &self->options.address,
                                                   datagrams, n);
    self->counts.packets_down += n_sent;
    self->counts.packets_dropped += n - n_sent;
    /* Never more than were handed over, which clang-tidy cannot know. */
    for (size_t i = 0; i < MIN(n_sent, n); i++)
        self->counts.bytes_down += datagrams[i].size;
}

/* Returns false if @data makes no sense. */
static bool decode(KftUdpPeer *self, const uint8_t *data, size_t size)
{
    KftUdpDatagram answers[MAX_ANSWERS];
    size_t n = 0;
    size_t at = 0;

    for (;;) {
        KftRelayDatagram next = {0};
        size_t n_consumed = 0;
        KftResult result =
            kft_relay_decoder_next(&self->decoder, data + at, size - at, &n_consumed, &next);
        at += n_consumed;
        if (result != KFT_R_OK) {
            answer(self, answers, n);
            return result == KFT_R_AGAIN;
        }
        if (next.size == 0 && self->empty_is_nothing)
            continue;
        answers[n++] = (KftUdpDatagram){.data = next.data, .size = next.size};
        /* What the decoder put together itself is gone with the next one. */
        bool is_in_input = next.data >= data && next.data < data + size;
        if (n == MAX_ANSWERS || !is_in_input) {
            answer(self, answers, n);
            n = 0;
        }
    }
}

static void set_text(KftUdpPeer *self, const char *text)
{
    char *copy = g_strdup(text);
    g_free(self->text);
    self->text = copy;
}

/* The pair's object is gone or going. */
static void forget_pair(KftUdpPeer *self, bool sends_again)
{
    self->n_written = 0;
    while (sends_again && self->sent.tail != NULL) {
        Packet *packet = take_from(self, &self->sent, &self->sent_bytes, self->sent.tail);
        g_queue_push_head_link(&self->queue, &packet->link);
        add_cost(self, &self->queued_bytes, packet);
    }
    forget_sent(self);
    kft_relay_decoder_clear(&self->decoder);
    kft_relay_decoder_init(&self->decoder);
    (void)drop_expired(self);
    start_timer(self);
}

static void on_pair_data(const uint8_t *data, size_t size, void *user_data)
{
    KftUdpPeer *self = user_data;

    self->has_heard = true;
    forget_sent(self);
    self->last_traffic_ms = kft_loop_now_ms(self->loop);
    if (!decode(self, data, size)) {
        KftPair *pair = g_steal_pointer(&self->pair);
        kft_pool_pair_gone(self->pool);
        kft_pair_free(pair);
        forget_pair(self, /* sends_again= */ false);
        self->funcs.on_error(self, "the relay sent something that is no datagram", self->user_data);
        if (kft_udp_peer_is_waiting(self))
            self->funcs.on_waiting(self, KFT_PAIR_END_ERROR, self->user_data);
        return;
    }
    self->funcs.on_answer(self, self->user_data);
}

static void on_pair_end(KftPairEnd end, const char *text, void *user_data)
{
    KftUdpPeer *self = user_data;
    KftPool *pool = self->pool;
    bool was_turned_away = end == KFT_PAIR_END_CLEAN && !self->has_heard &&
                           kft_loop_now_ms(self->loop) - self->attached_ms < TURNED_AWAY_MS;
    bool led_nowhere = end == KFT_PAIR_END_REFUSED || end == KFT_PAIR_END_NO_POD ||
                       end == KFT_PAIR_END_NODE || was_turned_away ||
                       (end == KFT_PAIR_END_LOST && !self->has_heard);

    self->pair = NULL;
    set_text(self, was_turned_away ? "the relay closed the connection" : text);
    forget_pair(self, led_nowhere);
    if (end == KFT_PAIR_END_ERROR)
        self->funcs.on_error(self, text, self->user_data);
    if (kft_udp_peer_is_waiting(self))
        self->funcs.on_waiting(self, end, self->user_data);
    kft_pool_pair_gone(pool);
}

/* --- time --- */

static void on_timer(void *user_data)
{
    KftUdpPeer *self = user_data;
    uint64_t now = kft_loop_now_ms(self->loop);

    if (drop_expired(self) && self->pair == NULL)
        self->funcs.on_error(self, self->text != NULL ? self->text : "no pod was ready in time",
                             self->user_data);
    if (self->last_traffic_ms + self->options.idle_ms <= now)
        self->funcs.on_idle(self, self->user_data);
    else
        start_timer(self);
}

/* --- life --- */

KftUdpPeer *kft_udp_peer_new(KftLoop *loop,
                             const KftUdpPeerOptions *options,
                             const KftUdpPeerFuncs *funcs,
                             void *user_data)
{
    KftUdpPeer *self = g_new0(KftUdpPeer, 1);
    self->loop = loop;
    self->options = *options;
    self->funcs = *funcs;
    self->user_data = user_data;
    kft_relay_decoder_init(&self->decoder);
    g_queue_init(&self->queue);
    g_queue_init(&self->sent);
    self->last_traffic_ms = kft_loop_now_ms(loop);
    self->timer = kft_timer_new(loop, on_timer, self);
    start_timer(self);
    return self;
}

bool kft_udp_peer_attach(KftUdpPeer *self, KftPool *pool, uint16_t port, const KftVia *via)
{
    static const KftPairFuncs funcs = {
        .on_data = on_pair_data,
        .on_writable = on_pair_writable,
        .on_end = on_pair_end,
        .is_impatient = true,
    };
    g_assert(self->pair == NULL);
    KftPair *pair = kft_via_open_pair(pool, port, via, &funcs, self);
    if (pair == NULL)
        return false;
    self->pool = pool;
    self->pair = pair;
    self->attached_ms = kft_loop_now_ms(self->loop);
    self->has_heard = false;
    self->empty_is_nothing = via == NULL;
    flush(self);
    return true;
}

bool kft_udp_peer_is_waiting(const KftUdpPeer *self)
{
    return self->pair == NULL && self->queue.head != NULL;
}

void kft_udp_peer_get_counts(const KftUdpPeer *self, KftUdpCounts *ret_counts)
{
    *ret_counts = self->counts;
}

uint64_t kft_udp_peer_get_last_traffic_ms(const KftUdpPeer *self)
{
    return self->last_traffic_ms;
}

void kft_udp_peer_free(KftUdpPeer *self)
{
    if (self == NULL)
        return;
    KftPair *pair = g_steal_pointer(&self->pair);

    kft_timer_free(self->timer);
    forget_sent(self);
    while (self->queue.head != NULL)
        g_free(take_from(self, &self->queue, &self->queued_bytes, self->queue.head));
    kft_relay_decoder_clear(&self->decoder);
    /* As with a connection: each of the two may free a pool that is being drained. */
    if (pair != NULL)
        kft_pool_pair_gone(self->pool);
    kft_pair_free(pair);
    g_free(self->text);
    g_free(self);
}
