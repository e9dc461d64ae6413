/* Reads and checks one entry of "clusters" (wire protocols, 6.1 and 6.2). The server is normalised
 * once, here: scheme and host always there, no query, no slash at the end, so that paths can be
 * appended. */
#include <string.h>

#include "kube/kubeconfig-priv.h"

#define EXEC_EXTENSION "client.authentication.k8s.io/exec"

void kft_kube_cluster_free(KftKubeCluster *cluster)
{
    if (cluster == NULL)
        return;
    g_free(cluster->name);
    g_free(cluster->server);
    g_free(cluster->tls_server_name);
    g_free(cluster->ca_file);
    g_clear_pointer(&cluster->ca_data, g_bytes_unref);
    kft_secret_free(cluster->proxy_url);
    g_free(cluster->exec_config_json);
    g_clear_error(&cluster->error);
    g_free(cluster);
}

static bool has_scheme(const char *server)
{
    return strstr(server, "://") != NULL;
}

/* host:port as it stands in a URL. */
static char *dup_authority(GUri *uri)
{
    const char *host = g_uri_get_host(uri);
    bool is_ipv6 = strchr(host, ':') != NULL;
    GString *out = g_string_new(NULL);
    g_string_append_printf(out, "%s%s%s", is_ipv6 ? "[" : "", host, is_ipv6 ? "]" : "");
    if (g_uri_get_port(uri) != -1)
        g_string_append_printf(out, ":%d", g_uri_get_port(uri));
    return g_string_free(out, FALSE);
}

/* What is wrong with @uri as a server, or NULL. */
static const char *find_server_fault(GUri *uri, bool is_bare)
{
    const char *scheme = g_uri_get_scheme(uri);
    if (strcmp(scheme, "https") != 0 && strcmp(scheme, "http") != 0)
        return "must begin with https:// or http://";
    if (g_uri_get_host(uri) == NULL || *g_uri_get_host(uri) == '\0')
        return "names no host";
    if (g_uri_get_userinfo(uri) != NULL)
        return "must not hold a user name or password";
    if (g_uri_get_port(uri) == 0)
        return "has a port that cannot be used";
    if (is_bare && *g_uri_get_path(uri) != '\0' && strcmp(g_uri_get_path(uri), "/") != 0)
        return "must be a URL, or host:port without a path";
    return NULL;
}

/* Returns: (transfer full), or NULL with an error kept. */
static char *dup_normalised(KftFields *fields, const KftYamlNode *at, const char *server)
{
    bool is_bare = !has_scheme(server);
    g_autofree char *text = is_bare ? g_strconcat("https://", server, NULL) : g_strdup(server);
    g_autoptr(GUri) uri = g_uri_parse(text, G_URI_FLAGS_ENCODED, NULL);
    const char *fault = uri == NULL ? "is no valid URL" : find_server_fault(uri, is_bare);
    if (fault != NULL) {
        kft_fields_fail(fields, at, "server %s", fault);
        return NULL;
    }
    g_autofree char *authority = dup_authority(uri);
    size_t path_length = strlen(g_uri_get_path(uri));
    while (path_length > 0 && g_uri_get_path(uri)[path_length - 1] == '/')
        path_length--;
    return g_strdup_printf("%s%s%s%.*s", is_bare ? "" : g_uri_get_scheme(uri), is_bare ? "" : "://",
                           authority, (int)path_length, g_uri_get_path(uri));
}

void kft_kube_cluster_set_scheme(KftKubeCluster *cluster, bool is_tls)
{
    if (cluster->server == NULL || has_scheme(cluster->server))
        return;
    char *server = g_strconcat(is_tls ? "https://" : "http://", cluster->server, NULL);
    g_free(cluster->server);
    cluster->server = server;
}

static void read_server(KftFields *fields, const KftYamlNode *map, KftKubeCluster *cluster)
{
    g_autofree char *server = kft_fields_dup_text(fields, map, "server");
    if (server == NULL) {
        kft_fields_fail(fields, map, "there is no server");
        return;
    }
    cluster->server = dup_normalised(fields, kft_yaml_get(map, "server"), server);
    if (cluster->ca_file != NULL || cluster->ca_data != NULL || cluster->is_insecure)
        kft_kube_cluster_set_scheme(cluster, /* is_tls= */ true);
}

static void read_proxy(KftFields *fields, const KftYamlNode *map, KftKubeCluster *cluster)
{
    static const char *const schemes[] = {"http://", "https://", "socks5://", "socks5h://"};

    g_autoptr(KftSecret) url = kft_fields_dup_secret(fields, map, "proxy-url");
    if (url == NULL)
        return;
    const char *text = kft_secret_reveal(url);
    const KftYamlNode *at = kft_yaml_get(map, "proxy-url");
    size_t i = 0;
    while (i < G_N_ELEMENTS(schemes) && !g_str_has_prefix(text, schemes[i]))
        i++;
    if (i == G_N_ELEMENTS(schemes)) {
        kft_fields_fail(fields, at, "proxy-url must begin with http://, https:// or socks5://");
        return;
    }
    g_autoptr(GUri) uri = g_uri_parse(text, G_URI_FLAGS_ENCODED | G_URI_FLAGS_HAS_PASSWORD, NULL);
    if (uri == NULL || g_uri_get_host(uri) == NULL || *g_uri_get_host(uri) == '\0') {
        kft_fields_fail(fields, at, "proxy-url is no valid URL");
        return;
    }
    /* The two names mean the same here: names are resolved by the proxy. */
    if (strcmp(schemes[i], "socks5h://") == 0) {
        char *plain = g_strconcat("socks5://", text + strlen("socks5h://"), NULL);
        cluster->proxy_url = kft_secret_new(plain);
        kft_secret_wipe_string(plain);
    } else {
        cluster->proxy_url = g_steal_pointer(&url);
    }
}

static void read_extensions(KftFields *fields, const KftYamlNode *map, KftKubeCluster *cluster)
{
    const KftYamlNode *list = kft_fields_get_list(fields, map, "extensions");
    for (guint i = 0; list != NULL && i < list->children->len; i++) {
        const KftYamlNode *item = g_ptr_array_index(list->children, i);
        const KftYamlNode *name = kft_yaml_get(item, "name");
        const KftYamlNode *value = kft_yaml_get(item, "extension");
        if (name != NULL && name->kind == KFT_YAML_SCALAR && value != NULL &&
            strcmp(name->text, EXEC_EXTENSION) == 0) {
            g_free(cluster->exec_config_json);
            cluster->exec_config_json = kft_yaml_dup_json(value);
        }
    }
}

static void check_trust(KftFields *fields, const KftYamlNode *map, const KftKubeCluster *cluster)
{
    bool has_ca = cluster->ca_file != NULL || cluster->ca_data != NULL;
    if (cluster->ca_file != NULL && cluster->ca_data != NULL)
        kft_fields_fail(fields, kft_yaml_get(map, "certificate-authority"),
                        "certificate-authority and certificate-authority-data are both given, "
                        "only one is allowed");
    if (has_ca && cluster->is_insecure)
        kft_fields_fail(fields, kft_yaml_get(map, "insecure-skip-tls-verify"),
                        "insecure-skip-tls-verify is set together with a certificate authority, "
                        "only one is allowed");
}

KftKubeCluster *
kft_kube_cluster_read(const char *name, const KftYamlNode *item, const char *file, const char *dir)
{
    g_autofree char *entry = g_strdup_printf("cluster \"%s\"", name);
    KftFields fields = {.file = file, .dir = dir, .entry = entry, .place = item};
    const KftYamlNode *map = kft_fields_get_map(&fields, item, "cluster");
    KftKubeCluster *cluster = g_new0(KftKubeCluster, 1);

    cluster->name = g_strdup(name);
    cluster->is_insecure = kft_fields_get_bool(&fields, map, "insecure-skip-tls-verify");
    cluster->ca_file = kft_fields_dup_path(&fields, map, "certificate-authority");
    cluster->ca_data =
        kft_fields_dup_pem(&fields, map, "certificate-authority-data", "CERTIFICATE");
    cluster->tls_server_name = kft_fields_dup_header_text(&fields, map, "tls-server-name");
    cluster->disable_compression = kft_fields_get_bool(&fields, map, "disable-compression");
    read_server(&fields, map, cluster);
    check_trust(&fields, map, cluster);
    read_proxy(&fields, map, cluster);
    read_extensions(&fields, map, cluster);
    cluster->error = fields.error;
    return cluster;
}
