#ifndef KFT_SERVER_CONTEXT_H
#define KFT_SERVER_CONTEXT_H

#include <uv.h>

#include "server/config.h"
#include "server/dns.h"
#include "server/metrics.h"

/* What all connections of a server share. Thread: the loop's. */
typedef struct {
    uv_loop_t *loop;
    const KftServerConfig *config;
    KftDns *dns;
    KftMetrics metrics;
    /* Where every read goes first: what can be passed on at once needs no memory of its own, so a
     * resting connection has no buffers. Valid until the reading callback returns. */
    uint8_t *scratch;
    GQueue unflushed; /* of KftDatagrams with something to write at the end of this turn */
} KftContext;

/* One read; also the most that is kept of a stream whose other side does not take it. A datagram
 * fits. */
#define KFT_SCRATCH_BYTES ((size_t)64 * 1024)

/* What one connection carried. embeddable. */
typedef struct {
    KftContext *context;
    uint64_t bytes_to_target;
    uint64_t bytes_to_client;
    uint64_t n_dropped; /* datagrams */
    uint64_t active_ms; /* when something moved last, by uv_now() */
} KftTraffic;

static inline void kft_traffic_to_target(KftTraffic *self, size_t n_bytes)
{
    self->bytes_to_target += n_bytes;
    self->context->metrics.bytes_to_target += n_bytes;
    self->active_ms = uv_now(self->context->loop);
}

static inline void kft_traffic_to_client(KftTraffic *self, size_t n_bytes)
{
    self->bytes_to_client += n_bytes;
    self->context->metrics.bytes_to_client += n_bytes;
    self->active_ms = uv_now(self->context->loop);
}

/* The handles of one object: it may be freed when the last one is closed. embeddable. */
typedef struct {
    unsigned n_open;
    void (*on_all_closed)(void *user_data);
    void *user_data;
} KftHandles;

static inline void kft_handles_opened(KftHandles *self)
{
    self->n_open++;
}

/* The last call for this object may free it. */
static inline void kft_handles_closed(KftHandles *self)
{
    g_assert(self->n_open > 0);
    if (--self->n_open == 0)
        self->on_all_closed(self->user_data);
}

#endif
