#ifndef KFT_KUBE_CREDENTIAL_PRIV_H
#define KFT_KUBE_CREDENTIAL_PRIV_H

#include "kube/credential.h"

/* What credentials take from outside; tests put their own values in. Thread: loop. */
typedef struct {
    int64_t (*now_s)(void *user_data);    /* unix seconds */
    bool (*is_terminal)(void *user_data); /* whether a plugin can ask on stdin */
    void *user_data;
    uint32_t plugin_timeout_ms; /* of a plugin that cannot ask */
} KftCredentialHooks;

/* @hooks: copied. */
KftCredential *kft_credential_new_with_hooks(KftLoop *loop,
                                             KftKubeconfig *config,
                                             const KftKubeContext *context,
                                             const KftCredentialHooks *hooks);

/* --- auth.c --- */

/* @endpoint, @headers: a reference and a copy are taken; @authorization: (transfer full) nullable.
 */
KftAuth *kft_auth_new(KftEndpoint *endpoint, KftSecret *authorization, char *const *headers);
/* "Bearer …", "Basic …". (transfer full). */
KftSecret *kft_auth_new_bearer(const KftSecret *token);
KftSecret *kft_auth_new_basic(const char *username, const char *password);
/* The Impersonate-* lines of @user. Returns: (transfer full), never NULL. */
char **kft_auth_dup_impersonation(const KftKubeUser *user);

#endif
