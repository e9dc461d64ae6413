#ifndef KFT_KUBE_SELECTION_H
#define KFT_KUBE_SELECTION_H

#include "kube/pod.h"
#include "kube/resolver.h"
#include "kube/service.h"
#include "kube/target.h"
#include "kube/workload.h"

/* Which pods can be forwarded to, and at which of their ports, from what is known of a target
 * (wire protocols, 7.3, 7.4). No I/O. Private to src/kube. Thread: any, one at a time. */

typedef struct {
    const KftTarget *target;
    const char *namespace_;
    const KftPortSpec *ports;
    size_t n_ports;
    const KftService *service;   /* of a SERVICE */
    const KftWorkload *workload; /* of a workload */
    GPtrArray *pods;             /* KftPod*; NULL: the endpoints are what is known */
    GPtrArray *endpoint_sets;    /* KftEndpointSet*; with pods NULL */
} KftSelectionInput;

typedef struct {
    GArray *candidates; /* KftCandidate, best first; each holds a reference to its pod */
    GPtrArray *pods;    /* KftPod* */
    char *waiting_reason;
    uint16_t *ports;         /* behind the candidates */
    uint16_t *local_numbers; /* per port, see KftResolution */
    size_t n_ports;
} KftSelection;

/* Errors: NOT_FOUND (no such port; lists those there are), BAD_CONFIG (UDP only, an external name,
 * endpoints that are no pods, no selector). */
KftSelection *kft_selection_new(const KftSelectionInput *input, GError **error);
/* One without pods that waits. @reason: copied. */
KftSelection *kft_selection_new_waiting(const char *reason, size_t n_ports);
/* NULL is allowed. */
void kft_selection_free(KftSelection *self);
/* Whether the two mean the same to whom forwards; one may be NULL. */
bool kft_selection_equal(const KftSelection *a, const KftSelection *b);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(KftSelection, kft_selection_free)

#endif
