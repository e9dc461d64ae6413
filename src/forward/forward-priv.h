#ifndef KFT_FORWARD_FORWARD_PRIV_H
#define KFT_FORWARD_FORWARD_PRIV_H

#include "base/backoff.h"
#include "forward/backends.h"
#include "forward/bindings.h"
#include "forward/forward.h"
#include "forward/keepalive.h"
#include "forward/udp-peer.h"
#include "net/timer.h"

/* What the parts of a forward share: its machine (forward.c), its local connections
 * (forward-clients.c) and its local UDP peers (forward-peers.c). Thread: loop. */

/* Pause before connections that could not be carried are tried again on a pod that seems healthy.
 */
#define KFT_ATTACH_AGAIN_MS 200

struct KftForward {
    KftCluster *cluster;
    KftLoop *loop;
    KftForwardOptions *options;
    KftForwardFuncs funcs;
    void *user_data;

    KftForwardState state;
    KftTimer *deadline; /* of the state */
    KftTimer *attach_again;
    uint64_t started_ms;
    bool was_resolved; /* the target was read at least once */
    GError *error;
    char *waiting_for;
    uint32_t next_try_ms;
    bool waits_for_user;
    KftReachWatch *server; /* BACKOFF: until the server is back; nullable */
    KftNodeWait *node;     /* BACKOFF: until the pod's node may be tried; nullable */
    unsigned n_refusals;   /* of our credentials or configuration, in a row */
    unsigned attempt;
    uint64_t ready_since_ms;
    bool was_ready;
    uint32_t n_reconnects;
    int64_t ready_since_unix_ms;
    KftTimer *auto_close;     /* nullable */
    uint64_t last_traffic_ms; /* of connections that ended */
    int64_t idle_end_ms;      /* unix: the end that was announced; 0 = none was */
    KftTimer *stop_at;        /* nullable */
    int64_t time_end_ms;      /* as idle_end_ms */
    bool has_told_block;
    KftBackoff backoff;

    KftRelay *relay;         /* nullable */
    KftKeepalive *keepalive; /* of a relay; nullable */
    KftTarget *target;       /* whose pods are used: that of the options, or the relay's */
    char *namespace_;        /* of it */
    KftResolver *resolver;
    KftBindings *bindings;
    KftBackends *backends;
    KftPod *told_pod;    /* the last one in a status; nullable */
    uint16_t *ports;     /* of the best pod, per port of the options */
    bool *has_answered;  /* whether a pod has, per port of the options */
    GHashTable *clients; /* Client, owned */
    GHashTable *peers;   /* Peer, owned, by its address */
    GQueue peers_by_age; /* the one that was silent for longest first */
    size_t queued_bytes; /* of all peers */
    bool has_told_crowd;
    KftForwardStatistics closed; /* of connections and peers that ended */
};

static inline void kft_forward_set_pod(KftPod **slot, KftPod *pod)
{
    KftPod *old = *slot;
    *slot = pod == NULL ? NULL : kft_pod_ref(pod);
    kft_pod_unref(old);
}

/* --- forward.c --- */

/* What the pods are asked for, filled in @via; NULL if they are no gateways. */
const KftVia *kft_forward_get_via(const KftForward *self, KftVia *via);
/* Stopping, stopped or failed. */
bool kft_forward_is_over(const KftForward *self);
/* The pod in use is gone although no watch said so yet: looks before the next connection suffers.
 */
void kft_forward_look_again(KftForward *self);

/* What is waited for in RESOLVING; told if it is new. @reason: nullable. */
void kft_forward_set_waiting_for(KftForward *self, const char *reason);
/* A connection was told by its pod's node, in @text, that it takes no port-forwards: waits for it.
 */
void kft_forward_leave_node(KftForward *self, const char *text);
/* Begins to look for the pods of the target. */
void kft_forward_start_resolver(KftForward *self);
/* Goes on after a pause, or ends. */
void kft_forward_handle_failure(KftForward *self, const GError *error);
void kft_forward_retry_later(KftForward *self, const GError *error);
/* Everything that STOPPING waits for is done. */
void kft_forward_stopped(KftForward *self);

/* --- forward-relay.c --- */

void kft_forward_init_relay(KftForward *self);
void kft_forward_clear_relay(KftForward *self);
/* Whether there is a relay, or none is needed; else it is being deployed, and the resolver is
 * started when it is. */
bool kft_forward_need_relay(KftForward *self);
/* False if the relay is lost and the forward has turned to getting another one. */
bool kft_forward_check_relay(KftForward *self, const KftResolution *resolution);
/* How many of the candidates may be used: a relay's pod that is starting may not yet, although it
 * runs. */
size_t kft_forward_count_usable(const KftForward *self, const KftResolution *resolution);
/* What a forward without a usable pod waits for. Returns: static, or of @resolution. */
const char *kft_forward_describe_wait(const KftForward *self, const KftResolution *resolution);
/* The relay did not become ready in time. */
void kft_forward_doubt_relay(KftForward *self);
/* Begins to delete the relay; false if there is none. */
bool kft_forward_remove_relay(KftForward *self);
/* As the user calls it. */
uint16_t kft_forward_shown_port(const KftForward *self, uint16_t port);

/* --- forward-time.c --- */

/* An end by itself is announced so long before, or at half of the time. */
#define KFT_ANNOUNCE_MS 60000
void kft_forward_init_time(KftForward *self);
void kft_forward_clear_time(KftForward *self);
/* Announces the end at a time of day, or does it, if it is time. */
void kft_forward_check_time(KftForward *self);

/* --- forward-clients.c --- */

void kft_forward_init_clients(KftForward *self);
/* Frees what the above made; no connection is left. */
void kft_forward_clear_clients(KftForward *self);
/* A local connection came: user_data of the bindings is the forward. */
void kft_forward_add_client(size_t port_index, KftSocket *socket, void *user_data);
/* Called with each new connection or peer. */
void kft_forward_note_traffic(KftForward *self);
/* A pair ended so: if that means that its pod is gone, another is looked for. @pod: nullable. */
void kft_forward_suspect_pod(KftForward *self, const KftPod *pod, KftPairEnd end);
/* Something waits, perhaps although there are pods: a tunnel may be full without any other being
 * opened, or the server be away. Looks again, and again, until the hold time is over. A server that
 * is known to be away is asked for it. */
void kft_forward_attach_later(KftForward *self);
/* Carries what waits, as far as there are pods. */
void kft_forward_attach_waiting(KftForward *self);
/* Adds what open connections carried. */
void kft_forward_count_clients(const KftForward *self, KftForwardStatistics *statistics);

/* --- forward-peers.c --- */

void kft_forward_init_peers(KftForward *self);
void kft_forward_clear_peers(KftForward *self);
/* A datagram came from a local peer: user_data of the bindings is the forward. */
void kft_forward_take_datagram(size_t port_index,
                               KftUdpListener *listener,
                               const KftUdpAddress *address,
                               KftUdpDatagram datagram,
                               void *user_data);
void kft_forward_count_lost(uint32_t n, void *user_data);
/* Carries what waits, as far as there are pods. */
void kft_forward_attach_peers(KftForward *self);
void kft_forward_remove_peers(KftForward *self);
/* Adds what the peers carried. */
void kft_forward_count_peers(const KftForward *self, KftForwardStatistics *statistics);
/* When the last datagram came or went; loop time, 0 = never. */
uint64_t kft_forward_get_last_datagram_ms(const KftForward *self);

#endif
