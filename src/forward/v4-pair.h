#ifndef KFT_FORWARD_V4_PAIR_H
#define KFT_FORWARD_V4_PAIR_H

#include "forward/pair.h"
#include "kube/cluster.h"
#include "kube/pod.h"

/* The v4.channel.k8s.io transport: one WebSocket, one port, one local connection (wire protocols,
 * section 2). Opens the WebSocket by itself: until that is done kft_pair_reserve() gives NULL, and
 * if it fails the pair ends with UNSENT, with NO_POD if there is no such pod, or with NODE if its
 * node is not well, which other forwards then know as well. @pod: for the time of the call. Thread:
 * loop. */
KftPair *kft_v4_pair_new(KftCluster *cluster,
                         const KftPod *pod,
                         uint16_t port,
                         const KftPairFuncs *funcs,
                         void *user_data);

#endif
