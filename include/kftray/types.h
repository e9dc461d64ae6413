#ifndef KFTRAY_TYPES_H
#define KFTRAY_TYPES_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

/* Identifies a forward within one engine; chosen by the caller, > 0. */
typedef struct {
    uint32_t v;
} KftForwardId;

/* How port-forward streams travel (docs/protocols.md). */
#define KFT_TRANSPORTS(X)                                                                          \
    X(AUTO, "auto")           /* found out by asking the server */                                 \
    X(TUNNEL, "tunnel")       /* SPDY/3.1 inside a WebSocket; Kubernetes 1.31 and later */         \
    X(SPDY, "spdy")           /* plain SPDY/3.1 by POST; all servers */                            \
    X(WEBSOCKET, "websocket") /* v4.channel.k8s.io; a WebSocket per local connection */

typedef enum {
#define KFT_TRANSPORT_ENUM(name, text) KFT_TRANSPORT_##name,
    KFT_TRANSPORTS(KFT_TRANSPORT_ENUM)
#undef KFT_TRANSPORT_ENUM
} KftTransport;

/* "auto", "tunnel", … Thread: any. */
const char *kft_transport_name(KftTransport transport);
/* False if @name is none of them. Thread: any. */
bool kft_transport_parse(const char *name, KftTransport *ret_transport);

/* Which of several ready pods gets a new connection. */
#define KFT_BALANCES(X)                                                                            \
    X(STICKY, "sticky")           /* always the same one, as long as it is as good as any */       \
    X(ROUND_ROBIN, "round-robin") /* each in turn */                                               \
    X(LEAST, "least-connections") /* the one with the fewest open connections */

typedef enum {
#define KFT_BALANCE_ENUM(name, text) KFT_BALANCE_##name,
    KFT_BALANCES(KFT_BALANCE_ENUM)
#undef KFT_BALANCE_ENUM
} KftBalance;

/* "sticky", "round-robin", … Thread: any. */
const char *kft_balance_name(KftBalance balance);
/* False if @name is none of them. Thread: any. */
bool kft_balance_parse(const char *name, KftBalance *ret_balance);

/* What local programs speak to a forward's ports. */
#define KFT_PROTOCOLS(X)                                                                           \
    X(TCP, "tcp")                                                                                  \
    X(UDP, "udp")

typedef enum {
#define KFT_PROTOCOL_ENUM(name, text) KFT_PROTOCOL_##name,
    KFT_PROTOCOLS(KFT_PROTOCOL_ENUM)
#undef KFT_PROTOCOL_ENUM
} KftProtocol;

/* "tcp", "udp". Thread: any. */
const char *kft_protocol_name(KftProtocol protocol);
/* False if @name is none of them. Thread: any. */
bool kft_protocol_parse(const char *name, KftProtocol *ret_protocol);

/* States of a forward (docs/state-machines.md). */
#define KFT_FORWARD_STATES(X)                                                                      \
    X(IDLE, "idle")             /* not started, or stopped */                                      \
    X(RESOLVING, "resolving")   /* looking for the pod behind the target */                        \
    X(CONNECTING, "connecting") /* opening the connection to the pod */                            \
    X(READY, "ready")           /* connections are carried */                                      \
    X(BACKOFF, "backoff")       /* something failed; waits before the next try */                  \
    X(STOPPING, "stopping")     /* closing what is open */                                         \
    X(FAILED, "failed")         /* ended by what no retry can mend */

typedef enum {
#define KFT_FORWARD_STATE_ENUM(name, text) KFT_FORWARD_STATE_##name,
    KFT_FORWARD_STATES(KFT_FORWARD_STATE_ENUM)
#undef KFT_FORWARD_STATE_ENUM
} KftForwardState;

/* How many states there are; FAILED is the last one. */
#define KFT_FORWARD_N_STATES (KFT_FORWARD_STATE_FAILED + 1)

/* "idle", "resolving", … Thread: any. */
const char *kft_forward_state_name(KftForwardState state);

/* How well a forward does. */
typedef struct {
    uint32_t n_open;        /* connections; of UDP local peers */
    uint32_t n_reconnects;  /* how often it became READY again */
    int64_t ready_since_ms; /* unix; 0 = it is not READY */
    int64_t connected_ms;   /* unix: when the newest connection to a pod was opened; 0 = never */
    uint32_t handshake_ms;  /* how long that took */
    uint32_t round_trip_us; /* to the API server and back, of the last ping; 0 = not known */
    int64_t closes_ms;      /* unix: when it ends by itself, as was announced; 0 = nothing was */
} KftForwardHealth;

#endif
