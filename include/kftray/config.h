#ifndef KFTRAY_CONFIG_H
#define KFTRAY_CONFIG_H

#include "kftray/spec.h"

/* A stored forward, with the fields of upstream's JSON format (docs/configs.md) and some of ours.
 * Texts are NULL when unset, never empty. Thread: one at a time. */

/* Identifies a config in the store; > 0, kept for its life and never used again. */
typedef struct {
    int64_t v;
} KftConfigId;

/* A number that is not set. */
#define KFT_CONFIG_UNSET UINT64_MAX

/* What a config forwards to. */
#define KFT_WORKLOAD_TYPES(X)                                                                      \
    X(SERVICE, "service") /* a pod of a Service */                                                 \
    X(POD, "pod")         /* a pod by label selector, or of a workload object */                   \
    X(PROXY, "proxy")     /* an address that the cluster can reach, by way of a relay pod */       \
    X(EXPOSE, "expose")   /* a local service made reachable in the cluster */

typedef enum {
#define KFT_WORKLOAD_TYPE_ENUM(name, text) KFT_WORKLOAD_TYPE_##name,
    KFT_WORKLOAD_TYPES(KFT_WORKLOAD_TYPE_ENUM)
#undef KFT_WORKLOAD_TYPE_ENUM
} KftWorkloadType;

/* "service", … Thread: any. */
const char *kft_workload_type_name(KftWorkloadType workload);
/* False if @name is none of them. Thread: any. */
bool kft_workload_type_parse(const char *name, KftWorkloadType *ret_workload);

typedef struct {
    KftConfigId id; /* 0 = not stored */
    KftWorkloadType workload_type;
    KftProtocol protocol;
    char *alias;          /* the name people see; a stored config always has one */
    char *group;          /* what lists are grouped by, if the user wants that */
    char *note;           /* free text */
    char *context;        /* NULL = the current one of the kubeconfig */
    char *kubeconfig;     /* file, or several joined by ":"; NULL = $KUBECONFIG or ~/.kube/config */
    char *namespace_;     /* JSON "namespace"; NULL = the context's */
    char *service;        /* SERVICE */
    char *target;         /* POD: label selector */
    char *object;         /* POD: "deploy/web" instead of a selector; upstream does not know it */
    char *remote_address; /* PROXY: host name or address */
    uint16_t remote_port; /* of the service or the container; 0 = unset (EXPOSE) */
    uint16_t local_port;  /* 0 = a free one is chosen when the config is stored */
    char *local_address;  /* to listen on; NULL = 127.0.0.1 */
    bool auto_loopback_address;
    KftTransport transport; /* upstream does not know it, nor balance */
    KftBalance balance;     /* which of several ready pods; not EXPOSE */
    /* The forward ends after so long without traffic, 0 = never; KFT_CONFIG_UNSET = as the setting
     * of that name says. Upstream does not know it, nor stop_at. */
    uint64_t disconnect_timeout_minutes;
    char *stop_at; /* "18:30": the forward ends at this local time */

    bool domain_enabled; /* the alias as a host name */

    bool http_logs_enabled;
    uint64_t http_logs_max_file_size;  /* bytes, 1..104857600 */
    uint64_t http_logs_retention_days; /* 1..365 */
    bool http_logs_auto_cleanup;

    char *exposure_type; /* "public" or "cluster" */
    bool cert_manager_enabled;
    char *cert_issuer;
    char *cert_issuer_kind; /* "ClusterIssuer" or "Issuer" */
    char *ingress_class;
    char *ingress_annotations; /* a JSON object as text */

    char *extra; /* keys of the JSON that this program does not know, a JSON object; nullable */
} KftConfig;

/* A config with upstream's defaults: a TCP forward to a service. Returns: (transfer full).
 * Thread: any. */
KftConfig *kft_config_new(void);
/* Returns: (transfer full). Thread: any. */
KftConfig *kft_config_copy(const KftConfig *self);
/* NULL is allowed. Thread: any. */
void kft_config_free(KftConfig *self);

/* Brings the fields into the one form in which configs are compared and stored: unsets what the
 * workload does not use ("target" of a service), what upstream writes for "unset"
 * ("default-service", kubeconfig "default"), and empty texts; cuts spaces off the ends. Configs
 * that come from kft_share_parse(), kft_upstream_read_configs() or the store have it. Thread: any.
 */
void kft_config_normalize(KftConfig *self);
/* Checks what can be checked without a cluster: what the workload needs is there, addresses, ports,
 * names and ranges are possible. Errors: BAD_CONFIG, one sentence that names the field and what is
 * allowed. Thread: any. */
bool kft_config_validate(const KftConfig *self, GError **error);

/* All keys that kft_config_set() takes, in alphabetical order, NULL ended. Thread: any. */
const char *const *kft_config_keys(void);
/* Sets one field from text as people write it ("local_port", "8080"; "domain_enabled", "true");
 * an empty @value unsets it. "bind_address" is another name of "local_address". Errors: BAD_CONFIG
 * (no such key: names the closest; value not allowed: says which are). Thread: any. */
bool kft_config_set(KftConfig *self, const char *key, const char *value, GError **error);
/* The field as text, NULL if it is unset or has its default. Returns: (transfer full). Thread: any.
 */
char *kft_config_dup(const KftConfig *self, const char *key);

/* Whether all fields but id are equal. Thread: any. */
bool kft_config_equal(const KftConfig *a, const KftConfig *b);
/* Names of the fields in which they differ ("extra" for unknown keys). Returns: (transfer full)
 * NULL ended, free with g_strfreev(). Thread: any. */
char **kft_config_diff(const KftConfig *a, const KftConfig *b);
/* Whether both are the same forward, so that an import updates one with the other: context,
 * kubeconfig, namespace, workload, protocol, what it points at, and the ports (docs/configs.md).
 * Thread: any. */
bool kft_config_same_identity(const KftConfig *a, const KftConfig *b);

/* The alias that a config without one gets: "web", "db-0", "service-tcp-8080". Returns: (transfer
 * full). Thread: any. */
char *kft_config_make_alias(const KftConfig *self);
/* "shop/web:80", "shop/app=web:80", "shop/db.example.com:5432": for lists and messages. Returns:
 * (transfer full). Thread: any. */
char *kft_config_describe_target(const KftConfig *self);
/* Where a local program connects: "127.0.0.1:8080", "[::1]:8080". Returns: (transfer full).
 * Thread: any. */
char *kft_config_describe_local(const KftConfig *self);

/* What the engine needs to run it now: stop_at is the next time of that name. What settings decide
 * is left at the spec's defaults. Errors: BAD_CONFIG (validation; a workload or protocol that this
 * version cannot forward yet). Returns: (transfer full). Thread: any. */
KftForwardSpec *kft_config_to_spec(const KftConfig *self, GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(KftConfig, kft_config_free)

#endif
