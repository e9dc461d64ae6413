#ifndef KFT_FORWARD_FORWARD_PRIV_H
#define KFT_FORWARD_FORWARD_PRIV_H

#include "base/backoff.h"
#include "forward/backends.h"
#include "forward/bindings.h"
#include "forward/forward.h"
#include "net/timer.h"

/* What the two halves of a forward share: its machine (forward.c) and its local connections
 * (forward-clients.c). Thread: loop. */

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
    bool is_announced;
    bool has_told_block;
    KftBackoff backoff;

    KftResolver *resolver;
    KftBindings *bindings;
    KftBackends *backends;
    KftPod *told_pod;            /* the last one in a status; nullable */
    uint16_t *ports;             /* of the best pod, per port of the options */
    GHashTable *clients;         /* Client, owned */
    KftForwardStatistics closed; /* of connections that ended */
};

static inline void kft_forward_set_pod(KftPod **slot, KftPod *pod)
{
    KftPod *old = *slot;
    *slot = pod == NULL ? NULL : kft_pod_ref(pod);
    kft_pod_unref(old);
}

/* --- forward.c --- */

/* Stopping, stopped or failed. */
bool kft_forward_is_over(const KftForward *self);
/* The pod in use is gone although no watch said so yet: looks before the next connection suffers.
 */
void kft_forward_look_again(KftForward *self);

/* --- forward-clients.c --- */

void kft_forward_init_clients(KftForward *self);
/* Frees what the above made; no connection is left. */
void kft_forward_clear_clients(KftForward *self);
/* A local connection came: user_data of the bindings is the forward. */
void kft_forward_add_client(size_t port_index, KftSocket *socket, void *user_data);
/* Carries what waits, as far as there are pods. */
void kft_forward_attach_waiting(KftForward *self);
/* Adds what open connections carried. */
void kft_forward_count_clients(const KftForward *self, KftForwardStatistics *statistics);

#endif
