/* An OpenSSL verify callback that decides nothing and only writes down what was found. All text
 * comes from the peer's certificate and is made one printable line. */
#include "net/tls-note.h"

#include <arpa/inet.h>
#include <openssl/x509v3.h>

#include "base/redact.h"

#define MAX_NAME_CHARS 120
/* A certificate of a CDN can carry hundreds. */
#define MAX_NAMES 6

KftTlsNote *kft_tls_note_new(void)
{
    return g_rc_box_new0(KftTlsNote);
}

static void forget(KftTlsNote *self)
{
    g_clear_pointer(&self->subject, g_free);
    g_clear_pointer(&self->issuer, g_free);
    g_clear_pointer(&self->names, g_free);
    self->error = X509_V_OK;
    self->depth = 0;
}

static void on_note_last_unref(gpointer data)
{
    forget(data);
}

void kft_tls_note_unref(KftTlsNote *self)
{
    if (self != NULL)
        g_rc_box_release_full(self, on_note_last_unref);
}

static void
on_context_free(void *parent, void *ptr, CRYPTO_EX_DATA *ad, int index, long argl, void *argp)
{
    (void)parent;
    (void)ad;
    (void)index;
    (void)argl;
    (void)argp;
    kft_tls_note_unref(ptr);
}

static int context_index(void)
{
    static gsize index_plus_1;
    if (g_once_init_enter(&index_plus_1)) {
        int index = SSL_CTX_get_ex_new_index(0, NULL, NULL, NULL, on_context_free);
        g_assert(index >= 0);
        g_once_init_leave(&index_plus_1, (gsize)index + 1);
    }
    return (int)index_plus_1 - 1;
}

char *kft_tls_note_dup_name(const X509_NAME *name)
{
    g_autofree char *text = NULL;
    char *data = NULL;
    BIO *bio = BIO_new(BIO_s_mem());
    if (bio == NULL)
        return NULL;
    (void)X509_NAME_print_ex(bio, name, 0, XN_FLAG_ONELINE & ~ASN1_STRFLGS_ESC_MSB);
    long size = BIO_get_mem_data(bio, &data);
    text = g_strndup(data, size < 0 ? 0 : (gsize)size);
    (void)BIO_free(bio);
    return kft_one_line(text, MAX_NAME_CHARS);
}

int64_t kft_tls_note_read_time(const ASN1_TIME *time)
{
    struct tm parts = {0};
    return ASN1_TIME_to_tm(time, &parts) == 1 ? (int64_t)timegm(&parts) : 0;
}

static char *dup_alternative_name(const GENERAL_NAME *name)
{
    const unsigned char *data = NULL;
    char address[INET6_ADDRSTRLEN] = "";
    if (name->type == GEN_DNS) {
        g_autofree char *text = NULL;
        data = ASN1_STRING_get0_data(name->d.dNSName);
        text = g_strndup((const char *)data, (gsize)ASN1_STRING_length(name->d.dNSName));
        return kft_one_line(text, MAX_NAME_CHARS);
    }
    if (name->type != GEN_IPADD)
        return NULL;
    data = ASN1_STRING_get0_data(name->d.iPAddress);
    int size = ASN1_STRING_length(name->d.iPAddress);
    if (size != 4 && size != 16)
        return NULL;
    return g_strdup(inet_ntop(size == 4 ? AF_INET : AF_INET6, data, address, sizeof address));
}

static char *dup_names(X509 *certificate)
{
    GENERAL_NAMES *names = X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL);
    GString *out = g_string_new(NULL);
    int n_names = sk_GENERAL_NAME_num(names);
    int n_written = 0;
    for (int i = 0; i < n_names && n_written < MAX_NAMES; i++) {
        g_autofree char *text = dup_alternative_name(sk_GENERAL_NAME_value(names, i));
        if (text == NULL)
            continue;
        g_string_append_printf(out, "%s%s", n_written == 0 ? "" : ", ", text);
        n_written++;
    }
    if (n_names > n_written && n_written > 0)
        g_string_append(out, ", …");
    GENERAL_NAMES_free(names);
    return g_string_free(out, out->len == 0);
}

static int on_openssl_verify(int is_ok, X509_STORE_CTX *store)
{
    SSL *ssl = X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx());
    KftTlsNote *self =
        ssl == NULL ? NULL : SSL_CTX_get_ex_data(SSL_get_SSL_CTX(ssl), context_index());
    X509 *certificate = X509_STORE_CTX_get_current_cert(store);
    if (self == NULL || certificate == NULL)
        return is_ok;
    int depth = X509_STORE_CTX_get_error_depth(store);
    if (depth == 0 && self->names == NULL)
        self->names = dup_names(certificate);
    if (is_ok == 0 && self->error == X509_V_OK) {
        self->error = X509_STORE_CTX_get_error(store);
        self->depth = depth;
        self->subject = kft_tls_note_dup_name(X509_get_subject_name(certificate));
        self->issuer = kft_tls_note_dup_name(X509_get_issuer_name(certificate));
        self->not_before_s = kft_tls_note_read_time(X509_get0_notBefore(certificate));
        self->not_after_s = kft_tls_note_read_time(X509_get0_notAfter(certificate));
    }
    return is_ok;
}

void kft_tls_note_attach(KftTlsNote *self, SSL_CTX *context)
{
    /* A new context is a new handshake: what an https proxy or an earlier try left is not its. */
    forget(self);
    if (SSL_CTX_set_ex_data(context, context_index(), g_rc_box_acquire(self)) != 1)
        kft_tls_note_unref(self);
    SSL_CTX_set_verify(context, SSL_CTX_get_verify_mode(context), on_openssl_verify);
}
