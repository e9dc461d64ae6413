#ifndef KFT_FORWARD_TUNNEL_H
#define KFT_FORWARD_TUNNEL_H

#include "forward/held.h"
#include "forward/pair.h"
#include "kube/cluster.h"
#include "net/stream.h"
#include "proto/upgrade.h"

/* One SPDY/3.1 session to one pod, inside a WebSocket or plain, that carries many stream pairs
 * (wire protocols, section 3). An error on one pair never ends the tunnel. Thread: loop. */
typedef struct KftTunnel KftTunnel;

typedef struct {
    /* Once: the session is over and all its pairs have had on_end; the tunnel only waits to be
     * freed. */
    void (*on_closed)(KftTunnel *tunnel, const char *reason, void *user_data);
    /* The last pair went. */
    void (*on_idle)(KftTunnel *tunnel, void *user_data);
    /* A pair turned out to be bulk, its reader to be slow, or a pair to last: new pairs should go
     * elsewhere. While one lasts it is told again every few seconds. Do not free the tunnel in
     * here. */
    void (*on_congested)(KftTunnel *tunnel, void *user_data);
    /* Nothing gets to the server any more, or nothing comes from there; @reason is one line. It is
     * not usable, but its pairs stay, but for those that are impatient, as long as they may yet go
     * on (forward/hold.h): then on_trusted follows, else on_closed. Also if one pair was never
     * answered although the server is there: others go on, but give it no more. Do not free the
     * tunnel in here. */
    void (*on_held)(KftTunnel *tunnel, const char *reason, void *user_data);
    /* After kft_tunnel_verify() or on_held: the server has answered. */
    void (*on_trusted)(KftTunnel *tunnel, void *user_data);
} KftTunnelFuncs;

/* @cluster, @held: outlive it. @held: see kft_vigil_new(). @stream, @early: from a negotiation that
 * ended in @carrier, TUNNEL or SPDY; @stream: (transfer full). */
KftTunnel *kft_tunnel_new(KftCluster *cluster,
                          KftHeldList *held,
                          KftStream *stream,
                          KftCarrier carrier,
                          GBytes *early,
                          const KftTunnelFuncs *funcs,
                          void *user_data);
/* Opens a stream pair to @port: both SYN_STREAMs and the first data leave in one write, no answer
 * is waited for. NULL if the tunnel is closed, used up or its queue is full. */
KftPair *
kft_tunnel_open_pair(KftTunnel *self, uint16_t port, const KftPairFuncs *funcs, void *user_data);

size_t kft_tunnel_get_n_pairs(const KftTunnel *self);
/* Whether new pairs should go elsewhere (wire protocols, 5.4): a reader that does not keep up, our
 * output stuck, a pod that may have stopped reading, or a pair that moves much. */
bool kft_tunnel_is_congested(const KftTunnel *self);
/* Whether a pair is open for more than 3 s: it may be a session whose user waits for each answer,
 * and would wait behind a transfer that comes to the same tunnel. */
bool kft_tunnel_has_lasting_pair(const KftTunnel *self);
/* Whether new pairs may be opened: it is not closed, verified or held. */
bool kft_tunnel_is_usable(const KftTunnel *self);
/* The way to the server may have changed: no new pairs until it says something. If it does not
 * within @limit_ms, it is held or closed. */
void kft_tunnel_verify(KftTunnel *self, uint32_t limit_ms);
/* Closes one that is held, as if it were given up: with on_closed. */
void kft_tunnel_give_up(KftTunnel *self);
/* Whether anything came from the server since it was opened. */
bool kft_tunnel_was_heard(const KftTunnel *self);
/* Whether it is too old or has carried too many streams: replace it, and free it when idle. */
bool kft_tunnel_is_worn(const KftTunnel *self);
/* To the server and back, of the last ping that was answered; 0 = of none yet. */
uint32_t kft_tunnel_get_round_trip_us(const KftTunnel *self);
/* Sends GOAWAY and closes; pairs that are still open end with LOST, no other callback follows. NULL
 * is allowed. */
void kft_tunnel_free(KftTunnel *self);

#endif
