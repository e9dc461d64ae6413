#ifndef KFT_FORWARD_V4_PAIR_H
#define KFT_FORWARD_V4_PAIR_H

#include "forward/held.h"
#include "forward/pair.h"
#include "kube/cluster.h"
#include "kube/pod.h"

/* What several pairs belong to; is told nothing after kft_pool_pair_gone(). */
typedef struct {
    GHashTable *siblings; /* a set that each is in until its end, of which it takes a reference */
    KftHeldList *held;    /* outlives them, see kft_vigil_new() */
    /* A pair is held, and the server turned out to answer nobody. */
    void (*on_server_away)(void *user_data);
    void *user_data;
} KftV4Owner;

/* The v4.channel.k8s.io transport: one WebSocket, one port, one local connection (wire protocols,
 * section 2). Opens the WebSocket by itself: until that is done kft_pair_reserve() gives NULL, and
 * if it fails the pair ends with UNSENT, with NO_POD if there is no such pod, or with NODE if its
 * node is not well, which other forwards then know as well. @pod: for the time of the call. @owner:
 * nullable. Thread: loop. */
KftPair *kft_v4_pair_new(KftCluster *cluster,
                         const KftPod *pod,
                         uint16_t port,
                         const KftV4Owner *owner,
                         const KftPairFuncs *funcs,
                         void *user_data);
/* The way to the server may have changed: if nothing comes within @limit_ms, the pair is held
 * (forward/hold.h) or ends with LOST. One that is being opened is left to the limits of that. */
void kft_v4_pair_verify(KftPair *self, uint32_t limit_ms);

#endif
