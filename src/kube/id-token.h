#ifndef KFT_KUBE_ID_TOKEN_H
#define KFT_KUBE_ID_TOKEN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/secret.h"

/* OpenID Connect ID tokens. Private to this module. Thread: any. */

/* The "exp" of a JWT (RFC 7519 4.1.4) in unix seconds, unverified: the server judges the token,
 * this only says when to get another. False if it is no JWT or has no exp. @token: nullable. */
bool kft_id_token_get_expiry(const KftSecret *token, int64_t *ret_expires_s);

#endif
