#ifndef KFT_KUBE_OIDC_H
#define KFT_KUBE_OIDC_H

#include <stdint.h>

#include "kube/kubeconfig.h"
#include "net/loop.h"

/* The legacy auth provider "oidc": an ID token that is refreshed at the issuer and written back to
 * the kubeconfig (wire protocols, 6.7). Private to this module. Thread: loop. */
typedef struct KftOidc KftOidc;

/* @user: has oidc; must outlive the object. */
KftOidc *kft_oidc_new(KftLoop *loop, const KftKubeUser *user);
/* Ends a refresh that runs. NULL is allowed. */
void kft_oidc_free(KftOidc *self);

/* The ID token if it may still be used, @ret_expires_s says until when; else looks into the file,
 * where another program may have put a newer one. Borrowed until the next call; NULL if a refresh
 * is needed. */
const KftSecret *kft_oidc_peek(KftOidc *self, int64_t now_s, int64_t *ret_expires_s);
/* The server did not take the ID token. Returns whether there can be another. */
bool kft_oidc_reject(KftOidc *self);

/* Runs once, not inside kft_oidc_refresh(). @expires_s: as above, 0 if the token does not say.
 * Errors: AUTH (refused, nothing to refresh with), BAD_CONFIG, and those of KftHttpDoneFunc; a full
 * sentence that names the user. */
typedef void (*KftOidcFunc)(const KftSecret *id_token,
                            int64_t expires_s,
                            const GError *error,
                            void *user_data);
/* Only one at a time. */
void kft_oidc_refresh(KftOidc *self, KftOidcFunc on_done, void *user_data);

#endif
