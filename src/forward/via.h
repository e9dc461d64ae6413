#ifndef KFT_FORWARD_VIA_H
#define KFT_FORWARD_VIA_H

#include "forward/pool.h"

/* A pair through a gateway: the pod is asked by SOCKS 5 (proto/socks5.h) for a target, and what
 * comes behind its consent is the pair's. To its owner it is a pair like any other. Greeting,
 * request and first data leave together, so the gateway costs no round trip. Thread: loop. */

typedef struct {
    const char *host; /* numeric or a name, which the gateway resolves */
    uint16_t port;
    uint8_t command; /* KFT_SOCKS5_CONNECT or KFT_SOCKS5_UDP_FRAMES */
} KftVia;

/* As kft_pool_open_pair(). @via: NULL = what listens on @port of the pod itself. A refusal of the
 * gateway ends the pair with ERROR; with REFUSED if it closes without a word, as one does that has
 * too many connections or is about to end. */
KftPair *kft_via_open_pair(
    KftPool *pool, uint16_t port, const KftVia *via, const KftPairFuncs *funcs, void *user_data);

/* The same for a pair that is opened otherwise: @open opens one to the gateway's port. */
typedef KftPair *(*KftViaOpener)(const KftPairFuncs *funcs, void *user_data, void *opener_data);
KftPair *kft_via_wrap_pair(const KftVia *via,
                           KftViaOpener open,
                           void *opener_data,
                           const KftPairFuncs *funcs,
                           void *user_data);

#endif
