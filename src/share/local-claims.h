#ifndef KFT_SHARE_LOCAL_CLAIMS_H
#define KFT_SHARE_LOCAL_CLAIMS_H

#include "kftray/config.h"

/* Which config listens on which local address and port, to find those that exclude each other, and
 * ports that are still free. Configs are borrowed. Thread: one at a time. */
typedef struct KftLocalClaims KftLocalClaims;

KftLocalClaims *kft_local_claims_new(void);
/* NULL is allowed. */
void kft_local_claims_free(KftLocalClaims *self);
/* What was claimed first stays. */
void kft_local_claims_add(KftLocalClaims *self, const KftConfig *config);
/* Another config that could not listen at the same time as @config; NULL if there is none. */
const KftConfig *kft_local_claims_find(const KftLocalClaims *self, const KftConfig *config);
/* A port near @config's that no config has and nothing listens on now; it counts as claimed then.
 * 0 = none was found. */
uint16_t kft_local_claims_choose_port(KftLocalClaims *self, const KftConfig *config);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(KftLocalClaims, kft_local_claims_free)

#endif
