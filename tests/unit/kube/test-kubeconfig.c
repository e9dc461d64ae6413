/* kubeconfig files: what each valid one gives, what each invalid one says, merging, the
 * environment. The invalid files carry the expected message in their first lines. Certificates and
 * keys in them are placeholders, filled in here with text that only looks like PEM. */
#include <glib/gstdio.h>
#include <string.h>

#include "kftray/error.h"

#include "kube/kubeconfig-priv.h"
#include "kube/kubeconfig.h"

static const char *const placeholders[][2] = {
    {"@CA@", "-----BEGIN CERTIFICATE-----\nY2E=\n-----END CERTIFICATE-----\n"},
    {"@CERT@", "-----BEGIN CERTIFICATE-----\nY2VydA==\n-----END CERTIFICATE-----\n"},
    {"@KEY@", "-----BEGIN "
              "PRIVATE KEY-----\na2V5\n-----END "
              "PRIVATE KEY-----\n"},
    {"@ENCRYPTED@", "-----BEGIN ENCRYPTED "
                    "PRIVATE KEY-----\na2V5\n-----END ENCRYPTED "
                    "PRIVATE KEY-----\n"},
};

static char *dup_data_dir(const char *part)
{
    return g_build_filename(g_getenv("KFT_SOURCE_DIR"), "tests", "data", "kubeconfig", part, NULL);
}

static char *dup_filled(const char *path)
{
    char *text = NULL;
    g_assert_true(g_file_get_contents(path, &text, NULL, NULL));
    g_autoptr(GString) out = g_string_new(text);
    g_free(text);
    for (size_t i = 0; i < G_N_ELEMENTS(placeholders); i++) {
        const char *pem = placeholders[i][1];
        g_autofree char *base64 = g_base64_encode((const guchar *)pem, strlen(pem));
        (void)g_string_replace(out, placeholders[i][0], base64, 0);
    }
    return g_strdup(out->str);
}

static KftKubeconfig *parse_valid(const char *name)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *dir = dup_data_dir("valid");
    g_autofree char *path = g_build_filename(dir, name, NULL);
    g_autofree char *text = dup_filled(path);
    KftKubeconfig *config = kft_kubeconfig_parse(text, strlen(text), path, "/etc/kube", &error);
    g_assert_no_error(error);
    return config;
}

/* The current context of a valid file, without looking at the files that it names. */
static KftKubeContext get_entries(const KftKubeconfig *config, const char *name)
{
    const KftContextEntry *entry =
        g_hash_table_lookup(config->context_by_name, name == NULL ? config->current : name);
    g_assert_nonnull(entry);
    g_assert_no_error(entry->error);
    KftKubeContext context = {
        .name = entry->name,
        .cluster = g_hash_table_lookup(config->cluster_by_name, entry->cluster),
        .user = g_hash_table_lookup(config->user_by_name, entry->user),
    };
    g_assert_nonnull(context.cluster);
    g_assert_nonnull(context.user);
    g_assert_no_error(context.cluster->error);
    g_assert_no_error(context.user->error);
    return context;
}

static void assert_pem(GBytes *bytes, const char *placeholder)
{
    g_assert_nonnull(bytes);
    gsize size = 0;
    const char *data = g_bytes_get_data(bytes, &size);
    g_autofree char *text = g_strndup(data, size);
    for (size_t i = 0; i < G_N_ELEMENTS(placeholders); i++) {
        if (strcmp(placeholders[i][0], placeholder) == 0)
            g_assert_cmpstr(text, ==, placeholders[i][1]);
    }
}

static void assert_join(const char *const *strings, const char *expected)
{
    g_autoptr(GString) joined = g_string_new(NULL);
    for (size_t i = 0; strings[i] != NULL; i++)
        g_string_append_printf(joined, "%s%s", i == 0 ? "" : "|", strings[i]);
    g_assert_cmpstr(joined->str, ==, expected);
}

static void test_exec(void)
{
    g_autoptr(KftKubeconfig) eks = parse_valid("eks-exec.yaml");
    KftKubeContext context = {0};
    g_autoptr(GError) error = NULL;
    g_assert_true(kft_kubeconfig_select(eks, NULL, &context, &error));
    g_assert_cmpstr(context.namespace_, ==, "default");
    g_assert_cmpstr(context.cluster->server, ==,
                    "https://0123456789ABCDEF.gr7.eu-central-1.eks.example");
    assert_pem(context.cluster->ca_data, "@CA@");
    const KftKubeExec *exec = context.user->exec;
    g_assert_cmpstr(exec->command, ==, "aws");
    assert_join((const char *const *)exec->args,
                "--region|eu-central-1|eks|get-token|--cluster-name|demo|--output|json");
    assert_join((const char *const *)exec->env, "AWS_PROFILE=work");
    g_assert_cmpstr(exec->api_version, ==, "client.authentication.k8s.io/v1beta1");
    g_assert_cmpint(exec->interactive, ==, KFT_EXEC_INTERACTIVE_IF_AVAILABLE);
    g_assert_false(exec->provide_cluster_info);

    g_autoptr(KftKubeconfig) gke = parse_valid("gke-exec.yaml");
    exec = get_entries(gke, NULL).user->exec;
    g_assert_cmpstr(exec->install_hint, ==, "Install gke-gcloud-auth-plugin for use with kubectl");
    g_assert_true(exec->provide_cluster_info);
    g_assert_null(exec->args[0]);

    g_autoptr(KftKubeconfig) aks = parse_valid("aks-kubelogin.yaml");
    exec = get_entries(aks, NULL).user->exec;
    g_assert_cmpstr(exec->command, ==, "kubelogin");
    g_assert_cmpstr(exec->install_hint, ==, "\nkubelogin is not installed\n");
    g_assert_null(exec->env[0]);

    g_autoptr(KftKubeconfig) with_config = parse_valid("exec-config.yaml");
    context = get_entries(with_config, NULL);
    g_assert_cmpstr(context.cluster->server, ==, "https://api.example:6443");
    g_assert_cmpstr(context.user->exec->command, ==, "/etc/kube/bin/plugin");
    g_assert_cmpint(context.user->exec->interactive, ==, KFT_EXEC_INTERACTIVE_NEVER);
    g_assert_cmpstr(context.cluster->exec_config_json, ==,
                    "{\"audience\":\"06e3fbd1\",\"level\":3,\"ok\":true,\"none\":null,"
                    "\"list\":[1.5,\"0x10\",\"2\"]}");
}

static void test_oidc(void)
{
    g_autoptr(KftKubeconfig) config = parse_valid("oidc.yaml");
    const KftKubeUser *user = get_entries(config, NULL).user;
    g_assert_cmpstr(user->oidc->issuer_url, ==, "https://login.example/realms/demo");
    g_assert_cmpstr(user->oidc->client_id, ==, "kubernetes");
    g_assert_cmpstr(kft_secret_reveal(user->oidc->client_secret), ==, "oidc-client-secret");
    g_assert_cmpstr(kft_secret_reveal(user->oidc->id_token), ==, "head.body.signature");
    g_assert_cmpstr(kft_secret_reveal(user->oidc->refresh_token), ==, "refresh-1");
    assert_pem(user->oidc->ca_data, "@CA@");
    g_assert_true(g_str_has_suffix(user->file, "/valid/oidc.yaml"));
}

static void test_certificates(void)
{
    g_autoptr(KftKubeconfig) minikube = parse_valid("minikube.yaml");
    KftKubeContext context = get_entries(minikube, NULL);
    g_assert_cmpstr(context.cluster->ca_file, ==, "/etc/kube/certs/ca.crt");
    g_assert_cmpstr(context.user->cert_file, ==, "/etc/kube/certs/client.crt");
    g_assert_cmpstr(context.user->key_file, ==, "/etc/kube/certs/client.key");

    g_autoptr(KftKubeconfig) k3s = parse_valid("k3s.yaml");
    context = get_entries(k3s, NULL);
    assert_pem(context.user->cert_data, "@CERT@");
    assert_pem(context.user->key_data, "@KEY@");

    g_autoptr(KftKubeconfig) token = parse_valid("token-key.yaml");
    context = get_entries(token, NULL);
    g_assert_true(g_str_has_suffix(context.user->cert_file, "/valid/me.pem"));
    g_assert_cmpstr(context.user->key_file, ==,
                    "pkcs11:token=mine;object=me;type=private?pin-value=1234");
}

static void test_servers(void)
{
    static const struct {
        const char *file;
        const char *server;
    } cases[] = {
        {"rancher.yaml", "https://rancher.example/k8s/clusters/c-m-abc123"},
        {"json.json", "http://127.0.0.1:8080"},
        {"impersonate.yaml", "https://[2001:db8::1]:6443"},
        {"bare-server.yaml", "http://api.example:8080"},
        {"cert-makes-https.yaml", "https://api.example:6443"},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(KftKubeconfig) config = parse_valid(cases[i].file);
        g_assert_cmpstr(get_entries(config, NULL).cluster->server, ==, cases[i].server);
    }
}

static void test_tokens(void)
{
    g_autoptr(KftKubeconfig) rancher = parse_valid("rancher.yaml");
    KftKubeContext context = {0};
    g_assert_true(kft_kubeconfig_select(rancher, "demo", &context, NULL));
    g_assert_cmpstr(context.namespace_, ==, "team-a");
    g_assert_cmpstr(kft_secret_reveal(context.user->token), ==,
                    "kubeconfig-u-abc:secret-token-of-rancher");

    g_autoptr(KftKubeconfig) json = parse_valid("json.json");
    context = get_entries(json, NULL);
    g_assert_cmpstr(context.user->username, ==, "admin");
    g_assert_cmpstr(kft_secret_reveal(context.user->password), ==, "password");
    g_assert_true(context.cluster->disable_compression);

    g_autoptr(KftKubeconfig) config = parse_valid("impersonate.yaml");
    context = get_entries(config, NULL);
    g_assert_cmpstr(kft_secret_reveal(context.user->token), ==, "12345");
    g_assert_cmpstr(context.user->token_file, ==, "/etc/kube/token");
    g_assert_cmpstr(kft_secret_reveal(context.cluster->proxy_url), ==,
                    "socks5://user:proxy-pass@127.0.0.1:1080");
    g_assert_cmpstr(context.cluster->tls_server_name, ==, "api.internal");
    g_assert_true(context.cluster->is_insecure);
    g_assert_cmpstr(context.user->impersonate_user, ==, "jane");
    g_assert_cmpstr(context.user->impersonate_uid, ==, "42");
    assert_join((const char *const *)context.user->impersonate_groups, "developers|ops team");
    assert_join((const char *const *)context.user->impersonate_extra,
                "example.com/scope%=read|example.com/scope%=write|reason=debugging");
}

static void test_anchors(void)
{
    KftKubeContext context = {0};
    g_autoptr(KftKubeconfig) config = parse_valid("anchors.yaml");
    g_assert_true(kft_kubeconfig_select(config, "b", &context, NULL));
    g_assert_cmpstr(context.cluster->server, ==, "https://api.example");
    g_assert_true(kft_kubeconfig_select(config, "nobody", &context, NULL));
    g_assert_cmpstr(context.user->name, ==, "");
    g_assert_null(context.user->impersonate_groups[0]);
    g_autofree const char **names = kft_kubeconfig_list_contexts(config);
    g_assert_cmpstr(names[0], ==, "a");
    g_assert_cmpstr(names[2], ==, "nobody");
    g_assert_null(names[3]);
    g_assert_cmpstr(kft_kubeconfig_get_current(config), ==, "a");
}

static void assert_select_fails(const KftKubeconfig *config, const char *name, const char *expected)
{
    g_autoptr(GError) error = NULL;
    KftKubeContext context = {0};
    g_assert_false(kft_kubeconfig_select(config, name, &context, &error));
    g_assert_error(error, KFT_ERROR, KFT_ERROR_BAD_CONFIG);
    if (strstr(error->message, expected) == NULL)
        g_error("\"%s\" is not in \"%s\"", expected, error->message);
}

static void test_bad_entries(void)
{
    static const char *const cases[][2] = {
        {"bad-user", "context \"bad-user\" cannot be used: "},
        {"bad-user",
         "valid/one-bad-user.yaml:13:59: user \"broken\": client-certificate-data must"},
        {"bad-cluster", "cluster \"broken\": certificate-authority-data is not base64"},
        {"bad-kind", "user \"not-a-mapping\": user must be a mapping, not text"},
        {"no-user", "its user \"gone\" is not in the kubeconfig"},
        {"no-cluster", "its cluster \"gone\" is not in the kubeconfig"},
        {"empty", "context \"empty\": it names no cluster"},
    };
    KftKubeContext context = {0};
    g_autoptr(KftKubeconfig) config = parse_valid("one-bad-user.yaml");
    g_assert_true(kft_kubeconfig_select(config, NULL, &context, NULL));
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++)
        assert_select_fails(config, cases[i][0], cases[i][1]);
}

/* --- invalid files --- */

/* The value of a line "# @key: value" at the head of @text. */
static char *dup_directive(const char *text, const char *key)
{
    g_autofree char *start = g_strdup_printf("# %s: ", key);
    g_auto(GStrv) lines = g_strsplit(text, "\n", 3);
    for (size_t i = 0; i < 2; i++) {
        if (g_str_has_prefix(lines[i], start))
            return g_strdup(lines[i] + strlen(start));
    }
    return NULL;
}

static void test_invalid_file(const void *data)
{
    g_autoptr(GError) error = NULL;
    const char *path = data;
    g_autofree char *dir = g_path_get_dirname(path);
    g_autofree char *text = dup_filled(path);
    g_autofree char *raw = dup_directive(text, "expect");
    g_autofree char *context_name = dup_directive(text, "context");
    g_auto(GStrv) parts = g_strsplit(raw, "@DIR@", -1);
    g_autofree char *expected = g_strjoinv(dir, parts);
    KftKubeContext context = {0};

    g_autoptr(KftKubeconfig) config = kft_kubeconfig_parse(text, strlen(text), path, dir, &error);
    if (config != NULL)
        g_assert_false(kft_kubeconfig_select(config, context_name, &context, &error));
    g_assert_error(error, KFT_ERROR, KFT_ERROR_BAD_CONFIG);
    if (strstr(error->message, expected) == NULL)
        g_error("\"%s\" is not in \"%s\"", expected, error->message);
    g_assert_null(strstr(error->message, "secret-token-1"));
    g_assert_null(strchr(error->message, '\n'));
    g_assert_false(g_str_has_suffix(error->message, "."));
}

static void add_invalid_files(void)
{
    g_autofree char *dir = dup_data_dir("invalid");
    GDir *list = g_dir_open(dir, 0, NULL);
    size_t n = 0;
    g_assert_nonnull(list);
    for (const char *name = g_dir_read_name(list); name != NULL; name = g_dir_read_name(list)) {
        g_autofree char *test = g_strdup_printf("/kubeconfig/invalid/%s", name);
        g_test_add_data_func_full(test, g_build_filename(dir, name, NULL), test_invalid_file,
                                  g_free);
        n++;
    }
    g_dir_close(list);
    g_assert_cmpuint(n, >=, 30);
}

/* --- merging --- */

static KftKubeconfig *load_list(const char *list, GError **error)
{
    KftKubeconfigSources sources = {.kubeconfig = list, .home = "/nonexistent"};
    return kft_kubeconfig_load_from(NULL, &sources, error);
}

static void test_merge(void)
{
    g_autoptr(GError) error = NULL;
    KftKubeContext context = {0};
    g_autofree char *dir = dup_data_dir("merge");
    g_autofree char *list = g_strdup_printf(
        ":%s/gone.yaml:%s/first.yaml:%s/empty.yaml::%s/second.yaml:%s/first.yaml:%s/third.yaml",
        dir, dir, dir, dir, dir, dir);
    g_autoptr(KftKubeconfig) config = load_list(list, &error);
    g_assert_no_error(error);

    g_autofree const char **names = kft_kubeconfig_list_contexts(config);
    assert_join(names, "one|late|two");
    g_assert_cmpstr(kft_kubeconfig_get_current(config), ==, "late");
    const char *const *files = kft_kubeconfig_get_files(config);
    g_assert_nonnull(files[3]);
    g_assert_null(files[4]);
    g_assert_true(g_str_has_suffix(files[0], "merge/first.yaml"));

    g_assert_true(kft_kubeconfig_select(config, NULL, &context, &error));
    g_assert_cmpstr(context.namespace_, ==, "from-first");
    g_assert_cmpstr(context.cluster->server, ==, "https://late.example");
    g_autofree char *token = g_build_filename(dir, "sub", "token", NULL);
    g_assert_cmpstr(context.user->token_file, ==, token);
    g_assert_true(kft_kubeconfig_select(config, "one", &context, &error));
    g_assert_cmpstr(context.cluster->server, ==, "https://first.example");
    g_assert_false(context.cluster->is_insecure);
    g_assert_cmpstr(kft_secret_reveal(context.user->token), ==, "first-token");
    g_assert_true(kft_kubeconfig_select(config, "two", &context, &error));
    g_assert_cmpstr(context.cluster->server, ==, "https://first.example");

    g_autoptr(KftKubeconfig) other = kft_kubeconfig_ref(config);
    g_assert_true(other == config);
}

static void test_list_with_invalid_file(void)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *dir = dup_data_dir("");
    g_autofree char *list = g_strdup_printf("%s/merge/first.yaml:%s/invalid/tab.yaml", dir, dir);
    g_assert_null(load_list(list, &error));
    g_assert_error(error, KFT_ERROR, KFT_ERROR_BAD_CONFIG);
    g_assert_nonnull(strstr(error->message, "invalid/tab.yaml:4:1: "));
    g_clear_error(&error);

    g_assert_null(load_list(dir, &error));
    g_assert_error(error, KFT_ERROR, KFT_ERROR_STORAGE);
    g_assert_nonnull(strstr(error->message, "is a directory"));
}

static void test_none(void)
{
    g_autoptr(GError) error = NULL;
    KftKubeconfigSources sources = {.home = "/nonexistent/home"};

    g_assert_null(kft_kubeconfig_load_from(NULL, &sources, &error));
    g_assert_error(error, KFT_ERROR, KFT_ERROR_BAD_CONFIG);
    g_assert_nonnull(strstr(error->message, "looked for /nonexistent/home/.kube/config; put"));
    g_clear_error(&error);
    g_assert_null(load_list("/nonexistent/a:/nonexistent/b", &error));
    g_assert_nonnull(
        strstr(error->message, "looked for /nonexistent/a, /nonexistent/b (from $KUBECONFIG)"));
    g_clear_error(&error);
    g_assert_null(kft_kubeconfig_load("/nonexistent/c", &error));
    g_assert_error(error, KFT_ERROR, KFT_ERROR_BAD_CONFIG);
    g_assert_cmpstr(error->message, ==, "kubeconfig /nonexistent/c does not exist");
}

/* --- in a pod --- */

static void write_file(const char *dir, const char *name, const char *text)
{
    g_autofree char *path = g_build_filename(dir, name, NULL);
    g_assert_true(g_file_set_contents(path, text, -1, NULL));
}

static void remove_dir(const char *dir)
{
    GDir *list = g_dir_open(dir, 0, NULL);
    for (const char *name = g_dir_read_name(list); name != NULL; name = g_dir_read_name(list)) {
        g_autofree char *path = g_build_filename(dir, name, NULL);
        g_assert_cmpint(g_remove(path), ==, 0);
    }
    g_dir_close(list);
    g_assert_cmpint(g_rmdir(dir), ==, 0);
}

static void test_in_cluster(void)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *dir = g_dir_make_tmp("kft-XXXXXX", NULL);
    KftKubeContext context = {0};
    KftKubeconfigSources sources = {
        .home = "/nonexistent",
        .service_host = "fd00::1",
        .service_port = "443",
        .service_account_dir = dir,
    };
    g_assert_null(kft_kubeconfig_load_from(NULL, &sources, NULL));
    write_file(dir, "token", "t");
    write_file(dir, "ca.crt", "c");
    write_file(dir, "namespace", "team-b\n");
    g_autoptr(KftKubeconfig) config = kft_kubeconfig_load_from(NULL, &sources, &error);
    g_assert_no_error(error);
    g_assert_true(kft_kubeconfig_select(config, NULL, &context, &error));
    g_assert_cmpstr(context.cluster->server, ==, "https://[fd00::1]:443");
    g_assert_cmpstr(context.namespace_, ==, "team-b");
    g_assert_true(g_str_has_suffix(context.user->token_file, "/token"));
    g_assert_true(g_str_has_suffix(context.cluster->ca_file, "/ca.crt"));

    sources.pod_namespace = "from-env";
    sources.service_host = "10.0.0.1";
    g_autoptr(KftKubeconfig) second = kft_kubeconfig_load_from(NULL, &sources, &error);
    g_assert_true(kft_kubeconfig_select(second, "in-cluster", &context, &error));
    g_assert_cmpstr(context.cluster->server, ==, "https://10.0.0.1:443");
    g_assert_cmpstr(context.namespace_, ==, "from-env");

    /* A kubeconfig that holds something wins; an empty one does not. */
    g_autofree char *merge = dup_data_dir("merge");
    g_autofree char *full = g_build_filename(merge, "first.yaml", NULL);
    sources.kubeconfig = full;
    g_autoptr(KftKubeconfig) third = kft_kubeconfig_load_from(NULL, &sources, &error);
    g_assert_null(kft_kubeconfig_get_current(third));
    g_autofree char *empty = g_build_filename(merge, "empty.yaml", NULL);
    sources.kubeconfig = empty;
    g_autoptr(KftKubeconfig) fourth = kft_kubeconfig_load_from(NULL, &sources, &error);
    g_assert_cmpstr(kft_kubeconfig_get_current(fourth), ==, "in-cluster");
    remove_dir(dir);
}

static void test_file_forms(void)
{
    static const char *const texts[] = {
        "\xEF\xBB\xBF"
        "current-context: a\r\ncontexts:\r\n- name: a\r\n  context:\r\n"
        "    cluster: c\r\nclusters:\r\n- name: c\r\n  cluster:\r\n    server: https://x\r\n",
        "---\ncurrent-context: a\ncontexts: [{name: a, context: {cluster: c}}]\n"
        "clusters: [{name: c, cluster: {server: 'https://x'}}]\n---\nother: document\n",
    };
    for (size_t i = 0; i < G_N_ELEMENTS(texts); i++) {
        g_autoptr(GError) error = NULL;
        KftKubeContext context = {0};
        g_autoptr(KftKubeconfig) config =
            kft_kubeconfig_parse(texts[i], strlen(texts[i]), "f", "/", &error);
        g_assert_no_error(error);
        g_assert_true(kft_kubeconfig_select(config, NULL, &context, &error));
        g_assert_cmpstr(context.cluster->server, ==, "https://x");
    }
    g_autoptr(GError) error = NULL;
    g_assert_null(kft_kubeconfig_parse("\xFF\xFEk\0", 4, "f", "/", &error));
    g_assert_cmpstr(error->message, ==, "f:1:1: the text is UTF-16, save it as UTF-8");
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/kubeconfig/exec", test_exec);
    g_test_add_func("/kubeconfig/oidc", test_oidc);
    g_test_add_func("/kubeconfig/certificates", test_certificates);
    g_test_add_func("/kubeconfig/servers", test_servers);
    g_test_add_func("/kubeconfig/tokens", test_tokens);
    g_test_add_func("/kubeconfig/anchors", test_anchors);
    g_test_add_func("/kubeconfig/bad-entries", test_bad_entries);
    add_invalid_files();
    g_test_add_func("/kubeconfig/merge", test_merge);
    g_test_add_func("/kubeconfig/list-with-invalid-file", test_list_with_invalid_file);
    g_test_add_func("/kubeconfig/none", test_none);
    g_test_add_func("/kubeconfig/in-cluster", test_in_cluster);
    g_test_add_func("/kubeconfig/file-forms", test_file_forms);
    return g_test_run();
}
