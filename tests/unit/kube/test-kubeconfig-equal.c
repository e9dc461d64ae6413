/* Two kubeconfigs that differ in one field: whether that field counts. */
#include <string.h>

#include "kftray/error.h"

#include "kube/kubeconfig.h"

#define PEM_CA "LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0t"
#define PEM_CB "LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0tMg=="
#define PEM_KEY "LS0tLS1CRUdJTiBQUklWQVRFIEtFWS0tLS0t"

static KftKubeconfig *parse(const char *cluster, const char *user, KftKubeContext *ret_context)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *text =
        g_strdup_printf("{apiVersion: v1, kind: Config, current-context: k, contexts: [{name: k, "
                        "context: {cluster: c, user: u}}], clusters: [{name: c, cluster: {%s}}], "
                        "users: [{name: u, user: {%s}}]}",
                        cluster, user);
    KftKubeconfig *config = kft_kubeconfig_parse(text, strlen(text), "test", "/etc/kube", &error);
    g_assert_no_error(error);
    g_assert_true(kft_kubeconfig_select(config, NULL, ret_context, &error));
    g_assert_no_error(error);
    return config;
}

static void check(const char *a, const char *b, bool is_user, bool is_same)
{
    static const char server[] = "server: 'https://a'";
    KftKubeContext first;
    KftKubeContext second;
    g_test_message("%s | %s", a, b);
    KftKubeconfig *one = parse(is_user ? server : a, is_user ? a : "", &first);
    KftKubeconfig *two = parse(is_user ? server : b, is_user ? b : "", &second);
    g_assert_true(kft_kube_cluster_equal(first.cluster, second.cluster) == (is_user || is_same));
    g_assert_true(kft_kube_user_equal(first.user, second.user) == (!is_user || is_same));
    g_assert_true(kft_kube_user_equal(second.user, first.user) == (!is_user || is_same));
    kft_kubeconfig_unref(one);
    kft_kubeconfig_unref(two);
}

static void test_clusters(void)
{
    static const char *const variants[] = {
        "server: 'https://a'",
        "server: 'https://b'",
        "server: 'https://a', tls-server-name: x",
        "server: 'https://a', insecure-skip-tls-verify: true",
        "server: 'https://a', proxy-url: 'http://p'",
        "server: 'https://a', certificate-authority-data: " PEM_CA,
        "server: 'https://a', certificate-authority-data: " PEM_CB,
        "server: 'https://a', disable-compression: true",
    };
    for (size_t i = 0; i < G_N_ELEMENTS(variants); i++) {
        for (size_t k = 0; k < G_N_ELEMENTS(variants); k++)
            check(variants[i], variants[k], /* is_user= */ false, i == k);
    }
}

static void test_users(void)
{
    static const char *const variants[] = {
        "",
        "token: a",
        "token: b",
        "tokenFile: a",
        "username: a, password: b",
        "username: a, password: c",
        "client-certificate-data: " PEM_CA ", client-key-data: " PEM_KEY,
        "client-certificate-data: " PEM_CB ", client-key-data: " PEM_KEY,
        "as: somebody",
        "as: somebody, as-groups: [a]",
        "exec: {apiVersion: client.authentication.k8s.io/v1, command: a, interactiveMode: Never}",
        "exec: {apiVersion: client.authentication.k8s.io/v1, command: a, interactiveMode: Never, "
        "args: [x]}",
        "exec: {apiVersion: client.authentication.k8s.io/v1, command: a, interactiveMode: Never, "
        "env: [{name: A, value: b}]}",
        "auth-provider: {name: oidc, config: {idp-issuer-url: 'https://i', client-id: c}}",
        "auth-provider: {name: oidc, config: {idp-issuer-url: 'https://i', client-id: d}}",
    };
    for (size_t i = 0; i < G_N_ELEMENTS(variants); i++) {
        for (size_t k = 0; k < G_N_ELEMENTS(variants); k++)
            check(variants[i], variants[k], /* is_user= */ true, i == k);
    }
}

/* Whoever refreshes these writes them into the file; that is no other user. */
static void test_refreshed_tokens(void)
{
    check("auth-provider: {name: oidc, config: {idp-issuer-url: 'https://i', client-id: c, "
          "refresh-token: a}}",
          "auth-provider: {name: oidc, config: {idp-issuer-url: 'https://i', client-id: c, "
          "refresh-token: b}}",
          /* is_user= */ true, /* is_same= */ true);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/kubeconfig-equal/clusters", test_clusters);
    g_test_add_func("/kubeconfig-equal/users", test_users);
    g_test_add_func("/kubeconfig-equal/refreshed-tokens", test_refreshed_tokens);
    return g_test_run();
}
