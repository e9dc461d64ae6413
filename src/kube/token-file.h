#ifndef KFT_KUBE_TOKEN_FILE_H
#define KFT_KUBE_TOKEN_FILE_H

#include <stdint.h>

#include "base/secret.h"

/* A bearer token in a file that somebody else renews (wire protocols, 6.4). Private to this module.
 * Thread: loop. */
typedef struct KftTokenFile KftTokenFile;

/* @fallback: used until the file could be read once; nullable, copied. */
KftTokenFile *kft_token_file_new(const char *path, const KftSecret *fallback);
/* NULL is allowed. */
void kft_token_file_free(KftTokenFile *self);
/* Reads again at most every 50 s. Returns the token, borrowed until the next call. Errors (only
 * without an earlier token): BAD_CONFIG. */
const KftSecret *kft_token_file_get(KftTokenFile *self, int64_t now_s, GError **error);
/* The next get reads again. */
void kft_token_file_expire(KftTokenFile *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(KftTokenFile, kft_token_file_free)

#endif
