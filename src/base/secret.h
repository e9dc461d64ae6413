#ifndef KFT_BASE_SECRET_H
#define KFT_BASE_SECRET_H

#include <glib.h>

/* A string that must not reach a log, a title or an error: an own type, so that it cannot be passed
 * to a log macro by accident. Its memory is overwritten when freed. Thread: one at a time. */
typedef struct KftSecret KftSecret;

/* @text: (transfer none), copied. */
KftSecret *kft_secret_new(const char *text);
KftSecret *kft_secret_copy(const KftSecret *self);
/* NULL is allowed. */
void kft_secret_free(KftSecret *self);
/* The text, borrowed; only for handing it to the peer that it is meant for. */
const char *kft_secret_reveal(const KftSecret *self);
/* Whether both are NULL or hold the same text. */
gboolean kft_secret_equal(const KftSecret *a, const KftSecret *b);
/* Overwrites and frees a plain string that held a secret on its way. NULL is allowed. */
void kft_secret_wipe_string(char *text);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(KftSecret, kft_secret_free)

#endif
