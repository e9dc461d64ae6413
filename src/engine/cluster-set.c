/* A kubeconfig is read again when one of its files changes. Each cluster takes from it what
 * concerns it, and says whether that is anything new. Other programs are not always careful: a file
 * that is missing or half written is looked at again before anybody is told. */
#include "engine/cluster-set.h"

#include "base/log.h"
#include "net/endpoint.h"
#include "net/file-watch.h"
#include "net/timer.h"

/* How long a kubeconfig may be broken before it is worth a word. */
#define BROKEN_MS 1000

typedef struct {
    char *kubeconfig; /* nullable */
    KftCluster *cluster;
    KftKubeconfig *config; /* what the files of are watched */
    KftKubeContext context;
    bool is_broken; /* and that was told */
} Entry;

struct KftClusterSet {
    KftLoop *loop;
    KftClusterSetFuncs funcs;
    void *user_data;
    GPtrArray *entries;
    KftFileWatch *files;
    KftTimer *second_look;
};

static void entry_free(void *data)
{
    Entry *entry = data;
    g_free(entry->kubeconfig);
    kft_cluster_unref(entry->cluster);
    kft_kubeconfig_unref(entry->config);
    g_free(entry);
}

/* --- files --- */

static void add_path(GPtrArray *paths, const char *path)
{
    if (path != NULL && !kft_endpoint_is_token_key(path))
        g_ptr_array_add(paths, g_canonicalize_filename(path, NULL));
}

static void watch_files(KftClusterSet *self)
{
    g_autoptr(GPtrArray) paths = g_ptr_array_new_with_free_func(g_free);

    for (guint i = 0; i < self->entries->len; i++) {
        const Entry *entry = g_ptr_array_index(self->entries, i);
        const char *const *files = kft_kubeconfig_get_files(entry->config);
        for (size_t k = 0; files[k] != NULL; k++)
            add_path(paths, files[k]);
        add_path(paths, entry->context.cluster->ca_file);
        add_path(paths, entry->context.user->cert_file);
        add_path(paths, entry->context.user->key_file);
        add_path(paths, entry->context.user->token_file);
    }
    g_ptr_array_add(paths, NULL);
    kft_file_watch_set(self->files, (const char *const *)paths->pdata);
}

/* --- applying --- */

static void keep_config(Entry *entry, KftKubeconfig *config, const KftKubeContext *context)
{
    kft_kubeconfig_unref(entry->config);
    entry->config = kft_kubeconfig_ref(config);
    entry->context = *context;
    entry->is_broken = false;
}

static bool load_context(const char *kubeconfig,
                         const char *name,
                         KftKubeconfig **ret_config,
                         KftKubeContext *ret_context,
                         GError **error)
{
    g_autoptr(KftKubeconfig) config = kft_kubeconfig_load(kubeconfig, error);
    if (config == NULL || !kft_kubeconfig_select(config, name, ret_context, error))
        return false;
    *ret_config = g_steal_pointer(&config);
    return true;
}

/* Returns whether the kubeconfig could be used. */
static bool reload(KftClusterSet *self, Entry *entry, bool tells_broken)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(KftKubeconfig) config = NULL;
    KftKubeContext context;

    if (!load_context(entry->kubeconfig, kft_cluster_get_name(entry->cluster), &config, &context,
                      &error)) {
        kft_log(KFT_LOG_ENGINE, KFT_LEVEL_INFO, "kubeconfig: %s", error->message);
        if (tells_broken && !entry->is_broken) {
            entry->is_broken = true;
            self->funcs.on_broken(entry->cluster, error, self->user_data);
        }
        return false;
    }
    KftClusterChange change = kft_cluster_apply(entry->cluster, config, &context);
    keep_config(entry, config, &context);
    kft_credential_expire_files(kft_cluster_get_credential(entry->cluster));
    self->funcs.on_change(entry->cluster, change, self->user_data);
    return true;
}

static bool reload_all(KftClusterSet *self, bool tells_broken)
{
    bool is_good = true;
    for (guint i = 0; i < self->entries->len; i++)
        is_good = reload(self, g_ptr_array_index(self->entries, i), tells_broken) && is_good;
    watch_files(self);
    return is_good;
}

static void on_files_change(void *user_data)
{
    KftClusterSet *self = user_data;
    if (!reload_all(self, /* tells_broken= */ false))
        kft_timer_start(self->second_look, BROKEN_MS);
}

static void on_second_look(void *user_data)
{
    (void)reload_all(user_data, /* tells_broken= */ true);
}

/* --- finding --- */

static Entry *find_entry(KftClusterSet *self, const char *kubeconfig, const char *context)
{
    for (guint i = 0; i < self->entries->len; i++) {
        Entry *entry = g_ptr_array_index(self->entries, i);
        if (g_strcmp0(entry->kubeconfig, kubeconfig) == 0 &&
            g_strcmp0(kft_cluster_get_name(entry->cluster), context) == 0)
            return entry;
    }
    return NULL;
}

KftCluster *kft_cluster_set_find(KftClusterSet *self,
                                 const char *kubeconfig,
                                 const char *context_name,
                                 GError **error)
{
    KftKubeContext context;
    g_autoptr(KftKubeconfig) config = NULL;

    if (!load_context(kubeconfig, context_name, &config, &context, error))
        return NULL;
    Entry *entry = find_entry(self, kubeconfig, context.name);
    if (entry == NULL) {
        entry = g_new0(Entry, 1);
        entry->kubeconfig = g_strdup(kubeconfig);
        entry->cluster = kft_cluster_new(self->loop, config, &context);
        g_ptr_array_add(self->entries, entry);
    } else {
        /* The files may have changed a moment ago. */
        KftClusterChange change = kft_cluster_apply(entry->cluster, config, &context);
        if (change != KFT_CLUSTER_SAME)
            self->funcs.on_change(entry->cluster, change, self->user_data);
    }
    keep_config(entry, config, &context);
    watch_files(self);
    return entry->cluster;
}

void kft_cluster_set_foreach(KftClusterSet *self,
                             void (*func)(KftCluster *cluster, void *user_data),
                             void *user_data)
{
    for (guint i = 0; i < self->entries->len; i++)
        func(((Entry *)g_ptr_array_index(self->entries, i))->cluster, user_data);
}

void kft_cluster_set_check_files(KftClusterSet *self)
{
    kft_file_watch_check(self->files);
}

/* --- life --- */

KftClusterSet *kft_cluster_set_new(KftLoop *loop, const KftClusterSetFuncs *funcs, void *user_data)
{
    KftClusterSet *self = g_new0(KftClusterSet, 1);
    self->loop = loop;
    self->funcs = *funcs;
    self->user_data = user_data;
    self->entries = g_ptr_array_new_with_free_func(entry_free);
    self->files = kft_file_watch_new(loop, on_files_change, self);
    self->second_look = kft_timer_new(loop, on_second_look, self);
    return self;
}

void kft_cluster_set_free(KftClusterSet *self)
{
    if (self == NULL)
        return;
    kft_timer_free(self->second_look);
    kft_file_watch_free(self->files);
    g_ptr_array_unref(self->entries);
    g_free(self);
}
