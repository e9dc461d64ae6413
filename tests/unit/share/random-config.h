#ifndef KFT_TEST_RANDOM_CONFIG_H
#define KFT_TEST_RANDOM_CONFIG_H

#include "kftray/config.h"

/* A config that is valid and in its one form, any of those that there can be. (transfer full). */
KftConfig *random_config(GRand *rand);
/* Makes one field of a valid config wrong. Returns: its name. */
const char *random_spoil(GRand *rand, KftConfig *config);

#endif
