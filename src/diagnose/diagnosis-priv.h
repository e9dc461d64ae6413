#ifndef KFT_DIAGNOSE_DIAGNOSIS_PRIV_H
#define KFT_DIAGNOSE_DIAGNOSIS_PRIV_H

#include "base/json.h"
#include "diagnose/diagnosis.h"
#include "forward/negotiation.h"
#include "forward/tunnel.h"
#include "forward/via.h"
#include "net/name-lookup.h"
#include "net/proxy-choice.h"
#include "net/stream.h"
#include "net/tcp-probe.h"
#include "net/timer.h"

/* Rights that are asked for, each by a review of its own. */
#define KFT_DIAGNOSE_MAX_REVIEWS 12

/* What is read to judge NetworkPolicies, of the relay and of its target. */
typedef enum {
    KFT_DIAGNOSE_LOOK_RELAY_POLICIES,
    KFT_DIAGNOSE_LOOK_RELAY_POD,
    KFT_DIAGNOSE_LOOK_RELAY_NAMESPACE,
    KFT_DIAGNOSE_LOOK_TARGET_POLICIES,
    KFT_DIAGNOSE_LOOK_TARGET_POD,
    KFT_DIAGNOSE_LOOK_TARGET_NAMESPACE,
    KFT_DIAGNOSE_N_LOOKS
} KftDiagnoseLookKind;

typedef struct {
    KftDiagnosis *owner;
    KftApiCall *call; /* NULL: not asked */
    json_object *json;
    char *failure; /* nullable */
} KftDiagnoseLook;

/* The transports, in the order of KftCarrier. */
#define KFT_DIAGNOSE_N_CARRIERS 3

typedef struct {
    KftDiagnosis *owner;
    KftNegotiation *negotiation;
    KftCarrier carrier;
    bool is_asked;
    bool is_done;
    char *failure; /* one line; NULL if it opened */
} KftDiagnoseTry;

typedef struct {
    KftDiagnosis *owner;
    KftApiCall *call;
    const char *verb;
    const char *group;
    const char *resource; /* "pods/portforward" */
    const char *namespace_;
    bool is_answered;
    bool is_allowed;
} KftDiagnoseReview;

/* What became of the connection from the relay to its target. */
typedef enum {
    KFT_DIAGNOSE_REACH_PENDING,
    KFT_DIAGNOSE_REACH_ASKED, /* the target was spoken to */
    KFT_DIAGNOSE_REACH_ENDED, /* the relay's log is being read for why */
    KFT_DIAGNOSE_REACH_GOOD,
    KFT_DIAGNOSE_REACH_BAD,
    KFT_DIAGNOSE_REACH_SILENT, /* nobody can tell */
} KftDiagnoseReach;

/* What one step found stays for those that build on it; all of it is freed at the end only, so that
 * a step may end inside a callback of what it started. Such callbacks do nothing once their step is
 * over (kft_diagnosis_is_running()). */
struct KftDiagnosis {
    KftLoop *loop;
    KftDiagnosisFuncs funcs;
    void *user_data;
    char *file;
    char *context_name; /* as asked for; nullable */
    KftForwardOptions *options;
    char *namespace_; /* once the context is known */

    KftDiagnoseResult results[KFT_DIAGNOSE_N_STEPS];
    bool is_blocking[KFT_DIAGNOSE_N_STEPS]; /* ended so that nothing can build on it */
    uint64_t started_ms[KFT_DIAGNOSE_N_STEPS];
    KftTimer *limits[KFT_DIAGNOSE_N_STEPS];
    void *limit_data[KFT_DIAGNOSE_N_STEPS];
    KftTimer *limit; /* of all */
    KftDeferred *advance;
    uint64_t begun_ms;
    int64_t begun_s;
    bool is_finishing; /* what was deployed is being deleted */
    bool is_over;

    /* kubeconfig, context */
    KftKubeconfig *config;
    KftKubeContext context;
    KftCluster *cluster;
    KftEndpoint *endpoint;
    KftEndpointAddress address;
    /* credential */
    KftCredentialRequest *credential_request;
    KftAuth *auth;
    /* proxy, name, tcp */
    KftProxyChoice proxy;
    const char *hop_host;
    uint16_t hop_port;
    KftNameLookup *lookup;
    struct sockaddr_storage *addresses;
    size_t n_addresses;
    KftTcpProbe *probe;
    /* connect, tls */
    KftDial *dial;
    bool is_dialled;
    KftStreamTls tls;
    bool has_tls;
    GError *dial_error;
    KftHop failed_hop;
    /* api and what is asked of it */
    KftApiCall *api_call;
    KftApiCall *identity_call;
    KftApiCall *namespace_call;
    KftDiagnoseReview reviews[KFT_DIAGNOSE_MAX_REVIEWS];
    size_t n_reviews;
    size_t n_open_reviews;
    char *review_failure;
    KftApiCall *gateway_call;
    bool has_gateway; /* and it is what the forward would use */
    /* target and pod */
    KftResolver *resolver;
    KftPod *pod; /* that connections go to: the target's, or the relay */
    uint16_t port;
    /* of a forward by way of a relay, what it leads to */
    KftPod *target_pod; /* nullable */
    KftApiCall *service_call;
    json_object *service;
    /* relay */
    KftRelay *relay; /* nullable: not needed, or gone */
    KftResolver *relay_resolver;
    char *relay_waiting; /* for what, one line */
    KftTimer *farewell;  /* how long its deletion is waited for */
    char *via_host;      /* what a gateway is asked for; NULL: the relay is our own */
    KftApiCall *log_call;
    KftTimer *log_retry;
    unsigned n_log_tries;
    GString *log; /* the end of the relay's */
    void (*on_log)(KftDiagnosis *self);
    /* reach */
    KftTimer *patience;
    KftDiagnoseReach reach;
    /* policies */
    KftDiagnoseLook looks[KFT_DIAGNOSE_N_LOOKS];
    size_t n_open_looks;
    bool are_policies_judged;
    char *denial;   /* what forbids it; nullable */
    char *doubt;    /* what may or may not allow it; nullable */
    char *consent;  /* what allows it; nullable */
    char *unjudged; /* why it could not be looked at; nullable */
    KftDiagnoseTry tries[KFT_DIAGNOSE_N_CARRIERS];
    KftTunnel *tunnel;
    KftPair *pair;
    KftTimer *silence;
    GString *answer; /* the first bytes of the pod */
    bool is_asked;   /* the question was sent */
    bool is_ended;   /* by the pod */
    char *end_text;  /* nullable */
};

/* --- for the steps, diagnosis.c --- */

bool kft_diagnosis_is_running(const KftDiagnosis *self, KftDiagnoseStep step);
/* End a step; those that build on it begin in a later turn. @text: (transfer full). */
void kft_diagnosis_pass(KftDiagnosis *self, KftDiagnoseStep step, char *text);
/* @advice: static; NULL = what kft_diagnose_advice() says. */
void kft_diagnosis_fail(KftDiagnosis *self,
                        KftDiagnoseStep step,
                        char *text,
                        const KftDiagnoseAdvice *advice);
/* It is not needed, or nobody can tell; what builds on it goes on. */
void kft_diagnosis_skip(KftDiagnosis *self, KftDiagnoseStep step, char *text);
/* Another step says why it failed; nothing can build on it. */
void kft_diagnosis_block(KftDiagnosis *self, KftDiagnoseStep step, char *text);
/* What was deployed is deleted. */
void kft_diagnosis_relay_removed(KftDiagnosis *self);
/* @format: a command line. */
void kft_diagnosis_set_command(KftDiagnosis *self, KftDiagnoseStep step, const char *format, ...)
    G_GNUC_PRINTF(3, 4);
/* The same for one of kubectl: "kubectl --context x -n y" is put before. */
void kft_diagnosis_set_kubectl(KftDiagnosis *self, KftDiagnoseStep step, const char *format, ...)
    G_GNUC_PRINTF(3, 4);

/* A word of a shell, in quotes only if it needs them. (transfer full). */
char *kft_diagnose_quote(const char *word);

/* --- the steps: run once, may end at once --- */

/* config-steps.c */
void kft_diagnose_kubeconfig(KftDiagnosis *self);
void kft_diagnose_context(KftDiagnosis *self);
void kft_diagnose_credential(KftDiagnosis *self);
void kft_diagnose_local(KftDiagnosis *self);
/* network-steps.c */
void kft_diagnose_proxy(KftDiagnosis *self);
void kft_diagnose_name(KftDiagnosis *self);
void kft_diagnose_tcp(KftDiagnosis *self);
void kft_diagnose_connect(KftDiagnosis *self);
void kft_diagnose_tls(KftDiagnosis *self);
/* api-steps.c */
/* The JSON of an answer, NULL if it is no good one. Returns: (transfer full). */
json_object *kft_diagnose_parse_body(const KftHttpResponse *response, const GError *error);
void kft_diagnose_api(KftDiagnosis *self);
void kft_diagnose_identity(KftDiagnosis *self);
void kft_diagnose_namespace(KftDiagnosis *self);
/* rights-step.c */
void kft_diagnose_rights(KftDiagnosis *self);
/* pod-steps.c */
void kft_diagnose_target(KftDiagnosis *self);
void kft_diagnose_upgrade(KftDiagnosis *self);
void kft_diagnose_port(KftDiagnosis *self);
void kft_diagnose_bytes(KftDiagnosis *self);

/* pod-steps.c: says something to the application that is harmless everywhere. */
void kft_diagnosis_ask(KftDiagnosis *self);
/* Whether anything came from it. */
bool kft_diagnosis_has_answer(const KftDiagnosis *self);

/* What a step does when its time is up; NULL text = the plain words. */
char *kft_diagnose_tcp_limit(KftDiagnosis *self, const KftDiagnoseAdvice **ret_advice);
/* Ends by itself if a transport worked. */
char *kft_diagnose_upgrade_limit(KftDiagnosis *self, const KftDiagnoseAdvice **ret_advice);

/* --- report.c --- */

/* With "~" for the home directory, which often is a person's name. (transfer full). */
char *kft_diagnose_hide_home(const char *text);
/* (transfer full), redacted. */
char *kft_diagnosis_dup_report(const KftDiagnosis *self, bool is_ok);
char *kft_diagnosis_dup_json(const KftDiagnosis *self, bool is_ok);

#endif
