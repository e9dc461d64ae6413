#ifndef KFT_SERVER_METRICS_H
#define KFT_SERVER_METRICS_H

#include <glib.h>
#include <stdint.h>

/* What the server counts, and how Prometheus reads it. Counters only grow. Thread: the loop's. */

/* How a connection ended: label "result" of kftray_server_ended_total, and of the log. */
#define KFT_ENDINGS(X)                                                                             \
    X(DONE, "done")               /* both sides said that they are at their end */                 \
    X(CLIENT_GONE, "client-gone") /* reset by the client */                                        \
    X(TARGET_GONE, "target-gone") /* reset by the target */                                        \
    X(IDLE, "idle")               /* nothing moved for too long */                                 \
    X(DRAINED, "drained")         /* the server's own end */                                       \
    X(BAD_CLIENT, "bad-client")   /* broke the protocol, or did not say what it wants */           \
    X(DENIED, "denied")           /* the rules forbid the target */                                \
    X(NOT_FOUND, "not-found")     /* the name does not resolve */                                  \
    X(REFUSED, "refused")         /* by the target */                                              \
    X(UNREACHABLE, "unreachable") /* no way to the target */                                       \
    X(TIMEOUT, "timeout")         /* the target did not answer in time */                          \
    X(FAILED, "failed")           /* anything else */

typedef enum {
#define KFT_ENDING_ENUM(name, text) KFT_ENDING_##name,
    KFT_ENDINGS(KFT_ENDING_ENUM)
#undef KFT_ENDING_ENUM
    KFT_N_ENDINGS
} KftEnding;

const char *kft_ending_name(KftEnding ending);

typedef struct {
    uint64_t started_unix_s;
    uint64_t n_accepted;
    uint64_t n_turned_away; /* over the limit of connections */
    unsigned n_open;
    uint64_t n_ended[KFT_N_ENDINGS];
    uint64_t bytes_to_target; /* of TCP, and payload of datagrams */
    uint64_t bytes_to_client;
    uint64_t datagrams_to_target;
    uint64_t datagrams_to_client;
    uint64_t dropped_backlog; /* datagrams for clients that do not read fast enough */
    uint64_t dropped_size;    /* datagrams that do not fit: into a frame, or into the network */
    uint64_t dropped_send;    /* datagrams that the kernel did not take */
    size_t queued_bytes;      /* of datagrams, waiting for clients */
    unsigned is_draining;
} KftMetrics;

/* The text format 0.0.4. @mode: of the server. Returns: (transfer full). */
char *kft_metrics_format(const KftMetrics *self, const char *mode);

#endif
