#ifndef KFT_ENGINE_SPEC_H
#define KFT_ENGINE_SPEC_H

#include "kftray/spec.h"

#include "forward/forward.h"

/* The most port pairs of one forward. */
#define KFT_SPEC_MAX_PORTS 64

/* Checks a user's spec and turns it into the options of a forward, all but the namespace, which
 * needs the context. Errors: BAD_CONFIG. Thread: loop. */
KftForwardOptions *kft_spec_to_options(const KftForwardSpec *spec, GError **error);
/* The same for a diagnosis, which needs neither a port nor a target. */
KftForwardOptions *kft_spec_to_diagnose_options(const KftForwardSpec *spec, GError **error);

#endif
