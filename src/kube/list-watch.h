#ifndef KFT_KUBE_LIST_WATCH_H
#define KFT_KUBE_LIST_WATCH_H

#include "base/json.h"
#include "kube/cluster.h"

/* The objects of one kind in one namespace, or one of them by name, kept up to date by list and
 * watch (wire protocols, 7.1, 7.2). Where the user may not watch, they are read once and again with
 * each kft_list_watch_refresh(). Private to src/kube. Thread: loop. */
typedef struct KftListWatch KftListWatch;

typedef struct {
    const char *prefix; /* "/api/v1", "/apis/apps/v1"; static if is_few, like resource */
    const char *namespace_;
    const char *resource;       /* "pods" */
    const char *name;           /* only this object; nullable */
    const char *label_selector; /* nullable */
    bool is_polled;             /* do not watch: read again only with refresh */
    bool is_few; /* a namespace has so few and small ones that many are better watched all at once;
                    for kft_shared_watch_new() */
} KftListWatchSpec;

typedef struct {
    /* Reduces an object to what is kept of it; NULL skips it. */
    void *(*model_new)(json_object *object);
    void (*model_free)(void *model);
    /* After the first read, whenever objects may have changed, at most once per piece received, and
     * when it turns out that nothing may watch them. */
    void (*on_change)(void *user_data);
    /* Reading failed. @status: of the answer, 0 if there was none. If @is_final, nothing more
     * happens until kft_list_watch_refresh(): only before the first successful read. */
    void (*on_error)(const GError *error, unsigned status, bool is_final, void *user_data);
} KftListWatchFuncs;

/* @spec, @funcs: copied. An object that is asked for by name is first read with one GET. */
KftListWatch *kft_list_watch_new(KftCluster *cluster,
                                 const KftListWatchSpec *spec,
                                 const KftListWatchFuncs *funcs,
                                 void *user_data);
/* NULL is allowed; also inside the callbacks. */
void kft_list_watch_free(KftListWatch *self);
/* Reads again if nothing watches, ends a wait between tries, and reopens a watch that was silent
 * for some seconds (it may be dead after a sleep or a change of network). */
void kft_list_watch_refresh(KftListWatch *self);

/* Whether the objects were read at least once. */
bool kft_list_watch_is_synced(const KftListWatch *self);
/* Whether objects are being read now: on_change or on_error will follow. */
bool kft_list_watch_is_reading(const KftListWatch *self);
/* Whether changes arrive by themselves. */
bool kft_list_watch_is_watched(const KftListWatch *self);
/* Models by object name. (transfer none), valid until the next callback. */
GHashTable *kft_list_watch_get_models(const KftListWatch *self);
/* The first model, for a list-watch with a name; NULL if there is none. */
void *kft_list_watch_get_model(const KftListWatch *self);

#endif
