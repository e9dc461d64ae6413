/* Finds out why a client certificate and its key were refused. Nothing of them is kept. */
#include "net/client-pair.h"

#include <limits.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "net/tls-note.h"

static BIO *open_source(GBytes *data, const char *file)
{
    gsize size = 0;
    const void *bytes = NULL;
    if (data == NULL)
        return file == NULL ? NULL : BIO_new_file(file, "r");
    bytes = g_bytes_get_data(data, &size);
    return size > INT_MAX ? NULL : BIO_new_mem_buf(bytes, (int)size);
}

/* An encrypted key must not make OpenSSL ask on the terminal. */
static int on_openssl_password(char *buffer, int size, int is_writing, void *user_data)
{
    if (size > 0)
        buffer[0] = '\0';
    (void)is_writing;
    (void)user_data;
    return 0;
}

static X509 *read_certificate(const KftEndpoint *endpoint)
{
    BIO *source = open_source(endpoint->cert_data, endpoint->cert_file);
    X509 *certificate =
        source == NULL ? NULL : PEM_read_bio_X509(source, NULL, on_openssl_password, NULL);
    (void)BIO_free(source);
    return certificate;
}

static EVP_PKEY *read_key(const KftEndpoint *endpoint)
{
    bool has_own = endpoint->key_data != NULL || endpoint->key_file != NULL;
    BIO *source = has_own ? open_source(endpoint->key_data, endpoint->key_file)
                          : open_source(endpoint->cert_data, endpoint->cert_file);
    EVP_PKEY *key =
        source == NULL ? NULL : PEM_read_bio_PrivateKey(source, NULL, on_openssl_password, NULL);
    (void)BIO_free(source);
    return key;
}

KftClientPair kft_client_pair_check(const KftEndpoint *endpoint)
{
    KftClientPair result = KFT_CLIENT_PAIR_OK;
    bool is_on_token = endpoint->key_data == NULL && kft_endpoint_is_token_key(endpoint->key_file);
    X509 *certificate = read_certificate(endpoint);
    EVP_PKEY *key = is_on_token ? NULL : read_key(endpoint);
    if (certificate == NULL)
        result = KFT_CLIENT_PAIR_BAD_CERTIFICATE;
    else if (is_on_token)
        result = KFT_CLIENT_PAIR_OK;
    else if (key == NULL)
        result = KFT_CLIENT_PAIR_BAD_KEY;
    else if (X509_check_private_key(certificate, key) != 1)
        result = KFT_CLIENT_PAIR_MISMATCH;
    X509_free(certificate);
    EVP_PKEY_free(key);
    /* Else curl would find these errors in the queue of the next connection. */
    ERR_clear_error();
    return result;
}

bool kft_client_pair_get_validity(const KftEndpoint *endpoint,
                                  int64_t *ret_not_before_s,
                                  int64_t *ret_not_after_s)
{
    X509 *certificate = read_certificate(endpoint);
    ERR_clear_error();
    if (certificate == NULL)
        return false;
    *ret_not_before_s = kft_tls_note_read_time(X509_get0_notBefore(certificate));
    *ret_not_after_s = kft_tls_note_read_time(X509_get0_notAfter(certificate));
    X509_free(certificate);
    return true;
}
