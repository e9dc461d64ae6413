#ifndef KFT_RELAY_RELAY_H
#define KFT_RELAY_RELAY_H

#include "kube/cluster.h"
#include "kube/pod.h"
#include "kube/target.h"
#include "relay/home.h"

/* The relay of one forward: a pod of its own, which is made, made again when it went, and deleted;
 * or the shared gateway of the cluster. Whether its pods can be used is watched by the forward,
 * which looks for them as for those of any target. Thread: loop. */
typedef struct KftRelay KftRelay;

/* On which port a relay that we deploy listens, and the gateway. */
#define KFT_RELAY_PORT 8080
/* What on_progress says while a relay is asked for. */
#define KFT_RELAY_DEPLOYING "deploying the relay"

typedef struct {
    KftRelayHome *home; /* borrowed; outlives the relay */
    KftRelayUse use;    /* AUTO: that of the settings; not NONE */
    char *kubeconfig;   /* for the journal; nullable */
    char *context;      /* the same */
    char *host;         /* where to; NULL: that of @target */
    KftTarget *target;  /* a service, or pods, to whose address it leads; NULL with a host */
    uint16_t port;
    KftProtocol protocol;
} KftRelaySpec;

/* NULL is allowed. */
void kft_relay_spec_free(KftRelaySpec *self);
/* "db.example.com:5432", for messages. Returns: (transfer full). */
char *kft_relay_spec_describe(const KftRelaySpec *self);

/* Where the relay is found. Valid until the next kft_relay_deploy(). */
typedef struct {
    const KftTarget *target;
    const char *namespace_;
    /* Of a gateway: what it is to be asked for; else NULL and 0. */
    const char *via_host;
    uint16_t via_port;
    KftManifestKeepalive keepalive;
} KftRelayPlace;

typedef struct {
    /* What is being waited for, one line. */
    void (*on_progress)(const char *text, void *user_data);
    /* It was asked for and will appear at @place. */
    void (*on_deployed)(const KftRelayPlace *place, void *user_data);
    /* The cluster refused, or the template is wrong; kft_relay_deploy() tries again. */
    void (*on_failed)(const GError *error, void *user_data);
    /* Everything that kft_relay_remove() could delete is gone. */
    void (*on_removed)(void *user_data);
} KftRelayFuncs;

/* @spec: borrowed, outlives the relay. @namespace_: for the pod. */
KftRelay *kft_relay_new(KftCluster *cluster,
                        const KftRelaySpec *spec,
                        const char *namespace_,
                        const KftRelayFuncs *funcs,
                        void *user_data);
/* Ends in on_deployed or on_failed, in a later turn of the loop. */
void kft_relay_deploy(KftRelay *self);
/* Deployed, and not lost since. */
bool kft_relay_is_deployed(const KftRelay *self);
/* What a watch says of the pods at its place. False: it was there and is gone, or has ended, and is
 * to be deployed again. */
bool kft_relay_observe(KftRelay *self, KftPod *const *pods, size_t n_pods);
/* A look at the cluster showed no pod although there should be one: it counts as lost from now on.
 */
void kft_relay_distrust(KftRelay *self);
/* Deletes what was deployed; ends in on_removed, in a later turn, whatever the cluster answers.
 * What could not be deleted stays in the journal. */
void kft_relay_remove(KftRelay *self);
/* Deletes nothing. No callback follows. NULL is allowed. */
void kft_relay_free(KftRelay *self);

#endif
