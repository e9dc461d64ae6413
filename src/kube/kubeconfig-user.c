/* Reads and checks one entry of "users" (wire protocols, 6.2, 6.6 to 6.8). What is wrong with an
 * entry is kept in it and concerns only the contexts that use it. */
#include <string.h>

#include "kube/kubeconfig-priv.h"

#define EXEC_V1 "client.authentication.k8s.io/v1"
#define EXEC_V1BETA1 "client.authentication.k8s.io/v1beta1"
#define EXEC_V1ALPHA1 "client.authentication.k8s.io/v1alpha1"

static void free_wiped_strv(char **strings)
{
    for (size_t i = 0; strings != NULL && strings[i] != NULL; i++)
        kft_secret_wipe_string(strings[i]);
    g_free(strings);
}

static void exec_free(KftKubeExec *exec)
{
    if (exec == NULL)
        return;
    g_free(exec->command);
    free_wiped_strv(exec->args);
    free_wiped_strv(exec->env);
    g_free(exec->api_version);
    g_free(exec->install_hint);
    g_free(exec);
}

static void oidc_free(KftKubeOidc *oidc)
{
    if (oidc == NULL)
        return;
    g_free(oidc->issuer_url);
    g_free(oidc->client_id);
    kft_secret_free(oidc->client_secret);
    g_free(oidc->ca_file);
    g_clear_pointer(&oidc->ca_data, g_bytes_unref);
    kft_secret_free(oidc->id_token);
    kft_secret_free(oidc->refresh_token);
    g_free(oidc);
}

KftKubeUser *kft_kube_user_new(const char *name, const char *file)
{
    KftKubeUser *user = g_new0(KftKubeUser, 1);
    user->name = g_strdup(name);
    user->file = g_strdup(file);
    user->impersonate_groups = g_new0(char *, 1);
    user->impersonate_extra = g_new0(char *, 1);
    return user;
}

void kft_kube_user_free(KftKubeUser *user)
{
    if (user == NULL)
        return;
    g_free(user->name);
    g_free(user->file);
    g_free(user->cert_file);
    g_free(user->key_file);
    g_clear_pointer(&user->cert_data, g_bytes_unref);
    g_clear_pointer(&user->key_data, g_bytes_unref);
    kft_secret_free(user->token);
    g_free(user->token_file);
    g_free(user->username);
    kft_secret_free(user->password);
    exec_free(user->exec);
    oidc_free(user->oidc);
    g_free(user->impersonate_user);
    g_free(user->impersonate_uid);
    g_strfreev(user->impersonate_groups);
    g_strfreev(user->impersonate_extra);
    g_clear_error(&user->error);
    g_free(user);
}

/* --- certificates, tokens, passwords --- */

static void read_certificate(KftFields *fields, const KftYamlNode *map, KftKubeUser *user)
{
    user->cert_file = kft_fields_dup_path(fields, map, "client-certificate");
    user->key_file = kft_fields_dup_key(fields, map, "client-key");
    user->cert_data = kft_fields_dup_pem(fields, map, "client-certificate-data", "CERTIFICATE");
    user->key_data = kft_fields_dup_pem(fields, map, "client-key-data", "PRIVATE KEY");
    bool has_cert = user->cert_file != NULL || user->cert_data != NULL;
    bool has_key = user->key_file != NULL || user->key_data != NULL;
    if (user->cert_file != NULL && user->cert_data != NULL)
        kft_fields_fail(fields, kft_yaml_get(map, "client-certificate"),
                        "client-certificate and client-certificate-data are both given, "
                        "only one is allowed");
    if (user->key_file != NULL && user->key_data != NULL)
        kft_fields_fail(fields, kft_yaml_get(map, "client-key"),
                        "client-key and client-key-data are both given, only one is allowed");
    if (has_cert && !has_key)
        kft_fields_fail(fields, map,
                        "the client certificate has no key, give client-key or client-key-data");
    /* A key alone is of no use and, as in kubectl, does no harm. */
    if (!has_cert) {
        g_clear_pointer(&user->key_file, g_free);
        g_clear_pointer(&user->key_data, g_bytes_unref);
    }
}

static void read_token(KftFields *fields, const KftYamlNode *map, KftKubeUser *user)
{
    char *token = kft_fields_dup_header_text(fields, map, "token");
    if (token != NULL && *token != '\0')
        user->token = kft_secret_new(token);
    kft_secret_wipe_string(token);
    user->token_file = kft_fields_dup_path(fields, map, "tokenFile");
    user->username = kft_fields_dup_text(fields, map, "username");
    user->password = kft_fields_dup_secret(fields, map, "password");
    if ((user->token != NULL || user->token_file != NULL) &&
        (user->username != NULL || user->password != NULL))
        kft_fields_fail(fields, map,
                        "a token and a user name with password are both given, "
                        "only one way to log in is allowed");
}

/* --- exec --- */

static char *dup_command(KftFields *fields, const KftYamlNode *map)
{
    char *command = kft_fields_dup_text(fields, map, "command");
    if (command == NULL) {
        kft_fields_fail(fields, map, "exec has no command");
        return NULL;
    }
    /* Only with a separator it is a path; a bare name goes through PATH (wire protocols, 6.1). */
    if (strchr(command, G_DIR_SEPARATOR) == NULL)
        return command;
    char *path = g_canonicalize_filename(command, fields->dir);
    g_free(command);
    return path;
}

static void check_api_version(KftFields *fields, const KftYamlNode *map, const char *version)
{
    const KftYamlNode *at = kft_yaml_get(map, "apiVersion");
    if (version == NULL)
        kft_fields_fail(fields, map, "exec has no apiVersion, it should be %s", EXEC_V1);
    else if (strcmp(version, EXEC_V1ALPHA1) == 0)
        kft_fields_fail(fields, at,
                        "exec.apiVersion %s is no longer supported; update the plugin and set %s",
                        EXEC_V1ALPHA1, EXEC_V1BETA1);
    else if (strcmp(version, EXEC_V1) != 0 && strcmp(version, EXEC_V1BETA1) != 0)
        kft_fields_fail(fields, at, "exec.apiVersion \"%s\" is unknown, it must be %s or %s",
                        version, EXEC_V1, EXEC_V1BETA1);
}

static KftExecInteractive
read_interactive(KftFields *fields, const KftYamlNode *map, const char *version)
{
    g_autofree char *mode = kft_fields_dup_text(fields, map, "interactiveMode");
    if (mode == NULL) {
        if (g_strcmp0(version, EXEC_V1) == 0)
            kft_fields_fail(fields, map,
                            "exec has no interactiveMode, it must be Never, IfAvailable or Always");
        return KFT_EXEC_INTERACTIVE_IF_AVAILABLE;
    }
    if (strcmp(mode, "Never") == 0)
        return KFT_EXEC_INTERACTIVE_NEVER;
    if (strcmp(mode, "Always") == 0)
        return KFT_EXEC_INTERACTIVE_ALWAYS;
    if (strcmp(mode, "IfAvailable") != 0)
        kft_fields_fail(fields, kft_yaml_get(map, "interactiveMode"),
                        "exec.interactiveMode \"%s\" must be Never, IfAvailable or Always", mode);
    return KFT_EXEC_INTERACTIVE_IF_AVAILABLE;
}

static char **dup_environment(KftFields *fields, const KftYamlNode *map)
{
    g_autoptr(GStrvBuilder) builder = g_strv_builder_new();
    const KftYamlNode *list = kft_fields_get_list(fields, map, "env");

    for (guint i = 0; list != NULL && i < list->children->len; i++) {
        const KftYamlNode *item = g_ptr_array_index(list->children, i);
        g_autofree char *name = kft_fields_dup_text(fields, item, "name");
        char *value = kft_fields_dup_text(fields, item, "value");
        if (name == NULL || strchr(name, '=') != NULL) {
            kft_fields_fail(fields, item, "exec.env[%u] must have a name, without \"=\"", i);
        } else {
            char *pair = g_strconcat(name, "=", value == NULL ? "" : value, NULL);
            g_strv_builder_add(builder, pair);
            kft_secret_wipe_string(pair);
        }
        kft_secret_wipe_string(value);
    }
    return g_strv_builder_end(builder);
}

static KftKubeExec *read_exec(KftFields *fields, const KftYamlNode *map)
{
    KftKubeExec *exec = g_new0(KftKubeExec, 1);
    exec->command = dup_command(fields, map);
    exec->args = kft_fields_dup_texts(fields, map, "args");
    exec->env = dup_environment(fields, map);
    exec->api_version = kft_fields_dup_text(fields, map, "apiVersion");
    exec->install_hint = kft_fields_dup_text(fields, map, "installHint");
    exec->provide_cluster_info = kft_fields_get_bool(fields, map, "provideClusterInfo");
    check_api_version(fields, map, exec->api_version);
    exec->interactive = read_interactive(fields, map, exec->api_version);
    return exec;
}

/* --- auth-provider --- */

static KftKubeOidc *read_oidc(KftFields *fields, const KftYamlNode *map)
{
    const KftYamlNode *config = kft_fields_get_map(fields, map, "config");
    KftKubeOidc *oidc = g_new0(KftKubeOidc, 1);

    oidc->issuer_url = kft_fields_dup_text(fields, config, "idp-issuer-url");
    oidc->client_id = kft_fields_dup_text(fields, config, "client-id");
    oidc->client_secret = kft_fields_dup_secret(fields, config, "client-secret");
    oidc->ca_file = kft_fields_dup_path(fields, config, "idp-certificate-authority");
    oidc->ca_data =
        kft_fields_dup_pem(fields, config, "idp-certificate-authority-data", "CERTIFICATE");
    oidc->id_token = kft_fields_dup_secret(fields, config, "id-token");
    oidc->refresh_token = kft_fields_dup_secret(fields, config, "refresh-token");
    if (oidc->issuer_url == NULL)
        kft_fields_fail(fields, map, "the auth provider oidc has no idp-issuer-url");
    if (oidc->client_id == NULL)
        kft_fields_fail(fields, map, "the auth provider oidc has no client-id");
    return oidc;
}

static void read_provider(KftFields *fields, const KftYamlNode *map, KftKubeUser *user)
{
    g_autofree char *name = kft_fields_dup_text(fields, map, "name");
    const KftYamlNode *at = kft_yaml_get(map, "name");

    if (name == NULL)
        kft_fields_fail(fields, map, "auth-provider has no name");
    else if (strcmp(name, "oidc") == 0)
        user->oidc = read_oidc(fields, map);
    else if (strcmp(name, "gcp") == 0)
        kft_fields_fail(
            fields, at,
            "the auth provider gcp was removed from Kubernetes clients in 1.26; install "
            "gke-gcloud-auth-plugin and run \"gcloud container clusters "
            "get-credentials\" to use the exec plugin");
    else if (strcmp(name, "azure") == 0)
        kft_fields_fail(fields, at,
                        "the auth provider azure was removed from Kubernetes clients in 1.26; "
                        "install kubelogin and run \"kubelogin convert-kubeconfig\" to use the "
                        "exec plugin");
    else
        kft_fields_fail(fields, at, "the auth provider \"%s\" is unknown, only oidc is supported",
                        name);
}

/* --- impersonation --- */

static char **dup_extra(KftFields *fields, const KftYamlNode *map)
{
    g_autoptr(GStrvBuilder) builder = g_strv_builder_new();
    const KftYamlNode *extra = kft_fields_get_map(fields, map, "as-user-extra");

    for (guint i = 0; extra != NULL && i + 1 < extra->children->len; i += 2) {
        const KftYamlNode *key = g_ptr_array_index(extra->children, i);
        g_auto(GStrv) values = kft_fields_dup_texts(fields, extra, key->text);
        for (size_t j = 0; values[j] != NULL; j++) {
            /* The pair is split at its first "=" later. */
            if (strchr(key->text, '=') != NULL) {
                kft_fields_fail(fields, key, "a key of as-user-extra must not hold \"=\"");
                break;
            }
            g_autofree char *pair = g_strconcat(key->text, "=", values[j], NULL);
            g_strv_builder_add(builder, pair);
        }
    }
    return g_strv_builder_end(builder);
}

static bool has_control(char *const *texts)
{
    for (size_t i = 0; texts[i] != NULL; i++) {
        for (const char *at = texts[i]; *at != '\0'; at++) {
            if (g_ascii_iscntrl(*at))
                return true;
        }
    }
    return false;
}

static void read_impersonation(KftFields *fields, const KftYamlNode *map, KftKubeUser *user)
{
    user->impersonate_user = kft_fields_dup_header_text(fields, map, "as");
    user->impersonate_uid = kft_fields_dup_header_text(fields, map, "as-uid");
    g_strfreev(user->impersonate_groups);
    user->impersonate_groups = kft_fields_dup_texts(fields, map, "as-groups");
    g_strfreev(user->impersonate_extra);
    user->impersonate_extra = dup_extra(fields, map);
    if (has_control(user->impersonate_groups) || has_control(user->impersonate_extra))
        kft_fields_fail(fields, map,
                        "as-groups or as-user-extra holds line breaks or control characters");
    if (user->impersonate_user == NULL &&
        (user->impersonate_uid != NULL || user->impersonate_groups[0] != NULL ||
         user->impersonate_extra[0] != NULL))
        kft_fields_fail(fields, map, "as-uid, as-groups and as-user-extra need as");
}

KftKubeUser *
kft_kube_user_read(const char *name, const KftYamlNode *item, const char *file, const char *dir)
{
    g_autofree char *entry = g_strdup_printf("user \"%s\"", name);
    KftFields fields = {.file = file, .dir = dir, .entry = entry, .place = item};
    const KftYamlNode *map = kft_fields_get_map(&fields, item, "user");
    KftKubeUser *user = kft_kube_user_new(name, file);

    read_certificate(&fields, map, user);
    read_token(&fields, map, user);
    const KftYamlNode *exec = kft_fields_get_map(&fields, map, "exec");
    const KftYamlNode *provider = kft_fields_get_map(&fields, map, "auth-provider");
    if (exec != NULL && provider != NULL)
        kft_fields_fail(&fields, provider,
                        "exec and auth-provider are both given, "
                        "only one is allowed");
    if (exec != NULL)
        user->exec = read_exec(&fields, exec);
    if (provider != NULL)
        read_provider(&fields, provider, user);
    read_impersonation(&fields, map, user);
    user->error = fields.error;
    return user;
}
