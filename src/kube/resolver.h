#ifndef KFT_KUBE_RESOLVER_H
#define KFT_KUBE_RESOLVER_H

#include "kube/cluster.h"
#include "kube/pod.h"
#include "kube/target.h"

/* Finds the pods behind a target and the container ports behind its ports, and keeps looking: list
 * and watch where the user's rights allow it, else one look per kft_resolver_refresh() (wire
 * protocols, 7). Thread: loop. */
typedef struct KftResolver KftResolver;

/* One pod that can be forwarded to. */
typedef struct {
    KftPod *pod;
    /* The container port per asked-for port, in the order of the request; never 0. */
    const uint16_t *ports;
} KftCandidate;

/* The state of the target, given out at each change. */
typedef struct {
    /* Usable pods that have all ports, best first; may be empty. */
    const KftCandidate *candidates;
    size_t n_candidates;
    /* Why there are none, one line: "pod \"x\" is Pending: ImagePullBackOff: …", "service \"a\" has
     * no endpoints: no pod matches app=a". NULL if there are some. */
    const char *waiting_reason;
    /* Pods that exist, usable or not, by uid: a tunnel to a uid that is not here is to be given up.
     */
    KftPod *const *pods;
    size_t n_pods;
    /* Per asked-for port, the local port that a name alone means: the number of the service's port,
     * else the best candidate's container port; 0 while that is not known. */
    const uint16_t *local_numbers;
} KftResolution;

typedef struct {
    /* The first one comes when the target was read; later ones when something changed. Never inside
     * kft_resolver_new(). */
    void (*on_change)(const KftResolution *resolution, void *user_data);
    /* The target could not be read. If @is_final, nothing more will come until
     * kft_resolver_refresh(): no such object, no such port (lists the ports there are), no right,
     * UDP only, bad credentials. Otherwise the resolver tries again by itself, with backoff. */
    void (*on_error)(const GError *error, bool is_final, void *user_data);
} KftResolverFuncs;

/* @target, @ports: copied. @namespace_: of the target. A number that is no port of a service is
 * taken as a container port if a container declares it. */
KftResolver *kft_resolver_new(KftCluster *cluster,
                              const KftTarget *target,
                              const char *namespace_,
                              const KftPortSpec *ports,
                              size_t n_ports,
                              const KftResolverFuncs *funcs,
                              void *user_data);
/* Looks again now: after a failed tunnel, a wake-up, a changed network. Always answered, by
 * on_change (also if nothing changed), perhaps after errors that are not final, or by a final one.
 * Cheap if a watch is healthy. */
void kft_resolver_refresh(KftResolver *self);
/* NULL is allowed. */
void kft_resolver_free(KftResolver *self);

#endif
