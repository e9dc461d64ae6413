#ifndef KFT_CONFIG_IDENTITY_H
#define KFT_CONFIG_IDENTITY_H

#include "kftray/config.h"

/* What makes two configs the same forward, all but the local port: two configs are the same if
 * their keys are equal and their local ports are, or one of these is 0. For hash tables. Returns:
 * (transfer full). Thread: any. */
char *kft_config_dup_identity(const KftConfig *self);

#endif
