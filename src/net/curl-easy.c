/* Translates a KftEndpoint into options of a curl easy handle. Invariants: with any CA given only
 * that set is trusted; a proxy of the environment is chosen here and never by curl; nothing that
 * curl could ask on a terminal stays unanswered. */
#include "net/curl-easy.h"

#include <errno.h>
#include <kftray/error.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "base/fault.h"
#include "base/number.h"
#include "net/loop-priv.h"

/* A dead peer is noticed within half a minute also while nothing is sent: a watch says nothing for
 * minutes, and its connection may have died while the machine slept. */
#define KEEPALIVE_IDLE_S 15L
#define KEEPALIVE_INTERVAL_S 5L
#define KEEPALIVE_PROBES 3

/* What one read from the socket takes in at most; fewer system calls than OpenSSL's default of one
 * for each record's header and one for its body. */
#define TLS_READ_AHEAD_BYTES ((size_t)128 * 1024)
#define REQUEST_BUFFER_BYTES (16L * 1024) /* the least that curl takes */

/* Of a certificate with its chain, or of a key; what is behind is not used. */
#define MAX_PEM_BYTES ((size_t)256 * 1024)
/* Of authorities: those that a distribution trusts are 220 KB. */
#define MAX_AUTHORITIES_BYTES ((size_t)4 * 1024 * 1024)

void kft_curl_easy_set_long(KftCurlEasy *self, CURLoption option, long value)
{
    CURLcode code = KFT_FAULT("curl_easy_setopt") ? CURLE_OUT_OF_MEMORY
                                                  : curl_easy_setopt(self->easy, option, value);
    if (self->setup == CURLE_OK)
        self->setup = code;
}

void kft_curl_easy_set_pointer(KftCurlEasy *self, CURLoption option, const void *value)
{
    CURLcode code = curl_easy_setopt(self->easy, option, value);
    if (self->setup == CURLE_OK)
        self->setup = code;
}

static void set_blob(KftCurlEasy *self, CURLoption option, GBytes *bytes)
{
    gsize size = 0;
    const void *data = g_bytes_get_data(bytes, &size);
    /* Not copied: self keeps the bytes, or the endpoint, which is referenced. */
    struct curl_blob blob = {.len = size, .flags = CURL_BLOB_NOCOPY};
    memcpy(&blob.data, &data, sizeof data);
    kft_curl_easy_set_pointer(self, option, &blob);
}

void kft_curl_easy_add_header(KftCurlEasy *self, const char *header)
{
    struct curl_slist *list = curl_slist_append(self->headers, header);
    if (list == NULL)
        self->setup = CURLE_OUT_OF_MEMORY;
    else
        self->headers = list;
}

static CURLcode on_curl_ssl_context(CURL *easy, void *ssl_context, void *user_data)
{
    KftCurlEasy *self = user_data;
    SSL_CTX *context = ssl_context;
    (void)easy;
    (void)SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE |
                                        SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                        SSL_MODE_RELEASE_BUFFERS);
    /* Nobody needs it, and a server could make the verification run again at any time. */
    (void)SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION);
    /* Fewer system calls for streams, which read until there is no more. Not for requests: curl
     * asks SSL_pending(), which does not see what was read ahead, and would wait for ever. */
    if (self->multi == kft_loop_get_dials(self->multi->loop)) {
        SSL_CTX_set_read_ahead(context, 1);
        SSL_CTX_set_default_read_buffer_len(context, TLS_READ_AHEAD_BYTES);
    }
    if (self->store != NULL)
        SSL_CTX_set1_cert_store(context, self->store);
    kft_tls_note_attach(self->tls_note, context);
    self->n_handshakes++;
    return CURLE_OK;
}

static void free_wiped_bytes(void *data)
{
    explicit_bzero(data, MAX_PEM_BYTES);
    g_free(data);
}

/* @data, else what is in @file; both nullable. *@ret_pem: (transfer full), NULL if there is
 * neither. @is_secret: at most a certificate with its chain, or a key, and wiped when freed; else
 * authorities, which may be many. */
static bool read_pem(GBytes *data,
                     const char *file,
                     const char *what,
                     bool is_secret,
                     GBytes **ret_pem,
                     GError **error)
{
    *ret_pem = data != NULL ? g_bytes_ref(data) : NULL;
    if (data != NULL || file == NULL)
        return true;
    size_t max_bytes = is_secret ? MAX_PEM_BYTES : MAX_AUTHORITIES_BYTES;
    FILE *stream = fopen(file, "re");
    char *text = stream == NULL ? NULL : g_malloc(max_bytes);
    size_t size = stream == NULL ? 0 : fread(text, 1, max_bytes, stream);
    bool is_read = stream != NULL && ferror(stream) == 0;
    if (!is_read)
        g_set_error(error, KFT_ERROR, KFT_ERROR_BAD_CONFIG, "cannot read %s \"%s\": %s", what, file,
                    g_strerror(errno));
    if (stream != NULL)
        (void)fclose(stream);
    if (is_read)
        *ret_pem = is_secret ? g_bytes_new_with_free_func(text, size, free_wiped_bytes, text)
                             : g_bytes_new_take(g_realloc(text, MAX(size, 1)), size);
    else
        g_free(text);
    return is_read;
}

/* As one. @further: nullable. */
static GBytes *join_authorities(GBytes *own, GBytes *further)
{
    GBytes *parts[] = {own, further};
    GByteArray *joined = g_byte_array_new();
    for (size_t i = 0; i < G_N_ELEMENTS(parts); i++) {
        if (parts[i] == NULL)
            continue;
        gsize size = 0;
        const guint8 *data = g_bytes_get_data(parts[i], &size);
        g_byte_array_append(joined, data, (guint)size);
        g_byte_array_append(joined, (const guint8 *)"\n", 1);
    }
    return g_byte_array_free_to_bytes(joined);
}

/* libcurl is left to read the authorities: it verifies the proxy by them and by the system's, the
 * server only by them, and both contexts come to the same callback. */
static void apply_trust_in_curl(KftCurlEasy *self, GBytes *own, GBytes *further, bool has_system)
{
    if (!has_system)
        /* Else the system's folder of certificates would be trusted too. */
        kft_curl_easy_set_pointer(self, CURLOPT_CAPATH, NULL);
    if (own == NULL && further == NULL)
        return;
    self->authorities = join_authorities(own, further);
    set_blob(self, CURLOPT_CAINFO_BLOB, self->authorities);
}

/* The store is ours. For libcurl the authorities are in a folder of the set's name, where it finds
 * nothing; by that name it keeps connections and TLS sessions that were verified by other
 * authorities apart. */
static bool
apply_trust_set(KftCurlEasy *self, GBytes *own, GBytes *further, bool has_system, GError **error)
{
    const KftTrustSet *set =
        kft_trust_get_set(kft_loop_get_trust(self->multi->loop), own, further, has_system);
    if (set == NULL) {
        g_set_error(error, KFT_ERROR, KFT_ERROR_BAD_CONFIG,
                    "the trusted certificates for %s are not usable: not certificates in PEM form",
                    self->authority);
        return false;
    }
    X509_STORE_up_ref(set->store);
    self->store = set->store;
    kft_curl_easy_set_pointer(self, CURLOPT_CAINFO, NULL);
    kft_curl_easy_set_pointer(self, CURLOPT_CAPATH, set->name);
    return true;
}

static bool apply_trust(KftCurlEasy *self, GError **error)
{
    const KftEndpoint *endpoint = self->endpoint;
    const char *bundle = kft_loop_get_network(self->multi->loop)->settings.ca_bundle;
    kft_curl_easy_set_long(self, CURLOPT_SSL_VERIFYPEER, endpoint->is_insecure ? 0 : 1);
    kft_curl_easy_set_long(self, CURLOPT_SSL_VERIFYHOST, endpoint->is_insecure ? 0 : 2);
    kft_curl_easy_set_long(self, CURLOPT_SSLVERSION, CURL_SSLVERSION_TLSv1_2);
    if (endpoint->is_insecure)
        return true;
    g_autoptr(GBytes) own = NULL;
    g_autoptr(GBytes) further = NULL;
    if (!read_pem(endpoint->ca_data, endpoint->ca_file, "the file of trusted certificates",
                  /* is_secret= */ false, &own, error) ||
        !read_pem(NULL, bundle, "the file of additional trusted certificates",
                  /* is_secret= */ false, &further, error))
        return false;
    bool has_tls_proxy =
        self->proxy.url != NULL && g_str_has_prefix(kft_secret_reveal(self->proxy.url), "https:");
    if (!has_tls_proxy)
        return apply_trust_set(self, own, further, /* has_system= */ own == NULL, error);
    apply_trust_in_curl(self, own, further, /* has_system= */ own == NULL);
    return true;
}

/* The URI without its PIN, which the engine would print to stderr with the rest when something is
 * wrong. @ret_pin: to be wiped, nullable. */
static char *split_pin(const char *uri, char **ret_pin)
{
    static const char name[] = "pin-value=";
    const char *query = strchr(uri, '?');
    g_autofree char *path = query == NULL ? g_strdup(uri) : g_strndup(uri, (size_t)(query - uri));
    g_autoptr(GString) rest = g_string_new(NULL);
    const char *at = query;

    while (at != NULL && *at != '\0') {
        const char *word = at + 1;
        size_t length = strcspn(word, "&");
        if (g_str_has_prefix(word, name)) {
            kft_secret_wipe_string(*ret_pin);
            *ret_pin = g_uri_unescape_segment(word + strlen(name), word + length, NULL);
        } else {
            g_string_append_c(rest, rest->len == 0 ? '?' : '&');
            g_string_append_len(rest, word, (gssize)length);
        }
        at = word + length;
    }
    return g_strconcat(path, rest->str, NULL);
}

/* By OpenSSL's engine of that name, of which OpenSSL 3.0 has no counterpart among its providers.
 * The PIN is part of the URI or of the token's own configuration; nobody is asked for it. */
static bool apply_token_key(KftCurlEasy *self, GError **error)
{
    if (curl_easy_setopt(self->easy, CURLOPT_SSLENGINE, "pkcs11") != CURLE_OK) {
        g_set_error(error, KFT_ERROR, KFT_ERROR_BAD_CONFIG,
                    "the client key for %s is on a PKCS#11 token, which needs OpenSSL's engine "
                    "\"pkcs11\": install libengine-pkcs11-openssl (libp11)",
                    self->authority);
        return false;
    }
    kft_curl_easy_set_pointer(self, CURLOPT_SSLKEYTYPE, "ENG");
    char *pin = NULL;
    g_autofree char *uri = split_pin(self->endpoint->key_file, &pin);
    kft_curl_easy_set_pointer(self, CURLOPT_SSLKEY, uri);
    if (pin != NULL)
        kft_curl_easy_set_pointer(self, CURLOPT_KEYPASSWD, pin);
    kft_secret_wipe_string(pin);
    return true;
}

/* Files are handed over by their content: for curl a connection, or a TLS session that it kept, of
 * the same file is one of the same certificate, and one that was renewed would not be used. */
static bool apply_client_certificate(KftCurlEasy *self, GError **error)
{
    const KftEndpoint *endpoint = self->endpoint;
    if (!read_pem(endpoint->cert_data, endpoint->cert_file, "the client certificate",
                  /* is_secret= */ true, &self->cert, error))
        return false;
    bool is_on_token = endpoint->key_data == NULL && kft_endpoint_is_token_key(endpoint->key_file);
    if (self->cert != NULL && !is_on_token &&
        !read_pem(endpoint->key_data, endpoint->key_file, "the client key",
                  /* is_secret= */ true, &self->key, error))
        return false;
    if (self->cert == NULL)
        return true;
    set_blob(self, CURLOPT_SSLCERT_BLOB, self->cert);
    if (self->key != NULL)
        set_blob(self, CURLOPT_SSLKEY_BLOB, self->key);
    /* OpenSSL asks on the terminal for the password of an encrypted key unless one is set. */
    kft_curl_easy_set_pointer(self, CURLOPT_KEYPASSWD, "");
    return !is_on_token || apply_token_key(self, error);
}

/* The first CONNECT goes without a login, and the proxy's 407 says which it takes: a password is
 * not sent in clear to one that knows better. Without a name in the URL there may still be a
 * Kerberos ticket: ":" makes curl use that. It needs a second kind beside, else curl would send the
 * ticket unasked; Digest does no harm without a name. */
static void apply_proxy_login(KftCurlEasy *self)
{
    if (self->proxy.has_login) {
        kft_curl_easy_set_long(self, CURLOPT_PROXYAUTH,
                               (long)(CURLAUTH_BASIC | CURLAUTH_DIGEST | CURLAUTH_NTLM));
        return;
    }
    kft_curl_easy_set_pointer(self, CURLOPT_PROXYUSERPWD, ":");
    kft_curl_easy_set_long(self, CURLOPT_PROXYAUTH, (long)(CURLAUTH_NEGOTIATE | CURLAUTH_DIGEST));
}

static void apply_proxy(KftCurlEasy *self)
{
    const KftEndpoint *endpoint = self->endpoint;
    kft_curl_easy_set_pointer(self, CURLOPT_NOPROXY, "");
    if (self->proxy.url == NULL) {
        kft_curl_easy_set_pointer(self, CURLOPT_PROXY, "");
        return;
    }
    kft_curl_easy_set_pointer(self, CURLOPT_PROXY, kft_secret_reveal(self->proxy.url));
    apply_proxy_login(self);
    kft_curl_easy_set_long(self, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1);
    kft_curl_easy_set_long(self, CURLOPT_PROXY_SSLVERSION, CURL_SSLVERSION_TLSv1_2);
    /* An https proxy may be the cluster's own or a public one: its CA and the system's count. */
    if (self->authorities != NULL)
        set_blob(self, CURLOPT_PROXY_CAINFO_BLOB, self->authorities);
    else if (endpoint->ca_data != NULL)
        set_blob(self, CURLOPT_PROXY_CAINFO_BLOB, endpoint->ca_data);
    else if (endpoint->ca_file != NULL)
        kft_curl_easy_set_pointer(self, CURLOPT_PROXY_CAINFO, endpoint->ca_file);
}

/* curl has no option for this one. */
static int on_curl_socket(void *user_data, curl_socket_t fd, curlsocktype purpose)
{
    int n_probes = KEEPALIVE_PROBES;
    (void)user_data;
    if (purpose == CURLSOCKTYPE_IPCXN)
        (void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &n_probes, sizeof n_probes);
    return CURL_SOCKOPT_OK;
}

static void apply_common(KftCurlEasy *self)
{
    /* Where curl keeps a request's head while it sends it: by default 64 KiB for each. */
    kft_curl_easy_set_long(self, CURLOPT_UPLOAD_BUFFERSIZE, REQUEST_BUFFER_BYTES);
    kft_curl_easy_set_pointer(self, CURLOPT_ERRORBUFFER, self->error_text);
    kft_curl_easy_set_pointer(self, CURLOPT_SHARE, kft_loop_get_share(self->multi->loop));
    kft_curl_easy_set_pointer(self, CURLOPT_USERAGENT, "kftray/" KFT_VERSION);
    kft_curl_easy_set_pointer(self, CURLOPT_PROTOCOLS_STR, "http,https");
    kft_curl_easy_set_long(self, CURLOPT_NOSIGNAL, 1);
    /* Else ending a transfer whose name is being looked up would wait, and the loop with it, until
     * the name server answers or is given up. */
    kft_curl_easy_set_long(self, CURLOPT_QUICK_EXIT, 1);
    kft_curl_easy_set_long(self, CURLOPT_PATH_AS_IS, 1);
    kft_curl_easy_set_long(self, CURLOPT_TCP_NODELAY, 1);
    kft_curl_easy_set_long(self, CURLOPT_TCP_KEEPALIVE, 1);
    kft_curl_easy_set_long(self, CURLOPT_TCP_KEEPIDLE, KEEPALIVE_IDLE_S);
    kft_curl_easy_set_long(self, CURLOPT_TCP_KEEPINTVL, KEEPALIVE_INTERVAL_S);
    /* What is meant for the server never goes to a proxy. */
    kft_curl_easy_set_long(self, CURLOPT_HEADEROPT, CURLHEADER_SEPARATE);
    /* One connection per request in flight: a connection that died unseen, after sleep for
     * instance, takes one request with it and not all that HTTP/2 would have put on it. An upgrade
     * needs HTTP/1.1 anyway, and ALPN must not offer more. */
    kft_curl_easy_set_long(self, CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1);
    kft_curl_easy_set_pointer(self, CURLOPT_SSL_CTX_DATA, self);
    CURLcode code = curl_easy_setopt(self->easy, CURLOPT_SSL_CTX_FUNCTION, on_curl_ssl_context);
    if (code == CURLE_OK)
        code = curl_easy_setopt(self->easy, CURLOPT_SOCKOPTFUNCTION, on_curl_socket);
    if (self->setup == CURLE_OK)
        self->setup = code;
}

/* Address, and the proxy on the way to it. */
static bool apply_url(KftCurlEasy *self, const char *path, GError **error)
{
    const KftEndpoint *endpoint = self->endpoint;
    g_auto(KftEndpointAddress) address = {0};
    g_autofree char *prefix = kft_endpoint_dup_prefix(endpoint);
    if (!kft_endpoint_read_address(endpoint, &address, error))
        return false;
    self->is_https = strcmp(address.scheme, "https") == 0;
    const char *name =
        self->is_https && endpoint->server_name != NULL ? endpoint->server_name : address.host;
    if (name != address.host) {
        /* curl checks the certificate against the URL's host and has no other knob. */
        bool is_ipv6 = strchr(address.host, ':') != NULL;
        g_autofree char *real = g_strdup_printf("::%s%s%s:%u", is_ipv6 ? "[" : "", address.host,
                                                is_ipv6 ? "]" : "", address.port);
        g_autofree char *field = g_strdup_printf("Host: %s", self->authority);
        self->connect_to = curl_slist_append(NULL, real);
        kft_curl_easy_set_pointer(self, CURLOPT_CONNECT_TO, self->connect_to);
        kft_curl_easy_add_header(self, field);
    }
    bool is_ipv6 = strchr(name, ':') != NULL && name[0] != '[';
    g_autofree char *text =
        g_strdup_printf("%s://%s%s%s:%u%s%s", address.scheme, is_ipv6 ? "[" : "", name,
                        is_ipv6 ? "]" : "", address.port, prefix, path);
    kft_curl_easy_set_pointer(self, CURLOPT_URL, text);
    const KftProxyServer server = {address.scheme, address.host, address.port};
    return kft_proxy_choose(endpoint, kft_loop_get_network(self->multi->loop), &server,
                            &self->proxy, error);
}

KftCurlEasy *
kft_curl_easy_new(KftCurlMulti *multi, KftEndpoint *endpoint, const char *path, GError **error)
{
    CURL *easy = KFT_FAULT("curl_easy_init") ? NULL : curl_easy_init();
    if (easy == NULL) {
        g_set_error_literal(error, KFT_ERROR, KFT_ERROR_INTERNAL, "cannot set up a transfer");
        return NULL;
    }
    KftCurlEasy *self = g_new0(KftCurlEasy, 1);
    self->multi = multi;
    self->easy = easy;
    self->endpoint = kft_endpoint_ref(endpoint);
    self->authority = kft_endpoint_dup_authority(endpoint);
    self->tls_note = kft_tls_note_new();
    kft_loop_object_opened(multi->loop);
    apply_common(self);
    if (!apply_url(self, path, error) || !apply_trust(self, error) ||
        !apply_client_certificate(self, error)) {
        kft_curl_easy_free(self);
        return NULL;
    }
    apply_proxy(self);
    return self;
}

bool kft_curl_easy_start(KftCurlEasy *self, KftCurlDoneFunc func, void *user_data, GError **error)
{
    if (self->headers != NULL)
        kft_curl_easy_set_pointer(self, CURLOPT_HTTPHEADER, self->headers);
    if (self->setup != CURLE_OK) {
        g_set_error(error, KFT_ERROR, KFT_ERROR_INTERNAL, "cannot set up a transfer to %s: %s",
                    self->authority, curl_easy_strerror(self->setup));
        return false;
    }
    kft_curl_multi_add(self->multi, self->easy, func, user_data);
    return true;
}

SSL *kft_curl_easy_get_ssl(const KftCurlEasy *self)
{
    struct curl_tlssessioninfo *info = NULL;
    if (!self->is_https || curl_easy_getinfo(self->easy, CURLINFO_TLS_SSL_PTR, &info) != CURLE_OK ||
        info == NULL)
        return NULL;
    return info->internals;
}

void kft_curl_easy_trim(KftCurlEasy *self)
{
    /* curl frees this buffer when its size is set, and at the end of the transfer. */
    (void)curl_easy_setopt(self->easy, CURLOPT_UPLOAD_BUFFERSIZE, REQUEST_BUFFER_BYTES);
    SSL *ssl = kft_curl_easy_get_ssl(self);
    if (ssl == NULL)
        return;
    /* A session ticket makes OpenSSL allocate room for writing, which stays until something is
     * written, RELEASE_BUFFERS or not. */
    if (SSL_has_pending(ssl) == 0)
        (void)SSL_free_buffers(ssl);
}

static void on_deferred_free(void *user_data)
{
    KftCurlEasy *self = user_data;
    curl_slist_free_all(self->headers);
    curl_slist_free_all(self->connect_to);
    kft_proxy_choice_clear(&self->proxy);
    kft_tls_note_unref(self->tls_note);
    g_clear_pointer(&self->cert, g_bytes_unref);
    g_clear_pointer(&self->key, g_bytes_unref);
    g_clear_pointer(&self->authorities, g_bytes_unref);
    X509_STORE_free(self->store);
    kft_endpoint_unref(self->endpoint);
    g_free(self->authority);
    kft_loop_object_closed(self->multi->loop);
    g_free(self);
}

void kft_curl_easy_free(KftCurlEasy *self)
{
    if (self == NULL)
        return;
    kft_curl_multi_drop(self->multi, self->easy);
    if (kft_curl_multi_is_running(self->multi))
        /* curl still uses what its options point to; the drop was deferred before this. */
        (void)kft_loop_defer(self->multi->loop, on_deferred_free, self);
    else
        on_deferred_free(self);
}
