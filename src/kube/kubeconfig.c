/* The loaded configuration as a container, and the choice of a context. Nothing changes after
 * loading, so the structs that kft_kubeconfig_select() gives out may be borrowed as long as the
 * reference is held. */
#include "kube/kubeconfig.h"

#include <string.h>

#include "kftray/error.h"

#include "kube/kubeconfig-priv.h"
#include "kube/small-file.h"
#include "net/endpoint.h"

#define MAX_LISTED 12

/* --- life --- */

static void free_cluster(void *data)
{
    kft_kube_cluster_free(data);
}

static void free_user(void *data)
{
    kft_kube_user_free(data);
}

static void free_context(void *data)
{
    kft_context_entry_free(data);
}

void kft_context_entry_free(KftContextEntry *entry)
{
    if (entry == NULL)
        return;
    g_free(entry->name);
    g_free(entry->cluster);
    g_free(entry->user);
    g_free(entry->namespace_);
    g_clear_error(&entry->error);
    g_free(entry);
}

KftKubeconfig *kft_kubeconfig_new(void)
{
    KftKubeconfig *self = g_new0(KftKubeconfig, 1);
    self->ref_count = 1;
    self->clusters = g_ptr_array_new_with_free_func(free_cluster);
    self->users = g_ptr_array_new_with_free_func(free_user);
    self->contexts = g_ptr_array_new_with_free_func(free_context);
    self->cluster_by_name = g_hash_table_new(g_str_hash, g_str_equal);
    self->user_by_name = g_hash_table_new(g_str_hash, g_str_equal);
    self->context_by_name = g_hash_table_new(g_str_hash, g_str_equal);
    self->files = g_ptr_array_new_with_free_func(g_free);
    g_ptr_array_add(self->files, NULL);
    self->nobody = kft_kube_user_new("", NULL);
    return self;
}

KftKubeconfig *kft_kubeconfig_ref(KftKubeconfig *self)
{
    self->ref_count++;
    return self;
}

void kft_kubeconfig_unref(KftKubeconfig *self)
{
    if (self == NULL || --self->ref_count > 0)
        return;
    g_hash_table_unref(self->cluster_by_name);
    g_hash_table_unref(self->user_by_name);
    g_hash_table_unref(self->context_by_name);
    g_ptr_array_unref(self->clusters);
    g_ptr_array_unref(self->users);
    g_ptr_array_unref(self->contexts);
    g_ptr_array_unref(self->files);
    kft_kube_user_free(self->nobody);
    g_free(self->current);
    g_free(self->label);
    g_free(self);
}

/* --- entries --- */

static bool add_entry(GPtrArray *entries, GHashTable *by_name, char *name, void *entry)
{
    if (g_hash_table_contains(by_name, name))
        return false;
    g_hash_table_insert(by_name, name, entry);
    g_ptr_array_add(entries, entry);
    return true;
}

bool kft_kubeconfig_add_cluster(KftKubeconfig *self, KftKubeCluster *entry)
{
    return add_entry(self->clusters, self->cluster_by_name, entry->name, entry);
}

bool kft_kubeconfig_add_user(KftKubeconfig *self, KftKubeUser *entry)
{
    return add_entry(self->users, self->user_by_name, entry->name, entry);
}

bool kft_kubeconfig_add_context(KftKubeconfig *self, KftContextEntry *entry)
{
    return add_entry(self->contexts, self->context_by_name, entry->name, entry);
}

/* --- reading --- */

const char **kft_kubeconfig_list_contexts(const KftKubeconfig *self)
{
    const char **names = g_new0(const char *, self->contexts->len + 1);
    for (guint i = 0; i < self->contexts->len; i++) {
        const KftContextEntry *entry = g_ptr_array_index(self->contexts, i);
        names[i] = entry->name;
    }
    return names;
}

const char *kft_kubeconfig_get_current(const KftKubeconfig *self)
{
    return self->current;
}

const char *const *kft_kubeconfig_get_files(const KftKubeconfig *self)
{
    return (const char *const *)self->files->pdata;
}

static const char *namespace_of(const KftContextEntry *entry)
{
    return entry->namespace_ == NULL ? "default" : entry->namespace_;
}

bool kft_kubeconfig_peek(const KftKubeconfig *self,
                         const char *name,
                         KftKubeContextNames *ret_names)
{
    const KftContextEntry *entry = g_hash_table_lookup(self->context_by_name, name);
    if (entry == NULL)
        return false;
    const KftKubeCluster *cluster =
        entry->cluster == NULL ? NULL : g_hash_table_lookup(self->cluster_by_name, entry->cluster);
    *ret_names = (KftKubeContextNames){
        .name = entry->name,
        .cluster = entry->cluster,
        .server = cluster == NULL ? NULL : cluster->server,
        .user = entry->user,
        .namespace_ = namespace_of(entry),
    };
    return true;
}

char **kft_kubeconfig_list_namespaces(const KftKubeconfig *self, const char *name)
{
    const KftContextEntry *first = g_hash_table_lookup(self->context_by_name, name);
    g_autoptr(GHashTable) seen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    g_autoptr(GStrvBuilder) builder = g_strv_builder_new();

    for (guint i = 0; first != NULL && i <= self->contexts->len; i++) {
        const KftContextEntry *entry = i == 0 ? first : g_ptr_array_index(self->contexts, i - 1);
        bool is_same_cluster = g_strcmp0(entry->cluster, first->cluster) == 0;
        if (is_same_cluster && g_hash_table_add(seen, g_strdup(namespace_of(entry))))
            g_strv_builder_add(builder, namespace_of(entry));
    }
    return g_strv_builder_end(builder);
}

/* --- choosing --- */

/* "a, b and 3 more", for messages. */
static char *dup_context_list(const KftKubeconfig *self)
{
    GString *out = g_string_new(NULL);
    for (guint i = 0; i < self->contexts->len && i < MAX_LISTED; i++) {
        const KftContextEntry *entry = g_ptr_array_index(self->contexts, i);
        g_string_append_printf(out, "%s%s", i == 0 ? "" : ", ", entry->name);
    }
    if (self->contexts->len > MAX_LISTED)
        g_string_append_printf(out, " and %u more", self->contexts->len - MAX_LISTED);
    return g_string_free(out, FALSE);
}

static const KftContextEntry *
find_context(const KftKubeconfig *self, const char *name, GError **error)
{
    const char *wanted = name == NULL ? self->current : name;
    if (self->contexts->len == 0) {
        g_set_error(error, KFT_ERROR, KFT_ERROR_BAD_CONFIG,
                    "the kubeconfig has no contexts (%s); add one with \"kubectl config "
                    "set-context\" or get a new one from your cluster",
                    self->label);
        return NULL;
    }
    g_autofree char *list = dup_context_list(self);
    if (wanted == NULL) {
        g_set_error(
            error, KFT_ERROR, KFT_ERROR_BAD_CONFIG,
            "no current-context is set in the kubeconfig (%s); name a context, there are: %s",
            self->label, list);
        return NULL;
    }
    const KftContextEntry *entry = g_hash_table_lookup(self->context_by_name, wanted);
    if (entry == NULL)
        g_set_error(error, KFT_ERROR, KFT_ERROR_BAD_CONFIG,
                    "the %s \"%s\" does not exist in the kubeconfig (%s); there are: %s",
                    name == NULL ? "current-context" : "context", wanted, self->label, list);
    return entry;
}

/* Copies @entry_error, if there is one, with the context's name in front. */
static bool check_entry(const char *context, const GError *entry_error, GError **error)
{
    if (entry_error == NULL)
        return true;
    g_propagate_error(error, g_error_copy(entry_error));
    g_prefix_error(error, "context \"%s\" cannot be used: ", context);
    return false;
}

static bool check_file(const char *entry, const char *field, const char *path, GError **error)
{
    g_autoptr(GError) local = NULL;
    if (path == NULL || kft_endpoint_is_token_key(path) || kft_small_file_check(path, &local))
        return true;
    g_set_error(error, KFT_ERROR, KFT_ERROR_BAD_CONFIG, "%s: %s: %s", entry, field, local->message);
    return false;
}

static bool check_files(const KftKubeContext *context, GError **error)
{
    g_autofree char *cluster = g_strdup_printf("cluster \"%s\"", context->cluster->name);
    g_autofree char *user = g_strdup_printf("user \"%s\"", context->user->name);
    return check_file(cluster, "certificate-authority", context->cluster->ca_file, error) &&
           check_file(user, "client-certificate", context->user->cert_file, error) &&
           check_file(user, "client-key", context->user->key_file, error);
}

bool kft_kubeconfig_select(const KftKubeconfig *self,
                           const char *name,
                           KftKubeContext *ret_context,
                           GError **error)
{
    const KftContextEntry *entry = find_context(self, name, error);
    if (entry == NULL || !check_entry(entry->name, entry->error, error))
        return false;
    KftKubeContext context = {
        .name = entry->name,
        .namespace_ = namespace_of(entry),
        .cluster = g_hash_table_lookup(self->cluster_by_name, entry->cluster),
        .user = entry->user == NULL ? self->nobody
                                    : g_hash_table_lookup(self->user_by_name, entry->user),
    };
    if (context.cluster == NULL || context.user == NULL) {
        bool is_cluster = context.cluster == NULL;
        g_set_error(error, KFT_ERROR, KFT_ERROR_BAD_CONFIG,
                    "context \"%s\" cannot be used: its %s \"%s\" is not in the kubeconfig (%s)",
                    entry->name, is_cluster ? "cluster" : "user",
                    is_cluster ? entry->cluster : entry->user, self->label);
        return false;
    }
    if (!check_entry(entry->name, context.cluster->error, error) ||
        !check_entry(entry->name, context.user->error, error) || !check_files(&context, error))
        return false;
    *ret_context = context;
    return true;
}
