#ifndef KFT_KUBE_CREDENTIAL_H
#define KFT_KUBE_CREDENTIAL_H

#include "kube/kubeconfig.h"
#include "net/endpoint.h"
#include "net/loop.h"

/* Who we are for a cluster: turns a kubeconfig user into what requests need, runs credential
 * plugins and refreshes tokens when they end (wire protocols, 6.3 to 6.8). Callers that ask at the
 * same time share one run. Thread: loop. */
typedef struct KftCredential KftCredential;

/* What one request needs. Reference counted, immutable. */
typedef struct {
    KftEndpoint *endpoint; /* of the cluster, with the client certificate of the user */
    KftSecret
        *authorization; /* value of the Authorization field; nullable; never set for http servers */
    char **headers;     /* Impersonate-* lines, NULL ended, never NULL */
    int64_t expires_s;  /* when it ends, unix seconds; INT64_MAX = not known or never */
    int ref_count;
} KftAuth;

KftAuth *kft_auth_ref(KftAuth *self);
void kft_auth_unref(KftAuth *self);
/* "Name: value" lines for a request, Authorization included. Returns: (transfer full), NULL ended;
 * free with kft_auth_free_lines(), which overwrites them. */
char **kft_auth_dup_lines(const KftAuth *self);
void kft_auth_free_lines(char **lines);

/* Without what is around it: an endpoint for the cluster of @context, with the user's certificate.
 */
KftEndpoint *kft_auth_new_endpoint(const KftKubeContext *context);

/* @config: a reference is taken; @context: of it. */
KftCredential *
kft_credential_new(KftLoop *loop, KftKubeconfig *config, const KftKubeContext *context);
/* Open requests are dropped without an answer; a plugin that runs is ended. NULL is allowed. */
void kft_credential_free(KftCredential *self);

/* Runs once, with either @auth (transfer none, ref it to keep) or @error. Errors: BAD_CONFIG
 * (plugin missing with its install hint, files unreadable, needs a terminal), AUTH (plugin failed
 * or printed something else than an ExecCredential, refresh refused), TIMEOUT (plugin hung for 60
 * s), REFUSED (a plugin that has worked before failed, the oidc issuer is out of order: worth
 * another try), and for the oidc issuer those of KftHttpDoneFunc. */
typedef void (*KftCredentialFunc)(KftAuth *auth, const GError *error, void *user_data);
typedef struct KftCredentialRequest KftCredentialRequest;
KftCredentialRequest *
kft_credential_get(KftCredential *self, KftCredentialFunc on_done, void *user_data);
/* Only before on_done has run. */
void kft_credential_request_cancel(KftCredentialRequest *request);

/* The server answered 401 to @auth: what is cached is dropped if it is still that one, and the next
 * kft_credential_get() runs the plugin, reads the file or refreshes again. Returns whether that can
 * give anything new (false for static tokens and certificates, unless @auth is of an entry that was
 * replaced since). */
bool kft_credential_reject(KftCredential *self, const KftAuth *auth);
/* The user's entry was replaced by the one of @next: requests that wait are answered by @next. Not
 * inside an answer. */
void kft_credential_hand_over(KftCredential *self, KftCredential *next);
/* A file that the user names may have changed: it is read again for the next request. */
void kft_credential_expire_files(KftCredential *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(KftAuth, kft_auth_unref)

#endif
