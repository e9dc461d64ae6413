#ifndef KFT_FORWARD_POOL_H
#define KFT_FORWARD_POOL_H

#include "kftray/types.h"

#include "forward/held.h"
#include "forward/pair.h"
#include "kube/cluster.h"
#include "kube/pod.h"

/* The connections to one pod: a few tunnels that share the stream pairs by congestion (wire
 * protocols, 5.4), or, where the server has only v4.channel.k8s.io, one WebSocket per pair. Thread:
 * loop. */
typedef struct KftPool KftPool;

typedef struct {
    /* Pairs can be opened, for the first time or again. */
    void (*on_ready)(KftPool *pool, void *user_data);
    /* A tunnel could not be opened and none is left. */
    void (*on_failed)(KftPool *pool, const GError *error, void *user_data);
    /* The last tunnel ended or went silent; pairs may still be open on one that is held. Another
     * may be on its way, which kft_pool_connect() then waits for. */
    void (*on_lost)(KftPool *pool, const char *reason, void *user_data);
    /* The last pair of the pool went. */
    void (*on_idle)(KftPool *pool, void *user_data);
} KftPoolFuncs;

/* @held: of the forward, outlives it. @port: a port of the pod, for the upgrade request; no
 * connection is made to it by opening tunnels. */
KftPool *kft_pool_new(KftCluster *cluster,
                      KftHeldList *held,
                      KftPod *pod,
                      uint16_t port,
                      KftTransport transport,
                      const KftPoolFuncs *funcs,
                      void *user_data);
/* Opens the first tunnel, if none is open; ends in on_ready or on_failed, in a later turn. */
void kft_pool_connect(KftPool *self);
/* NULL: not now; on_ready follows if a tunnel is being opened. */
KftPair *
kft_pool_open_pair(KftPool *self, uint16_t port, const KftPairFuncs *funcs, void *user_data);
/* Whether kft_pool_open_pair() would succeed. */
bool kft_pool_is_ready(const KftPool *self);
/* See kft_tunnel_verify() and kft_v4_pair_verify(). @opens_another: a tunnel at once, so that new
 * pairs need not wait for the verdict. */
void kft_pool_verify(KftPool *self, uint32_t limit_ms, bool opens_another);
/* No new pairs are going to be opened: those that there are need no spare. Also inside callbacks.
 */
void kft_pool_drain(KftPool *self);
size_t kft_pool_get_n_pairs(const KftPool *self);
const KftPod *kft_pool_get_pod(const KftPool *self);
/* What carries the pairs; AUTO before the first tunnel. */
KftTransport kft_pool_get_transport(const KftPool *self);
typedef struct {
    /* To the server and back over a tunnel that is used, if one is; 0 = not known. */
    uint32_t round_trip_us;
    /* Of the newest tunnel: how long opening it took, and when that was, unix; 0 = never. */
    uint32_t handshake_ms;
    int64_t opened_ms;
} KftPoolHealth;
void kft_pool_get_health(const KftPool *self, KftPoolHealth *ret_health);
/* For an owner of a v4 pair, which no tunnel counts: the pair went. */
void kft_pool_pair_gone(KftPool *self);
/* Closes all tunnels; pairs that are still open end with LOST. NULL is allowed. */
void kft_pool_free(KftPool *self);

#endif
