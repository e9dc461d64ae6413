#ifndef KFTRAY_QUERY_H
#define KFTRAY_QUERY_H

#include "kftray/error.h"
#include "kftray/types.h"

/* Questions about kubeconfigs and clusters. Each is posted as a command and answered by exactly one
 * event of type ANSWER: with what was found, with an error, when its time is over, or when it is
 * cancelled, by a command or by SHUTDOWN (what is posted after that may stay without an answer).
 * Nothing is watched: an answer tells how it was. */

/* Chosen by the caller, > 0; in use until the answer was given. */
typedef struct {
    uint32_t v;
} KftQueryId;

#define KFT_QUERY_TYPES(X)                                                                         \
    X(CONTEXTS, "contexts")     /* of a kubeconfig; needs no network */                            \
    X(PROBE, "probe")           /* whether a context's server can be reached */                    \
    X(NAMESPACES, "namespaces") /* of a cluster */                                                 \
    X(SERVICES, "services")                                                                        \
    X(PODS, "pods")                                                                                \
    X(WORKLOADS, "workloads")       /* Deployments, StatefulSets and DaemonSets */                 \
    X(RELAYS, "relays")             /* that were deployed, by whomever (docs/relay.md) */          \
    X(DELETE_RELAY, "delete-relay") /* one of this installation; others are refused */

typedef enum {
#define KFT_QUERY_TYPE_ENUM(name, text) KFT_QUERY_##name,
    KFT_QUERY_TYPES(KFT_QUERY_TYPE_ENUM)
#undef KFT_QUERY_TYPE_ENUM
} KftQueryType;

/* "contexts", "probe", … Thread: any. */
const char *kft_query_type_name(KftQueryType type);

/* How long an answer may take, the credential plugin included, in milliseconds. */
#define KFT_DEFAULT_PROBE_MS 5000
#define KFT_DEFAULT_QUERY_MS 30000
/* The most objects of one answer; a note says so if there are more. */
#define KFT_QUERY_MAX_ITEMS 20000
/* So many probes run at a time. Others wait, and their time runs from when they begin. */
#define KFT_QUERY_MAX_PROBES 64

typedef struct {
    KftQueryId id;
    KftQueryType type;
    char *kubeconfig;    /* file, or several joined by ":"; NULL = $KUBECONFIG or ~/.kube/config */
    char *context;       /* NULL = the current one; not of CONTEXTS */
    char *namespace_;    /* SERVICES, PODS, WORKLOADS: NULL = the context's */
    bool all_namespaces; /* instead of namespace_ */
    char *selector;      /* PODS: label selector; nullable */
    char *name;          /* DELETE_RELAY: of its pod */
    uint32_t timeout_ms; /* 0 = the default */
} KftQuery;

/* Everything but id and type unset. Thread: any. */
KftQuery *kft_query_new(KftQueryId id, KftQueryType type);
/* Returns: (transfer full). Thread: any. */
KftQuery *kft_query_copy(const KftQuery *self);
/* NULL is allowed. Thread: any. */
void kft_query_free(KftQuery *self);

/* --- what is found --- */

/* CONTEXTS. An entry that cannot be used has an error and hides no other. */
typedef struct {
    char *name;
    char *cluster;    /* nullable */
    char *server;     /* URL; nullable */
    char *user;       /* nullable */
    char *namespace_; /* "default" if the entry has none */
    bool is_current;
    char *error; /* why it cannot be used, one sentence; nullable */
} KftFoundContext;

/* A port of a service or of a container. Those of SCTP are left out: nothing can forward them. */
typedef struct {
    char *name; /* nullable */
    uint16_t number;
    uint16_t target_number; /* of a service: the container's port; 0 = target_name */
    char *target_name;      /* of a service: the name of the container's port; nullable */
    bool is_udp;
} KftFoundPort;

/* SERVICES. */
typedef struct {
    char *namespace_;
    char *name;
    char *type;       /* "ClusterIP", … "ExternalName": one of those has no pods */
    char *selector;   /* "a=b,c=d"; NULL: its endpoints are made by someone else */
    GPtrArray *ports; /* KftFoundPort */
    bool is_enabled;  /* kftray.app/enabled is "true" */
    char *configs;    /* kftray.app/configs, see kft_share_configs_from_annotation(); nullable */
} KftFoundService;

/* PODS. */
typedef struct {
    char *namespace_;
    char *name;
    const char *phase; /* "Pending", "Running", "Succeeded", "Failed", "Unknown" */
    char *reason;      /* why it does not run; nullable */
    bool is_ready;
    bool is_terminating;
    char **labels;    /* "key=value"; never NULL */
    GPtrArray *ports; /* KftFoundPort, of its containers */
} KftFoundPod;

/* WORKLOADS. */
typedef struct {
    char *namespace_;
    char *name;
    char *object;     /* "deploy/web", "sts/db", "ds/agent": a target to forward to */
    char *selector;   /* of its pods; nullable */
    int64_t replicas; /* wanted; 1 for a DaemonSet */
    GPtrArray *ports; /* KftFoundPort, of its containers */
} KftFoundWorkload;

/* RELAYS. */
typedef struct {
    char *namespace_;
    char *name;         /* of the pod */
    const char *phase;  /* "Pending", "Running", … */
    char *installation; /* whose it is */
    char *session;      /* of which engine; nullable */
    char *owner;        /* user, machine and target, as the relay says; nullable */
    char *host;
    char *purpose;
    int64_t created; /* unix seconds; 0 = unknown */
    bool is_own;     /* of this installation */
    bool is_active;  /* its engine runs: known of own ones only */
} KftFoundRelay;

/* With PODS: labels that are worth being a selector, as a workload's pods share them. */
typedef struct {
    char *namespace_;
    char *selector;  /* "app=web", "app=web,tier=front" */
    unsigned n_pods; /* that it selects among those found */
} KftFoundSelector;

/* --- the answer --- */

typedef struct {
    KftQueryId id;
    KftQueryType type;
    char *error; /* why there is no answer, one sentence without a final dot; nullable */
    KftErrorCode error_code; /* if there is an error. TIMEOUT: its time was over */
    char *note;       /* what to know about the answer: what is missing in it and why; nullable */
    char *context;    /* the one that was asked; NULL for CONTEXTS, or if there is none */
    char *namespace_; /* of that context */
    /* CONTEXTS, SERVICES, PODS, WORKLOADS, RELAYS: of the types above; NAMESPACES: of text. In the
     * order of the file (CONTEXTS), else of namespace and name. Never NULL. */
    GPtrArray *items;
    GPtrArray *selectors; /* PODS: KftFoundSelector, those of most pods first; else NULL */
    /* PROBE without an error: the server answered, perhaps with a refusal, which the note tells. */
    char *version;       /* of the server, "v1.32.0"; NULL if it does not tell */
    uint32_t latency_ms; /* of the exchange, with the connection and without the credential */
} KftAnswer;

/* NULL is allowed. Thread: any. */
void kft_answer_free(KftAnswer *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(KftQuery, kft_query_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(KftAnswer, kft_answer_free)

#endif
