#ifndef KFT_SERVER_DNS_H
#define KFT_SERVER_DNS_H

#include <uv.h>

#include "server/address.h"

/* Names to addresses, by c-ares on the loop: /etc/hosts, then the servers and search domains of
 * /etc/resolv.conf. Not getaddrinfo(): in a static program it needs shared libraries at run time,
 * which an empty image does not have. Nothing is cached: a service may move. Thread: the loop's. */
typedef struct KftDns KftDns;
typedef struct KftLookup KftLookup;

/* @addresses: at least one, with the port asked for, in the order of RFC 6724 with the families
 * taking turns; NULL: the name has none, and @problem says why. Both (transfer none). */
typedef void (*KftLookupFunc)(const KftAddressList *addresses,
                              const char *problem,
                              void *user_data);

/* Errors: INTERNAL. */
KftDns *kft_dns_new(uv_loop_t *loop, GError **error);
/* All lookups must have ended or been cancelled. NULL is allowed. */
void kft_dns_free(KftDns *self);
/* @host: a name, or a numeric address, which is an answer by itself. @func runs once, in a later
 * turn of the loop, unless the lookup is cancelled; the lookup is gone then. No deadline of its own
 * beyond that of the name servers. Returns: (transfer none). */
KftLookup *
kft_dns_lookup(KftDns *self, const char *host, uint16_t port, KftLookupFunc func, void *user_data);
void kft_lookup_cancel(KftLookup *self);

#endif
