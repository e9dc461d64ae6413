#ifndef KFT_KUBE_LISTING_H
#define KFT_KUBE_LISTING_H

#include "base/json.h"
#include "kube/cluster.h"

/* One reading of a collection, in chunks: no more than a chunk of it is held as JSON. What is to be
 * kept up to date is read by kube/list-watch.h. Private to src/kube. Thread: loop. */
typedef struct KftListing KftListing;

typedef struct {
    const char *prefix;         /* "/api/v1", "/apis/apps/v1" */
    const char *namespace_;     /* NULL = all, or the resource has none */
    const char *resource;       /* "services" */
    const char *label_selector; /* nullable */
    size_t max_objects;         /* reading ends there */
} KftListingSpec;

typedef struct {
    /* Reduces an object to what is kept of it; NULL skips it. */
    void *(*model_new)(json_object *object, void *user_data);
    GDestroyNotify model_free;
    /* Runs once, not inside kft_listing_start(). @models: in the server's order, (transfer none), a
     * reference may be taken; NULL if there is an @error, whose @status is 0 if no answer came.
     * @is_cut: there are more than max_objects. */
    void (*on_done)(
        GPtrArray *models, bool is_cut, const GError *error, unsigned status, void *user_data);
} KftListingFuncs;

/* @spec, @funcs: copied. */
KftListing *kft_listing_start(KftCluster *cluster,
                              const KftListingSpec *spec,
                              const KftListingFuncs *funcs,
                              void *user_data);
/* Cancels if not done; also inside on_done, and after it. NULL is allowed. */
void kft_listing_free(KftListing *self);

#endif
