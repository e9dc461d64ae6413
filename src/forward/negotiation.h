#ifndef KFT_FORWARD_NEGOTIATION_H
#define KFT_FORWARD_NEGOTIATION_H

#include "kube/cluster.h"
#include "net/stream.h"
#include "proto/upgrade.h"

/* Opens one port-forward connection to a pod: credential, dialling, upgrade request, and the
 * fallbacks of wire protocols 1.4, at most one step each. What the server turned out to speak is
 * remembered in the cluster. Thread: loop. */
typedef struct KftNegotiation KftNegotiation;

/* Which transports may be used. */
typedef struct {
    bool tunnel;
    bool websocket; /* needs a local connection that waits: the node dials the pod's port at once */
    bool spdy;
} KftOffer;

typedef struct {
    KftCarrier carrier;
    KftStream *stream; /* (transfer full) */
    GBytes *early;     /* what came behind the 101's head; (transfer none) */
} KftNegotiated;

/* Runs once; exactly one of the two is set. Errors as for API requests; LIMIT for 429. */
typedef void (*KftNegotiationFunc)(const KftNegotiated *result,
                                   const GError *error,
                                   void *user_data);

/* @port: the pod's; used by the WebSocket transports. @offer: at least one. */
KftNegotiation *kft_negotiation_start(KftCluster *cluster,
                                      const char *namespace_,
                                      const char *pod,
                                      uint16_t port,
                                      KftOffer offer,
                                      KftNegotiationFunc on_done,
                                      void *user_data);
/* After a failure: whether the server passed the WebSocket request on to a node that does no
 * tunnels, but may well speak v4.channel.k8s.io, which was not offered. Only inside or after
 * on_done. */
bool kft_negotiation_may_use_websocket(const KftNegotiation *self);
/* The HTTP status of the last answer, 0 if none came. */
unsigned kft_negotiation_get_status(const KftNegotiation *self);
/* What the last answer that opened nothing said, one line; NULL if there was none. */
const char *kft_negotiation_get_refusal(const KftNegotiation *self);
/* Cancels if not done; also after (or inside) on_done. NULL is allowed. */
void kft_negotiation_free(KftNegotiation *self);

#endif
