#ifndef KFT_FORWARD_FORWARD_H
#define KFT_FORWARD_FORWARD_H

#include "kftray/types.h"

#include "forward/connection.h"
#include "kube/resolver.h"
#include "relay/relay.h"

/* One forward: local ports that reach a target, through restarts of its pods. Owns the state
 * machine of docs/state-machines.md. Thread: loop. */
typedef struct KftForward KftForward;

/* The most local connections of one forward: a runaway client must not take all file descriptors.
 */
#define KFT_FORWARD_MAX_CONNECTIONS 4096
/* The most local UDP peers of one forward; a relay takes 1,024 connections unless told otherwise.
 */
#define KFT_FORWARD_MAX_PEERS 1000
/* All datagrams that wait in one forward together, with what is needed to keep them. */
#define KFT_FORWARD_MAX_QUEUED_BYTES ((size_t)16 * 1024 * 1024)

typedef struct {
    char *label;         /* for logs */
    KftTarget *target;   /* NULL with a relay to an address */
    KftRelaySpec *relay; /* nullable: what leads to the target; it is deployed first */
    char *namespace_;
    KftPortSpec *ports;
    bool *port_is_local_from_remote; /* see kft_port_spec_parse() */
    size_t n_ports;
    uint16_t shown_port; /* with a relay: what the user calls the remote port; else 0 */
    char **addresses;    /* see kft_bindings_new() */
    /* UDP: the pod's ports take frames (proto/relay-frame.h), one connection for each local peer.
     */
    KftProtocol protocol;
    uint32_t udp_idle_ms; /* after which a local peer without a datagram is forgotten */
    /* The pod is a gateway, which is asked for this (proto/socks5.h); nullable. */
    char *via_host;
    uint16_t via_port;
    KftTransport transport;
    KftBalance balance;
    uint32_t pod_timeout_ms; /* how long a start waits for a running pod */
    KftConnectionLimits limits;
    uint32_t auto_close_ms; /* without traffic; 0 = never */
    int64_t stop_at_s;      /* unix seconds; 0 = never */
    bool retries_start;     /* keep trying when the first start fails for what a retry may mend */
} KftForwardOptions;

KftForwardOptions *kft_forward_options_new(void);
void kft_forward_options_free(KftForwardOptions *self);

typedef struct {
    KftForwardState state;
    const GError *error;     /* why BACKOFF or FAILED; nullable */
    const char *waiting_for; /* RESOLVING: why there is no pod yet; nullable */
    unsigned attempt;        /* of failures in a row */
    uint32_t next_try_ms;    /* BACKOFF: until the next try */
    bool waits_for_user; /* BACKOFF: what would mend it is a new login, another kubeconfig, … */
    const char *pod;     /* nullable; of several, one */
    uint32_t n_pods;     /* that can take connections */
    KftTransport transport; /* AUTO while it is not known */
    const char *detour;     /* what does not let WebSockets through; nullable */
} KftForwardStatus;

typedef struct {
    uint64_t bytes_up; /* local to pod */
    uint64_t bytes_down;
    uint64_t packets_up; /* UDP only, as are the next two */
    uint64_t packets_down;
    uint64_t packets_dropped; /* either way */
    uint64_t n_connections;   /* in total; for UDP of peers, as n_open */
    uint32_t n_open;
    uint32_t n_reconnects;
    int64_t ready_since_ms; /* unix; 0 = not READY */
    int64_t closes_ms;      /* unix: its announced end by itself; 0 = none is */
    KftPoolHealth health;
} KftForwardStatistics;

typedef struct {
    /* Each change of state, of the pod, and each new waiting_for. */
    void (*on_status)(const KftForwardStatus *status, void *user_data);
    void (*on_listening)(const char *address, uint16_t remote_port, void *user_data);
    void (*on_notice)(const char *text, void *user_data);
    void (*on_connection)(uint16_t local_port, void *user_data);
    /* It will stop by itself in @in_ms, at its time or for want of traffic; 0: no longer so. */
    void (*on_closing)(uint32_t in_ms, bool is_at_time, void *user_data);
    /* A local connection ended with an error; @text is one short line. */
    void (*on_connection_error)(uint16_t local_port,
                                uint16_t remote_port,
                                const char *text,
                                void *user_data);
} KftForwardFuncs;

/* @options: (transfer full). Starts in the next turn. */
KftForward *kft_forward_new(KftCluster *cluster,
                            KftForwardOptions *options,
                            const KftForwardFuncs *funcs,
                            void *user_data);
/* Closes listeners at once and connections with a reset; STOPPING, then IDLE follows by on_status.
 */
void kft_forward_stop(KftForward *self);
/* The user wants it: try again now instead of at the end of the wait. */
void kft_forward_retry(KftForward *self);
/* The way to the server changed, or the machine slept: what is open is verified, and given up if
 * the server does not answer within @limit_ms; what waits is tried now. */
void kft_forward_verify(KftForward *self, uint32_t limit_ms);
/* Something changed that may end a wait for the user: a kubeconfig, a certificate, a login. */
void kft_forward_mend(KftForward *self);
/* The cluster leads to another server now: everything is looked up and opened anew; what is carried
 * goes on to its end. */
void kft_forward_move(KftForward *self);
void kft_forward_get_statistics(const KftForward *self, KftForwardStatistics *ret_statistics);
/* No callback follows. NULL is allowed. */
void kft_forward_free(KftForward *self);

/* --- the state table, also printed into the docs and walked by tests --- */

/* Whether the machine may go from one state to the other. */
bool kft_forward_transition_allowed(KftForwardState from, KftForwardState to);
/* The state's deadline in milliseconds, 0 = none; UINT32_MAX = set by the transition. */
uint32_t kft_forward_state_deadline_ms(KftForwardState state);

#endif
