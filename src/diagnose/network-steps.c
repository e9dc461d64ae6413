/* The way to the server: proxy, name, TCP, TLS. One dial serves two steps: what a proxy says, and
 * what the server's certificate is. */
#include <string.h>

#include "base/text.h"
#include "diagnose/advice.h"
#include "diagnose/diagnosis-priv.h"

static bool is_proxied(const KftDiagnosis *self)
{
    return self->proxy.name != NULL;
}

static bool is_https(const KftDiagnosis *self)
{
    return strcmp(self->address.scheme, "https") == 0;
}

/* --- proxy --- */

void kft_diagnose_proxy(KftDiagnosis *self)
{
    g_autoptr(GError) error = NULL;
    const KftProxyServer server = {self->address.scheme, self->address.host, self->address.port};

    kft_diagnosis_set_command(self, KFT_DIAGNOSE_STEP_PROXY, "env | grep -i -o '^[a-z]*_proxy='");
    if (!kft_proxy_choose(self->endpoint, kft_loop_get_network(self->loop), &server, &self->proxy,
                          &error)) {
        kft_diagnosis_fail(self, KFT_DIAGNOSE_STEP_PROXY, g_strdup(error->message), NULL);
        return;
    }
    self->hop_host = is_proxied(self) ? self->proxy.host : self->address.host;
    self->hop_port = is_proxied(self) ? self->proxy.port : self->address.port;
    kft_diagnosis_pass(self, KFT_DIAGNOSE_STEP_PROXY,
                       is_proxied(self)
                           ? g_strdup_printf("%s%s: %s", self->proxy.name,
                                             self->proxy.has_login ? " with a user name" : "",
                                             self->proxy.reason)
                           : g_strdup_printf("none: %s", self->proxy.reason));
}

/* --- name --- */

static bool is_numeric(const char *host)
{
    struct in6_addr out;
    return uv_inet_pton(AF_INET, host, &out) == 0 || uv_inet_pton(AF_INET6, host, &out) == 0;
}

static char *dup_address_text(const struct sockaddr_storage *address)
{
    char text[INET6_ADDRSTRLEN] = "";
    if (address->ss_family == AF_INET)
        (void)uv_ip4_name((const struct sockaddr_in *)address, text, sizeof text);
    else
        (void)uv_ip6_name((const struct sockaddr_in6 *)address, text, sizeof text);
    return g_strdup(text);
}

static char *dup_name_text(const KftDiagnosis *self)
{
    const char *whose = is_proxied(self) ? "the proxy's name " : "";
    g_autoptr(GString) text = g_string_new(NULL);
    if (is_numeric(self->hop_host))
        return g_strdup_printf("%s%s is an address: nothing to look up",
                               is_proxied(self) ? "the proxy's " : "", self->hop_host);
    g_autofree char *resolver = kft_name_lookup_dup_resolver(self->hop_host);
    for (size_t i = 0; i < self->n_addresses; i++) {
        g_autofree char *address = dup_address_text(&self->addresses[i]);
        g_string_append_printf(text, "%s%s", i == 0 ? "" : ", ", address);
    }
    return g_strdup_printf("%s\"%s\" is %s, by %s", whose, self->hop_host, text->str, resolver);
}

/* A VPN that is not connected is the most likely cause by far, and one that is, the next. */
static const KftDiagnoseAdvice *name_advice(const KftDiagnosis *self, bool has_vpn)
{
    static const KftDiagnoseAdvice of_vpn[] = {
        ADVICE("The VPN's name server was not asked or does not know the name: see \"resolvectl "
               "status\" or /etc/resolv.conf. Else correct the server address in the kubeconfig"),
        ADVICE("The VPN's name server was not asked or does not know the name: see \"resolvectl "
               "status\" or /etc/resolv.conf. Else correct the proxy's URL"),
    };
    static const KftDiagnoseAdvice without[] = {
        ADVICE("No VPN is connected on this computer: if the name is one of a private network, "
               "connect its VPN, whose name server knows it. Else correct the server address in "
               "the kubeconfig"),
        ADVICE("No VPN is connected on this computer: if the name is one of a private network, "
               "connect its VPN, whose name server knows it. Else correct the proxy's URL"),
    };
    return has_vpn ? &of_vpn[is_proxied(self)] : &without[is_proxied(self)];
}

static void on_lookup_done(const struct sockaddr_storage *addresses,
                           size_t n_addresses,
                           const GError *error,
                           void *user_data)
{
    KftDiagnosis *self = user_data;

    if (!kft_diagnosis_is_running(self, KFT_DIAGNOSE_STEP_NAME))
        return;
    if (error != NULL) {
        g_autofree char *vpns = kft_name_lookup_dup_vpns();
        kft_diagnosis_fail(self, KFT_DIAGNOSE_STEP_NAME,
                           g_strdup_printf("%s%s%s%s%s", is_proxied(self) ? "the proxy: " : "",
                                           error->message, vpns != NULL ? ". A VPN is up (" : "",
                                           vpns != NULL ? vpns : "", vpns != NULL ? ")" : ""),
                           name_advice(self, vpns != NULL));
        return;
    }
    self->addresses = g_memdup2(addresses, n_addresses * sizeof *addresses);
    self->n_addresses = n_addresses;
    kft_diagnosis_pass(self, KFT_DIAGNOSE_STEP_NAME, dup_name_text(self));
}

void kft_diagnose_name(KftDiagnosis *self)
{
    g_autofree char *quoted = kft_diagnose_quote(self->hop_host);
    kft_diagnosis_set_command(self, KFT_DIAGNOSE_STEP_NAME, "getent ahosts %s", quoted);
    self->lookup =
        kft_name_lookup_start(self->loop, self->hop_host, self->hop_port, on_lookup_done, self);
}

/* --- TCP --- */

static char *dup_status_text(const KftTcpProbeResult *result)
{
    if (result->status == UV_ECANCELED)
        return g_strdup_printf("%s does not answer", result->address);
    return g_strdup_printf("%s: %s", result->address, uv_strerror(result->status));
}

/* All but @except, an index; one past the end for none. */
static void
append_others(GString *text, const KftTcpProbeResult *results, size_t n_results, size_t except)
{
    bool is_first = true;
    for (size_t i = 0; i < n_results; i++) {
        if (i == except || results[i].status == 0)
            continue;
        g_autofree char *one = dup_status_text(&results[i]);
        g_string_append_printf(text, "%s%s", is_first ? "" : ", ", one);
        is_first = false;
    }
}

static const KftDiagnoseAdvice *tcp_advice(const KftDiagnosis *self, int status)
{
    static const KftDiagnoseAdvice no_proxy =
        ADVICE("No proxy listens there: correct the proxy's URL, or start the proxy");
    static const KftDiagnoseAdvice nothing_here =
        ADVICE("Nothing listens on this port of this computer: start the cluster (minikube, kind, "
               "k3d, \"kubectl proxy\", an SSH tunnel) or fetch its kubeconfig anew, the port "
               "changes with each one");
    static const KftDiagnoseAdvice nothing_there =
        ADVICE("The host is up but nothing listens on this port: the API server is down, or the "
               "server address in the kubeconfig has the wrong port");
    static const KftDiagnoseAdvice no_way =
        ADVICE("There is no way to this network: connect the VPN, or look at this computer's "
               "routes");
    static const KftDiagnoseAdvice silence =
        ADVICE("Nothing comes back: a firewall drops the packets, the VPN is not connected, or "
               "the address is an old one");
    bool is_here = strcmp(self->hop_host, "localhost") == 0 ||
                   g_str_has_prefix(self->hop_host, "127.") || strcmp(self->hop_host, "::1") == 0;

    if (status == UV_ECONNREFUSED)
        return is_proxied(self) ? &no_proxy : is_here ? &nothing_here : &nothing_there;
    return status == UV_ENETUNREACH || status == UV_EHOSTUNREACH ? &no_way : &silence;
}

static void on_probe_done(const KftTcpProbeResult *results, size_t n_results, void *user_data)
{
    KftDiagnosis *self = user_data;
    g_autoptr(GString) text = g_string_new(NULL);

    if (!kft_diagnosis_is_running(self, KFT_DIAGNOSE_STEP_TCP))
        return;
    for (size_t i = 0; i < n_results; i++) {
        if (results[i].status != 0)
            continue;
        append_others(text, results, n_results, i);
        kft_diagnosis_pass(self, KFT_DIAGNOSE_STEP_TCP,
                           g_strdup_printf("%s%s answers%s%s%s",
                                           is_proxied(self) ? "the proxy " : "", results[i].address,
                                           text->len > 0 ? " (" : "", text->str,
                                           text->len > 0 ? ")" : ""));
        return;
    }
    append_others(text, results, n_results, n_results);
    kft_diagnosis_fail(self, KFT_DIAGNOSE_STEP_TCP,
                       g_strdup_printf("no connection to %s: %s",
                                       is_proxied(self) ? "the proxy" : "the server", text->str),
                       tcp_advice(self, results[0].status));
}

void kft_diagnose_tcp(KftDiagnosis *self)
{
    g_autofree char *quoted = kft_diagnose_quote(self->hop_host);
    kft_diagnosis_set_command(self, KFT_DIAGNOSE_STEP_TCP, "nc -vz %s %u", quoted, self->hop_port);
    self->probe =
        kft_tcp_probe_start(self->loop, self->addresses, self->n_addresses, on_probe_done, self);
}

char *kft_diagnose_tcp_limit(KftDiagnosis *self, const KftDiagnoseAdvice **ret_advice)
{
    size_t n_results = 0;
    const KftTcpProbeResult *results = kft_tcp_probe_get_results(self->probe, &n_results);
    g_autoptr(GString) text = g_string_new(NULL);

    append_others(text, results, n_results, n_results);
    *ret_advice = tcp_advice(self, UV_ETIMEDOUT);
    return g_strdup_printf("no connection to %s: %s", is_proxied(self) ? "the proxy" : "the server",
                           text->str);
}

/* --- proxy's word and TLS --- */

/* Curl's URL form of the proxy, without its login. */
static char *dup_proxy_option(const KftDiagnosis *self)
{
    g_autofree char *scheme = g_uri_parse_scheme(kft_secret_reveal(self->proxy.url));
    g_autofree char *url = g_strdup_printf("%s://%s", scheme, self->proxy.name);
    g_autofree char *quoted = kft_diagnose_quote(url);
    return g_strdup_printf(" -x %s%s", quoted, self->proxy.has_login ? " -U USER" : "");
}

static void set_dial_command(KftDiagnosis *self, KftDiagnoseStep step)
{
    g_autofree char *proxy = is_proxied(self) ? dup_proxy_option(self) : g_strdup("");
    g_autofree char *url = g_strdup_printf("%s/version", self->endpoint->url);
    g_autofree char *quoted = kft_diagnose_quote(url);
    kft_diagnosis_set_command(self, step, "curl -vk%s %s", proxy, quoted);
}

static void judge_connect(KftDiagnosis *self)
{
    bool is_proxys = self->dial_error != NULL &&
                     (self->failed_hop == KFT_HOP_PROXY || self->failed_hop == KFT_HOP_TCP ||
                      self->failed_hop == KFT_HOP_NAME);
    if (is_proxys)
        kft_diagnosis_fail(self, KFT_DIAGNOSE_STEP_CONNECT, g_strdup(self->dial_error->message),
                           NULL);
    else
        kft_diagnosis_pass(self, KFT_DIAGNOSE_STEP_CONNECT,
                           g_strdup_printf("the proxy %s connects to %s:%u", self->proxy.name,
                                           self->address.host, self->address.port));
}

static void judge_tls(KftDiagnosis *self)
{
    /* One that is asked for is shown by the requests; this is about the server's. */
    bool is_ours = self->failed_hop == KFT_HOP_CLIENT_CERTIFICATE;
    if (self->dial_error != NULL && !is_ours) {
        kft_diagnosis_fail(self, KFT_DIAGNOSE_STEP_TLS, g_strdup(self->dial_error->message), NULL);
        return;
    }
    if (!is_https(self)) {
        kft_diagnosis_skip(self, KFT_DIAGNOSE_STEP_TLS,
                           g_strdup("the server's URL is http: nothing is encrypted or checked"));
        return;
    }
    if (!self->has_tls) {
        kft_diagnosis_pass(self, KFT_DIAGNOSE_STEP_TLS,
                           g_strdup("the server asks for a client certificate"));
        return;
    }
    g_autofree char *until = kft_text_dup_date(self->tls.not_after_s);
    kft_diagnosis_pass(
        self, KFT_DIAGNOSE_STEP_TLS,
        g_strdup_printf("%s, certificate \"%s\" issued by \"%s\", ends on %s%s", self->tls.version,
                        self->tls.subject, self->tls.issuer, until,
                        self->endpoint->is_insecure
                            ? "; insecure-skip-tls-verify is set, so nobody checked it"
                            : ""));
}

static void on_dial_done(KftStream *stream, const GError *error, void *user_data)
{
    KftDiagnosis *self = user_data;

    self->is_dialled = true;
    if (error != NULL) {
        self->dial_error = g_error_copy(error);
        self->failed_hop = kft_dial_get_failed_hop(self->dial);
    } else {
        self->has_tls = kft_stream_get_tls(stream, &self->tls);
        kft_stream_free(stream);
    }
    if (kft_diagnosis_is_running(self, KFT_DIAGNOSE_STEP_CONNECT))
        judge_connect(self);
    if (kft_diagnosis_is_running(self, KFT_DIAGNOSE_STEP_TLS))
        judge_tls(self);
}

/* Without the client certificate: whether that is any good is another step's. */
static void start_dial(KftDiagnosis *self)
{
    g_autoptr(KftEndpoint) bare = kft_endpoint_copy(self->endpoint);
    g_clear_pointer(&bare->cert_file, g_free);
    g_clear_pointer(&bare->key_file, g_free);
    g_clear_pointer(&bare->cert_data, g_bytes_unref);
    g_clear_pointer(&bare->key_data, g_bytes_unref);
    self->dial = kft_dial_start(self->loop, bare, /* timeout_ms */ 7000, on_dial_done, self);
}

void kft_diagnose_connect(KftDiagnosis *self)
{
    if (!is_proxied(self)) {
        kft_diagnosis_skip(self, KFT_DIAGNOSE_STEP_CONNECT, g_strdup("there is no proxy"));
        return;
    }
    set_dial_command(self, KFT_DIAGNOSE_STEP_CONNECT);
    start_dial(self);
}

void kft_diagnose_tls(KftDiagnosis *self)
{
    set_dial_command(self, KFT_DIAGNOSE_STEP_TLS);
    if (self->is_dialled)
        judge_tls(self);
    else if (self->dial == NULL)
        start_dial(self);
}
