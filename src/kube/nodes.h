#ifndef KFT_KUBE_NODES_H
#define KFT_KUBE_NODES_H

#include "net/loop.h"

/* Nodes that do not take port-forwards although the API server answers: the kubelet or the
 * container runtime is down. Found out once for all forwards that need the node: however many wait,
 * one of them tries at a time, in turn, at intervals that grow with the outage as those of KftReach
 * do. Thread: loop. */
typedef struct KftNodes KftNodes;

KftNodes *kft_nodes_new(KftLoop *loop);
/* NULL is allowed. Waits must be gone. */
void kft_nodes_free(KftNodes *self);

/* The node of that name refused a port-forward for a reason of its own (5xx), or took one, which
 * lets all that wait for it go on. NULL is allowed: nothing is known of the node then. */
void kft_nodes_note_bad(KftNodes *self, const char *name);
void kft_nodes_note_good(KftNodes *self, const char *name);
/* The last word of that node, not long ago, was a refusal. */
bool kft_nodes_is_bad(const KftNodes *self, const char *name);

typedef struct KftNodeWait KftNodeWait;
/* Try now; runs once, in a later turn of the loop. The wait is still to be freed. */
typedef void (*KftNodeFunc)(void *user_data);
/* The node is bad; ends in @on_turn. @ret_next_ms: when somebody tries next. */
KftNodeWait *kft_nodes_wait(
    KftNodes *self, const char *name, KftNodeFunc on_turn, void *user_data, uint32_t *ret_next_ms);
/* NULL is allowed; also inside on_turn. */
void kft_node_wait_free(KftNodeWait *wait);

#endif
