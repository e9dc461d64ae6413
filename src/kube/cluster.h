#ifndef KFT_KUBE_CLUSTER_H
#define KFT_KUBE_CLUSTER_H

#include "kube/credential.h"
#include "kube/nodes.h"
#include "kube/reach.h"
#include "net/http.h"
#include "proto/upgrade.h"

/* A cluster as one user sees it: API requests with credentials, and what is remembered about the
 * server. Reference counted; one object per kubeconfig context, shared by all forwards to it.
 * Thread: loop. */
typedef struct KftCluster KftCluster;

KftCluster *kft_cluster_new(KftLoop *loop, KftKubeconfig *config, const KftKubeContext *context);
KftCluster *kft_cluster_ref(KftCluster *self);
void kft_cluster_unref(KftCluster *self);

/* What became of a context when its kubeconfig was read again. */
typedef enum {
    KFT_CLUSTER_SAME,
    KFT_CLUSTER_NEW_USER,   /* the same server, other credentials: what is open may stay */
    KFT_CLUSTER_NEW_SERVER, /* everything that is open leads to where it should not */
} KftClusterChange;

/* Makes @context of @config, of the same name, what the cluster is from now on, if it means
 * anything else. Requests under way go on; those that wait for a credential get one of the new
 * user. The namespace stays: a forward does not move to another by an edit of a file. */
KftClusterChange
kft_cluster_apply(KftCluster *self, KftKubeconfig *config, const KftKubeContext *context);

KftLoop *kft_cluster_get_loop(const KftCluster *self);
/* Borrowed until kft_cluster_apply(). */
KftCredential *kft_cluster_get_credential(const KftCluster *self);
/* Whether the server can be reached, and turns to begin an exchange with it. */
KftReach *kft_cluster_get_reach(const KftCluster *self);
/* Which of its nodes take no port-forwards. */
KftNodes *kft_cluster_get_nodes(const KftCluster *self);
/* For kube/shared-watch.c, which puts list-watches there and takes them out. Those of before
 * kft_cluster_apply() changed something are not there any more: they are another user's, or another
 * server's. */
GHashTable *kft_cluster_get_shares(const KftCluster *self);
/* The context's name and namespace. */
const char *kft_cluster_get_name(const KftCluster *self);
const char *kft_cluster_get_namespace(const KftCluster *self);

/* The transport that this server was found to speak, remembered for later tunnels (wire
 * protocols, 1.4). */
bool kft_cluster_get_carrier(const KftCluster *self, KftCarrier *ret_carrier);
void kft_cluster_set_carrier(KftCluster *self, KftCarrier carrier);

/* Something on the way to the server does not let WebSockets through: SPDY is used from now on.
 * @why: one line for the user. */
void kft_cluster_set_websocket_block(KftCluster *self, const char *why);
/* NULL if they are not known to be blocked. */
const char *kft_cluster_get_websocket_block(const KftCluster *self);
/* A tunnel in a WebSocket ended; @was_heard: after at least a byte had come. One that is cut again
 * right after its 101 counts as blocked. */
void kft_cluster_tell_tunnel_end(KftCluster *self, bool was_heard);
/* The network may be another one now: what was found out about the way there is asked again. */
void kft_cluster_forget_network(KftCluster *self);

/* --- API requests --- */

typedef struct {
    const char *method;  /* NULL = GET */
    const char *path;    /* "/api/v1/…" with query, encoded */
    const char *body;    /* JSON, nullable */
    uint32_t timeout_ms; /* of the exchange, not of the wait for a turn or of the credential; 0 =
                            30000, none for streams */
    const char *what; /* what is being done, for messages: "get pod \"web-0\" in namespace \"a\"" */
} KftApiRequest;

typedef struct KftApiCall KftApiCall;
/* Runs once. A 2xx answer gives @response; anything else an error: metav1.Status is turned into a
 * sentence by kft_status_to_error() (see kube/status.h), a 401 is retried once with a fresh
 * credential. Besides those of KftHttpDoneFunc and KftCredentialFunc: AUTH (401, 403), NOT_FOUND
 * (404), REFUSED, PROTOCOL (not JSON, not Kubernetes). With an @error that an answer caused,
 * @response is that answer. */
typedef void (*KftApiFunc)(const KftHttpResponse *response, const GError *error, void *user_data);
/* @on_body: nullable; streams a 2xx body. */
KftApiCall *kft_cluster_request(KftCluster *self,
                                const KftApiRequest *request,
                                KftHttpBodyFunc on_body,
                                KftApiFunc on_done,
                                void *user_data);
/* Cancels if not done; also after on_done. NULL is allowed. */
void kft_api_call_free(KftApiCall *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(KftCluster, kft_cluster_unref)

#endif
