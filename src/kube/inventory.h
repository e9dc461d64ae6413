#ifndef KFT_KUBE_INVENTORY_H
#define KFT_KUBE_INVENTORY_H

#include "kftray/query.h"

#include "kube/cluster.h"

/* What there is in a cluster, as far as its user may see it. All namespaces are asked for in one
 * list; if that is refused, each namespace that can be named is asked: those of the cluster if they
 * may be listed, else those that the caller knows. Thread: loop. */
typedef struct KftInventory KftInventory;

typedef struct {
    KftQueryType type;      /* NAMESPACES, SERVICES, PODS, WORKLOADS or RELAYS */
    const char *namespace_; /* NULL = all */
    const char *selector;   /* label selector; nullable */
    char **known;           /* namespaces to fall back on, NULL ended */
} KftInventorySpec;

/* Runs once, not inside kft_inventory_start(). Exactly one of @items and @error is set. @items: as
 * in KftAnswer, (transfer full). @note: what is missing and why; nullable. Errors: those of
 * KftApiFunc. */
typedef void (*KftInventoryFunc)(GPtrArray *items,
                                 const char *note,
                                 const GError *error,
                                 void *user_data);

/* @spec: copied. */
KftInventory *kft_inventory_start(KftCluster *cluster,
                                  const KftInventorySpec *spec,
                                  KftInventoryFunc on_done,
                                  void *user_data);
/* Cancels if not done; also inside on_done, and after it. NULL is allowed. */
void kft_inventory_free(KftInventory *self);

#endif
