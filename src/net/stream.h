#ifndef KFT_NET_STREAM_H
#define KFT_NET_STREAM_H

#include "base/result.h"
#include "net/endpoint.h"
#include "net/hop.h"
#include "net/loop.h"
#include "net/tcp-state.h"

/* A connected byte stream to a server (TCP, proxies and TLS by libcurl's CONNECT_ONLY, ALPN only
 * http/1.1, TCP_NODELAY and keepalive set). Thread: loop. */
typedef struct KftStream KftStream;

typedef struct {
    /* There may be bytes to read: read until KFT_R_AGAIN, or keep the interest and come back later.
     */
    void (*on_readable)(void *user_data);
    void (*on_writable)(void *user_data);
} KftStreamFuncs;

/* Starts no I/O of its own: interest is off until set. */
void kft_stream_set_funcs(KftStream *self, const KftStreamFuncs *funcs, void *user_data);
/* Which callbacks to run. on_readable also runs while decrypted bytes wait inside TLS, and is
 * called again in the next turn if the last read did not return KFT_R_AGAIN. */
void kft_stream_set_interest(KftStream *self, bool read, bool write);
/* Reads up to @size bytes. KFT_R_OK with *ret_size > 0, KFT_R_AGAIN, KFT_R_EOF, KFT_R_IO (then
 * kft_stream_get_error()). */
KftResult kft_stream_read(KftStream *self, uint8_t *data, size_t size, size_t *ret_size);
/* Writes what the socket takes. KFT_R_OK with *ret_size > 0 (perhaps less than @size), KFT_R_AGAIN,
 * KFT_R_IO. What was not taken must be what the next call begins with (at any address), and that
 * call must not be shorter than the rest: TLS may already have encrypted it. */
KftResult kft_stream_write(KftStream *self, const uint8_t *data, size_t size, size_t *ret_size);
/* One line about the last KFT_R_IO; (transfer none). */
const char *kft_stream_get_error(const KftStream *self);
/* What the TLS handshake with the server came to. embeddable. */
typedef struct {
    char *version; /* "TLSv1.3" */
    char *subject; /* of the server's certificate */
    char *issuer;
    int64_t not_after_s; /* unix seconds */
    bool is_resumed;     /* the session of an earlier connection */
} KftStreamTls;

/* False for a stream without TLS. @ret_tls: for kft_stream_tls_clear(). */
bool kft_stream_get_tls(KftStream *self, KftStreamTls *ret_tls);
void kft_stream_tls_clear(KftStreamTls *self);
/* Of the connection to the server, or to the proxy on the way to it. */
void kft_stream_get_tcp_state(const KftStream *self, KftTcpState *ret_state);
/* See kft_tcp_set_patience(). */
void kft_stream_set_patience(KftStream *self, uint32_t patience_ms);
/* Closes and frees. NULL is allowed. */
void kft_stream_free(KftStream *self);

/* Connects. @on_done runs once with either a stream (transfer full) or an error (codes and
 * sentences as for KftHttpDoneFunc). @timeout_ms: 0 = 15000. */
typedef struct KftDial KftDial;
typedef void (*KftDialFunc)(KftStream *stream, const GError *error, void *user_data);
KftDial *kft_dial_start(KftLoop *loop,
                        KftEndpoint *endpoint,
                        uint32_t timeout_ms,
                        KftDialFunc on_done,
                        void *user_data);
/* Inside an on_done with an error: how far it came. */
KftHop kft_dial_get_failed_hop(const KftDial *self);
/* Cancels if not done; must be called also after (or inside) on_done. NULL is allowed. */
void kft_dial_free(KftDial *self);

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(KftStreamTls, kft_stream_tls_clear)

#endif
