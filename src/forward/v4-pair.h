#ifndef KFT_FORWARD_V4_PAIR_H
#define KFT_FORWARD_V4_PAIR_H

#include "forward/pair.h"
#include "kube/cluster.h"
#include "kube/pod.h"

/* The v4.channel.k8s.io transport: one WebSocket, one port, one local connection (wire protocols,
 * section 2). Opens the WebSocket by itself: until that is done kft_pair_reserve() gives NULL, and
 * if it fails the pair ends with UNSENT, with NO_POD if there is no such pod, or with NODE if its
 * node is not well, which other forwards then know as well. @pod: for the time of the call.
 * @siblings: a set that it is in until its end, nullable. Thread: loop. */
KftPair *kft_v4_pair_new(KftCluster *cluster,
                         const KftPod *pod,
                         uint16_t port,
                         GHashTable *siblings,
                         const KftPairFuncs *funcs,
                         void *user_data);
/* The way to the server may have changed: the pair ends with LOST if nothing comes within
 * @limit_ms. One that is being opened is left to the limits of that. */
void kft_v4_pair_verify(KftPair *self, uint32_t limit_ms);

#endif
