#ifndef KFTRAY_SHARE_H
#define KFTRAY_SHARE_H

#include "kftray/config.h"
#include "kftray/error.h"

/* Configs as JSON that can be exchanged with upstream kftray (docs/configs.md), and the plan of an
 * import. Thread: any, one at a time. */

/* The most bytes and configs of one file. */
#define KFT_SHARE_MAX_BYTES ((size_t)32 * 1024 * 1024)
#define KFT_SHARE_MAX_CONFIGS 50000

/* Reads an array of configs or a single one. Each is validated; the whole text is refused if one is
 * wrong. @name: of the file, for messages. Errors: BAD_CONFIG ("team.json: element 3 (\"db\"):
 * protocol is \"sctp\", allowed are tcp and udp"; for broken JSON line and column), LIMIT.
 * Returns: (transfer full) GPtrArray of KftConfig without ids, free function set. Thread: any. */
GPtrArray *kft_share_parse(const char *text, size_t size, const char *name, GError **error);
/* A JSON array in upstream's format, indented by two spaces, keys in alphabetical order, defaults
 * left out, a newline at the end. @configs: of KftConfig. Returns: (transfer full). Thread: any. */
char *kft_share_format(const GPtrArray *configs);
/* One config as a JSON object on one line, with all that has a value. Returns: (transfer full).
 * Thread: any. */
char *kft_share_format_one(const KftConfig *config);

/* --- what an import would do --- */

typedef enum {
    KFT_IMPORT_NEW,
    KFT_IMPORT_CHANGED,  /* updates a stored config */
    KFT_IMPORT_SAME,     /* there is an equal one already */
    KFT_IMPORT_CONFLICT, /* new, but its local address is another config's */
} KftImportAction;

/* "new", "changed", "same", "conflict". Thread: any. */
const char *kft_import_action_name(KftImportAction action);

typedef struct {
    KftImportAction action;
    KftConfig *config;   /* as it will be stored; id set if it updates one */
    char **changed;      /* CHANGED: names of the fields; else NULL */
    KftConfig *opponent; /* CONFLICT: a copy of the other config; nullable */
    uint16_t free_port;  /* CONFLICT: a free port that could be used instead; 0 = none was found */
} KftImportItem;

typedef struct {
    GPtrArray *items; /* KftImportItem, in the order of the file */
    size_t n_new;
    size_t n_changed;
    size_t n_same;
    size_t n_conflicts;
} KftImportPlan;

/* Compares @incoming (from kft_share_parse(), copied) with the @stored configs. Elements of the
 * file that are the same forward count once, the last wins. Returns: (transfer full). Thread: any.
 */
KftImportPlan *kft_import_plan_new(const GPtrArray *incoming, const GPtrArray *stored);
/* Gives each CONFLICT its free port, so that it can be stored beside its opponent. Thread: any. */
void kft_import_plan_use_free_ports(KftImportPlan *self);
/* The configs that are to be stored, for kft_store_put_configs(): NEW, CHANGED and CONFLICT.
 * Returns: (transfer container). Thread: any. */
GPtrArray *kft_import_plan_list_changes(const KftImportPlan *self);
/* NULL is allowed. Thread: any. */
void kft_import_plan_free(KftImportPlan *self);

/* --- annotations of services (kftray.app/enabled, kftray.app/configs) --- */

/* One port of a service, as discovery sees it. */
typedef struct {
    const char *name; /* nullable */
    uint16_t port;
    uint16_t target_port; /* 0 = named, see target_name */
    const char *target_name;
    KftProtocol protocol;
} KftSharePort;

/* What @annotation ("alias-localPort-target[,…]") says about a service: aliases may hold dashes,
 * target is a number or the name of a port of the service. NULL = the service has only
 * kftray.app/enabled: one config for each port. Configs are copies of @origin, which has
 * context, kubeconfig, namespace and service. Parts that are wrong are skipped with a sentence in
 * *@ret_skipped (transfer full, GPtrArray of text). Returns: (transfer full) GPtrArray of
 * KftConfig. Thread: any. */
GPtrArray *kft_share_configs_from_annotation(const char *annotation,
                                             const KftConfig *origin,
                                             const KftSharePort *ports,
                                             size_t n_ports,
                                             GPtrArray **ret_skipped);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(KftImportPlan, kft_import_plan_free)

#endif
