#ifndef KFT_NET_PROXY_CHOICE_H
#define KFT_NET_PROXY_CHOICE_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/secret.h"
#include "net/endpoint.h"

/* The proxy for a connection. */
typedef struct {
    KftSecret *url; /* as curl takes it, scheme and port always given; NULL = none */
    char *name;     /* host:port, for messages; NULL if url is */
} KftProxyChoice;

/* The proxy that @endpoint names, else the one that the environment has for a server of @scheme
 * ("http" or "https") at @host (IPv6 without brackets) and @port. Errors: BAD_CONFIG. Thread: any.
 */
bool kft_proxy_choose(const KftEndpoint *endpoint,
                      const char *scheme,
                      const char *host,
                      uint16_t port,
                      KftProxyChoice *ret_choice,
                      GError **error);
void kft_proxy_choice_clear(KftProxyChoice *self);

/* Whether a NO_PROXY list names the server: "*", host names (with their subdomains), ".suffix" or
 * "*.suffix" (subdomains only), addresses, CIDR ranges, each with an optional ":port". */
bool kft_proxy_list_matches(const char *list, const char *host, uint16_t port);

#endif
