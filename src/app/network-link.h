#ifndef KFT_APP_NETWORK_LINK_H
#define KFT_APP_NETWORK_LINK_H

#include "core.h"

/* Tells the engine what the settings and the desktop say about the network, at the start and after
 * each change. Thread: ui. */
typedef struct KftNetworkLink KftNetworkLink;

/* To be made before the core has loaded, so that nothing starts without. */
KftNetworkLink *kft_network_link_new(KftCore *core);
/* NULL is allowed. */
void kft_network_link_free(KftNetworkLink *self);

#endif
