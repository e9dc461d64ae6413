#ifndef KFT_CLI_RELAY_SETTINGS_H
#define KFT_CLI_RELAY_SETTINGS_H

#include <kftray/relay.h>
#include <kftray/store.h>

/* What the user has set for relays; defaults without a @store. The template is the file that is
 * set, else relay-pod.yaml of the store's directory if there is one. @ret: to be cleared. */
void kft_relay_settings_read(KftStore *store, KftRelaySettings *ret_settings);

/* The same for one command: @image and @template (nullable) win. The store is only looked at if
 * @needs_relay. @ret: to be cleared. */
void kft_relay_settings_choose(bool needs_relay,
                               const char *image,
                               const char *template,
                               KftRelaySettings *ret_settings);

#endif
