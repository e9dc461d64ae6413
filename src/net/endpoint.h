#ifndef KFT_NET_ENDPOINT_H
#define KFT_NET_ENDPOINT_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/secret.h"

/* Where a server is and how to reach and trust it; immutable once shared, reference counted.
 * Thread: any for reading. */
typedef struct {
    char *url; /* scheme://host[:port][/prefix], without a slash at the end; http or https */
    char *server_name; /* for SNI and the name check instead of the host; NULL = the host */
    bool is_insecure;  /* no verification of the server's certificate */
    char *ca_file;     /* PEM; with any CA given only that set is trusted, else the system's */
    GBytes *ca_data;   /* PEM; wins over ca_file */
    char *cert_file;   /* client certificate and key, PEM */
    char *key_file;    /* or a PKCS#11 URI (RFC 7512), which may hold a PIN */
    GBytes *cert_data; /* win over the files */
    GBytes *key_data;
    KftSecret *proxy_url; /* http, https, socks5 (names resolved by the proxy); may hold a password.
                             NULL = as the environment says; "" = none */
    char *context; /* name of the kubeconfig context, for which the settings may have a proxy of
                      its own; NULL = of none */
    int ref_count;
} KftEndpoint;

KftEndpoint *kft_endpoint_new(const char *url);
/* A copy that may be changed. */
KftEndpoint *kft_endpoint_copy(const KftEndpoint *self);
KftEndpoint *kft_endpoint_ref(KftEndpoint *self);
void kft_endpoint_unref(KftEndpoint *self);
/* Where the URL leads. embeddable. */
typedef struct {
    char *scheme; /* "http" or "https" */
    char *host;   /* IPv6 without brackets */
    uint16_t port;
} KftEndpointAddress;

/* Takes the URL apart. Errors: BAD_CONFIG (not valid, not http or https, no host). */
bool kft_endpoint_read_address(const KftEndpoint *self,
                               KftEndpointAddress *ret_address,
                               GError **error);
void kft_endpoint_address_clear(KftEndpointAddress *self);
/* Whether a key_file is not a file but the URI of a key on a PKCS#11 token. NULL is allowed. */
bool kft_endpoint_is_token_key(const char *key_file);
/* host[:port] for the Host field and for messages; (transfer full). IPv6 in brackets. */
char *kft_endpoint_dup_authority(const KftEndpoint *self);
/* The path prefix of the URL, "" or "/a/b". (transfer full). */
char *kft_endpoint_dup_prefix(const KftEndpoint *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(KftEndpoint, kft_endpoint_unref)
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(KftEndpointAddress, kft_endpoint_address_clear)

#endif
