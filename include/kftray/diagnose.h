#ifndef KFTRAY_DIAGNOSE_H
#define KFTRAY_DIAGNOSE_H

#include "kftray/types.h"

/* The ladder of a diagnosis (docs/diagnose.md): name, title. The order is the one to show; a step
 * begins as soon as those that it builds on are done, so several may run at once. */
#define KFT_DIAGNOSE_STEPS(X)                                                                      \
    X(KUBECONFIG, "kubeconfig", "The kubeconfig can be read")                                      \
    X(CONTEXT, "context", "The context is complete")                                               \
    X(CREDENTIAL, "credential", "The credential is there")                                         \
    X(PROXY, "proxy", "A proxy is chosen")                                                         \
    X(NAME, "name", "The name is resolved")                                                        \
    X(TCP, "tcp", "The host can be reached")                                                       \
    X(CONNECT, "connect", "The proxy leads to the server")                                         \
    X(TLS, "tls", "The server can be trusted")                                                     \
    X(API, "api", "The API server answers")                                                        \
    X(IDENTITY, "identity", "The cluster knows you")                                               \
    X(RIGHTS, "rights", "You have the rights")                                                     \
    X(NAMESPACE, "namespace", "The namespace exists")                                              \
    X(TARGET, "target", "There are pods")                                                          \
    X(RELAY, "relay", "The relay runs")                                                            \
    X(UPGRADE, "upgrade", "A connection to the pod opens")                                         \
    X(PORT, "port", "The port is open in the pod")                                                 \
    X(REACH, "reach", "The relay reaches the target")                                              \
    X(POLICIES, "policies", "NetworkPolicies allow it")                                            \
    X(BYTES, "bytes", "Bytes pass")                                                                \
    X(LOCAL, "local", "The local port is free")

typedef enum {
#define KFT_DIAGNOSE_ENUM(name, text, title) KFT_DIAGNOSE_STEP_##name,
    KFT_DIAGNOSE_STEPS(KFT_DIAGNOSE_ENUM)
#undef KFT_DIAGNOSE_ENUM
    KFT_DIAGNOSE_N_STEPS
} KftDiagnoseStep;

/* "kubeconfig", "tls", … Thread: any. */
const char *kft_diagnose_step_name(KftDiagnoseStep step);
/* "The server can be trusted"; English. Thread: any. */
const char *kft_diagnose_step_title(KftDiagnoseStep step);

typedef enum {
    KFT_DIAGNOSE_STATE_WAITING, /* for steps that it builds on */
    KFT_DIAGNOSE_STATE_RUNNING,
    KFT_DIAGNOSE_STATE_OK,
    KFT_DIAGNOSE_STATE_FAILED,
    KFT_DIAGNOSE_STATE_SKIPPED, /* not needed, or a step that it builds on failed */
} KftDiagnoseState;

/* "waiting", "running", "ok", "failed" or "skipped". Thread: any. */
const char *kft_diagnose_state_name(KftDiagnoseState state);

/* The longest time that a whole diagnosis takes, whatever hangs. */
#define KFT_DIAGNOSE_LIMIT_MS 28000

/* The likely cause of a failure and what to do, for each kind of reader: English, one or two
 * sentences without a final dot. */
typedef struct {
    const char *terminal; /* may name options of kftrayctl */
    const char *window;   /* names what the desktop program shows; its translations have this */
} KftDiagnoseAdvice;

/* One step as it stands. Holds no credential. Thread: one at a time. */
typedef struct {
    KftDiagnoseStep step;
    KftDiagnoseState state;
    /* SKIPPED: the one that failed, so that this was not tried; else KFT_DIAGNOSE_N_STEPS */
    KftDiagnoseStep blocker;
    uint32_t duration_ms;            /* 0 while it runs or if it was skipped */
    char *text;                      /* what was found, one line; NULL while it runs */
    const KftDiagnoseAdvice *advice; /* FAILED; static; nullable */
    char *command;                   /* a shell command that shows the same by hand; nullable */
} KftDiagnoseResult;

/* Frees what @self points to. Thread: any. */
void kft_diagnose_result_clear(KftDiagnoseResult *self);

#endif
