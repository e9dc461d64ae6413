/* Whether two entries of a kubeconfig mean the same, so that a file that was written again with
 * another context added leaves the forwards of all others alone. */
#include "kube/kubeconfig.h"

static bool same_bytes(GBytes *a, GBytes *b)
{
    return a == NULL || b == NULL ? a == b : g_bytes_equal(a, b);
}

static bool same_texts(char *const *a, char *const *b)
{
    return g_strv_equal((const char *const *)a, (const char *const *)b);
}

bool kft_kube_cluster_equal(const KftKubeCluster *a, const KftKubeCluster *b)
{
    return g_strcmp0(a->server, b->server) == 0 &&
           g_strcmp0(a->tls_server_name, b->tls_server_name) == 0 &&
           a->is_insecure == b->is_insecure && g_strcmp0(a->ca_file, b->ca_file) == 0 &&
           same_bytes(a->ca_data, b->ca_data) && kft_secret_equal(a->proxy_url, b->proxy_url) &&
           a->disable_compression == b->disable_compression &&
           g_strcmp0(a->exec_config_json, b->exec_config_json) == 0;
}

static bool same_exec(const KftKubeExec *a, const KftKubeExec *b)
{
    if (a == NULL || b == NULL)
        return a == b;
    return g_strcmp0(a->command, b->command) == 0 && same_texts(a->args, b->args) &&
           same_texts(a->env, b->env) && g_strcmp0(a->api_version, b->api_version) == 0 &&
           g_strcmp0(a->install_hint, b->install_hint) == 0 &&
           a->provide_cluster_info == b->provide_cluster_info && a->interactive == b->interactive;
}

static bool same_oidc(const KftKubeOidc *a, const KftKubeOidc *b)
{
    if (a == NULL || b == NULL)
        return a == b;
    return g_strcmp0(a->issuer_url, b->issuer_url) == 0 &&
           g_strcmp0(a->client_id, b->client_id) == 0 &&
           kft_secret_equal(a->client_secret, b->client_secret) &&
           g_strcmp0(a->ca_file, b->ca_file) == 0 && same_bytes(a->ca_data, b->ca_data);
}

static bool same_certificate(const KftKubeUser *a, const KftKubeUser *b)
{
    return g_strcmp0(a->cert_file, b->cert_file) == 0 && g_strcmp0(a->key_file, b->key_file) == 0 &&
           same_bytes(a->cert_data, b->cert_data) && same_bytes(a->key_data, b->key_data);
}

static bool same_impersonation(const KftKubeUser *a, const KftKubeUser *b)
{
    return g_strcmp0(a->impersonate_user, b->impersonate_user) == 0 &&
           g_strcmp0(a->impersonate_uid, b->impersonate_uid) == 0 &&
           same_texts(a->impersonate_groups, b->impersonate_groups) &&
           same_texts(a->impersonate_extra, b->impersonate_extra);
}

bool kft_kube_user_equal(const KftKubeUser *a, const KftKubeUser *b)
{
    return same_certificate(a, b) && kft_secret_equal(a->token, b->token) &&
           g_strcmp0(a->token_file, b->token_file) == 0 &&
           g_strcmp0(a->username, b->username) == 0 && kft_secret_equal(a->password, b->password) &&
           same_exec(a->exec, b->exec) && same_oidc(a->oidc, b->oidc) && same_impersonation(a, b);
}
