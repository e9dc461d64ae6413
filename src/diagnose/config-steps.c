/* What is decided on this computer: the kubeconfig, the credential, the local port. */
#include <string.h>

#include "base/text.h"
#include "diagnose/advice.h"
#include "diagnose/diagnosis-priv.h"
#include "forward/bindings.h"
#include "net/client-pair.h"

/* --- kubeconfig --- */

void kft_diagnose_kubeconfig(KftDiagnosis *self)
{
    g_autoptr(GError) error = NULL;

    kft_diagnosis_set_kubectl(self, KFT_DIAGNOSE_STEP_KUBECONFIG, "config view");
    self->config = kft_kubeconfig_load(self->file, &error);
    if (self->config == NULL) {
        kft_diagnosis_fail(self, KFT_DIAGNOSE_STEP_KUBECONFIG, g_strdup(error->message), NULL);
        return;
    }
    const char *const *files = kft_kubeconfig_get_files(self->config);
    g_autofree const char **contexts = kft_kubeconfig_list_contexts(self->config);
    g_autoptr(GString) list = g_string_new(NULL);
    for (size_t i = 0; files[i] != NULL; i++)
        g_string_append_printf(list, "%s%s", i == 0 ? "" : ", ", files[i]);
    size_t n_contexts = 0;
    while (contexts[n_contexts] != NULL)
        n_contexts++;
    kft_diagnosis_pass(self, KFT_DIAGNOSE_STEP_KUBECONFIG,
                       g_strdup_printf("%s, %zu context%s",
                                       list->len > 0 ? list->str : "that of the service account",
                                       n_contexts, n_contexts == 1 ? "" : "s"));
}

/* --- context --- */

void kft_diagnose_context(KftDiagnosis *self)
{
    g_autoptr(GError) error = NULL;

    kft_diagnosis_set_kubectl(self, KFT_DIAGNOSE_STEP_CONTEXT, "config get-contexts");
    bool is_complete =
        kft_kubeconfig_select(self->config, self->context_name, &self->context, &error);
    if (is_complete) {
        self->endpoint = kft_auth_new_endpoint(&self->context);
        is_complete = kft_endpoint_read_address(self->endpoint, &self->address, &error);
    }
    if (!is_complete) {
        kft_diagnosis_fail(self, KFT_DIAGNOSE_STEP_CONTEXT, g_strdup(error->message), NULL);
        return;
    }
    self->cluster = kft_cluster_new(self->loop, self->config, &self->context);
    self->namespace_ = g_strdup(self->options->namespace_ != NULL ? self->options->namespace_
                                                                  : self->context.namespace_);
    const char *user = self->context.user->name;
    kft_diagnosis_pass(self, KFT_DIAGNOSE_STEP_CONTEXT,
                       g_strdup_printf("\"%s\": server %s, user %s%s%s, namespace \"%s\"",
                                       self->context.name, self->endpoint->url,
                                       user != NULL ? "\"" : "", user != NULL ? user : "none",
                                       user != NULL ? "\"" : "", self->namespace_));
}

/* --- credential --- */

/* What kind of credential the user has, in the order in which one counts. */
static char *dup_kind(const KftKubeUser *user, bool is_https)
{
    bool has_certificate = user->cert_file != NULL || user->cert_data != NULL;
    if (!is_https)
        return g_strdup("none is sent to a server without TLS");
    if (user->token_file != NULL)
        return g_strdup_printf("the token in %s", user->token_file);
    if (user->token != NULL)
        return g_strdup("the token in the kubeconfig");
    if (user->username != NULL || user->password != NULL)
        return g_strdup("user name and password");
    if (user->exec != NULL && !has_certificate)
        return g_strdup_printf("from the plugin %s", user->exec->command);
    if (user->oidc != NULL)
        return g_strdup("an OpenID Connect token");
    if (has_certificate)
        return g_strdup("a client certificate");
    return g_strdup("the user has none: requests are anonymous");
}

static const KftDiagnoseAdvice no_use =
    ADVICE("Fetch the kubeconfig anew from whoever runs the cluster");
static const KftDiagnoseAdvice expired =
    ADVICE("Fetch a fresh kubeconfig; for kubeadm, \"kubeadm certs renew admin.conf\" on the "
           "control plane makes one");
static const KftDiagnoseAdvice too_early = ADVICE("Set this computer's clock right");
static const KftDiagnoseAdvice ended = ADVICE("Get a new token, or check this computer's clock");

/* Fails the step if the client certificate is of no use; else adds to @text when it ends. */
static bool check_certificate(KftDiagnosis *self, GString *text)
{
    int64_t not_before_s = 0;
    int64_t not_after_s = 0;
    const KftEndpoint *endpoint = self->auth->endpoint;
    if (endpoint->cert_data == NULL && endpoint->cert_file == NULL)
        return true;
    static const char *const faults[] = {
        [KFT_CLIENT_PAIR_BAD_CERTIFICATE] = "the client certificate cannot be read as PEM",
        [KFT_CLIENT_PAIR_BAD_KEY] = "the key of the client certificate cannot be read, or is "
                                    "encrypted",
        [KFT_CLIENT_PAIR_MISMATCH] = "the key does not belong to the client certificate",
    };
    KftClientPair pair = kft_client_pair_check(endpoint);
    if (pair != KFT_CLIENT_PAIR_OK) {
        kft_diagnosis_fail(self, KFT_DIAGNOSE_STEP_CREDENTIAL, g_strdup(faults[pair]), &no_use);
        return false;
    }
    (void)kft_client_pair_get_validity(endpoint, &not_before_s, &not_after_s);
    int64_t now_s = g_get_real_time() / G_USEC_PER_SEC;
    g_autofree char *from = kft_text_dup_date(not_before_s);
    g_autofree char *until = kft_text_dup_date(not_after_s);
    if (not_after_s != 0 && now_s >= not_after_s) {
        kft_diagnosis_fail(
            self, KFT_DIAGNOSE_STEP_CREDENTIAL,
            g_strdup_printf("the client certificate in the kubeconfig expired on %s", until),
            &expired);
        return false;
    }
    if (now_s < not_before_s) {
        kft_diagnosis_fail(self, KFT_DIAGNOSE_STEP_CREDENTIAL,
                           g_strdup_printf("the client certificate is not valid before %s", from),
                           &too_early);
        return false;
    }
    g_string_append_printf(text, ", a certificate that ends on %s", until);
    return true;
}

static void judge_credential(KftDiagnosis *self)
{
    bool is_https = strcmp(self->address.scheme, "https") == 0;
    g_autofree char *kind = dup_kind(self->context.user, is_https);
    g_autoptr(GString) text = g_string_new(kind);
    int64_t expires_s = self->auth->expires_s;
    int64_t now_s = g_get_real_time() / G_USEC_PER_SEC;

    if (expires_s != INT64_MAX && is_https) {
        g_autofree char *date = kft_text_dup_date(expires_s);
        g_autofree char *span = kft_text_dup_span(expires_s - now_s);
        if (expires_s <= now_s) {
            kft_diagnosis_fail(self, KFT_DIAGNOSE_STEP_CREDENTIAL,
                               g_strdup_printf("%s ended on %s, %s ago", kind, date, span), &ended);
            return;
        }
        g_string_append_printf(text, ", ends in %s", span);
    }
    if (!check_certificate(self, text))
        return;
    kft_diagnosis_pass(self, KFT_DIAGNOSE_STEP_CREDENTIAL, g_strdup(text->str));
}

static void on_credential(KftAuth *auth, const GError *error, void *user_data)
{
    KftDiagnosis *self = user_data;

    self->credential_request = NULL;
    if (!kft_diagnosis_is_running(self, KFT_DIAGNOSE_STEP_CREDENTIAL))
        return;
    if (error != NULL) {
        kft_diagnosis_fail(self, KFT_DIAGNOSE_STEP_CREDENTIAL, g_strdup(error->message), NULL);
        return;
    }
    self->auth = kft_auth_ref(auth);
    judge_credential(self);
}

void kft_diagnose_credential(KftDiagnosis *self)
{
    kft_diagnosis_set_kubectl(self, KFT_DIAGNOSE_STEP_CREDENTIAL, "auth whoami");
    self->credential_request =
        kft_credential_get(kft_cluster_get_credential(self->cluster), on_credential, self);
}

/* --- local port --- */

typedef struct {
    GString *open;  /* addresses */
    GString *taken; /* what was said about others */
} Bound;

static void on_binding_listening(size_t port_index, const char *address, void *user_data)
{
    Bound *bound = user_data;
    (void)port_index;
    g_string_append_printf(bound->open, "%s%s", bound->open->len == 0 ? "" : ", ", address);
}

static void on_binding_notice(const char *text, void *user_data)
{
    Bound *bound = user_data;
    g_string_append_printf(bound->taken, "%s%s", bound->taken->len == 0 ? "" : "; ", text);
}

/* Nobody could know the port in the moment that it is open. */
static void on_binding_connection(size_t port_index, KftSocket *socket, void *user_data)
{
    (void)port_index;
    (void)user_data;
    kft_socket_abort(socket);
}

/* The local ports (uint16_t) that are known without the cluster; a name alone means the number of
 * the target's port, which is not. */
static GArray *list_local_ports(const KftForwardOptions *options)
{
    GArray *ports = g_array_new(FALSE, FALSE, sizeof(uint16_t));
    for (size_t i = 0; i < options->n_ports; i++) {
        if (!options->port_is_local_from_remote[i])
            g_array_append_val(ports, options->ports[i].local);
    }
    return ports;
}

static void bind_local_ports(KftDiagnosis *self, const uint16_t *ports, size_t n_ports)
{
    static const KftBindingsFuncs funcs = {
        .on_listening = on_binding_listening,
        .on_notice = on_binding_notice,
        .on_connection = on_binding_connection,
    };
    g_autoptr(GString) open = g_string_new(NULL);
    g_autoptr(GString) taken = g_string_new(NULL);
    Bound bound = {.open = open, .taken = taken};
    g_autoptr(GError) error = NULL;
    const KftBindingsOptions options = {
        .protocol = self->options->protocol,
        .addresses = (const char *const *)self->options->addresses,
        .ports = ports,
        .n_ports = n_ports,
    };
    KftBindings *bindings = kft_bindings_new(self->loop, &options, &funcs, &bound, &error);
    kft_bindings_free(bindings);
    /* A forward would be content with one of the two loopback addresses, but who connects to the
     * other one reaches somebody else's program. */
    if (error != NULL || taken->len > 0) {
        kft_diagnosis_fail(self, KFT_DIAGNOSE_STEP_LOCAL,
                           g_strdup(error != NULL ? error->message : taken->str), NULL);
        return;
    }
    bool is_any = n_ports == 1 && ports[0] == 0;
    kft_diagnosis_pass(self, KFT_DIAGNOSE_STEP_LOCAL,
                       is_any ? g_strdup("any free port will do")
                              : g_strdup_printf("free: %s", open->str));
}

void kft_diagnose_local(KftDiagnosis *self)
{
    const KftForwardOptions *options = self->options;
    g_autoptr(GArray) list = list_local_ports(options);
    const uint16_t *ports = (const uint16_t *)(const void *)list->data;

    if (list->len == 0) {
        kft_diagnosis_skip(self, KFT_DIAGNOSE_STEP_LOCAL,
                           g_strdup(options->n_ports == 0
                                        ? "no port was given"
                                        : "the local port is the number of the target's port"));
        return;
    }
    if (ports[0] != 0)
        kft_diagnosis_set_command(self, KFT_DIAGNOSE_STEP_LOCAL, "ss -ltnp sport = :%u", ports[0]);
    bind_local_ports(self, ports, list->len);
}
