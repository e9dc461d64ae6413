#ifndef KFT_KUBE_SHARED_WATCH_H
#define KFT_KUBE_SHARED_WATCH_H

#include "kube/list-watch.h"

/* One listener of a list-watch. All that ask the same of a cluster, as the forwards to one service
 * do, listen to one list-watch: one connection, one copy of the objects. Who comes later is given
 * what is known already, in the next turn, without a request. It ends with its last listener.
 *
 * From the fifth object of a namespace on that is asked for by name (and is_few), further ones are
 * found in one list-watch of the whole namespace, if that has them and the user's rights allow it.
 *
 * Not shared are what is not watched (is_polled), a list-watch that failed for good, and one of
 * before kft_cluster_apply() changed something. Private to src/kube. Thread: loop. */
typedef struct KftSharedWatch KftSharedWatch;

/* As kft_list_watch_new(); one kind of object must always have the same model functions. */
KftSharedWatch *kft_shared_watch_new(KftCluster *cluster,
                                     const KftListWatchSpec *spec,
                                     const KftListWatchFuncs *funcs,
                                     void *user_data);
/* NULL is allowed; also inside the callbacks, of any listener. */
void kft_shared_watch_free(KftSharedWatch *self);

/* As for a list-watch, for all that listen to the same. */
void kft_shared_watch_refresh(KftSharedWatch *self);
bool kft_shared_watch_is_synced(const KftSharedWatch *self);
bool kft_shared_watch_is_reading(const KftSharedWatch *self);
bool kft_shared_watch_is_watched(const KftSharedWatch *self);
/* Not for what is_few. */
GHashTable *kft_shared_watch_get_models(const KftSharedWatch *self);
void *kft_shared_watch_get_model(const KftSharedWatch *self);

#endif
