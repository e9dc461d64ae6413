#ifndef KFT_NET_TLS_OUTPUT_H
#define KFT_NET_TLS_OUTPUT_H

#include <openssl/ssl.h>

#include "base/result.h"

/* What a TLS connection writes its records to, so that several leave in one system call: OpenSSL
 * hands out one record (16 KiB) at a time. Belongs to the SSL object and ends with it. Thread:
 * loop. */
typedef struct KftTlsOutput KftTlsOutput;

/* Records of so many full ones' plaintext surely fit between begin and flush. */
#define KFT_TLS_OUTPUT_MAX_PLAIN_BYTES ((size_t)128 * 1024)

/* Takes the place of what @ssl, whose handshake is over, writes to. @fd: the socket right below
 * this TLS layer, open as long as @ssl. Until kft_tls_output_begin() records go to it at once.
 * Returns NULL, with nothing changed, if OpenSSL is out of memory. */
KftTlsOutput *kft_tls_output_install(SSL *ssl, int fd);
/* From here to the flush, in the same turn, records are kept. Only after a flush that sent all. */
void kft_tls_output_begin(KftTlsOutput *self);
/* Ends keeping and sends all that is kept, or what is left of it. KFT_R_OK: all is sent;
 * KFT_R_AGAIN: the rest waits for the next call; KFT_R_IO: errno says why. */
KftResult kft_tls_output_flush(KftTlsOutput *self);

#endif
