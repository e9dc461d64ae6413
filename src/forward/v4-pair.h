#ifndef KFT_FORWARD_V4_PAIR_H
#define KFT_FORWARD_V4_PAIR_H

#include "forward/pair.h"
#include "kube/cluster.h"

/* The v4.channel.k8s.io transport: one WebSocket, one port, one local connection (wire protocols,
 * section 2). Opens the WebSocket by itself: until that is done kft_pair_reserve() gives NULL, and
 * if it fails the pair ends with LOST, or NO_POD if there is no such pod. Thread: loop. */
KftPair *kft_v4_pair_new(KftCluster *cluster,
                         const char *namespace_,
                         const char *pod,
                         uint16_t port,
                         const KftPairFuncs *funcs,
                         void *user_data);

#endif
