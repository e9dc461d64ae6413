/* Which listeners share which list-watch. A cluster's table has the ones that may be joined, by
 * what they ask for; a share that left the table goes on for those that have it. Callbacks may free
 * any listener, the last one too, and may add new ones: a round of telling keeps the place of the
 * listener that is next, and the share itself until its end. */
#include "kube/shared-watch.h"

#include "net/loop.h"

/* So many objects of a kind and namespace are watched one by one: all of them may be hundreds. */
#define MAX_SINGLE 4

typedef struct {
    GHashTable *table; /* of the cluster, which the list-watch references */
    char *key;         /* NULL = nobody may join */
    KftListWatch *list_watch;
    void *(*model_new)(json_object *object);
    GQueue listeners;
    GList *next; /* to be told in the round that is under way */
    bool is_telling;
} Share;

/* One object by name. */
typedef struct {
    const char *prefix; /* static, like resource */
    const char *resource;
    char *namespace_;
    char *name;
} Single;

struct KftSharedWatch {
    KftCluster *cluster;
    Share *share;
    GList link; /* of share->listeners */
    KftListWatchFuncs funcs;
    void *user_data;
    KftDeferred *first; /* tells what was known when it came; nullable */
    /* What it looks for among all of the namespace; NULL = the share has only that. */
    Single *single;
    bool was_found; /* there, at least once */
};

static void go_single(KftSharedWatch *self);

/* An argument list of on_error. */
typedef struct {
    const GError *error;
    unsigned status;
    bool is_final;
} Failure;

static void unlist(Share *share)
{
    if (share->key != NULL && g_hash_table_lookup(share->table, share->key) == share)
        g_hash_table_remove(share->table, share->key);
}

static void free_share(Share *share)
{
    unlist(share);
    kft_list_watch_free(share->list_watch);
    g_free(share->key);
    g_free(share);
}

static void forget_first(KftSharedWatch *self)
{
    if (self->first != NULL)
        kft_deferred_cancel(self->first);
    self->first = NULL;
}

/* Whether @self, if it looks among all of the namespace, has the object there, or will know. */
static bool fits(const KftSharedWatch *self)
{
    const KftListWatch *all = self->share->list_watch;
    return self->single == NULL || !kft_list_watch_is_synced(all) ||
           (kft_list_watch_is_watched(all) &&
            (self->was_found || kft_shared_watch_get_model(self) != NULL));
}

static void tell_change(KftSharedWatch *self)
{
    forget_first(self);
    if (!fits(self)) {
        go_single(self);
        return;
    }
    self->was_found = true;
    self->funcs.on_change(self->user_data);
}

static void tell_failure(KftSharedWatch *self, const Failure *failure)
{
    if (failure->is_final && self->single != NULL)
        go_single(self);
    else
        self->funcs.on_error(failure->error, failure->status, failure->is_final, self->user_data);
}

/* @failure: NULL = there is a change. @share may be gone afterwards. */
static void tell(Share *share, const Failure *failure)
{
    share->is_telling = true;
    share->next = share->listeners.head;
    while (share->next != NULL) {
        KftSharedWatch *listener = share->next->data;
        share->next = share->next->next;
        if (failure != NULL)
            tell_failure(listener, failure);
        else
            tell_change(listener);
    }
    share->is_telling = false;
    if (g_queue_is_empty(&share->listeners))
        free_share(share);
}

static void on_list_watch_change(void *user_data)
{
    tell(user_data, NULL);
}

static void
on_list_watch_error(const GError *error, unsigned status, bool is_final, void *user_data)
{
    const Failure failure = {error, status, is_final};
    if (is_final)
        unlist(user_data);
    tell(user_data, &failure);
}

/* All that makes one list-watch another one than the next. NULL if it is not to be shared. */
static char *build_key(const KftListWatchSpec *spec)
{
    bool has_name = spec->name != NULL;
    bool has_selector = spec->label_selector != NULL;
    if (spec->is_polled)
        return NULL;
    return g_strjoin("\n", spec->prefix, spec->namespace_, spec->resource,
                     has_name ? "named" : "any", has_name ? spec->name : "",
                     has_selector ? "labelled" : "any", has_selector ? spec->label_selector : "",
                     NULL);
}

/* @key: taken. */
static Share *new_share(KftCluster *cluster,
                        char *key,
                        const KftListWatchSpec *spec,
                        const KftListWatchFuncs *funcs)
{
    const KftListWatchFuncs shared = {
        .model_new = funcs->model_new,
        .model_free = funcs->model_free,
        .on_change = on_list_watch_change,
        .on_error = on_list_watch_error,
    };
    Share *share = g_new0(Share, 1);
    share->table = kft_cluster_get_shares(cluster);
    share->key = key;
    share->model_new = funcs->model_new;
    if (key != NULL)
        g_hash_table_insert(share->table, key, share);
    share->list_watch = kft_list_watch_new(cluster, spec, &shared, share);
    return share;
}

static void on_deferred_first(void *user_data)
{
    KftSharedWatch *self = user_data;
    self->first = NULL;
    tell_change(self);
}

/* What is known must be what is there: if nothing watches, or nothing could be read so far, it is
 * looked at now, as for who comes first. */
static void join(KftSharedWatch *self, Share *share)
{
    g_assert(share->model_new == self->funcs.model_new);
    if (kft_list_watch_is_synced(share->list_watch) && kft_list_watch_is_watched(share->list_watch))
        self->first = kft_loop_defer(kft_cluster_get_loop(self->cluster), on_deferred_first, self);
    else
        kft_list_watch_refresh(share->list_watch);
}

static void enter(KftSharedWatch *self, const KftListWatchSpec *spec)
{
    g_autofree char *key = build_key(spec);
    GHashTable *shares = kft_cluster_get_shares(self->cluster);
    Share *share = key != NULL ? g_hash_table_lookup(shares, key) : NULL;
    if (share != NULL)
        join(self, share);
    else
        share = new_share(self->cluster, g_steal_pointer(&key), spec, &self->funcs);
    self->share = share;
    /* In front, so that a round that is under way does not come to it. */
    g_queue_push_head_link(&share->listeners, &self->link);
}

static void leave(KftSharedWatch *self)
{
    Share *share = self->share;
    forget_first(self);
    if (share->next == &self->link)
        share->next = self->link.next;
    g_queue_unlink(&share->listeners, &self->link);
    if (g_queue_is_empty(&share->listeners) && !share->is_telling)
        free_share(share);
}

static void free_single(Single *single)
{
    if (single == NULL)
        return;
    g_free(single->namespace_);
    g_free(single->name);
    g_free(single);
}

static void go_single(KftSharedWatch *self)
{
    Single *single = g_steal_pointer(&self->single);
    const KftListWatchSpec spec = {
        .prefix = single->prefix,
        .resource = single->resource,
        .namespace_ = single->namespace_,
        .name = single->name,
    };
    leave(self);
    enter(self, &spec);
    free_single(single);
}

/* Whether @spec's object is one more than are watched one by one. */
static bool is_one_more(KftCluster *cluster, const KftListWatchSpec *spec)
{
    g_autofree char *key = build_key(spec);
    g_autofree char *named =
        g_strjoin("\n", spec->prefix, spec->namespace_, spec->resource, "named", "", NULL);
    GHashTable *shares = kft_cluster_get_shares(cluster);
    GHashTableIter iter;
    void *other = NULL;
    unsigned n_named = 0;

    g_hash_table_iter_init(&iter, shares);
    while (g_hash_table_iter_next(&iter, &other, NULL))
        n_named += g_str_has_prefix(other, named) ? 1 : 0;
    return n_named >= MAX_SINGLE && !g_hash_table_contains(shares, key);
}

static void go_among_all(KftSharedWatch *self, const KftListWatchSpec *spec)
{
    const KftListWatchSpec all = {
        .prefix = spec->prefix,
        .resource = spec->resource,
        .namespace_ = spec->namespace_,
    };
    self->single = g_new0(Single, 1);
    self->single->prefix = spec->prefix;
    self->single->resource = spec->resource;
    self->single->namespace_ = g_strdup(spec->namespace_);
    self->single->name = g_strdup(spec->name);
    enter(self, &all);
    if (!fits(self))
        go_single(self);
}

KftSharedWatch *kft_shared_watch_new(KftCluster *cluster,
                                     const KftListWatchSpec *spec,
                                     const KftListWatchFuncs *funcs,
                                     void *user_data)
{
    KftSharedWatch *self = g_new0(KftSharedWatch, 1);
    self->link.data = self;
    self->cluster = kft_cluster_ref(cluster);
    self->funcs = *funcs;
    self->user_data = user_data;
    if (spec->is_few && spec->name != NULL && is_one_more(cluster, spec))
        go_among_all(self, spec);
    else
        enter(self, spec);
    return self;
}

void kft_shared_watch_free(KftSharedWatch *self)
{
    if (self == NULL)
        return;
    leave(self);
    kft_cluster_unref(self->cluster);
    free_single(self->single);
    g_free(self);
}

void kft_shared_watch_refresh(KftSharedWatch *self)
{
    kft_list_watch_refresh(self->share->list_watch);
}

bool kft_shared_watch_is_synced(const KftSharedWatch *self)
{
    return kft_list_watch_is_synced(self->share->list_watch);
}

bool kft_shared_watch_is_reading(const KftSharedWatch *self)
{
    return kft_list_watch_is_reading(self->share->list_watch);
}

bool kft_shared_watch_is_watched(const KftSharedWatch *self)
{
    return kft_list_watch_is_watched(self->share->list_watch);
}

GHashTable *kft_shared_watch_get_models(const KftSharedWatch *self)
{
    return kft_list_watch_get_models(self->share->list_watch);
}

void *kft_shared_watch_get_model(const KftSharedWatch *self)
{
    if (self->single == NULL)
        return kft_list_watch_get_model(self->share->list_watch);
    return g_hash_table_lookup(kft_list_watch_get_models(self->share->list_watch),
                               self->single->name);
}
