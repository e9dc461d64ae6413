#ifndef KFT_KUBE_WORKLOAD_H
#define KFT_KUBE_WORKLOAD_H

#include <glib.h>
#include <stdint.h>

#include "base/json.h"
#include "kube/target.h"

/* Objects that make pods: Deployment, ReplicaSet, StatefulSet, DaemonSet, Job,
 * ReplicationController. Thread: any, one at a time. */
typedef struct {
    char *name;
    char *uid;
    char *selector;   /* as a labelSelector parameter; NULL if it selects nothing */
    int64_t replicas; /* wanted; 1 where the kind has none */
    bool is_finished; /* a Job that has ended */
} KftWorkload;

/* Returns: (transfer full), NULL if it has no name. */
KftWorkload *kft_workload_new_from_json(json_object *object);
/* NULL is allowed. */
void kft_workload_free(KftWorkload *self);

/* Where objects of a kind are: "/api/v1" and "pods", "/apis/apps/v1" and "deployments". Not for
 * SELECTOR. */
void kft_target_kind_get_api(KftTargetKind kind,
                             const char **ret_prefix,
                             const char **ret_resource);

#endif
