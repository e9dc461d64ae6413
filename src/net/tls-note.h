#ifndef KFT_NET_TLS_NOTE_H
#define KFT_NET_TLS_NOTE_H

#include <glib.h>
#include <openssl/ssl.h>
#include <stdint.h>

/* What the verification of a server's certificate found, for error messages: curl only tells a
 * number. Reference counted (g_rc_box), since connections that stay open in curl's cache outlive
 * the transfer. Thread: loop. */
typedef struct {
    int error;            /* the first X509_V_ERR_… of the last handshake; X509_V_OK = none */
    int depth;            /* of the certificate with the error; 0 = the server's own */
    char *subject;        /* of that certificate; nullable */
    char *issuer;         /* of that certificate; nullable */
    int64_t not_before_s; /* unix seconds, 0 = not readable */
    int64_t not_after_s;
    char *names; /* "a.test, b.test": the names in the server's certificate; nullable */
} KftTlsNote;

KftTlsNote *kft_tls_note_new(void);
/* NULL is allowed. */
void kft_tls_note_unref(KftTlsNote *self);
/* "C = DE, O = Example, CN = a.test" as one printable line. (transfer full). */
char *kft_tls_note_dup_name(const X509_NAME *name);
/* Unix seconds, 0 if @time cannot be read. */
int64_t kft_tls_note_read_time(const ASN1_TIME *time);
/* Makes all handshakes of @context write into @self; the context holds a reference. */
void kft_tls_note_attach(KftTlsNote *self, SSL_CTX *context);

#endif
