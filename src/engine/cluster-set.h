#ifndef KFT_ENGINE_CLUSTER_SET_H
#define KFT_ENGINE_CLUSTER_SET_H

#include "kube/cluster.h"

/* The clusters in use, one per kubeconfig and context, and what becomes of them when a kubeconfig
 * or a file that it names changes. A cluster stays in the set for the life of the engine, so what
 * was found out about it, and a credential that still holds, are there at the next start. Thread:
 * loop. */
typedef struct KftClusterSet KftClusterSet;

typedef struct {
    /* A file behind @cluster changed. SAME: only certificates or tokens may be new, or another
     * context of the kubeconfig. Runs in a turn of its own, or inside kft_cluster_set_find(). */
    void (*on_change)(KftCluster *cluster, KftClusterChange change, void *user_data);
    /* The kubeconfig cannot be used any more; the cluster goes on with what it knows. */
    void (*on_broken)(KftCluster *cluster, const GError *error, void *user_data);
} KftClusterSetFuncs;

KftClusterSet *kft_cluster_set_new(KftLoop *loop, const KftClusterSetFuncs *funcs, void *user_data);
/* Reads the kubeconfig and gives the cluster of that context. @kubeconfig,
 * @context_name: as in KftForwardSpec. (transfer none). Errors: those of kft_kubeconfig_load() and
 * _select(). */
KftCluster *kft_cluster_set_find(KftClusterSet *self,
                                 const char *kubeconfig,
                                 const char *context_name,
                                 GError **error);
void kft_cluster_set_foreach(KftClusterSet *self,
                             void (*func)(KftCluster *cluster, void *user_data),
                             void *user_data);
/* Looks at the files now; see kft_file_watch_check(). */
void kft_cluster_set_check_files(KftClusterSet *self);
/* NULL is allowed. */
void kft_cluster_set_free(KftClusterSet *self);

#endif
