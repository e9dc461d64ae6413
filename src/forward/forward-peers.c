/* The local UDP peers of a forward: each address that sends datagrams to one of its ports has a
 * KftUdpPeer, which is carried by a pod as soon as there is one, and forgotten when it was silent
 * for long. When there are too many, the one that was silent for longest makes room, if that was
 * not just now. */
#include <string.h>

#include "forward/forward-priv.h"

/* Shorter silence does not mean that nothing more is awaited. */
#define MIN_SILENCE_MS 5000

typedef struct {
    KftUdpListener *listener;
    KftUdpAddress address;
} Key;

typedef struct {
    Key key;
    KftForward *owner;
    KftUdpPeer *peer;
    GList age_link;
    size_t port_index;
    uint16_t remote_port; /* of the pod it was attached to */
    KftPod *pod;          /* that one; nullable */
    GPtrArray *tried;     /* uids of pods that refused it; nullable */
} Peer;

static guint hash_key(gconstpointer data)
{
    const Key *key = data;
    const uint8_t *bytes = (const uint8_t *)&key->address;
    guint hash = g_direct_hash(key->listener);
    for (size_t i = 0; i < sizeof key->address; i++)
        hash = hash * 31 + bytes[i];
    return hash;
}

static gboolean is_same_key(gconstpointer a, gconstpointer b)
{
    const Key *x = a;
    const Key *y = b;
    return x->listener == y->listener && memcmp(&x->address, &y->address, sizeof x->address) == 0;
}

static void add_counts(const Peer *peer, KftForwardStatistics *statistics)
{
    KftUdpCounts counts;
    kft_udp_peer_get_counts(peer->peer, &counts);
    statistics->packets_up += counts.packets_up;
    statistics->packets_down += counts.packets_down;
    statistics->packets_dropped += counts.packets_dropped;
    statistics->bytes_up += counts.bytes_up;
    statistics->bytes_down += counts.bytes_down;
}

static void peer_free(void *data)
{
    Peer *peer = data;
    KftForward *self = peer->owner;

    add_counts(peer, &self->closed);
    g_queue_unlink(&self->peers_by_age, &peer->age_link);
    kft_udp_peer_free(peer->peer);
    g_clear_pointer(&peer->tried, g_ptr_array_unref);
    kft_pod_unref(peer->pod);
    g_free(peer);
}

static void make_youngest(Peer *peer)
{
    GQueue *queue = &peer->owner->peers_by_age;
    if (queue->tail == &peer->age_link)
        return;
    g_queue_unlink(queue, &peer->age_link);
    g_queue_push_tail_link(queue, &peer->age_link);
}

/* --- carrying --- */

static bool attach_udp_peer(void *carried, KftPool *pool, uint16_t port)
{
    const Peer *peer = carried;
    KftVia via;
    return kft_udp_peer_attach(peer->peer, pool, port, kft_forward_get_via(peer->owner, &via));
}

static void attach_peer(KftForward *self, Peer *peer)
{
    KftPod *pod = kft_backends_attach(self->backends, attach_udp_peer, peer, peer->port_index,
                                      peer->tried, &peer->remote_port);
    if (pod != NULL)
        kft_forward_set_pod(&peer->pod, pod);
    else
        kft_forward_attach_later(self);
}

void kft_forward_attach_peers(KftForward *self)
{
    GHashTableIter iter;
    gpointer value = NULL;
    g_hash_table_iter_init(&iter, self->peers);
    while (g_hash_table_iter_next(&iter, NULL, &value)) {
        Peer *peer = value;
        if (kft_udp_peer_is_waiting(peer->peer))
            attach_peer(self, peer);
    }
}

/* Another pod is tried at once; when all have refused, they all are tried again later: a relay that
 * has just been started does not listen yet. Returns whether to wait. */
static bool note_refusal(KftForward *self, Peer *peer)
{
    if (peer->tried == NULL)
        peer->tried = g_ptr_array_new_with_free_func(g_free);
    g_ptr_array_add(peer->tried, g_strdup(peer->pod->uid));
    if (kft_backends_has_other(self->backends, peer->tried))
        return false;
    g_clear_pointer(&peer->tried, g_ptr_array_unref);
    return true;
}

static void on_peer_wanted(KftUdpPeer *udp_peer, void *user_data)
{
    Peer *peer = user_data;
    (void)udp_peer;
    attach_peer(peer->owner, peer);
}

static void on_peer_waiting(KftUdpPeer *udp_peer, KftPairEnd end, void *user_data)
{
    Peer *peer = user_data;
    KftForward *self = peer->owner;
    (void)udp_peer;

    bool waits = end != KFT_PAIR_END_REFUSED || peer->pod == NULL || note_refusal(self, peer);
    kft_forward_suspect_pod(self, peer->pod, end);
    if (self->state == KFT_FORWARD_STATE_READY)
        kft_timer_start(self->attach_again, waits ? KFT_ATTACH_AGAIN_MS : 0);
}

static void on_peer_error(KftUdpPeer *udp_peer, const char *text, void *user_data)
{
    const Peer *peer = user_data;
    KftForward *self = peer->owner;
    g_autofree char *simple = kft_pair_text_simplify(text, peer->remote_port);
    (void)udp_peer;
    self->funcs.on_connection_error(kft_bindings_get_port(self->bindings, peer->port_index),
                                    peer->remote_port, simple, self->user_data);
}

static void on_peer_answer(KftUdpPeer *udp_peer, void *user_data)
{
    Peer *peer = user_data;
    (void)udp_peer;
    g_clear_pointer(&peer->tried, g_ptr_array_unref);
    make_youngest(peer);
}

static void on_peer_idle(KftUdpPeer *udp_peer, void *user_data)
{
    Peer *peer = user_data;
    KftForward *self = peer->owner;
    self->last_traffic_ms = MAX(self->last_traffic_ms, kft_udp_peer_get_last_traffic_ms(udp_peer));
    (void)g_hash_table_remove(self->peers, &peer->key);
}

/* --- the table --- */

/* Returns false if there is no room for another one. */
static bool make_room(KftForward *self)
{
    if (g_hash_table_size(self->peers) < KFT_FORWARD_MAX_PEERS)
        return true;
    Peer *oldest = self->peers_by_age.head->data;
    uint64_t silent_ms =
        kft_loop_now_ms(self->loop) - kft_udp_peer_get_last_traffic_ms(oldest->peer);
    if (silent_ms >= MIN_SILENCE_MS) {
        (void)g_hash_table_remove(self->peers, &oldest->key);
        return true;
    }
    self->closed.packets_dropped++;
    if (!self->has_told_crowd)
        self->funcs.on_notice("too many local UDP peers at once: datagrams of others are dropped",
                              self->user_data);
    self->has_told_crowd = true;
    return false;
}

static Peer *add_peer(KftForward *self, const Key *key, size_t port_index)
{
    static const KftUdpPeerFuncs funcs = {
        .on_wanted = on_peer_wanted,
        .on_waiting = on_peer_waiting,
        .on_error = on_peer_error,
        .on_answer = on_peer_answer,
        .on_idle = on_peer_idle,
    };
    const KftUdpPeerOptions options = {
        .listener = key->listener,
        .address = key->address,
        .hold_ms = self->options->limits.hold_ms,
        .idle_ms = self->options->udp_idle_ms,
        .queued_bytes = &self->queued_bytes,
        .max_queued_bytes = KFT_FORWARD_MAX_QUEUED_BYTES,
    };

    if (!make_room(self))
        return NULL;
    Peer *peer = g_new0(Peer, 1);
    peer->key = *key;
    peer->owner = self;
    peer->port_index = port_index;
    peer->remote_port = self->ports[port_index];
    peer->age_link.data = peer;
    peer->peer = kft_udp_peer_new(self->loop, &options, &funcs, peer);
    g_hash_table_insert(self->peers, &peer->key, peer);
    g_queue_push_tail_link(&self->peers_by_age, &peer->age_link);
    self->closed.n_connections++;
    kft_forward_note_traffic(self);
    self->funcs.on_connection(kft_bindings_get_port(self->bindings, port_index), self->user_data);
    return peer;
}

void kft_forward_take_datagram(size_t port_index,
                               KftUdpListener *listener,
                               const KftUdpAddress *address,
                               KftUdpDatagram datagram,
                               void *user_data)
{
    KftForward *self = user_data;
    const Key key = {.listener = listener, .address = *address};
    Peer *peer = g_hash_table_lookup(self->peers, &key);

    if (peer == NULL)
        peer = add_peer(self, &key, port_index);
    if (peer == NULL)
        return;
    make_youngest(peer);
    if (self->idle_end_ms != 0)
        kft_forward_note_traffic(self);
    kft_udp_peer_send(peer->peer, datagram);
}

void kft_forward_count_lost(uint32_t n, void *user_data)
{
    KftForward *self = user_data;
    self->closed.packets_dropped += n;
}

uint64_t kft_forward_get_last_datagram_ms(const KftForward *self)
{
    const GList *youngest = self->peers_by_age.tail;
    return youngest == NULL ? 0 : kft_udp_peer_get_last_traffic_ms(((Peer *)youngest->data)->peer);
}

void kft_forward_count_peers(const KftForward *self, KftForwardStatistics *statistics)
{
    GHashTableIter iter;
    gpointer value = NULL;

    statistics->n_open += g_hash_table_size(self->peers);
    g_hash_table_iter_init(&iter, self->peers);
    while (g_hash_table_iter_next(&iter, NULL, &value))
        add_counts(value, statistics);
}

void kft_forward_remove_peers(KftForward *self)
{
    g_hash_table_remove_all(self->peers);
}

void kft_forward_init_peers(KftForward *self)
{
    self->peers = g_hash_table_new_full(hash_key, is_same_key, NULL, peer_free);
    g_queue_init(&self->peers_by_age);
}

void kft_forward_clear_peers(KftForward *self)
{
    g_hash_table_unref(self->peers);
}
