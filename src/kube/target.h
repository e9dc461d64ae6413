#ifndef KFT_KUBE_TARGET_H
#define KFT_KUBE_TARGET_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

/* What is forwarded to, as the user writes it. Thread: any. */

typedef enum {
    KFT_TARGET_POD,
    KFT_TARGET_SERVICE,
    KFT_TARGET_DEPLOYMENT,
    KFT_TARGET_REPLICASET,
    KFT_TARGET_STATEFULSET,
    KFT_TARGET_DAEMONSET,
    KFT_TARGET_JOB,
    KFT_TARGET_REPLICATIONCONTROLLER,
    KFT_TARGET_SELECTOR, /* a label selector only */
} KftTargetKind;

typedef struct {
    KftTargetKind kind;
    char *name;     /* NULL for SELECTOR */
    char *selector; /* SELECTOR only */
} KftTarget;

/* "NAME" and "pod/NAME", "svc/NAME", … with kubectl's names and short names, singular, plural and
 * with group ("deployments.apps/web"). @selector: of -l, nullable; @text may then be NULL. Errors:
 * BAD_CONFIG (unknown kind lists those there are, name that no object can have, both or neither
 * given). */
KftTarget *kft_target_parse(const char *text, const char *selector, GError **error);
KftTarget *kft_target_copy(const KftTarget *self);
void kft_target_free(KftTarget *self);
/* "pod \"web-0\"", for messages. (transfer full). */
char *kft_target_describe(const KftTarget *self);

/* One port pair: "REMOTE", "LOCAL:REMOTE", ":REMOTE"; REMOTE a number or a port name. */
typedef struct {
    uint16_t local;         /* 0 = any free one */
    char *remote;           /* as written */
    uint16_t remote_number; /* 0 if remote is a name */
} KftPortSpec;

/* As kubectl: "80" means 80:80; ":80" and "0:80" mean any local port; a name alone takes the
 * resolved number as the local port, which is local 0 with is_local_from_remote. Errors:
 * BAD_CONFIG. */
bool kft_port_spec_parse(const char *text,
                         KftPortSpec *ret_spec,
                         bool *ret_is_local_from_remote,
                         GError **error);
void kft_port_spec_clear(KftPortSpec *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(KftTarget, kft_target_free)

#endif
