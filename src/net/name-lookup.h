#ifndef KFT_NET_NAME_LOOKUP_H
#define KFT_NET_NAME_LOOKUP_H

#include <netinet/in.h>
#include <sys/socket.h>

#include "net/loop.h"

/* One look-up of a host name as the system does it (nsswitch: /etc/hosts, DNS, …). It runs in a
 * thread of its own that is left behind if it is not wanted any more: getaddrinfo() cannot be
 * stopped and may take half a minute. Thread: loop. */
typedef struct KftNameLookup KftNameLookup;

/* Runs once. @addresses: borrowed, in the system's order, port set, at least one; NULL with @error.
 * Errors: UNREACHABLE (no such name, no name server answered), which says whom was asked. */
typedef void (*KftNameLookupFunc)(const struct sockaddr_storage *addresses,
                                  size_t n_addresses,
                                  const GError *error,
                                  void *user_data);

/* @host: a name or a numeric address, IPv6 without brackets. */
KftNameLookup *kft_name_lookup_start(
    KftLoop *loop, const char *host, uint16_t port, KftNameLookupFunc on_done, void *user_data);
/* Cancels if not done; also after (or inside) on_done. NULL is allowed. */
void kft_name_lookup_free(KftNameLookup *self);

/* Who answers here: "/etc/hosts" if @host is in it, else "the name servers 10.0.0.2 and 10.0.0.3".
 * Reads /etc/hosts and /etc/resolv.conf, for messages only. Returns: (transfer full). Thread: any.
 */
char *kft_name_lookup_dup_resolver(const char *host);
/* Names of interfaces that are up and look like those of a VPN, "tun0, wg0"; NULL if there are
 * none. Returns: (transfer full). Thread: any. */
char *kft_name_lookup_dup_vpns(void);

#endif
