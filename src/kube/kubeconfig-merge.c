/* Which files make the configuration, and how they become one (wire protocols, 6.1): for every
 * entry and for the current context the first file wins; missing files of a list are skipped, any
 * other trouble with a file ends the load, as in kubectl. */
#include <string.h>

#include "kftray/error.h"

#include "base/log.h"
#include "base/number.h"
#include "kube/kubeconfig-priv.h"
#include "kube/small-file.h"

#define IN_CLUSTER_NAME "in-cluster"
#define MAX_NAMESPACE_BYTES 4096

/* --- one file --- */

typedef struct {
    KftKubeconfig *config;
    KftFields fields; /* of the file as a whole */
} FileReader;

static void
read_context(FileReader *self, const char *name, const KftYamlNode *item, bool *ret_is_new)
{
    g_autofree char *label = g_strdup_printf("context \"%s\"", name);
    KftFields fields = {
        .file = self->fields.file, .dir = self->fields.dir, .entry = label, .place = item};
    const KftYamlNode *map = kft_fields_get_map(&fields, item, "context");
    KftContextEntry *entry = g_new0(KftContextEntry, 1);

    entry->name = g_strdup(name);
    entry->cluster = kft_fields_dup_text(&fields, map, "cluster");
    entry->user = kft_fields_dup_text(&fields, map, "user");
    entry->namespace_ = kft_fields_dup_text(&fields, map, "namespace");
    if (entry->cluster == NULL)
        kft_fields_fail(&fields, map, "it names no cluster");
    entry->error = fields.error;
    *ret_is_new = kft_kubeconfig_add_context(self->config, entry);
    if (!*ret_is_new)
        kft_context_entry_free(entry);
}

static void
read_cluster(FileReader *self, const char *name, const KftYamlNode *item, bool *ret_is_new)
{
    KftKubeCluster *entry = kft_kube_cluster_read(name, item, self->fields.file, self->fields.dir);
    *ret_is_new = kft_kubeconfig_add_cluster(self->config, entry);
    if (!*ret_is_new)
        kft_kube_cluster_free(entry);
}

static void read_user(FileReader *self, const char *name, const KftYamlNode *item, bool *ret_is_new)
{
    KftKubeUser *entry = kft_kube_user_read(name, item, self->fields.file, self->fields.dir);
    *ret_is_new = kft_kubeconfig_add_user(self->config, entry);
    if (!*ret_is_new)
        kft_kube_user_free(entry);
}

/* One list of named entries: "- {name: …, @key: {…}}". */
static void read_list(
    FileReader *self,
    const KftYamlNode *root,
    const char *list_key,
    const char *key,
    void (*read)(FileReader *self, const char *name, const KftYamlNode *item, bool *ret_is_new))
{
    const KftYamlNode *list = kft_fields_get_list(&self->fields, root, list_key);

    for (guint i = 0; list != NULL && i < list->children->len; i++) {
        const KftYamlNode *item = g_ptr_array_index(list->children, i);
        if (item->kind != KFT_YAML_MAPPING) {
            kft_fields_fail(&self->fields, item,
                            "%s[%u] must be a mapping with name and %s, not %s", list_key, i, key,
                            kft_yaml_kind_name(item));
            return;
        }
        g_autofree char *name = kft_fields_dup_text(&self->fields, item, "name");
        if (name == NULL) {
            /* Nothing can refer to it. */
            kft_log(KFT_LOG_KUBE, KFT_LEVEL_WARNING, "%s:%u:%u: %s[%u] has no name, it is not used",
                    self->fields.file, item->line, item->column, list_key, i);
            continue;
        }
        bool is_new = true;
        read(self, name, item, &is_new);
        if (!is_new)
            kft_fields_fail(&self->fields, item, "the %s \"%s\" is there twice", key, name);
    }
}

static void check_kind(FileReader *self, const KftYamlNode *root)
{
    g_autofree char *kind = kft_fields_dup_text(&self->fields, root, "kind");
    g_autofree char *version = kft_fields_dup_text(&self->fields, root, "apiVersion");

    if (kind != NULL && strcmp(kind, "Config") != 0)
        kft_fields_fail(&self->fields, kft_yaml_get(root, "kind"),
                        "this is no kubeconfig: kind is %s, not Config", kind);
    if (version != NULL && strcmp(version, "v1") != 0)
        kft_fields_fail(&self->fields, kft_yaml_get(root, "apiVersion"),
                        "this is no kubeconfig that can be read: apiVersion is %s, not v1",
                        version);
}

static bool read_root(FileReader *self, const KftYamlNode *root, GError **error)
{
    if (kft_yaml_is_null(root))
        return true;
    if (root->kind != KFT_YAML_MAPPING) {
        kft_fields_fail(&self->fields, root, "this is no kubeconfig, but %s",
                        kft_yaml_kind_name(root));
    } else {
        check_kind(self, root);
        read_list(self, root, "clusters", "cluster", read_cluster);
        read_list(self, root, "users", "user", read_user);
        read_list(self, root, "contexts", "context", read_context);
        self->config->current = kft_fields_dup_text(&self->fields, root, "current-context");
    }
    if (self->fields.error == NULL)
        return true;
    g_propagate_error(error, g_steal_pointer(&self->fields.error));
    return false;
}

/* Returns a part that is not finished: server schemes are not settled, there is no label. */
static KftKubeconfig *
parse_part(const char *text, size_t size, const char *name, const char *dir, GError **error)
{
    g_autoptr(KftYamlDocument) document = kft_yaml_parse(text, size, name, error);
    if (document == NULL)
        return NULL;
    g_autoptr(KftKubeconfig) config = kft_kubeconfig_new();
    FileReader reader = {.config = config, .fields = {.file = name, .dir = dir}};
    if (!read_root(&reader, kft_yaml_get_root(document), error))
        return NULL;
    return g_steal_pointer(&config);
}

/* --- merging --- */

void kft_kubeconfig_absorb(KftKubeconfig *self, KftKubeconfig *part)
{
    for (guint i = 0; i < part->clusters->len; i++) {
        KftKubeCluster **slot = (KftKubeCluster **)&g_ptr_array_index(part->clusters, i);
        if (kft_kubeconfig_add_cluster(self, *slot))
            *slot = NULL;
    }
    for (guint i = 0; i < part->users->len; i++) {
        KftKubeUser **slot = (KftKubeUser **)&g_ptr_array_index(part->users, i);
        if (kft_kubeconfig_add_user(self, *slot))
            *slot = NULL;
    }
    for (guint i = 0; i < part->contexts->len; i++) {
        KftContextEntry **slot = (KftContextEntry **)&g_ptr_array_index(part->contexts, i);
        if (kft_kubeconfig_add_context(self, *slot))
            *slot = NULL;
    }
    if (self->current == NULL)
        self->current = g_steal_pointer(&part->current);
}

static bool user_has_certificate(const KftKubeUser *user)
{
    return user != NULL && (user->cert_file != NULL || user->cert_data != NULL);
}

static void finish(KftKubeconfig *self, char *label)
{
    for (guint i = 0; i < self->contexts->len; i++) {
        const KftContextEntry *context = g_ptr_array_index(self->contexts, i);
        if (context->cluster == NULL || context->user == NULL)
            continue;
        KftKubeCluster *cluster = g_hash_table_lookup(self->cluster_by_name, context->cluster);
        if (cluster != NULL &&
            user_has_certificate(g_hash_table_lookup(self->user_by_name, context->user)))
            kft_kube_cluster_set_scheme(cluster, /* is_tls= */ true);
    }
    for (guint i = 0; i < self->clusters->len; i++)
        kft_kube_cluster_set_scheme(g_ptr_array_index(self->clusters, i), /* is_tls= */ false);
    g_free(self->label);
    self->label = label;
}

KftKubeconfig *kft_kubeconfig_parse(
    const char *text, size_t size, const char *name, const char *dir, GError **error)
{
    g_autofree char *absolute = g_canonicalize_filename(dir, NULL);
    KftKubeconfig *config = parse_part(text, size, name, absolute, error);
    if (config != NULL)
        finish(config, g_strdup(name));
    return config;
}

/* --- files --- */

static bool absorb_file(KftKubeconfig *self, const char *path, GError **error)
{
    size_t size = 0;
    char *text = kft_small_file_read(path, KFT_YAML_MAX_TEXT_BYTES, &size, error);
    if (text == NULL) {
        g_prefix_error(error, "kubeconfig ");
        return false;
    }
    g_autofree char *absolute = g_canonicalize_filename(path, NULL);
    g_autofree char *dir = g_path_get_dirname(absolute);
    g_autoptr(KftKubeconfig) part = parse_part(text, size, absolute, dir, error);
    kft_small_file_free(text, size);
    if (part == NULL)
        return false;
    kft_kubeconfig_absorb(self, part);
    g_ptr_array_insert(self->files, (gint)self->files->len - 1, g_steal_pointer(&absolute));
    return true;
}

/* The files that $KUBECONFIG lists, else the one in the home directory. */
static char **dup_paths(const KftKubeconfigSources *sources)
{
    g_autoptr(GStrvBuilder) builder = g_strv_builder_new();
    g_autoptr(GHashTable) seen = g_hash_table_new(g_str_hash, g_str_equal);

    if (sources->kubeconfig != NULL && *sources->kubeconfig != '\0') {
        g_auto(GStrv) parts = g_strsplit(sources->kubeconfig, G_SEARCHPATH_SEPARATOR_S, -1);
        for (size_t i = 0; parts[i] != NULL; i++) {
            if (*parts[i] != '\0' && g_hash_table_add(seen, parts[i]))
                g_strv_builder_add(builder, parts[i]);
        }
    } else {
        g_autofree char *path = g_build_filename(sources->home, ".kube", "config", NULL);
        g_strv_builder_add(builder, path);
    }
    return g_strv_builder_end(builder);
}

/* --- in a pod --- */

static char *dup_pod_namespace(const KftKubeconfigSources *sources)
{
    size_t size = 0;
    if (sources->pod_namespace != NULL && *sources->pod_namespace != '\0')
        return g_strdup(sources->pod_namespace);
    g_autofree char *path = g_build_filename(sources->service_account_dir, "namespace", NULL);
    char *text = kft_small_file_read(path, MAX_NAMESPACE_BYTES, &size, NULL);
    if (text == NULL)
        return NULL;
    g_strstrip(text);
    if (*text == '\0')
        g_clear_pointer(&text, g_free);
    return text;
}

/* Returns NULL without an error if this is no pod. */
static KftKubeconfig *load_in_cluster(const KftKubeconfigSources *sources)
{
    uint16_t port = 0;
    g_autofree char *token = g_build_filename(sources->service_account_dir, "token", NULL);
    if (sources->service_host == NULL || *sources->service_host == '\0' ||
        sources->service_port == NULL || !kft_parse_port(sources->service_port, 1, &port) ||
        !kft_small_file_check(token, NULL))
        return NULL;

    KftKubeconfig *config = kft_kubeconfig_new();
    KftKubeCluster *cluster = g_new0(KftKubeCluster, 1);
    bool is_ipv6 = strchr(sources->service_host, ':') != NULL;
    cluster->name = g_strdup(IN_CLUSTER_NAME);
    cluster->server =
        g_strdup_printf(is_ipv6 ? "https://[%s]:%u" : "https://%s:%u", sources->service_host, port);
    cluster->ca_file = g_build_filename(sources->service_account_dir, "ca.crt", NULL);
    /* As client-go: without the CA file the system's roots are used. */
    if (!kft_small_file_check(cluster->ca_file, NULL))
        g_clear_pointer(&cluster->ca_file, g_free);
    (void)kft_kubeconfig_add_cluster(config, cluster);

    KftKubeUser *user = kft_kube_user_new(IN_CLUSTER_NAME, token);
    user->token_file = g_steal_pointer(&token);
    (void)kft_kubeconfig_add_user(config, user);

    KftContextEntry *context = g_new0(KftContextEntry, 1);
    context->name = g_strdup(IN_CLUSTER_NAME);
    context->cluster = g_strdup(IN_CLUSTER_NAME);
    context->user = g_strdup(IN_CLUSTER_NAME);
    context->namespace_ = dup_pod_namespace(sources);
    (void)kft_kubeconfig_add_context(config, context);
    config->current = g_strdup(IN_CLUSTER_NAME);
    finish(config, g_strdup("the pod's service account"));
    return config;
}

/* --- loading --- */

static void set_none_error(GError **error, bool is_listed, char **paths)
{
    g_autofree char *list = g_strjoinv(", ", paths);
    g_set_error(error, KFT_ERROR, KFT_ERROR_BAD_CONFIG,
                "there is no kubeconfig: looked for %s%s; put your cluster's kubeconfig there, or "
                "name a file with $KUBECONFIG or --kubeconfig",
                *list == '\0' ? "nothing" : list, is_listed ? " (from $KUBECONFIG)" : "");
}

static KftKubeconfig *load_file(const char *file, GError **error)
{
    GError *local = NULL;
    g_autoptr(KftKubeconfig) config = kft_kubeconfig_new();

    if (!absorb_file(config, file, &local)) {
        /* For a file that was asked for, "not there" is a mistake of the configuration. */
        if (g_error_matches(local, KFT_ERROR, KFT_ERROR_NOT_FOUND))
            local->code = KFT_ERROR_BAD_CONFIG;
        g_propagate_error(error, local);
        return NULL;
    }
    finish(config, g_strdup(g_ptr_array_index(config->files, 0)));
    return g_steal_pointer(&config);
}

/* What there is of @paths, merged; missing ones are skipped. */
static KftKubeconfig *load_paths(char **paths, GError **error)
{
    g_autoptr(KftKubeconfig) config = kft_kubeconfig_new();
    for (size_t i = 0; paths[i] != NULL; i++) {
        GError *local = NULL;
        if (absorb_file(config, paths[i], &local))
            continue;
        if (!g_error_matches(local, KFT_ERROR, KFT_ERROR_NOT_FOUND)) {
            g_propagate_error(error, local);
            return NULL;
        }
        g_error_free(local);
    }
    return g_steal_pointer(&config);
}

static bool is_list_of_files(const char *file)
{
    return strchr(file, G_SEARCHPATH_SEPARATOR) != NULL && !g_file_test(file, G_FILE_TEST_EXISTS);
}

KftKubeconfig *
kft_kubeconfig_load_from(const char *file, const KftKubeconfigSources *sources, GError **error)
{
    KftKubeconfigSources of_list = {.kubeconfig = file};
    bool is_asked_for = file != NULL;

    if (file != NULL && !is_list_of_files(file))
        return load_file(file, error);
    if (file != NULL)
        sources = &of_list;
    g_auto(GStrv) paths = dup_paths(sources);
    g_autoptr(KftKubeconfig) config = load_paths(paths, error);
    if (config == NULL)
        return NULL;
    if (!is_asked_for && config->contexts->len == 0 && config->clusters->len == 0) {
        KftKubeconfig *in_cluster = load_in_cluster(sources);
        if (in_cluster != NULL)
            return in_cluster;
    }
    if (config->files->len == 1) {
        bool is_listed =
            !is_asked_for && sources->kubeconfig != NULL && *sources->kubeconfig != '\0';
        set_none_error(error, is_listed, paths);
        return NULL;
    }
    finish(config, g_strjoinv(", ", (char **)config->files->pdata));
    return g_steal_pointer(&config);
}

KftKubeconfig *kft_kubeconfig_load(const char *file, GError **error)
{
    KftKubeconfigSources sources = {
        .kubeconfig = g_getenv("KUBECONFIG"),
        .home = g_get_home_dir(),
        .service_host = g_getenv("KUBERNETES_SERVICE_HOST"),
        .service_port = g_getenv("KUBERNETES_SERVICE_PORT"),
        .pod_namespace = g_getenv("POD_NAMESPACE"),
        .service_account_dir = "/var/run/secrets/kubernetes.io/serviceaccount",
    };
    return kft_kubeconfig_load_from(file, &sources, error);
}
