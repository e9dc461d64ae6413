#ifndef KFT_NET_NETWORK_H
#define KFT_NET_NETWORK_H

#include <glib.h>

#include "base/secret.h"

/* What the user set for this machine's network, on top of what a kubeconfig says. Held by the loop,
 * and looked at by each new connection, so a change needs no restart. Thread: loop. */
typedef struct {
    char *ca_bundle;      /* file of further trusted authorities, PEM; nullable */
    KftSecret *proxy_url; /* for servers that neither the kubeconfig nor the environment has a proxy
                             for: the desktop's; nullable */
    char *no_proxy;       /* exceptions from proxy_url, as NO_PROXY; nullable */
} KftNetwork;

/* Overwrites @self with copies; all nullable. */
void kft_network_set(KftNetwork *self,
                     const char *ca_bundle,
                     const char *proxy_url,
                     const char *no_proxy);
void kft_network_copy(KftNetwork *self, const KftNetwork *from);
void kft_network_clear(KftNetwork *self);

#endif
