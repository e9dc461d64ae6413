#ifndef KFT_FORWARD_KEEPALIVE_H
#define KFT_FORWARD_KEEPALIVE_H

#include "forward/backends.h"

/* Tells a relay from time to time that its client lives: GET /keepalive on its status port, by way
 * of the same tunnels (docs/relay.md). Lost ones do not matter. Thread: loop. */
typedef struct KftKeepalive KftKeepalive;

/* @backends: borrowed; freed, or drained for good, only after this. */
KftKeepalive *
kft_keepalive_new(KftLoop *loop, KftBackends *backends, uint16_t port, uint32_t interval_ms);
/* Asks now and then at each interval; again if it runs already. */
void kft_keepalive_start(KftKeepalive *self);
/* NULL is allowed. */
void kft_keepalive_free(KftKeepalive *self);

#endif
