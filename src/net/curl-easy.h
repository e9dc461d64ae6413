#ifndef KFT_NET_CURL_EASY_H
#define KFT_NET_CURL_EASY_H

#include "net/curl-multi.h"
#include "net/endpoint.h"
#include "net/hop.h"
#include "net/proxy-choice.h"
#include "net/tls-note.h"

/* A curl easy handle set up for an endpoint: address, trust, client certificate, proxy, share. For
 * the files of this module; fields are read by curl-error.c, http.c and stream.c. Thread: loop. */
typedef struct {
    KftCurlMulti *multi;
    CURL *easy;
    KftEndpoint *endpoint;
    char *authority; /* host[:port] of the server, for messages */
    bool is_https;
    struct curl_slist *headers;
    struct curl_slist *connect_to;
    GBytes *cert;        /* the client's, PEM; nullable */
    GBytes *key;         /* nullable */
    GBytes *authorities; /* of kubeconfig and bundle, PEM; NULL = the system's */
    X509_STORE *store;   /* where they go, shared with other connections; NULL = one of its own */
    KftProxyChoice proxy;
    KftTlsNote *tls_note;
    unsigned n_handshakes; /* TLS, that of an https proxy included */
    CURLcode setup;        /* the first failure of curl_easy_setopt() */
    KftHop failed_hop;     /* of the last kft_curl_easy_dup_error() */
    char error_text[CURL_ERROR_SIZE];
} KftCurlEasy;

/* @path: appended to the endpoint's URL. Errors: BAD_CONFIG (URL, proxy URL, an unreadable file),
 * INTERNAL. */
KftCurlEasy *
kft_curl_easy_new(KftCurlMulti *multi, KftEndpoint *endpoint, const char *path, GError **error);
/* Drops the transfer, in a later turn if curl runs now. NULL is allowed. */
void kft_curl_easy_free(KftCurlEasy *self);

void kft_curl_easy_set_long(KftCurlEasy *self, CURLoption option, long value);
void kft_curl_easy_set_pointer(KftCurlEasy *self, CURLoption option, const void *value);
void kft_curl_easy_add_header(KftCurlEasy *self, const char *header);
/* Starts the transfer. Returns false if an option was refused. Errors: INTERNAL. */
bool kft_curl_easy_start(KftCurlEasy *self, KftCurlDoneFunc func, void *user_data, GError **error);

/* NULL without TLS, and before it stands. Borrowed from curl. */
SSL *kft_curl_easy_get_ssl(const KftCurlEasy *self);
/* For a connection that will mostly be idle: gives back the memory that only connecting and sending
 * needed. When the connection stands and the request, if any, was sent; also inside curl's
 * callbacks. */
void kft_curl_easy_trim(KftCurlEasy *self);

/* Why a transfer ended with @code (not CURLE_OK): code and one sentence, as http.h documents them.
 * Returns: (transfer full). */
GError *kft_curl_easy_dup_error(KftCurlEasy *self, CURLcode code);

#endif
