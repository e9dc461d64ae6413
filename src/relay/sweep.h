#ifndef KFT_RELAY_SWEEP_H
#define KFT_RELAY_SWEEP_H

#include "kube/cluster.h"
#include "relay/home.h"

/* Deletes what engines of this installation that were killed have left in clusters, as their
 * journals say. Nothing is asked of a cluster in which they left nothing. Thread: loop. */
typedef struct KftSweep KftSweep;

typedef struct {
    /* The cluster of a context, borrowed. Errors: those of the kubeconfig. */
    KftCluster *(*find_cluster)(const char *kubeconfig,
                                const char *context,
                                GError **error,
                                void *user_data);
    /* How many relays of earlier programs were deleted, more than none. */
    void (*on_swept)(unsigned n_relays, void *user_data);
} KftSweepFuncs;

/* @home: borrowed, outlives the sweep. */
KftSweep *kft_sweep_new(KftRelayHome *home, const KftSweepFuncs *funcs, void *user_data);
/* Looks for sessions that are over by now. */
void kft_sweep_run(KftSweep *self);
/* NULL is allowed. */
void kft_sweep_free(KftSweep *self);

#endif
