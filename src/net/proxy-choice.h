#ifndef KFT_NET_PROXY_CHOICE_H
#define KFT_NET_PROXY_CHOICE_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/secret.h"
#include "net/endpoint.h"
#include "net/network.h"

/* The proxy for a connection. */
typedef struct {
    KftSecret *url; /* as curl takes it, scheme and port always given; NULL = none */
    char *name;     /* host:port, for messages; NULL if url is */
    char *host;     /* the same taken apart, IPv6 without brackets; NULL if url is */
    uint16_t port;
    char *reason;          /* where the choice comes from, for messages: "HTTPS_PROXY is set" */
    bool has_login;        /* the URL has a user name */
    char *user;            /* that name, decoded; nullable */
    unsigned login_serial; /* of the login that a program told for it, which the URL has then; else
                              0 */
} KftProxyChoice;

/* The server that is to be reached. */
typedef struct {
    const char *scheme; /* "http" or "https" */
    const char *host;   /* IPv6 without brackets */
    uint16_t port;
} KftProxyServer;

/* The proxy that the settings of @network (nullable) have for the endpoint's context, else the one
 * that @endpoint names, else the one that the environment has: HTTPS_PROXY or HTTP_PROXY, else
 * ALL_PROXY, unless NO_PROXY names the server; else that of the settings, else that of the desktop,
 * each unless its own list names the server. Loopback is never reached by one of the latter three.
 * Errors: BAD_CONFIG. Thread: any. */
bool kft_proxy_choose(const KftEndpoint *endpoint,
                      const KftNetwork *network,
                      const KftProxyServer *server,
                      KftProxyChoice *ret_choice,
                      GError **error);

void kft_proxy_choice_clear(KftProxyChoice *self);

/* Whether a NO_PROXY list names the server: "*", host names (with their subdomains), ".suffix" or
 * "*.suffix" (subdomains only), addresses, CIDR ranges, each with an optional ":port". */
bool kft_proxy_list_matches(const char *list, const char *host, uint16_t port);

#endif
