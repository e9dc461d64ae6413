/* The relay of a forward that needs one: it is deployed as the forward would do it, looked at, and
 * deleted when the diagnosis is over (docs/relay.md). */
#include "diagnose/relay-steps.h"

#include <kftray/error.h>
#include <string.h>

#include "base/redact.h"
#include "diagnose/advice.h"
#include "kube/api-path.h"

/* Of the relay's log: the newest lines. */
#define LOG_LINES "20"
#define MAX_LOG_BYTES 16384
#define MAX_QUOTE_CHARS 200

const char *kft_diagnosis_get_relay_namespace(const KftDiagnosis *self)
{
    return self->has_gateway ? KFT_RELAY_GATEWAY_NAMESPACE : self->namespace_;
}

/* --- its log --- */

static void on_log_body(const uint8_t *data, size_t size, void *user_data)
{
    KftDiagnosis *self = user_data;

    g_string_append_len(self->log, (const char *)data, (gssize)size);
    if (self->log->len > MAX_LOG_BYTES)
        (void)g_string_erase(self->log, 0, (gssize)(self->log->len - MAX_LOG_BYTES));
}

static void on_log_done(const KftHttpResponse *response, const GError *error, void *user_data)
{
    KftDiagnosis *self = user_data;
    (void)response;
    if (error != NULL)
        g_string_truncate(self->log, 0);
    self->on_log(self);
}

void kft_diagnose_read_log(KftDiagnosis *self, const KftPod *pod, void (*on_log)(KftDiagnosis *))
{
    g_autofree char *path =
        kft_api_path_build("/api/v1/namespaces", pod->namespace_, "pods", pod->name, "log", NULL);
    g_autofree char *query = g_strdup_printf("%s?tailLines=" LOG_LINES, path);
    const KftApiRequest request = {
        .path = query, .timeout_ms = 5000, .what = "read the relay's log"};

    g_string_truncate(self->log, 0);
    self->on_log = on_log;
    kft_api_call_free(self->log_call);
    self->log_call = kft_cluster_request(self->cluster, &request, on_log_body, on_log_done, self);
}

char *kft_diagnose_dup_log_line(const KftDiagnosis *self, const char *phrase)
{
    g_auto(GStrv) lines = g_strsplit(self->log->str, "\n", -1);
    for (guint i = g_strv_length(lines); i > 0; i--) {
        const char *line = lines[i - 1];
        if (line[0] != '\0' && strstr(line, phrase) != NULL)
            return kft_one_line(line, MAX_QUOTE_CHARS);
    }
    return NULL;
}

/* --- deployed and ready --- */

static void set_relay_command(KftDiagnosis *self, const char *pod)
{
    g_autofree char *space = kft_diagnose_quote(kft_diagnosis_get_relay_namespace(self));
    if (pod != NULL)
        kft_diagnosis_set_kubectl(self, KFT_DIAGNOSE_STEP_RELAY, "-n %s describe pod %s", space,
                                  pod);
    else
        kft_diagnosis_set_kubectl(self, KFT_DIAGNOSE_STEP_RELAY, "-n %s get pods -l %s", space,
                                  self->has_gateway ? KFT_RELAY_GATEWAY_SELECTOR
                                                    : KFT_RELAY_LABEL_RELAY);
}

/* Waiting for these is of no use. */
static bool is_hopeless(const char *reason)
{
    static const char *const signs[] = {"ImagePullBackOff", "InvalidImageName", "CrashLoopBackOff",
                                        "CreateContainerConfigError"};
    for (size_t i = 0; i < G_N_ELEMENTS(signs); i++) {
        if (reason != NULL && strstr(reason, signs[i]) != NULL)
            return true;
    }
    return false;
}

static void fail_with_log(KftDiagnosis *self)
{
    g_autofree char *line = kft_diagnose_dup_log_line(self, "");

    if (!kft_diagnosis_is_running(self, KFT_DIAGNOSE_STEP_RELAY))
        return;
    kft_diagnosis_fail(
        self, KFT_DIAGNOSE_STEP_RELAY,
        line == NULL ? g_strdup(self->relay_waiting)
                     : g_strdup_printf("%s; its log ends with: %s", self->relay_waiting, line),
        NULL);
}

static void take_ready_relay(KftDiagnosis *self, const KftResolution *resolution)
{
    const KftCandidate *best = &resolution->candidates[0];
    const KftRelaySpec *spec = self->options->relay;

    self->pod = kft_pod_ref(best->pod);
    self->port = best->ports[0];
    set_relay_command(self, self->pod->name);
    if (self->has_gateway)
        kft_diagnosis_pass(self, KFT_DIAGNOSE_STEP_RELAY,
                           g_strdup_printf("the shared gateway: pod \"%s\" in namespace \"%s\" is "
                                           "ready (%zu usable of %zu)",
                                           self->pod->name, self->pod->namespace_,
                                           resolution->n_candidates, resolution->n_pods));
    else
        kft_diagnosis_pass(
            self, KFT_DIAGNOSE_STEP_RELAY,
            g_strdup_printf("deployed for this diagnosis: pod \"%s\" is ready, image %s",
                            self->pod->name, kft_relay_home_get_image(spec->home)));
    kft_diagnose_begin_policies(self);
}

static void on_relay_pods(const KftResolution *resolution, void *user_data)
{
    KftDiagnosis *self = user_data;

    if (!kft_diagnosis_is_running(self, KFT_DIAGNOSE_STEP_RELAY))
        return;
    if (!kft_relay_observe(self->relay, resolution->pods, resolution->n_pods)) {
        kft_diagnosis_fail(self, KFT_DIAGNOSE_STEP_RELAY,
                           g_strdup("the relay's pod was deleted, or ended at once"), NULL);
        return;
    }
    if (resolution->n_candidates > 0 && resolution->candidates[0].pod->is_ready) {
        take_ready_relay(self, resolution);
        return;
    }
    g_free(self->relay_waiting);
    self->relay_waiting = resolution->n_candidates > 0
                              ? g_strdup_printf("pod \"%s\" runs but is not ready",
                                                resolution->candidates[0].pod->name)
                              : g_strdup(resolution->waiting_reason);
    if (is_hopeless(self->relay_waiting) && resolution->n_pods > 0 && self->log_call == NULL) {
        set_relay_command(self, resolution->pods[0]->name);
        kft_diagnose_read_log(self, resolution->pods[0], fail_with_log);
    }
}

static void on_relay_error(const GError *error, bool is_final, void *user_data)
{
    KftDiagnosis *self = user_data;
    if (is_final && kft_diagnosis_is_running(self, KFT_DIAGNOSE_STEP_RELAY))
        kft_diagnosis_fail(self, KFT_DIAGNOSE_STEP_RELAY, g_strdup(error->message), NULL);
}

static void on_progress(const char *text, void *user_data)
{
    KftDiagnosis *self = user_data;
    g_free(self->relay_waiting);
    self->relay_waiting = g_strdup(text);
}

static void on_deployed(const KftRelayPlace *place, void *user_data)
{
    static const KftResolverFuncs funcs = {.on_change = on_relay_pods, .on_error = on_relay_error};
    KftDiagnosis *self = user_data;
    const KftForwardOptions *options = self->options;

    if (!kft_diagnosis_is_running(self, KFT_DIAGNOSE_STEP_RELAY))
        return;
    self->has_gateway = place->via_host != NULL;
    g_free(self->via_host);
    self->via_host = g_strdup(place->via_host);
    kft_resolver_free(self->relay_resolver);
    self->relay_resolver = kft_resolver_new(self->cluster, place->target, place->namespace_,
                                            options->ports, options->n_ports, &funcs, self);
}

static void on_failed(const GError *error, void *user_data)
{
    KftDiagnosis *self = user_data;
    if (kft_diagnosis_is_running(self, KFT_DIAGNOSE_STEP_RELAY))
        kft_diagnosis_fail(self, KFT_DIAGNOSE_STEP_RELAY, g_strdup(error->message), NULL);
}

static void on_removed(void *user_data)
{
    kft_diagnosis_relay_removed(user_data);
}

void kft_diagnose_relay(KftDiagnosis *self)
{
    static const KftRelayFuncs funcs = {
        .on_progress = on_progress,
        .on_deployed = on_deployed,
        .on_failed = on_failed,
        .on_removed = on_removed,
    };
    const KftRelaySpec *spec = self->options->relay;

    if (spec == NULL) {
        kft_diagnosis_skip(self, KFT_DIAGNOSE_STEP_RELAY,
                           g_strdup("not needed: a TCP forward to a pod goes through the API "
                                    "server"));
        return;
    }
    set_relay_command(self, NULL);
    self->relay = kft_relay_new(self->cluster, spec, self->namespace_, &funcs, self);
    kft_relay_deploy(self->relay);
}

char *kft_diagnose_relay_limit(KftDiagnosis *self, const KftDiagnoseAdvice **ret_advice)
{
    char *text = self->relay_waiting != NULL
                     ? g_strdup_printf("the relay is not ready yet: %s", self->relay_waiting)
                     : NULL;
    if (text != NULL)
        *ret_advice = kft_diagnose_advice(KFT_DIAGNOSE_STEP_RELAY, text);
    return text;
}
