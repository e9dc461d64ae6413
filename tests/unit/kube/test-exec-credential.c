/* What plugins print: each form that is taken, and a sentence for each that is not. */
#include <string.h>

#include "kftray/error.h"

#include "kube/exec-credential.h"

#define V1 "client.authentication.k8s.io/v1"
#define V1BETA1 "client.authentication.k8s.io/v1beta1"
#define HEAD "{\"kind\":\"ExecCredential\",\"apiVersion\":\"" V1 "\",\"status\":"
#define CERT "-----BEGIN CERTIFICATE-----\\nY2VydA==\\n-----END CERTIFICATE-----\\n"
/* Split, so that no scanner takes it for a key. */
#define KEY                                                                                        \
    "-----BEGIN "                                                                                  \
    "PRIVATE KEY-----\\na2V5\\n-----END "                                                          \
    "PRIVATE KEY-----\\n"

static void test_token(void)
{
    static const struct {
        const char *text;
        int64_t expires_s;
    } cases[] = {
        {HEAD "{\"token\":\"tok-1\"}}", INT64_MAX},
        {HEAD "{\"token\":\" tok-1\\n\",\"expirationTimestamp\":null}}\n", INT64_MAX},
        {HEAD "{\"token\":\"tok-1\",\"expirationTimestamp\":\"\"}}", INT64_MAX},
        {HEAD "{\"token\":\"tok-1\",\"expirationTimestamp\":\"2026-11-23T10:00:00Z\"}}",
         1795428000},
        {HEAD
         "{\"token\":\"tok-1\",\"expirationTimestamp\":\"2026-11-23T11:00:00+01:00\"},\"x\":[1]}",
         1795428000},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(GError) error = NULL;
        KftExecCredential credential = {0};
        (void)kft_exec_credential_parse(cases[i].text, strlen(cases[i].text), V1, &credential,
                                        &error);
        g_assert_no_error(error);
        g_assert_cmpstr(kft_secret_reveal(credential.token), ==, "tok-1");
        g_assert_null(credential.cert_data);
        g_assert_cmpint(credential.expires_s, ==, cases[i].expires_s);
        kft_exec_credential_clear(&credential);
    }
}

static void test_certificate(void)
{
    static const char text[] = HEAD "{\"token\":\"t\",\"clientCertificateData\":\"" CERT
                                    "\",\"clientKeyData\":\"" KEY "\"}}";
    KftExecCredential credential = {0};
    g_assert_true(
        kft_exec_credential_parse(text, strlen(text), V1, &credential, /* error= */ NULL));
    g_assert_nonnull(credential.token);
    g_assert_cmpuint(g_bytes_get_size(credential.cert_data), ==, 63);
    const char *key = g_bytes_get_data(credential.key_data, NULL);
    g_assert_true(g_str_has_prefix(key, "-----BEGIN "));
    kft_exec_credential_clear(&credential);
}

static void test_rubbish(void)
{
    static const char *const cases[][2] = {
        {"", "printed nothing"},
        {"Logged in as sEcReT", "printed something that is not JSON"},
        {HEAD "{\"token\":\"sEcReT\"}", "printed something that is not JSON"},
        {HEAD "{\"token\":\"sEcReT\"}} trailing", "printed something that is not JSON"},
        {"[\"sEcReT\"]", "printed JSON that is no ExecCredential"},
        {"null", "printed something that is not JSON"},
        {"{\"kind\":\"sEcReT\"}", "printed JSON that is no ExecCredential"},
        {"{\"kind\":\"ExecCredential\",\"apiVersion\":\"" V1BETA1
         "\",\"status\":{\"token\":\"t\"}}",
         "answered in " V1BETA1 ", but exec.apiVersion in the kubeconfig is " V1},
        {"{\"kind\":\"ExecCredential\",\"apiVersion\":\"sEcReT\",\"status\":{\"token\":\"t\"}}",
         "answered in another API version, but"},
        {"{\"kind\":\"ExecCredential\",\"status\":{\"token\":\"t\"}}",
         "answered in another API version, but"},
        {HEAD "null}", "gave neither a token nor a client certificate"},
        {HEAD "{\"token\":\"\"}}", "gave neither a token nor a client certificate"},
        {HEAD "{\"token\":5}}", "gave neither a token nor a client certificate"},
        {HEAD "{\"token\":\"sEcReT\\nX: y\"}}", "gave a token with line breaks"},
        {HEAD "{\"token\":\" \"}}", "gave a token with line breaks"},
        {HEAD "{\"token\":\"t\",\"clientCertificateData\":\"" CERT "\"}}",
         "gave a client certificate without its key"},
        {HEAD "{\"clientKeyData\":\"" KEY "\"}}", "gave a client key without its certificate"},
        {HEAD "{\"clientCertificateData\":\"LS0t\",\"clientKeyData\":\"" KEY "\"}}",
         "gave a client certificate that is not PEM text"},
        {HEAD "{\"clientCertificateData\":\"" CERT "\",\"clientKeyData\":\"sEcReT\"}}",
         "gave a client key that is not PEM text"},
        {HEAD "{\"token\":\"t\",\"expirationTimestamp\":\"tomorrow\"}}",
         "gave an expirationTimestamp that is no RFC 3339 time"},
        {HEAD "{\"token\":\"t\",\"expirationTimestamp\":1795428000}}",
         "gave an expirationTimestamp that is no RFC 3339 time"},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(GError) error = NULL;
        KftExecCredential credential = {0};
        g_assert_false(
            kft_exec_credential_parse(cases[i][0], strlen(cases[i][0]), V1, &credential, &error));
        g_assert_error(error, KFT_ERROR, KFT_ERROR_AUTH);
        g_assert_null(strstr(error->message, "sEcReT"));
        if (!g_str_has_prefix(error->message, cases[i][1]))
            g_error("\"%s\" does not begin with \"%s\"", error->message, cases[i][1]);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/exec-credential/token", test_token);
    g_test_add_func("/exec-credential/certificate", test_certificate);
    g_test_add_func("/exec-credential/rubbish", test_rubbish);
    return g_test_run();
}
