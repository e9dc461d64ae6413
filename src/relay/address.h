#ifndef KFT_RELAY_ADDRESS_H
#define KFT_RELAY_ADDRESS_H

#include "relay/relay.h"

/* Where a relay is to lead to, as it can be reached from inside the cluster: the host that the user
 * named, a service by its name, or the address of a pod, which changes. Thread: loop. */
typedef struct KftRelayAddress KftRelayAddress;

/* In a later turn, and again when it changed. Exactly one of @host and @error is set. */
typedef void (*KftRelayAddressFunc)(const char *host, const GError *error, void *user_data);

/* @spec: borrowed, outlives this. @is_full: service names with namespace and domain, as a shared
 * gateway wants them. */
KftRelayAddress *kft_relay_address_new(KftCluster *cluster,
                                       const KftRelaySpec *spec,
                                       const char *namespace_,
                                       bool is_full,
                                       KftRelayAddressFunc on_address,
                                       void *user_data);
/* Answers once more. */
void kft_relay_address_refresh(KftRelayAddress *self);
/* NULL is allowed; also inside the callback. */
void kft_relay_address_free(KftRelayAddress *self);

/* The host of a URL, else @text itself, without the brackets of an IPv6 address. Returns: (transfer
 * full). Thread: any. */
char *kft_relay_address_dup_host(const char *text);
/* Errors: BAD_CONFIG, says what a host is. Thread: any. */
bool kft_relay_address_check_host(const char *host, GError **error);

#endif
