/* What a credential plugin prints: a credential that can go into a request, or one clean sentence.
 * The first byte chooses the version that was asked for. */
#include <glib.h>
#include <string.h>

#include "fuzz.h"
#include "kube/exec-credential.h"
#include "kube/id-token.h"

static void check_credential(const KftExecCredential *credential)
{
    g_assert_true(credential->token != NULL || credential->cert_data != NULL);
    g_assert_true((credential->cert_data == NULL) == (credential->key_data == NULL));
    if (credential->token != NULL) {
        const char *token = kft_secret_reveal(credential->token);
        int64_t expires_s = 0;
        g_assert_cmpuint(strlen(token), >, 0);
        g_assert_null(strpbrk(token, "\r\n"));
        if (kft_id_token_get_expiry(credential->token, &expires_s))
            g_assert_cmpint(expires_s, >, 0);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    g_autoptr(GError) error = NULL;
    KftExecCredential credential = {0};

    if (size == 0)
        return 0;
    const char *version = (data[0] & 1) != 0 ? "client.authentication.k8s.io/v1"
                                             : "client.authentication.k8s.io/v1beta1";
    if (kft_exec_credential_parse((const char *)data + 1, size - 1, version, &credential, &error)) {
        check_credential(&credential);
        kft_exec_credential_clear(&credential);
    } else {
        g_assert_nonnull(error);
        g_assert_null(strpbrk(error->message, "\r\n"));
    }
    return 0;
}
