/* Reads what a credential plugin printed. It may be anything, and it holds secrets: nothing of it
 * gets into a message, and the copies made here are overwritten. */
#include "kube/exec-credential.h"

#include <string.h>

#include "kftray/error.h"

#include "base/json.h"
#include "base/number.h"

static bool fail(GError **error, const char *what)
{
    g_set_error_literal(error, KFT_ERROR, KFT_ERROR_AUTH, what);
    return false;
}

static void free_wiped_text(void *text)
{
    kft_secret_wipe_string(text);
}

static GBytes *new_bytes(const char *text)
{
    size_t size = strlen(text);
    char *copy = g_strdup(text);
    return g_bytes_new_with_free_func(copy, size, free_wiped_text, copy);
}

static bool check_version(json_object *root, const char *wanted, GError **error)
{
    const char *kind = kft_json_string(root, "kind");
    const char *version = kft_json_string(root, "apiVersion");

    if (kind == NULL || strcmp(kind, "ExecCredential") != 0)
        return fail(error, "printed JSON that is no ExecCredential");
    if (version != NULL && strcmp(version, wanted) == 0)
        return true;
    /* A version is named only if it is one, so that nothing else is quoted. */
    bool is_known = version != NULL &&
                    g_str_has_prefix(version, "client.authentication.k8s.io/v1") &&
                    strlen(version) < 40 && strpbrk(version, " \r\n\"") == NULL;
    g_set_error(error, KFT_ERROR, KFT_ERROR_AUTH,
                "answered in %s, but exec.apiVersion in the kubeconfig is %s",
                is_known ? version : "another API version", wanted);
    return false;
}

static bool take_token(json_object *root, KftExecCredential *credential, GError **error)
{
    const char *token = kft_json_string(root, "status.token");
    if (token == NULL || *token == '\0')
        return true;
    char *text = g_strstrip(g_strdup(token));
    bool is_clean = *text != '\0';
    for (const char *at = text; *at != '\0'; at++)
        is_clean = is_clean && !g_ascii_iscntrl(*at);
    if (is_clean)
        credential->token = kft_secret_new(text);
    kft_secret_wipe_string(text);
    return is_clean || fail(error, "gave a token with line breaks or control characters");
}

static bool take_certificate(json_object *root, KftExecCredential *credential, GError **error)
{
    const char *cert = kft_json_string(root, "status.clientCertificateData");
    const char *key = kft_json_string(root, "status.clientKeyData");
    bool has_cert = cert != NULL && *cert != '\0';
    bool has_key = key != NULL && *key != '\0';

    if (!has_cert && !has_key)
        return true;
    if (!has_key)
        return fail(error, "gave a client certificate without its key");
    if (!has_cert)
        return fail(error, "gave a client key without its certificate");
    if (strstr(cert, "-----BEGIN CERTIFICATE-----") == NULL)
        return fail(error, "gave a client certificate that is not PEM text");
    if (strstr(key, "-----BEGIN ") == NULL || strstr(key, "PRIVATE KEY-----") == NULL)
        return fail(error, "gave a client key that is not PEM text");
    credential->cert_data = new_bytes(cert);
    credential->key_data = new_bytes(key);
    return true;
}

static bool take_expiry(json_object *root, KftExecCredential *credential, GError **error)
{
    json_object *value = kft_json_get(root, "status.expirationTimestamp");
    const char *text = kft_json_string(root, "status.expirationTimestamp");
    credential->expires_s = INT64_MAX;
    if (value == NULL || (text != NULL && *text == '\0'))
        return true;
    if (text == NULL || !kft_parse_rfc3339(text, &credential->expires_s))
        return fail(error, "gave an expirationTimestamp that is no RFC 3339 time");
    return true;
}

static bool read_status(json_object *root, KftExecCredential *credential, GError **error)
{
    if (!take_token(root, credential, error) || !take_certificate(root, credential, error) ||
        !take_expiry(root, credential, error))
        return false;
    if (credential->token == NULL && credential->cert_data == NULL)
        return fail(error, "gave neither a token nor a client certificate");
    return true;
}

/* A string of the same length goes into the same memory. */
static void wipe_string(json_object *root, const char *path)
{
    json_object *value = kft_json_get(root, path);
    if (value == NULL || !json_object_is_type(value, json_type_string))
        return;
    int length = json_object_get_string_len(value);
    g_autofree char *filler = g_strnfill((gsize)length, 'x');
    (void)json_object_set_string_len(value, filler, length);
}

bool kft_exec_credential_parse(const char *text,
                               size_t size,
                               const char *api_version,
                               KftExecCredential *ret_credential,
                               GError **error)
{
    KftExecCredential credential = {0};

    if (size == 0)
        return fail(error, "printed nothing");
    json_object *root = kft_json_parse(text, size, NULL);
    if (root == NULL)
        return fail(error, "printed something that is not JSON");
    bool is_ok = check_version(root, api_version, error) && read_status(root, &credential, error);
    wipe_string(root, "status.token");
    wipe_string(root, "status.clientKeyData");
    kft_json_put(root);
    if (is_ok)
        *ret_credential = credential;
    else
        kft_exec_credential_clear(&credential);
    return is_ok;
}

void kft_exec_credential_clear(KftExecCredential *self)
{
    g_clear_pointer(&self->token, kft_secret_free);
    g_clear_pointer(&self->cert_data, g_bytes_unref);
    g_clear_pointer(&self->key_data, g_bytes_unref);
}
