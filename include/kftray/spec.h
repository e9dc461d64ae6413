#ifndef KFTRAY_SPEC_H
#define KFTRAY_SPEC_H

#include "kftray/relay.h"
#include "kftray/types.h"

/* How long a local connection is held while no pod is ready, in milliseconds. */
#define KFT_DEFAULT_HOLD_MS 10000
/* How long the pod may be silent after a local program ended its data (half-close) before the pod
 * is told. Containers' runtimes cut the answer off one second after that (docs/protocols.md). */
#define KFT_DEFAULT_HALF_CLOSE_MS 30000
/* How long a start waits for a running pod; kubectl's default. */
#define KFT_DEFAULT_POD_TIMEOUT_MS 60000

/* A local UDP peer is forgotten after so long without a datagram either way: what RFC 4787 asks of
 * a NAT at least, and Linux's own for UDP that was answered. */
#define KFT_DEFAULT_UDP_IDLE_MS 120000

/* What to forward, as the user says it. Strings are checked by the engine, which answers with an
 * event of state FAILED and one sentence if one is wrong. Thread: one at a time. */
typedef struct {
    char *kubeconfig; /* file; NULL = $KUBECONFIG or ~/.kube/config */
    char *context;    /* NULL = the current one */
    char *namespace_; /* NULL = the context's */
    char *target;     /* "pod/web-0", "svc/web", "deploy/web", "web-0"; NULL with a selector */
    char *selector;   /* label selector instead of a target; nullable */
    char **ports; /* "80", "8080:80", ":80", "http", …; NULL ended, at least one, at most 64 */
    char **addresses; /* numeric or "localhost"; NULL = localhost */
    /* Instead of a target: a host name, an IP address or a URL whose host is meant, as the cluster
     * sees it. A relay leads there (docs/relay.md), from the namespace. */
    char *remote_address;
    /* What local programs speak. UDP: a relay takes one connection for each local peer and leads to
     * the target. */
    KftProtocol protocol;
    uint32_t udp_idle_ms;
    KftRelayUse
        relay; /* with a remote address or UDP; NONE: the target's port is that of a relay */
    KftTransport transport;
    KftBalance balance; /* STICKY unless set */
    uint32_t pod_timeout_ms;
    uint32_t half_close_ms; /* 0 = tell the pod at once, as kubectl does */
    uint32_t hold_ms;
    uint32_t auto_close_ms; /* ends after so long without traffic; 0 = never */
    int64_t stop_at_s;      /* ends then, unix seconds; 0 = never */
    bool retries_start;     /* keep trying when the first start fails for what a retry may mend */
} KftForwardSpec;

/* With the defaults above and everything else unset. Thread: any. */
KftForwardSpec *kft_forward_spec_new(void);
/* NULL is allowed. Thread: any. */
void kft_forward_spec_free(KftForwardSpec *self);

/* Reads a duration as kubectl writes it: "90s", "1m30s", "500ms", "0". False if @text is none or
 * longer than 49 days. Thread: any. */
bool kft_duration_parse(const char *text, uint32_t *ret_ms);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(KftForwardSpec, kft_forward_spec_free)

#endif
