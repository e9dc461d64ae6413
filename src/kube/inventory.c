/* A question about a cluster as readings of collections, at most MAX_READINGS at a time, in up to
 * three phases: as it was asked; if a list of all namespaces was refused, the names of the
 * namespaces; then each of them. A refusal (403) only leaves out what it refuses; any other error
 * ends everything, because half an answer would look like a whole one. */
#include "kube/inventory.h"

#include <string.h>

#include "kube/found.h"
#include "kube/listing.h"

#define MAX_READINGS 8
/* A message that names more is not read. */
#define MAX_NAMED 8

typedef struct {
    KftQueryType type;
    const char *prefix;
    const char *resource;
    const char *short_kind; /* of workloads */
} Collection;

/* The names of namespaces come first. */
static const Collection collections[] = {
    {KFT_QUERY_NAMESPACES, "/api/v1", "namespaces", NULL},
    {KFT_QUERY_SERVICES, "/api/v1", "services", NULL},
    {KFT_QUERY_PODS, "/api/v1", "pods", NULL},
    {KFT_QUERY_RELAYS, "/api/v1", "pods", NULL},
    {KFT_QUERY_WORKLOADS, "/apis/apps/v1", "deployments", "deploy"},
    {KFT_QUERY_WORKLOADS, "/apis/apps/v1", "statefulsets", "sts"},
    {KFT_QUERY_WORKLOADS, "/apis/apps/v1", "daemonsets", "ds"},
};

typedef enum {
    PHASE_AS_ASKED,
    PHASE_NAMES, /* of the namespaces */
    PHASE_EACH,  /* namespace on its own */
} Phase;

struct KftInventory {
    KftCluster *cluster;
    KftQueryType type;
    char *selector; /* nullable */
    char **known;
    KftInventoryFunc on_done;
    void *user_data;
    Phase phase;
    GQueue waiting; /* Reading */
    GQueue running; /* Reading */
    GPtrArray *items;
    GPtrArray *names;                           /* namespaces of PHASE_EACH */
    GHashTable *left_out;                       /* those of which something was refused */
    GError *refusal;                            /* the first one; nullable */
    size_t n_read;                              /* readings that were not refused */
    bool has_names_of_cluster;                  /* else they are those that are known */
    bool is_refused[G_N_ELEMENTS(collections)]; /* for all namespaces together */
    bool is_cut;
};

typedef struct {
    KftInventory *owner;
    const Collection *collection;
    char *namespace_; /* NULL = all */
    KftListing *listing;
} Reading;

static void advance(KftInventory *self);

static void reading_free(gpointer data)
{
    Reading *reading = data;
    kft_listing_free(reading->listing);
    g_free(reading->namespace_);
    g_free(reading);
}

/* --- models --- */

static void free_service(gpointer data)
{
    kft_found_service_free(data);
}

static void free_pod(gpointer data)
{
    kft_found_pod_free(data);
}

static void free_relay(gpointer data)
{
    kft_found_relay_free(data);
}

static void free_workload(gpointer data)
{
    kft_found_workload_free(data);
}

static void *model_new(json_object *object, void *user_data)
{
    const Reading *reading = user_data;
    switch (reading->collection->type) {
    case KFT_QUERY_SERVICES:
        return kft_found_service_new_from_json(object);
    case KFT_QUERY_PODS:
        return kft_found_pod_new_from_json(object);
    case KFT_QUERY_WORKLOADS:
        return kft_found_workload_new_from_json(object, reading->collection->short_kind);
    case KFT_QUERY_RELAYS:
        return kft_found_relay_new_from_json(object);
    case KFT_QUERY_NAMESPACES:
        return g_strdup(kft_json_string(object, "metadata.name"));
    case KFT_QUERY_DELETE_RELAY:
    case KFT_QUERY_CONTEXTS:
    case KFT_QUERY_PROBE:
        break;
    }
    g_assert_not_reached();
}

static int
compare_places(const char *namespace_a, const char *a, const char *namespace_b, const char *b)
{
    int order = strcmp(namespace_a, namespace_b);
    return order != 0 ? order : strcmp(a, b);
}

static int compare_services(gconstpointer a, gconstpointer b)
{
    const KftFoundService *left = *(KftFoundService *const *)a;
    const KftFoundService *right = *(KftFoundService *const *)b;
    return compare_places(left->namespace_, left->name, right->namespace_, right->name);
}

static int compare_pods(gconstpointer a, gconstpointer b)
{
    const KftFoundPod *left = *(KftFoundPod *const *)a;
    const KftFoundPod *right = *(KftFoundPod *const *)b;
    return compare_places(left->namespace_, left->name, right->namespace_, right->name);
}

static int compare_relays(gconstpointer a, gconstpointer b)
{
    const KftFoundRelay *left = *(KftFoundRelay *const *)a;
    const KftFoundRelay *right = *(KftFoundRelay *const *)b;
    return compare_places(left->namespace_, left->name, right->namespace_, right->name);
}

static int compare_workloads(gconstpointer a, gconstpointer b)
{
    const KftFoundWorkload *left = *(KftFoundWorkload *const *)a;
    const KftFoundWorkload *right = *(KftFoundWorkload *const *)b;
    return compare_places(left->namespace_, left->name, right->namespace_, right->name);
}

static int compare_names(gconstpointer a, gconstpointer b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* What the items of an answer are. */
typedef struct {
    GDestroyNotify free;
    GCompareFunc compare;
} ItemType;

static const ItemType *item_type_of(KftQueryType type)
{
    static const ItemType namespaces = {g_free, compare_names};
    static const ItemType services = {free_service, compare_services};
    static const ItemType pods = {free_pod, compare_pods};
    static const ItemType workloads = {free_workload, compare_workloads};
    static const ItemType relays = {free_relay, compare_relays};

    switch (type) {
    case KFT_QUERY_NAMESPACES:
        return &namespaces;
    case KFT_QUERY_SERVICES:
        return &services;
    case KFT_QUERY_PODS:
        return &pods;
    case KFT_QUERY_WORKLOADS:
        return &workloads;
    case KFT_QUERY_RELAYS:
        return &relays;
    case KFT_QUERY_DELETE_RELAY:
    case KFT_QUERY_CONTEXTS:
    case KFT_QUERY_PROBE:
        break;
    }
    g_assert_not_reached();
}

/* --- the end --- */

/* The namespaces that were read: "a, b and 3 more". */
static char *join_read_names(const KftInventory *self)
{
    GString *out = g_string_new(NULL);
    guint n = 0;

    for (guint i = 0; i < self->names->len; i++) {
        const char *name = g_ptr_array_index(self->names, i);
        if (g_hash_table_contains(self->left_out, name))
            continue;
        if (n < MAX_NAMED)
            g_string_append_printf(out, "%s%s", n == 0 ? "" : ", ", name);
        n++;
    }
    if (n > MAX_NAMED)
        g_string_append_printf(out, " and %u more", n - MAX_NAMED);
    return g_string_free(out, FALSE);
}

static char *make_note(const KftInventory *self)
{
    g_autoptr(GString) note = g_string_new(NULL);
    guint n_left_out = g_hash_table_size(self->left_out);

    if (self->refusal == NULL) {
        /* nothing is left out */
    } else if (self->phase == PHASE_EACH && !self->has_names_of_cluster) {
        g_autofree char *names = join_read_names(self);
        g_string_append_printf(note, "only namespaces that the kubeconfig names are shown (%s): %s",
                               names, self->refusal->message);
    } else if (n_left_out > 0) {
        g_string_append_printf(note, "%u of %u namespaces are left out, or a part of them: %s",
                               n_left_out, self->names->len, self->refusal->message);
    } else if (self->phase == PHASE_AS_ASKED) {
        g_string_append_printf(note, "a part is left out: %s", self->refusal->message);
    }
    if (self->is_cut)
        g_string_append_printf(note, "%sonly the first %d are shown", note->len > 0 ? "; " : "",
                               KFT_QUERY_MAX_ITEMS);
    return note->len > 0 ? g_strdup(note->str) : NULL;
}

/* Nothing of @self may be touched afterwards: the callback may free it. */
static void fail(KftInventory *self, const GError *error)
{
    g_autoptr(GError) copy = g_error_copy(error);
    self->on_done(NULL, NULL, copy, self->user_data);
}

/* As above. */
static void finish(KftInventory *self)
{
    if (self->n_read == 0 && self->refusal != NULL) {
        fail(self, self->refusal);
        return;
    }
    g_autofree char *note = make_note(self);
    if (self->items->len > KFT_QUERY_MAX_ITEMS)
        g_ptr_array_set_size(self->items, KFT_QUERY_MAX_ITEMS);
    g_ptr_array_sort(self->items, item_type_of(self->type)->compare);
    self->on_done(g_steal_pointer(&self->items), note, NULL, self->user_data);
}

/* --- readings --- */

static void add_reading(KftInventory *self, const Collection *collection, const char *namespace_)
{
    Reading *reading = g_new0(Reading, 1);
    reading->owner = self;
    reading->collection = collection;
    reading->namespace_ = g_strdup(namespace_);
    g_queue_push_tail(&self->waiting, reading);
}

static void take_models(KftInventory *self, const Reading *reading, GPtrArray *models, bool is_cut)
{
    GPtrArray *goal = self->phase == PHASE_NAMES ? self->names : self->items;

    self->is_cut = self->is_cut || is_cut || goal->len + models->len > KFT_QUERY_MAX_ITEMS;
    g_ptr_array_extend_and_steal(goal, g_ptr_array_ref(models));
    if (reading->collection->type == self->type)
        self->n_read++;
    else
        self->has_names_of_cluster = true;
}

static void take_refusal(KftInventory *self, const Reading *reading, const GError *error)
{
    if (self->refusal == NULL)
        self->refusal = g_error_copy(error);
    if (self->phase == PHASE_AS_ASKED && reading->namespace_ == NULL)
        self->is_refused[reading->collection - collections] = true;
    if (self->phase == PHASE_EACH)
        (void)g_hash_table_add(self->left_out, g_strdup(reading->namespace_));
}

static void on_listing_done(
    GPtrArray *models, bool is_cut, const GError *error, unsigned status, void *user_data)
{
    Reading *reading = user_data;
    KftInventory *self = reading->owner;

    if (error != NULL && status != 403) {
        fail(self, error);
        return;
    }
    if (error != NULL)
        take_refusal(self, reading, error);
    else
        take_models(self, reading, models, is_cut);
    (void)g_queue_remove(&self->running, reading);
    reading_free(reading);
    advance(self);
}

static void start_reading(KftInventory *self, Reading *reading)
{
    const KftListingFuncs funcs = {
        .model_new = model_new,
        .model_free = item_type_of(reading->collection->type)->free,
        .on_done = on_listing_done,
    };
    const KftListingSpec spec = {
        .prefix = reading->collection->prefix,
        .namespace_ = reading->namespace_,
        .resource = reading->collection->resource,
        .label_selector = self->phase == PHASE_NAMES ? NULL : self->selector,
        .max_objects = KFT_QUERY_MAX_ITEMS,
    };
    reading->listing = kft_listing_start(self->cluster, &spec, &funcs, reading);
    g_queue_push_tail(&self->running, reading);
}

/* --- phases --- */

static bool has_refused(const KftInventory *self)
{
    bool has_any = false;
    for (size_t i = 0; i < G_N_ELEMENTS(collections); i++)
        has_any = has_any || self->is_refused[i];
    return has_any;
}

static void enter_names(KftInventory *self)
{
    self->phase = PHASE_NAMES;
    add_reading(self, &collections[0], NULL);
}

static void enter_each(KftInventory *self)
{
    self->phase = PHASE_EACH;
    for (size_t i = 0; !self->has_names_of_cluster && self->known[i] != NULL; i++)
        g_ptr_array_add(self->names, g_strdup(self->known[i]));
    for (guint i = 0; i < self->names->len; i++) {
        for (size_t k = 0; k < G_N_ELEMENTS(collections); k++) {
            if (self->is_refused[k])
                add_reading(self, &collections[k], g_ptr_array_index(self->names, i));
        }
    }
}

/* Namespaces that may not be listed: those that are known. */
static void answer_known(KftInventory *self)
{
    for (size_t i = 0; self->known[i] != NULL; i++)
        g_ptr_array_add(self->items, g_strdup(self->known[i]));
    g_ptr_array_sort(self->items, compare_names);
    g_autofree char *note = g_strdup_printf("only namespaces that the kubeconfig names are shown: "
                                            "%s",
                                            self->refusal->message);
    self->on_done(g_steal_pointer(&self->items), note, NULL, self->user_data);
}

/* Starts what may be started; when all was read, goes to the next phase or to the end. The last
 * thing that a caller does. */
static void advance(KftInventory *self)
{
    if (g_queue_is_empty(&self->running) && g_queue_is_empty(&self->waiting)) {
        if (self->phase == PHASE_AS_ASKED && has_refused(self)) {
            if (self->type == KFT_QUERY_NAMESPACES) {
                answer_known(self);
                return;
            }
            enter_names(self);
        } else if (self->phase == PHASE_NAMES) {
            enter_each(self);
        }
    }
    while (self->items->len <= KFT_QUERY_MAX_ITEMS && self->running.length < MAX_READINGS &&
           !g_queue_is_empty(&self->waiting))
        start_reading(self, g_queue_pop_head(&self->waiting));
    if (g_queue_is_empty(&self->running))
        finish(self);
}

KftInventory *kft_inventory_start(KftCluster *cluster,
                                  const KftInventorySpec *spec,
                                  KftInventoryFunc on_done,
                                  void *user_data)
{
    KFT_ASSERT_LOOP_THREAD(kft_cluster_get_loop(cluster));
    KftInventory *self = g_new0(KftInventory, 1);
    self->cluster = kft_cluster_ref(cluster);
    self->type = spec->type;
    self->selector = g_strdup(spec->selector);
    self->known = g_strdupv(spec->known);
    self->on_done = on_done;
    self->user_data = user_data;
    g_queue_init(&self->waiting);
    g_queue_init(&self->running);
    self->items = g_ptr_array_new_with_free_func(item_type_of(spec->type)->free);
    self->names = g_ptr_array_new_with_free_func(g_free);
    self->left_out = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    for (size_t i = 0; i < G_N_ELEMENTS(collections); i++) {
        if (collections[i].type == spec->type)
            add_reading(self, &collections[i], spec->namespace_);
    }
    advance(self);
    return self;
}

void kft_inventory_free(KftInventory *self)
{
    if (self == NULL)
        return;
    g_queue_clear_full(&self->waiting, reading_free);
    g_queue_clear_full(&self->running, reading_free);
    g_clear_pointer(&self->items, g_ptr_array_unref);
    g_ptr_array_unref(self->names);
    g_hash_table_unref(self->left_out);
    g_clear_error(&self->refusal);
    g_strfreev(self->known);
    g_free(self->selector);
    kft_cluster_unref(self->cluster);
    g_free(self);
}
