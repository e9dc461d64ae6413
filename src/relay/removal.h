#ifndef KFT_RELAY_REMOVAL_H
#define KFT_RELAY_REMOVAL_H

#include "kube/cluster.h"

/* The deletion of one relay's pod. Thread: loop. */
typedef struct KftRemoval KftRemoval;

/* Once, in a later turn; the removal may be freed in it. */
typedef void (*KftRemovalFunc)(KftRemoval *removal, void *user_data);

/* @installation: NULL for a pod that this process made; else it is read first, and only deleted if
 * it has that label and is still the one that was read. */
KftRemoval *kft_removal_start(KftCluster *cluster,
                              const char *namespace_,
                              const char *name,
                              const char *installation,
                              KftRemovalFunc on_done,
                              void *user_data);
const char *kft_removal_get_name(const KftRemoval *self);
/* NULL: it does not exist any more. Errors: those of KftApiFunc; NOT_FOUND
 * if it is not ours. */
const GError *kft_removal_get_error(const KftRemoval *self);
/* NULL is allowed. What was asked may still happen. */
void kft_removal_free(KftRemoval *self);

#endif
