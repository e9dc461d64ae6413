/* Why a transfer failed, as a code that says what can be done and one sentence that names the
 * server and the cause. The causes come, best first, from the proxy's answer, from what the
 * verification of the certificate found, from the system's error number, and at last from curl's
 * own text, which is redacted and made one line since parts of it come from the peer. */
#include <errno.h>
#include <kftray/error.h>
#include <string.h>

#include "base/redact.h"
#include "base/text.h"
#include "net/client-pair.h"
#include "net/curl-easy.h"
#include "net/name-lookup.h"

#define MAX_TEXT_CHARS 240

typedef struct {
    KftErrorCode code;
    char *text; /* NULL = not explained */
} Cause;

static long info_long(const KftCurlEasy *self, CURLINFO info)
{
    long value = 0;
    (void)curl_easy_getinfo(self->easy, info, &value);
    return value;
}

static curl_off_t info_time(const KftCurlEasy *self, CURLINFO info)
{
    curl_off_t value = 0;
    (void)curl_easy_getinfo(self->easy, info, &value);
    return value;
}

static bool has_text(const KftCurlEasy *self, const char *part)
{
    return strstr(self->error_text, part) != NULL;
}

/* curl's own words. */
static char *dup_curl_text(const KftCurlEasy *self, CURLcode code)
{
    g_autofree char *redacted =
        kft_redact(self->error_text[0] != '\0' ? self->error_text : curl_easy_strerror(code));
    return kft_one_line(redacted, MAX_TEXT_CHARS);
}

static bool is_proxied(const KftCurlEasy *self)
{
    return self->proxy.name != NULL;
}

/* Whom the TCP connection goes to. */
static const char *next_hop(const KftCurlEasy *self)
{
    return is_proxied(self) ? self->proxy.name : self->authority;
}

static const char *hop_kind(const KftCurlEasy *self)
{
    return is_proxied(self) ? "the proxy " : "";
}

static Cause http_proxy_cause(const KftCurlEasy *self)
{
    long status = info_long(self, CURLINFO_HTTP_CONNECTCODE);
    if (status == 407)
        return (Cause){
            KFT_ERROR_PROXY_AUTH,
            g_strdup_printf("the proxy %s needs authentication, or refused the one in the "
                            "proxy URL (status 407)",
                            self->proxy.name)};
    if (status >= 300)
        return (Cause){KFT_ERROR_REFUSED,
                       g_strdup_printf("the proxy %s refused the connection to %s with status %ld",
                                       self->proxy.name, self->authority, status)};
    return (Cause){0};
}

static Cause socks_cause(const KftCurlEasy *self)
{
    const char *why = NULL;
    switch (info_long(self, CURLINFO_PROXY_ERROR)) {
    case CURLPX_NO_AUTH:
    case CURLPX_USER_REJECTED:
    case CURLPX_UNKNOWN_FAIL:
        return (Cause){
            KFT_ERROR_PROXY_AUTH,
            g_strdup_printf("the SOCKS proxy %s needs authentication, or refused the one in "
                            "the proxy URL",
                            self->proxy.name)};
    case CURLPX_REPLY_NOT_ALLOWED:
        return (Cause){KFT_ERROR_REFUSED,
                       g_strdup_printf("the SOCKS proxy %s does not allow connections to %s",
                                       self->proxy.name, self->authority)};
    case CURLPX_REPLY_CONNECTION_REFUSED:
        why = "connection refused";
        break;
    case CURLPX_REPLY_HOST_UNREACHABLE:
        why = "host unreachable or name not known";
        break;
    case CURLPX_REPLY_NETWORK_UNREACHABLE:
        why = "network unreachable";
        break;
    case CURLPX_REPLY_TTL_EXPIRED:
        why = "timed out";
        break;
    case CURLPX_REPLY_GENERAL_SERVER_FAILURE:
        why = "general failure";
        break;
    default:
        return (Cause){
            KFT_ERROR_PROTOCOL,
            g_strdup_printf("the proxy %s does not speak SOCKS5 as it should", self->proxy.name)};
    }
    return (Cause){KFT_ERROR_UNREACHABLE,
                   g_strdup_printf("the SOCKS proxy %s cannot connect to %s: %s", self->proxy.name,
                                   self->authority, why)};
}

/* Whose certificate failed: "the certificate of [the proxy ]host". */
static char *dup_certificate_owner(const KftCurlEasy *self)
{
    bool is_proxy = info_long(self, CURLINFO_PROXY_SSL_VERIFYRESULT) != 0;
    return g_strdup_printf("the certificate of %s%s", is_proxy ? "the proxy " : "",
                           is_proxy ? self->proxy.name : self->authority);
}

/* With both clocks named: the one that is wrong may be ours. */
static char *dup_expiry_text(const KftTlsNote *note, const char *owner, const char *via)
{
    int64_t now_s = g_get_real_time() / G_USEC_PER_SEC;
    g_autofree char *date = kft_text_dup_date(note->not_after_s);
    g_autofree char *span = kft_text_dup_span(now_s - note->not_after_s);
    return g_strdup_printf("%s%s expired on %s, %s ago by this computer's clock", owner, via, date,
                           span);
}

static char *dup_too_early_text(const KftTlsNote *note, const char *owner, const char *via)
{
    int64_t now_s = g_get_real_time() / G_USEC_PER_SEC;
    g_autofree char *date = kft_text_dup_date(note->not_before_s);
    g_autofree char *now = kft_text_dup_date(now_s);
    g_autofree char *span = kft_text_dup_span(note->not_before_s - now_s);
    return g_strdup_printf("%s%s is not valid before %s, and this computer's clock says %s, %s "
                           "earlier: is it right",
                           owner, via, date, now, span);
}

static char *dup_verify_text(const KftCurlEasy *self, const char *owner)
{
    const KftTlsNote *note = self->tls_note;
    const char *issuer = note->issuer != NULL ? note->issuer : "an unnamed authority";
    g_autofree char *via =
        note->depth == 0 || note->subject == NULL
            ? g_strdup("")
            : g_strdup_printf(", or rather that of its authority \"%s\",", note->subject);
    switch (note->error) {
    case X509_V_ERR_CERT_HAS_EXPIRED:
        return dup_expiry_text(note, owner, via);
    case X509_V_ERR_CERT_NOT_YET_VALID:
        return dup_too_early_text(note, owner, via);
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
        return g_strdup_printf("%s is not trusted: it is self-signed (\"%s\")", owner, issuer);
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    case X509_V_ERR_CERT_SIGNATURE_FAILURE:
        return g_strdup_printf("%s is not trusted: it was issued by \"%s\", which is not among the "
                               "trusted authorities",
                               owner, issuer);
    default:
        return g_strdup_printf("%s%s was refused: %s (issued by \"%s\")", owner, via,
                               X509_verify_cert_error_string(note->error), issuer);
    }
}

static Cause verification_cause(const KftCurlEasy *self, CURLcode code)
{
    const KftTlsNote *note = self->tls_note;
    g_autofree char *owner = dup_certificate_owner(self);
    if (note->error != X509_V_OK)
        return (Cause){KFT_ERROR_AUTH, dup_verify_text(self, owner)};
    if (has_text(self, "subject name") || has_text(self, "does not match")) {
        bool is_named = !is_proxied(self) && self->endpoint->server_name != NULL;
        return (Cause){KFT_ERROR_AUTH,
                       g_strdup_printf("%s is for another name: it is valid for %s%s%s%s", owner,
                                       note->names != NULL ? note->names : "no host at all",
                                       is_named ? ", not for \"" : "",
                                       is_named ? self->endpoint->server_name : "",
                                       is_named ? "\"" : "")};
    }
    g_autofree char *text = dup_curl_text(self, code);
    return (Cause){KFT_ERROR_AUTH, g_strdup_printf("%s was refused: %s", owner, text)};
}

static Cause client_certificate_cause(const KftCurlEasy *self, CURLcode code)
{
    const KftEndpoint *endpoint = self->endpoint;
    g_autofree char *text = dup_curl_text(self, code);
    const char *of = endpoint->cert_data == NULL ? endpoint->cert_file : NULL;
    g_autofree char *name = of == NULL ? g_strdup("") : g_strdup_printf(" \"%s\"", of);
    char *why = NULL;
    switch (kft_client_pair_check(endpoint)) {
    case KFT_CLIENT_PAIR_BAD_CERTIFICATE:
        why = g_strdup_printf("the client certificate%s for %s is not usable: not a certificate in "
                              "PEM form",
                              name, self->authority);
        break;
    case KFT_CLIENT_PAIR_BAD_KEY:
        why = g_strdup_printf("the client key for %s is not usable: not an unencrypted private key "
                              "in PEM form",
                              self->authority);
        break;
    case KFT_CLIENT_PAIR_MISMATCH:
        why = g_strdup_printf("the client key does not belong to the client certificate%s for %s",
                              name, self->authority);
        break;
    case KFT_CLIENT_PAIR_OK:
        if (kft_endpoint_is_token_key(endpoint->key_file)) {
            why = g_strdup_printf("the client key for %s cannot be used from its PKCS#11 token: is "
                                  "the token there, the URI right, and the PIN in it (pin-value or "
                                  "pin-source)",
                                  self->authority);
            break;
        }
        why = g_strdup_printf("the client certificate%s or its key for %s is not usable: %s", name,
                              self->authority, text);
        break;
    }
    return (Cause){KFT_ERROR_BAD_CONFIG, why};
}

/* A TLS alert or a peer that does not speak TLS. */
static Cause tls_cause(const KftCurlEasy *self)
{
    static const char *const certificate_alerts[] = {
        "alert bad certificate",         "alert unknown ca",
        "alert certificate expired",     "alert certificate revoked",
        "alert unsupported certificate", "alert certificate unknown",
        "alert access denied",
    };
    static const char *const no_tls[] = {"wrong version number", "packet length too long",
                                         "http request", "unknown protocol",
                                         "record layer failure"};
    if (has_text(self, "certificate required"))
        return (Cause){KFT_ERROR_AUTH,
                       g_strdup_printf("%s asks for a client certificate", self->authority)};
    for (size_t i = 0; i < G_N_ELEMENTS(certificate_alerts); i++) {
        if (has_text(self, certificate_alerts[i]))
            return (Cause){KFT_ERROR_AUTH, g_strdup_printf("%s refused the client certificate (%s)",
                                                           self->authority, certificate_alerts[i])};
    }
    for (size_t i = 0; i < G_N_ELEMENTS(no_tls); i++) {
        if (has_text(self, no_tls[i]))
            return (Cause){KFT_ERROR_PROTOCOL,
                           g_strdup_printf("%s does not speak TLS on this port", self->authority)};
    }
    return (Cause){0};
}

static Cause connect_cause(const KftCurlEasy *self)
{
    long os_error = info_long(self, CURLINFO_OS_ERRNO);
    /* g_strerror() is text of the system, in its words: "Connection refused". */
    g_autofree char *why = os_error != 0 ? g_ascii_strdown(g_strerror((int)os_error), -1)
                                         : dup_curl_text(self, CURLE_COULDNT_CONNECT);
    return (Cause){KFT_ERROR_UNREACHABLE, g_strdup_printf("cannot connect to %s%s: %s",
                                                          hop_kind(self), next_hop(self), why)};
}

/* Whether the server's own handshake has begun, and not only that of an https proxy. */
static bool has_begun_tls(const KftCurlEasy *self)
{
    bool is_https_proxy =
        is_proxied(self) && g_str_has_prefix(kft_secret_reveal(self->proxy.url), "https:");
    return self->n_handshakes > (is_https_proxy ? 1U : 0U);
}

/* curl's own CONNECT_TIME is no help for telling TCP from TLS: 7.88 sets it when both are done. */
static Cause timeout_cause(const KftCurlEasy *self)
{
    const char *to = self->authority;
    bool is_connected = info_time(self, CURLINFO_CONNECT_TIME_T) != 0;
    char *text = NULL;
    if (info_time(self, CURLINFO_NAMELOOKUP_TIME_T) == 0)
        text = g_strdup_printf("timed out while resolving the name of %s%s", hop_kind(self),
                               next_hop(self));
    else if (self->is_https && has_begun_tls(self) &&
             info_time(self, CURLINFO_APPCONNECT_TIME_T) == 0)
        text = g_strdup_printf("timed out in the TLS handshake with %s", to);
    else if (is_proxied(self) && !is_connected)
        text = g_strdup_printf("timed out while connecting to %s by the proxy %s", to,
                               self->proxy.name);
    else if (!is_connected)
        text = g_strdup_printf("timed out while connecting to %s", to);
    else if (info_time(self, CURLINFO_STARTTRANSFER_TIME_T) == 0)
        text = g_strdup_printf("%s did not answer in time", to);
    else
        text = g_strdup_printf("%s did not finish its answer in time", to);
    return (Cause){KFT_ERROR_TIMEOUT, text};
}

/* The system's error that curl's text names, in its words; NULL if none. CURLINFO_OS_ERRNO is no
 * use here: it may still tell of an earlier address that did not answer. */
static char *dup_system_text(const KftCurlEasy *self)
{
    static const int numbers[] = {ECONNRESET,  EPIPE,        ETIMEDOUT, ECONNABORTED,
                                  ENETUNREACH, EHOSTUNREACH, ENETDOWN};
    /* curl asks for the peer's address when the handshake is done; a reset may have come before. */
    int number = has_text(self, "getpeername()") ? ECONNRESET : 0;
    for (size_t i = 0; i < G_N_ELEMENTS(numbers) && number == 0; i++) {
        if (has_text(self, g_strerror(numbers[i])))
            number = numbers[i];
    }
    return number == 0 ? NULL : g_ascii_strdown(g_strerror(number), -1);
}

static Cause broken_cause(const KftCurlEasy *self, CURLcode code)
{
    Cause cause = tls_cause(self);
    if (cause.text != NULL)
        return cause;
    if (is_proxied(self) && has_text(self, "CONNECT"))
        return (Cause){KFT_ERROR_UNREACHABLE,
                       g_strdup_printf("the proxy %s closed the connection without an answer",
                                       self->proxy.name)};
    g_autofree char *why = dup_system_text(self);
    if (why == NULL)
        why = dup_curl_text(self, code);
    return (Cause){KFT_ERROR_UNREACHABLE,
                   g_strdup_printf("the connection to %s broke: %s", self->authority, why)};
}

static Cause handshake_cause(const KftCurlEasy *self, CURLcode code)
{
    Cause cause = tls_cause(self);
    if (cause.text != NULL)
        return cause;
    g_autofree char *text = dup_curl_text(self, code);
    if (has_text(self, "SSL_ERROR_SYSCALL") || has_text(self, "unexpected eof"))
        return (Cause){
            KFT_ERROR_UNREACHABLE,
            g_strdup_printf("%s closed the connection in the TLS handshake", self->authority)};
    return (Cause){KFT_ERROR_PROTOCOL,
                   g_strdup_printf("the TLS handshake with %s failed: %s", self->authority, text)};
}

static Cause other_cause(const KftCurlEasy *self, CURLcode code)
{
    g_autofree char *text = dup_curl_text(self, code);
    switch (code) {
    case CURLE_URL_MALFORMAT:
    case CURLE_UNSUPPORTED_PROTOCOL:
        if (info_time(self, CURLINFO_CONNECT_TIME_T) == 0)
            return (Cause){
                KFT_ERROR_BAD_CONFIG,
                g_strdup_printf("the server URL of %s is not usable: %s", self->authority, text)};
        return (Cause){KFT_ERROR_PROTOCOL,
                       g_strdup_printf("%s did not answer with HTTP", self->authority)};
    case CURLE_WEIRD_SERVER_REPLY:
        return (Cause){KFT_ERROR_PROTOCOL,
                       g_strdup_printf("%s did not answer with HTTP", self->authority)};
    case CURLE_GOT_NOTHING:
        return (Cause){
            KFT_ERROR_UNREACHABLE,
            g_strdup_printf("%s closed the connection without an answer", self->authority)};
    case CURLE_PARTIAL_FILE:
        return (Cause){KFT_ERROR_UNREACHABLE,
                       g_strdup_printf("%s closed the connection in the middle of its answer",
                                       self->authority)};
    case CURLE_FAILED_INIT:
    case CURLE_OUT_OF_MEMORY:
    case CURLE_BAD_FUNCTION_ARGUMENT:
        return (Cause){
            KFT_ERROR_INTERNAL,
            g_strdup_printf("the transfer to %s could not be set up: %s", self->authority, text)};
    default:
        return (Cause){KFT_ERROR_PROTOCOL,
                       g_strdup_printf("the exchange with %s failed: %s", self->authority, text)};
    }
}

/* A name that nobody knows mostly is one of a VPN. */
static Cause name_cause(const KftCurlEasy *self)
{
    g_autofree char *host = g_strndup(next_hop(self), strcspn(next_hop(self), ":"));
    g_autofree char *resolver = kft_name_lookup_dup_resolver(host);
    g_autofree char *vpns = kft_name_lookup_dup_vpns();

    return (Cause){KFT_ERROR_UNREACHABLE,
                   g_strdup_printf("the name of %s%s cannot be resolved: asked was %s, and %s%s",
                                   hop_kind(self), next_hop(self), resolver,
                                   vpns == NULL ? "no VPN is connected" : "this VPN is up: ",
                                   vpns == NULL ? "" : vpns)};
}

static Cause cause_of(const KftCurlEasy *self, CURLcode code)
{
    Cause cause = is_proxied(self) ? http_proxy_cause(self) : (Cause){0};
    if (cause.text != NULL)
        return cause;
    switch (code) {
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_RESOLVE_PROXY:
        return name_cause(self);
    case CURLE_COULDNT_CONNECT:
        return connect_cause(self);
    case CURLE_PROXY:
        return socks_cause(self);
    case CURLE_OPERATION_TIMEDOUT:
        return timeout_cause(self);
    case CURLE_PEER_FAILED_VERIFICATION:
        return verification_cause(self, code);
    case CURLE_SSL_CERTPROBLEM:
        return client_certificate_cause(self, code);
    case CURLE_SSL_CACERT_BADFILE:
        return (Cause){KFT_ERROR_BAD_CONFIG,
                       g_strdup_printf("the trusted certificates for %s are not usable: not "
                                       "certificates in PEM form",
                                       self->authority)};
    case CURLE_SSL_CONNECT_ERROR:
        return handshake_cause(self, code);
    case CURLE_RECV_ERROR:
    case CURLE_SEND_ERROR:
        return broken_cause(self, code);
    default:
        return other_cause(self, code);
    }
}

static bool is_about_client_certificate(const KftCurlEasy *self)
{
    Cause cause = tls_cause(self);
    g_free(cause.text);
    return cause.code == KFT_ERROR_AUTH && cause.text != NULL;
}

/* Where a transfer got to that curl ended with @code. */
static KftHop hop_of(const KftCurlEasy *self, CURLcode code)
{
    if (is_proxied(self) && (info_long(self, CURLINFO_HTTP_CONNECTCODE) >= 300 ||
                             info_long(self, CURLINFO_PROXY_SSL_VERIFYRESULT) != 0))
        return KFT_HOP_PROXY;
    if (is_about_client_certificate(self))
        return KFT_HOP_CLIENT_CERTIFICATE;
    switch (code) {
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_RESOLVE_PROXY:
        return KFT_HOP_NAME;
    case CURLE_COULDNT_CONNECT:
        return KFT_HOP_TCP;
    case CURLE_PROXY:
        return KFT_HOP_PROXY;
    case CURLE_SSL_CERTPROBLEM:
        return KFT_HOP_CLIENT_CERTIFICATE;
    default:
        break;
    }
    if (info_time(self, CURLINFO_NAMELOOKUP_TIME_T) == 0)
        return KFT_HOP_NAME;
    if (self->is_https && info_time(self, CURLINFO_APPCONNECT_TIME_T) == 0)
        return has_begun_tls(self) ? KFT_HOP_TLS : is_proxied(self) ? KFT_HOP_PROXY : KFT_HOP_TCP;
    return KFT_HOP_SERVER;
}

static bool is_refused_by_proxy(const KftCurlEasy *self, CURLcode code)
{
    if (!is_proxied(self))
        return false;
    if (info_long(self, CURLINFO_HTTP_CONNECTCODE) == 407)
        return true;
    long reason = code == CURLE_PROXY ? info_long(self, CURLINFO_PROXY_ERROR) : CURLPX_OK;
    return reason == CURLPX_NO_AUTH || reason == CURLPX_USER_REJECTED;
}

GError *kft_curl_easy_dup_error(KftCurlEasy *self, CURLcode code)
{
    Cause cause = cause_of(self, code);
    self->failed_hop = hop_of(self, code);
    if (is_refused_by_proxy(self, code))
        kft_network_want_login(kft_loop_get_network(self->multi->loop), self->proxy.name,
                               self->proxy.user, self->proxy.login_serial, self->proxy.has_login);
    GError *error = g_error_new_literal(KFT_ERROR, (gint)cause.code, cause.text);
    g_free(cause.text);
    return error;
}
