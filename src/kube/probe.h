#ifndef KFT_KUBE_PROBE_H
#define KFT_KUBE_PROBE_H

#include "kube/cluster.h"

/* Asks a server for its version, with the user's credential: whether it can be reached and lets
 * that user in. Private to the engine. Thread: loop. */
typedef struct KftProbe KftProbe;

typedef struct {
    const char *version; /* "v1.32.0"; nullable */
    const char *refusal; /* the server answered, but with 401, 403 or 429: why; nullable */
    uint32_t latency_ms; /* without the credential */
} KftProbeResult;

/* Runs once, not inside kft_probe_start(). Exactly one of @result and @error is set. Errors: those
 * of KftCredentialFunc and KftApiFunc. */
typedef void (*KftProbeFunc)(const KftProbeResult *result, const GError *error, void *user_data);

KftProbe *
kft_probe_start(KftCluster *cluster, uint32_t timeout_ms, KftProbeFunc on_done, void *user_data);
/* What it waits for, for a message when its time is over: "no answer from https://…". (transfer
 * full). */
char *kft_probe_describe_wait(const KftProbe *self);
/* Cancels if not done; also inside on_done, and after it. NULL is allowed. */
void kft_probe_free(KftProbe *self);

#endif
