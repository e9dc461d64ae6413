#ifndef KFT_RELAY_HOME_H
#define KFT_RELAY_HOME_H

#include "kftray/relay.h"

#include "relay/journal.h"
#include "relay/manifest.h"

/* What all relays of an engine have in common: the settings, who and where we are, the journal.
 * Thread: loop. */
typedef struct KftRelayHome KftRelayHome;

KftRelayHome *kft_relay_home_new(void);
/* All relays must be gone. NULL is allowed. */
void kft_relay_home_free(KftRelayHome *self);
/* @settings: copied. The state directory counts only until the first relay. */
void kft_relay_home_set(KftRelayHome *self, const KftRelaySettings *settings);

const char *kft_relay_home_get_image(const KftRelayHome *self);
KftRelayUse kft_relay_home_get_use(const KftRelayHome *self);
const char *kft_relay_home_get_state_dir(KftRelayHome *self);
/* The user and the machine, for people. */
const char *kft_relay_home_get_owner(const KftRelayHome *self);
const char *kft_relay_home_get_host(const KftRelayHome *self);
/* Opened when it is needed for the first time; borrowed. Errors: STORAGE. */
KftJournal *kft_relay_home_need_journal(KftRelayHome *self, GError **error);
/* NULL if it is not open. */
KftJournal *kft_relay_home_peek_journal(const KftRelayHome *self);
/* Read each time, so that an edit counts for the next relay. Returns: (transfer full). Errors:
 * those of kft_manifest_load(). */
KftManifest *kft_relay_home_load_manifest(const KftRelayHome *self, GError **error);
/* "kftray-forward-USER-tcp-SECONDS-RANDOM", upstream's form. Returns: (transfer full). */
char *kft_relay_home_make_pod_name(const KftRelayHome *self, KftProtocol protocol);

#endif
