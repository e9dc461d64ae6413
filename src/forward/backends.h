#ifndef KFT_FORWARD_BACKENDS_H
#define KFT_FORWARD_BACKENDS_H

#include "kftray/types.h"

#include "forward/pool.h"
#include "kube/resolver.h"

/* Which pods of a forward get its connections. One pool per pod in use; a pod that is not to be
 * used any more gets no new connection, and its pool goes with the last one that it has. Thread:
 * loop. */
typedef struct KftBackends KftBackends;

typedef struct {
    /* A pod can take connections, for the first time or again. */
    void (*on_ready)(void *user_data);
    /* No pod can take connections, and the last one that was tried could not be reached. */
    void (*on_failed)(const GError *error, void *user_data);
    /* The connection to the last pod that could take some was lost. */
    void (*on_lost)(const GError *error, void *user_data);
} KftBackendsFuncs;

/* @n_ports: of each candidate. */
KftBackends *kft_backends_new(KftCluster *cluster,
                              KftTransport transport,
                              KftBalance balance,
                              size_t n_ports,
                              const KftBackendsFuncs *funcs,
                              void *user_data);
/* What the resolver found, best first; may be none. Returns whether a pod was chosen that was not
 * in use; it waits for kft_backends_connect(). */
bool kft_backends_set_candidates(KftBackends *self, const KftCandidate *candidates, size_t n);
/* Opens what is not open of the chosen pods; ends in on_ready or on_failed, in a later turn. */
void kft_backends_connect(KftBackends *self);
/* Whether a pod is chosen, and whether one of them can take connections. */
bool kft_backends_has_any(const KftBackends *self);
bool kft_backends_is_ready(const KftBackends *self);
/* Opens a pair on @pool for who is to be carried; false if the pool cannot now. */
typedef bool (*KftAttachFunc)(void *carried, KftPool *pool, uint16_t port);
/* Has @attach carry @carried to the port with index @port_index. @tried: uids of pods that refused
 * it, nullable. Returns the pod, or NULL if none can now: on_ready may follow. */
KftPod *kft_backends_attach(KftBackends *self,
                            KftAttachFunc attach,
                            void *carried,
                            size_t port_index,
                            GPtrArray *tried,
                            uint16_t *ret_remote_port);
/* A pair of its own to @port of the pod that is chosen; NULL if none can now. The owner of a pair
 * tells *@ret_pool when it went, see kft_pool_pair_gone(). */
KftPair *kft_backends_open_pair_to(KftBackends *self,
                                   uint16_t port,
                                   const KftPairFuncs *funcs,
                                   void *user_data,
                                   KftPool **ret_pool);
/* Whether the resolver's last word was that @pod may be used. */
bool kft_backends_is_listed(const KftBackends *self, const KftPod *pod);
/* Whether there is a ready pod besides @tried. */
bool kft_backends_has_other(const KftBackends *self, GPtrArray *tried);
/* @pod turned out to be gone although it is still listed: it gets no more connections, and another
 * is chosen if there is one. */
void kft_backends_suspect(KftBackends *self, const KftPod *pod);
/* Gives all pods up; candidates are forgotten. */
void kft_backends_drain(KftBackends *self);

/* The way to the server may have changed: connections that are still good stay; see
 * kft_pool_verify(). */
void kft_backends_verify(KftBackends *self, uint32_t limit_ms);
/* Of a pod that can take connections; zeros if none can. */
void kft_backends_get_health(const KftBackends *self, KftPoolHealth *ret_health);

/* The pod that is chosen, the first of several; NULL if none is. */
KftPod *kft_backends_get_pod(const KftBackends *self);
/* How many pods can take connections. */
size_t kft_backends_get_n_ready(const KftBackends *self);
/* AUTO while it is not known. */
KftTransport kft_backends_get_transport(const KftBackends *self);
/* All connections must have been freed before. NULL is allowed. */
void kft_backends_free(KftBackends *self);

#endif
