/* Shared by the files of kft-gateway: one TLS connection on each side, and the tunnel. */
#ifndef KFT_GATEWAY_H
#define KFT_GATEWAY_H

#include <openssl/ssl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    GW_HEAD_MAX = 64 * 1024, /* a request or answer head longer than this is refused */
    GW_BULK = 64 * 1024,     /* what one pass of a pump moves */
    GW_RECORD = 16 * 1024,   /* the longest TLS record */
};

/* One side of a connection. Its socket does not block; the SSL object belongs to one thread. */
struct gw_side {
    SSL *ssl;
    int fd;
    bool eof;        /* nothing more will be read */
    bool want_write; /* the last SSL call waits for room in the socket */
};

struct gw_options {
    char *upstream_host;
    char *upstream_port;
    const char *tunnel_method; /* POST, or GET */
    SSL_CTX *server_ctx;
    SSL_CTX *client_ctx;
    bool verbose;
};

/* Reads at most @size bytes. Returns the count, 0 when the caller has to wait, -1 at the end of
 * the stream or after an error (side->eof is set then). */
ptrdiff_t gw_read(struct gw_side *side, void *buf, size_t size);

/* Writes at most @size bytes. Returns the count, 0 when the caller has to wait, -1 on error. */
ptrdiff_t gw_write(struct gw_side *side, const void *buf, size_t size);

/* Waits until one side is readable (if asked for) or what a pending call needs has come.
 * Returns false after @timeout_ms without an event. */
bool gw_wait(struct gw_side *a,
             bool a_reads,
             bool a_writes,
             struct gw_side *b,
             bool b_reads,
             bool b_writes,
             int timeout_ms);

/* Writes everything, waiting as needed. */
bool gw_write_all(struct gw_side *side, const void *buf, size_t size);

/* Reads until @buf (GW_HEAD_MAX + 1 bytes) holds a head that ends with an empty line; *have
 * counts all bytes, *head those of the head. @other may be NULL; if it ends, so does the wait. */
bool gw_read_head(
    struct gw_side *side, char *buf, size_t *have, size_t *head, struct gw_side *other);

/* Opens a TLS connection to the upstream. Returns false with side->ssl NULL. */
bool gw_dial(const struct gw_options *opt, struct gw_side *side);

/* Sends close_notify, waits briefly for the peer to stop sending, frees everything. */
void gw_side_close(struct gw_side *side);

/* Value of a header in a head that ends with an empty line, trimmed into @out; false if absent. */
bool gw_header(const char *head, const char *name, char *out, size_t size);

/* Serves WebSocket on @client and SPDY bytes on @upstream until one of them ends. @early are
 * bytes that came behind the heads. Ends with a Close frame towards the client. */
void gw_tunnel_run(struct gw_side *client,
                   const uint8_t *early_client,
                   size_t n_client,
                   struct gw_side *upstream,
                   const uint8_t *early_upstream,
                   size_t n_upstream);

/* Copies in both directions until one side ends. @early came from the client already. */
void gw_copy_run(struct gw_side *client,
                 const uint8_t *early,
                 size_t n_early,
                 struct gw_side *upstream);

#endif
