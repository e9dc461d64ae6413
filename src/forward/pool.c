/* Which tunnel carries a new pair: the one with the fewest pairs among those that are not congested
 * and, if there are such, hold no pair that lasts. A spare is opened as soon as there is none,
 * before it is needed, so that a connection that turns out to be bulk slows neither the next one
 * nor a session that was there before it. */
#include "forward/pool.h"

#include "kftray/error.h"

#include "base/backoff.h"
#include "base/log.h"
#include "forward/negotiation.h"
#include "forward/tunnel.h"
#include "forward/v4-pair.h"
#include "net/timer.h"

#define MAX_TUNNELS 4
#define MAX_HELD 4
/* More pairs than this on each, and another tunnel is opened. */
#define MANY_PAIRS 64
/* Tunnels beyond the first are closed after being idle for so long, but for one that new pairs can
 * have without being in anybody's way. */
#define SPARE_IDLE_MS 30000
/* How long a new pair waits for a spare rather than take a place in a jam, and the pauses after
 * spares that could not be opened. */
#define SPARE_WAIT_MS 3000
#define SPARE_PAUSE_MS 5000
#define SPARE_MAX_PAUSE_MS 60000

struct KftPool {
    KftCluster *cluster;
    KftHeldList *all_held; /* of the forward */
    KftLoop *loop;
    KftPod *pod;
    uint16_t port;
    KftTransport transport; /* as asked for */
    KftTransport found;     /* as it turned out; AUTO = not known yet */
    KftPoolFuncs funcs;
    void *user_data;
    GPtrArray *tunnels; /* KftTunnel, owned */
    GPtrArray *held; /* KftTunnel, owned, the oldest first: went silent or left a pair unanswered,
                        and get no new pairs even if they go on */
    KftNegotiation *negotiation;
    uint64_t negotiating_since_ms;
    bool is_draining;
    uint64_t spare_pause_until_ms;
    KftBackoff spare_pauses;
    KftTimer *spare_timer;
    uint32_t handshake_ms;
    int64_t opened_ms;    /* unix */
    KftDeferred *ready;   /* on_ready is owed for what is open already */
    KftDeferred *lost;    /* without tunnels: on_lost or on_failed is owed, the server is away */
    size_t n_v4_pairs;    /* that owners have not told to be gone */
    GHashTable *v4_pairs; /* KftPair, those that are open */
};

static bool open_tunnel(KftPool *self);

static bool uses_v4(const KftPool *self)
{
    return self->found == KFT_TRANSPORT_WEBSOCKET;
}

/* How bad a tunnel is for a new pair. */
typedef enum {
    PLACE_GOOD,
    PLACE_LASTING,   /* a transfer would slow what is there */
    PLACE_CONGESTED, /* what is there would slow the new one; or it is worn */
} Place;

static Place place_in(const KftTunnel *tunnel)
{
    if (kft_tunnel_is_congested(tunnel) || kft_tunnel_is_worn(tunnel))
        return PLACE_CONGESTED;
    return kft_tunnel_has_lasting_pair(tunnel) ? PLACE_LASTING : PLACE_GOOD;
}

/* The best tunnel for a new pair but @besides, or NULL; *ret_is_good: it is worth using without
 * looking further. */
static KftTunnel *choose_tunnel(const KftPool *self, const KftTunnel *besides, bool *ret_is_good)
{
    KftTunnel *best = NULL;
    Place best_place = PLACE_CONGESTED;

    for (guint i = 0; i < self->tunnels->len; i++) {
        KftTunnel *tunnel = g_ptr_array_index(self->tunnels, i);
        if (tunnel == besides || !kft_tunnel_is_usable(tunnel))
            continue;
        Place place = place_in(tunnel);
        bool better =
            best == NULL || place < best_place ||
            (place == best_place && kft_tunnel_get_n_pairs(tunnel) < kft_tunnel_get_n_pairs(best));
        if (better) {
            best = tunnel;
            best_place = place;
        }
    }
    *ret_is_good =
        best != NULL && best_place == PLACE_GOOD && kft_tunnel_get_n_pairs(best) < MANY_PAIRS;
    return best;
}

/* --- tunnels --- */

/* Whether a tunnel without pairs is of no more use: used up, or not the only good place, or nobody
 * is to come. */
static bool may_go(const KftPool *self, const KftTunnel *tunnel)
{
    bool is_good_beside = false;

    if (self->is_draining || !kft_tunnel_is_usable(tunnel) || kft_tunnel_is_worn(tunnel))
        return true;
    (void)choose_tunnel(self, tunnel, &is_good_beside);
    return is_good_beside;
}

static void on_spare_timer(void *user_data)
{
    KftPool *self = user_data;
    for (guint i = self->tunnels->len; i-- > 0 && self->tunnels->len > 1;) {
        KftTunnel *tunnel = g_ptr_array_index(self->tunnels, i);
        if (kft_tunnel_get_n_pairs(tunnel) == 0 && may_go(self, tunnel))
            kft_tunnel_free(g_ptr_array_steal_index_fast(self->tunnels, i));
    }
}

static void on_tunnel_idle(KftTunnel *tunnel, void *user_data)
{
    KftPool *self = user_data;

    bool is_done = kft_tunnel_is_worn(tunnel) || !kft_tunnel_is_usable(tunnel);
    if (g_ptr_array_remove(self->held, tunnel)) {
        kft_tunnel_free(tunnel);
    } else if (is_done && self->tunnels->len > 1) {
        g_ptr_array_remove_fast(self->tunnels, tunnel);
        kft_tunnel_free(tunnel);
    } else if (self->tunnels->len > 1) {
        kft_timer_start(self->spare_timer, SPARE_IDLE_MS);
    }
    if (kft_pool_get_n_pairs(self) == 0)
        self->funcs.on_idle(self, self->user_data);
}

static void tell_if_lost(KftPool *self, const char *reason)
{
    if (self->tunnels->len == 0)
        self->funcs.on_lost(self, reason, self->user_data);
}

static void on_tunnel_closed(KftTunnel *tunnel, const char *reason, void *user_data)
{
    KftPool *self = user_data;
    g_autofree char *copy = g_strdup(reason);

    kft_log(KFT_LOG_TUNNEL, KFT_LEVEL_INFO, "pod=%s tunnel closed: %s", self->pod->name, copy);
    if (self->found == KFT_TRANSPORT_TUNNEL && self->transport == KFT_TRANSPORT_AUTO)
        kft_cluster_tell_tunnel_end(self->cluster, kft_tunnel_was_heard(tunnel));
    bool was_held = g_ptr_array_remove(self->held, tunnel);
    (void)g_ptr_array_remove_fast(self->tunnels, tunnel);
    kft_tunnel_free(tunnel);
    if (!was_held)
        tell_if_lost(self, copy);
    else if (kft_pool_get_n_pairs(self) == 0)
        self->funcs.on_idle(self, self->user_data);
}

/* It counts as gone, but what it carries may yet go on. */
static void on_tunnel_held(KftTunnel *tunnel, const char *reason, void *user_data)
{
    KftPool *self = user_data;

    kft_log(KFT_LOG_TUNNEL, KFT_LEVEL_INFO, "pod=%s tunnel with %zu connections held: %s",
            self->pod->name, kft_tunnel_get_n_pairs(tunnel), reason);
    if (!g_ptr_array_remove_fast(self->tunnels, tunnel))
        return; /* for the second time */
    g_ptr_array_add(self->held, tunnel);
    if (self->held->len > MAX_HELD)
        kft_tunnel_give_up(g_ptr_array_index(self->held, 0));
    tell_if_lost(self, reason);
}

static void on_tunnel_congested(KftTunnel *tunnel, void *user_data)
{
    KftPool *self = user_data;
    bool is_good = false;
    (void)tunnel;
    (void)choose_tunnel(self, NULL, &is_good);
    if (!is_good && !self->is_draining)
        (void)open_tunnel(self);
}

static void on_tunnel_trusted(KftTunnel *tunnel, void *user_data)
{
    KftPool *self = user_data;

    if (!g_ptr_array_find(self->held, tunnel, NULL)) {
        self->funcs.on_ready(self, self->user_data);
        return;
    }
    kft_log(KFT_LOG_TUNNEL, KFT_LEVEL_INFO, "pod=%s tunnel goes on", self->pod->name);
    kft_reach_probe_now(kft_cluster_get_reach(self->cluster));
}

static KftTransport transport_of(KftCarrier carrier)
{
    switch (carrier) {
    case KFT_CARRIER_TUNNEL:
        return KFT_TRANSPORT_TUNNEL;
    case KFT_CARRIER_SPDY:
        return KFT_TRANSPORT_SPDY;
    case KFT_CARRIER_WEBSOCKET:
        return KFT_TRANSPORT_WEBSOCKET;
    }
    g_assert_not_reached();
}

static void handle_failure(KftPool *self, const GError *error, bool may_use_v4)
{
    if (self->transport == KFT_TRANSPORT_AUTO && may_use_v4 && self->tunnels->len == 0) {
        kft_log(KFT_LOG_TUNNEL, KFT_LEVEL_INFO,
                "no tunnel and no SPDY (%s): one WebSocket per connection", error->message);
        self->found = KFT_TRANSPORT_WEBSOCKET;
        kft_cluster_set_carrier(self->cluster, KFT_CARRIER_WEBSOCKET);
        self->funcs.on_ready(self, self->user_data);
        return;
    }
    self->spare_pause_until_ms =
        kft_loop_now_ms(self->loop) + kft_backoff_next_ms(&self->spare_pauses);
    if (self->tunnels->len == 0)
        self->funcs.on_failed(self, error, self->user_data);
    else
        kft_log(KFT_LOG_TUNNEL, KFT_LEVEL_INFO, "no further tunnel: %s", error->message);
}

/* Others may be waiting for the same node. */
static void note_node(KftPool *self, bool is_good)
{
    KftNodes *nodes = kft_cluster_get_nodes(self->cluster);
    if (is_good)
        kft_nodes_note_good(nodes, self->pod->node);
    else if (kft_negotiation_get_status(self->negotiation) >= 500)
        kft_nodes_note_bad(nodes, self->pod->node);
}

static void on_negotiated(const KftNegotiated *result, const GError *error, void *user_data)
{
    static const KftTunnelFuncs funcs = {
        .on_closed = on_tunnel_closed,
        .on_idle = on_tunnel_idle,
        .on_congested = on_tunnel_congested,
        .on_held = on_tunnel_held,
        .on_trusted = on_tunnel_trusted,
    };
    KftPool *self = user_data;
    bool may_use_v4 = error != NULL && kft_negotiation_may_use_websocket(self->negotiation);

    note_node(self, error == NULL);
    g_clear_pointer(&self->negotiation, kft_negotiation_free);
    if (error != NULL) {
        handle_failure(self, error, may_use_v4);
        return;
    }
    kft_backoff_reset(&self->spare_pauses);
    self->found = transport_of(result->carrier);
    g_ptr_array_add(self->tunnels, kft_tunnel_new(self->cluster, self->all_held, result->stream,
                                                  result->carrier, result->early, &funcs, self));
    self->handshake_ms = (uint32_t)(kft_loop_now_ms(self->loop) - self->negotiating_since_ms);
    self->opened_ms = g_get_real_time() / 1000;
    if (self->tunnels->len > 1)
        kft_timer_start(self->spare_timer, SPARE_IDLE_MS);
    self->funcs.on_ready(self, self->user_data);
}

/* Tunnels are opened ahead of connections, so v4.channel.k8s.io is not offered here: the node would
 * dial the pod's port at once, and the application would see a connection that nobody made (1.4).
 */
static KftOffer tunnel_offer(const KftPool *self)
{
    KftCarrier known;

    switch (self->transport) {
    case KFT_TRANSPORT_TUNNEL:
        return (KftOffer){.tunnel = true};
    case KFT_TRANSPORT_SPDY:
        return (KftOffer){.spdy = true};
    case KFT_TRANSPORT_AUTO:
        if (kft_cluster_get_carrier(self->cluster, &known) && known == KFT_CARRIER_SPDY)
            return (KftOffer){.spdy = true};
        return (KftOffer){.tunnel = true, .spdy = true};
    case KFT_TRANSPORT_WEBSOCKET:
        break;
    }
    g_assert_not_reached();
}

static bool open_tunnel(KftPool *self)
{
    if (self->negotiation != NULL)
        return true;
    if (uses_v4(self) || self->tunnels->len >= MAX_TUNNELS)
        return false;
    uint64_t now = kft_loop_now_ms(self->loop);
    if (self->tunnels->len > 0 && now < self->spare_pause_until_ms)
        return false;
    self->negotiating_since_ms = now;
    self->negotiation = kft_negotiation_start(self->cluster, self->pod->namespace_, self->pod->name,
                                              self->port, tunnel_offer(self), on_negotiated, self);
    return true;
}

/* --- pairs --- */

static void on_ready_deferred(void *user_data)
{
    KftPool *self = user_data;
    self->ready = NULL;
    self->funcs.on_ready(self, self->user_data);
}

/* Without tunnels nothing tells that the server went but a connection that fails. */
static void on_lost_deferred(void *user_data)
{
    KftPool *self = user_data;
    self->lost = NULL;
    const GError *error = kft_reach_get_error(kft_cluster_get_reach(self->cluster));
    if (error != NULL)
        self->funcs.on_lost(self, error->message, self->user_data);
}

static void on_failed_deferred(void *user_data)
{
    KftPool *self = user_data;
    self->lost = NULL;
    const GError *error = kft_reach_get_error(kft_cluster_get_reach(self->cluster));
    if (error != NULL)
        self->funcs.on_failed(self, error, self->user_data);
    else
        self->funcs.on_ready(self, self->user_data);
}

/* Returns whether no v4 pair can be opened now; @func then runs in the next turn. */
static bool is_server_away(KftPool *self, void (*func)(void *user_data))
{
    if (!kft_reach_is_away(kft_cluster_get_reach(self->cluster)))
        return false;
    if (self->lost != NULL)
        kft_deferred_cancel(self->lost);
    self->lost = kft_loop_defer(self->loop, func, self);
    return true;
}

void kft_pool_connect(KftPool *self)
{
    KftCarrier known;

    if (self->transport == KFT_TRANSPORT_AUTO && kft_cluster_get_carrier(self->cluster, &known) &&
        known == KFT_CARRIER_WEBSOCKET)
        self->found = KFT_TRANSPORT_WEBSOCKET;
    if (uses_v4(self) && is_server_away(self, on_failed_deferred))
        return;
    if (!kft_pool_is_ready(self))
        (void)open_tunnel(self);
    else if (self->ready == NULL)
        self->ready = kft_loop_defer(self->loop, on_ready_deferred, self);
}

static void on_v4_server_away(void *user_data)
{
    (void)is_server_away(user_data, on_lost_deferred);
}

KftPair *
kft_pool_open_pair(KftPool *self, uint16_t port, const KftPairFuncs *funcs, void *user_data)
{
    bool is_good = false;

    if (uses_v4(self)) {
        if (!kft_pool_is_ready(self))
            return NULL;
        const KftV4Owner owner = {self->v4_pairs, self->all_held, on_v4_server_away, self};
        self->n_v4_pairs++;
        return kft_v4_pair_new(self->cluster, self->pod, port, &owner, funcs, user_data);
    }
    KftTunnel *tunnel = choose_tunnel(self, NULL, &is_good);
    bool is_coming = !is_good && open_tunnel(self) &&
                     kft_loop_now_ms(self->loop) - self->negotiating_since_ms < SPARE_WAIT_MS;
    if (is_coming && tunnel != NULL && kft_tunnel_is_congested(tunnel))
        return NULL; /* it is better than a place in a jam */
    KftPair *pair = tunnel == NULL ? NULL : kft_tunnel_open_pair(tunnel, port, funcs, user_data);
    if (pair == NULL)
        (void)open_tunnel(self);
    return pair;
}

void kft_pool_verify(KftPool *self, uint32_t limit_ms, bool opens_another)
{
    for (guint i = 0; i < self->tunnels->len; i++)
        kft_tunnel_verify(g_ptr_array_index(self->tunnels, i), limit_ms);
    for (guint i = 0; i < self->held->len; i++)
        kft_tunnel_verify(g_ptr_array_index(self->held, i), limit_ms);
    GHashTableIter iter;
    gpointer pair = NULL;
    g_hash_table_iter_init(&iter, self->v4_pairs);
    while (g_hash_table_iter_next(&iter, &pair, NULL))
        kft_v4_pair_verify(pair, limit_ms);
    self->spare_pause_until_ms = 0;
    kft_backoff_reset(&self->spare_pauses);
    if (opens_another && (self->tunnels->len > 0 || self->negotiation != NULL)) {
        /* One that is being opened may be on the old way, where nothing but its deadline ends it.
         */
        g_clear_pointer(&self->negotiation, kft_negotiation_free);
        (void)open_tunnel(self);
    }
}

void kft_pool_drain(KftPool *self)
{
    self->is_draining = true;
    kft_timer_start(self->spare_timer, 0);
}

void kft_pool_get_health(const KftPool *self, KftPoolHealth *ret_health)
{
    *ret_health = (KftPoolHealth){.handshake_ms = self->handshake_ms, .opened_ms = self->opened_ms};
    for (guint i = 0; i < self->tunnels->len; i++) {
        const KftTunnel *tunnel = g_ptr_array_index(self->tunnels, i);
        if (i == 0 || kft_tunnel_get_n_pairs(tunnel) > 0)
            ret_health->round_trip_us = kft_tunnel_get_round_trip_us(tunnel);
    }
}

bool kft_pool_is_ready(const KftPool *self)
{
    if (uses_v4(self))
        return !kft_reach_is_away(kft_cluster_get_reach(self->cluster));
    return self->tunnels->len > 0;
}

static size_t count_pairs(const GPtrArray *tunnels)
{
    size_t n = 0;
    for (guint i = 0; i < tunnels->len; i++)
        n += kft_tunnel_get_n_pairs(g_ptr_array_index(tunnels, i));
    return n;
}

size_t kft_pool_get_n_pairs(const KftPool *self)
{
    return self->n_v4_pairs + count_pairs(self->tunnels) + count_pairs(self->held);
}

void kft_pool_pair_gone(KftPool *self)
{
    if (!uses_v4(self))
        return;
    g_assert(self->n_v4_pairs > 0);
    self->n_v4_pairs--;
    (void)is_server_away(self, on_lost_deferred);
    if (self->n_v4_pairs == 0)
        self->funcs.on_idle(self, self->user_data);
}

const KftPod *kft_pool_get_pod(const KftPool *self)
{
    return self->pod;
}

KftTransport kft_pool_get_transport(const KftPool *self)
{
    return self->found;
}

/* --- life --- */

KftPool *kft_pool_new(KftCluster *cluster,
                      KftHeldList *held,
                      KftPod *pod,
                      uint16_t port,
                      KftTransport transport,
                      const KftPoolFuncs *funcs,
                      void *user_data)
{
    KftPool *self = g_new0(KftPool, 1);
    self->cluster = kft_cluster_ref(cluster);
    self->all_held = held;
    self->loop = kft_cluster_get_loop(cluster);
    self->pod = kft_pod_ref(pod);
    self->port = port;
    self->transport = transport;
    if (transport == KFT_TRANSPORT_WEBSOCKET)
        self->found = KFT_TRANSPORT_WEBSOCKET;
    self->funcs = *funcs;
    self->user_data = user_data;
    kft_backoff_init(&self->spare_pauses, SPARE_PAUSE_MS, SPARE_MAX_PAUSE_MS);
    self->tunnels = g_ptr_array_new();
    self->held = g_ptr_array_new();
    self->v4_pairs = g_hash_table_new(g_direct_hash, g_direct_equal);
    self->spare_timer = kft_timer_new(self->loop, on_spare_timer, self);
    return self;
}

void kft_pool_free(KftPool *self)
{
    if (self == NULL)
        return;
    kft_negotiation_free(self->negotiation);
    while (self->tunnels->len > 0)
        kft_tunnel_free(g_ptr_array_steal_index_fast(self->tunnels, self->tunnels->len - 1));
    while (self->held->len > 0)
        kft_tunnel_free(g_ptr_array_steal_index(self->held, self->held->len - 1));
    g_ptr_array_unref(self->tunnels);
    g_ptr_array_unref(self->held);
    g_hash_table_unref(self->v4_pairs);
    kft_timer_free(self->spare_timer);
    if (self->ready != NULL)
        kft_deferred_cancel(self->ready);
    if (self->lost != NULL)
        kft_deferred_cancel(self->lost);
    kft_pod_unref(self->pod);
    kft_cluster_unref(self->cluster);
    g_free(self);
}
