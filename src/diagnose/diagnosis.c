/* The ladder itself: which step builds on which, when one may begin, how long it may take. A step
 * is over once, by one of the three ends below; its own callbacks look whether it still runs.
 * Whatever hangs, the limit of all steps ends the diagnosis. */
#include <stdarg.h>
#include <string.h>

#include "base/redact.h"
#include "diagnose/advice.h"
#include "diagnose/diagnosis-priv.h"
#include "diagnose/relay-steps.h"

/* Steps before this one, as a set. */
#define ON(step) (1U << KFT_DIAGNOSE_STEP_##step)

/* How long the deletion of the relay is waited for at the end. */
#define FAREWELL_MS 1500

typedef struct {
    uint32_t builds_on;
    uint32_t after;    /* comes after these, whatever became of them */
    uint32_t limit_ms; /* 0 = it ends at once */
    void (*run)(KftDiagnosis *self);
    /* nullable */
    char *(*dup_limit_text)(KftDiagnosis *self, const KftDiagnoseAdvice **ret_advice);
    const KftDiagnoseAdvice *limit_advice;
} Rung;

static const KftDiagnoseAdvice credential_late =
    ADVICE("A credential plugin that takes so long mostly waits for a login in the browser or for "
           "the network: run it once by hand in a terminal");
static const KftDiagnoseAdvice name_late =
    ADVICE("The name server does not answer: the network is down, or the name server is one of a "
           "VPN that is not connected");
static const KftDiagnoseAdvice connect_late =
    ADVICE("The proxy takes the connection but does not get through to the server, or does not "
           "speak the protocol of its URL");
static const KftDiagnoseAdvice tls_late =
    ADVICE("The host takes the connection but does not go on: a load balancer without a server "
           "behind it, or a firewall that drops TLS");
static const KftDiagnoseAdvice api_late =
    ADVICE("The API server is overloaded or waits for its own store (etcd)");
static const KftDiagnoseAdvice port_late =
    ADVICE("The node does not carry the connection into the pod: its kubelet or container runtime "
           "hangs");

static const Rung ladder[KFT_DIAGNOSE_N_STEPS] = {
    [KFT_DIAGNOSE_STEP_KUBECONFIG] = {0, 0, 0, kft_diagnose_kubeconfig, NULL, NULL},
    [KFT_DIAGNOSE_STEP_CONTEXT] = {ON(KUBECONFIG), 0, 0, kft_diagnose_context, NULL, NULL},
    [KFT_DIAGNOSE_STEP_CREDENTIAL] = {ON(CONTEXT), 0, 15000, kft_diagnose_credential, NULL,
                                      &credential_late},
    [KFT_DIAGNOSE_STEP_PROXY] = {ON(CONTEXT), 0, 0, kft_diagnose_proxy, NULL, NULL},
    [KFT_DIAGNOSE_STEP_NAME] = {ON(PROXY), 0, 6000, kft_diagnose_name, NULL, &name_late},
    [KFT_DIAGNOSE_STEP_TCP] = {ON(NAME), 0, 6000, kft_diagnose_tcp, kft_diagnose_tcp_limit, NULL},
    [KFT_DIAGNOSE_STEP_CONNECT] = {ON(TCP), 0, 8000, kft_diagnose_connect, NULL, &connect_late},
    [KFT_DIAGNOSE_STEP_TLS] = {ON(CONNECT), 0, 8000, kft_diagnose_tls, NULL, &tls_late},
    [KFT_DIAGNOSE_STEP_API] = {ON(TLS) | ON(CREDENTIAL), 0, 8000, kft_diagnose_api, NULL,
                               &api_late},
    [KFT_DIAGNOSE_STEP_IDENTITY] = {ON(API), 0, 6000, kft_diagnose_identity, NULL, NULL},
    [KFT_DIAGNOSE_STEP_RIGHTS] = {ON(IDENTITY), 0, 6000, kft_diagnose_rights, NULL, NULL},
    [KFT_DIAGNOSE_STEP_NAMESPACE] = {ON(IDENTITY), 0, 6000, kft_diagnose_namespace, NULL, NULL},
    [KFT_DIAGNOSE_STEP_TARGET] = {ON(RIGHTS) | ON(NAMESPACE), 0, 8000, kft_diagnose_target, NULL,
                                  NULL},
    [KFT_DIAGNOSE_STEP_RELAY] = {ON(TARGET), 0, 13000, kft_diagnose_relay, kft_diagnose_relay_limit,
                                 NULL},
    [KFT_DIAGNOSE_STEP_UPGRADE] = {ON(TARGET) | ON(RELAY), 0, 9000, kft_diagnose_upgrade,
                                   kft_diagnose_upgrade_limit, NULL},
    [KFT_DIAGNOSE_STEP_PORT] = {ON(UPGRADE), 0, 6000, kft_diagnose_port, NULL, &port_late},
    [KFT_DIAGNOSE_STEP_REACH] = {ON(PORT), 0, 13000, kft_diagnose_reach, kft_diagnose_reach_limit,
                                 NULL},
    [KFT_DIAGNOSE_STEP_POLICIES] = {ON(RELAY), ON(REACH), 0, kft_diagnose_policies, NULL, NULL},
    [KFT_DIAGNOSE_STEP_BYTES] = {ON(REACH), 0, 6000, kft_diagnose_bytes, NULL, NULL},
    [KFT_DIAGNOSE_STEP_LOCAL] = {0, 0, 0, kft_diagnose_local, NULL, NULL},
};

/* What a limit's timer points to. */
typedef struct {
    KftDiagnosis *owner;
    KftDiagnoseStep step;
} Limit;

static void on_advance(void *user_data);

static void schedule_advance(KftDiagnosis *self)
{
    if (self->advance == NULL)
        self->advance = kft_loop_defer(self->loop, on_advance, self);
}

bool kft_diagnosis_is_running(const KftDiagnosis *self, KftDiagnoseStep step)
{
    return self->results[step].state == KFT_DIAGNOSE_STATE_RUNNING;
}

/* The only place where a step ends. @text: (transfer full). */
static void end_step(KftDiagnosis *self,
                     KftDiagnoseStep step,
                     KftDiagnoseState state,
                     char *text,
                     const KftDiagnoseAdvice *advice)
{
    KftDiagnoseResult *result = &self->results[step];
    g_autofree char *hidden = kft_diagnose_hide_home(text);
    g_autofree char *redacted = kft_redact(hidden);
    bool was_running = result->state == KFT_DIAGNOSE_STATE_RUNNING;

    g_assert(was_running || result->state == KFT_DIAGNOSE_STATE_WAITING);
    if (self->limits[step] != NULL)
        kft_timer_stop(self->limits[step]);
    uv_update_time(kft_loop_get_uv(self->loop));
    result->duration_ms =
        was_running ? (uint32_t)(kft_loop_now_ms(self->loop) - self->started_ms[step]) : 0;
    result->state = state;
    result->text = kft_one_line(redacted, 1000);
    result->advice = advice;
    g_free(text);
    self->funcs.on_step(result, self->user_data);
    schedule_advance(self);
}

void kft_diagnosis_pass(KftDiagnosis *self, KftDiagnoseStep step, char *text)
{
    end_step(self, step, KFT_DIAGNOSE_STATE_OK, text, NULL);
}

void kft_diagnosis_fail(KftDiagnosis *self,
                        KftDiagnoseStep step,
                        char *text,
                        const KftDiagnoseAdvice *advice)
{
    self->is_blocking[step] = true;
    end_step(self, step, KFT_DIAGNOSE_STATE_FAILED, text,
             advice != NULL ? advice : kft_diagnose_advice(step, text));
}

void kft_diagnosis_skip(KftDiagnosis *self, KftDiagnoseStep step, char *text)
{
    end_step(self, step, KFT_DIAGNOSE_STATE_SKIPPED, text, NULL);
}

void kft_diagnosis_block(KftDiagnosis *self, KftDiagnoseStep step, char *text)
{
    self->is_blocking[step] = true;
    end_step(self, step, KFT_DIAGNOSE_STATE_SKIPPED, text, NULL);
}

char *kft_diagnose_quote(const char *word)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                "-_./:@=,+";
    bool is_plain = word[0] != '\0' && word[strspn(word, plain)] == '\0';
    return is_plain ? g_strdup(word) : g_shell_quote(word);
}

static void set_command(KftDiagnosis *self, KftDiagnoseStep step, char *command)
{
    g_free(self->results[step].command);
    self->results[step].command = command;
}

void kft_diagnosis_set_command(KftDiagnosis *self, KftDiagnoseStep step, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    set_command(self, step, g_strdup_vprintf(format, args));
    va_end(args);
}

void kft_diagnosis_set_kubectl(KftDiagnosis *self, KftDiagnoseStep step, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    g_autofree char *rest = g_strdup_vprintf(format, args);
    va_end(args);
    GString *out = g_string_new("kubectl");
    if (self->file != NULL) {
        g_autofree char *quoted = kft_diagnose_quote(self->file);
        g_string_append_printf(out, " --kubeconfig %s", quoted);
    }
    if (self->context_name != NULL) {
        g_autofree char *quoted = kft_diagnose_quote(self->context_name);
        g_string_append_printf(out, " --context %s", quoted);
    }
    g_string_append_printf(out, " %s", rest);
    set_command(self, step, g_string_free(out, FALSE));
}

/* --- going on --- */

static bool is_settled(const KftDiagnosis *self, KftDiagnoseStep step)
{
    KftDiagnoseState state = self->results[step].state;
    return state != KFT_DIAGNOSE_STATE_WAITING && state != KFT_DIAGNOSE_STATE_RUNNING;
}

/* The step may have found enough to end in another way. */
static void time_out(KftDiagnosis *self, KftDiagnoseStep step)
{
    const Rung *rung = &ladder[step];
    const KftDiagnoseAdvice *advice = NULL;
    g_autofree char *text = NULL;
    uint64_t waited_ms = kft_loop_now_ms(self->loop) - self->started_ms[step];

    if (rung->dup_limit_text != NULL)
        text = rung->dup_limit_text(self, &advice);
    if (is_settled(self, step))
        return;
    if (text == NULL)
        text = g_strdup_printf("no answer within %u s", (unsigned)(waited_ms + 500) / 1000);
    kft_diagnosis_fail(self, step, g_steal_pointer(&text),
                       advice != NULL ? advice : rung->limit_advice);
}

static void on_limit(void *user_data)
{
    const Limit *limit = user_data;
    time_out(limit->owner, limit->step);
}

static void begin_step(KftDiagnosis *self, KftDiagnoseStep step)
{
    KftDiagnoseResult *result = &self->results[step];
    const Rung *rung = &ladder[step];

    result->state = KFT_DIAGNOSE_STATE_RUNNING;
    self->started_ms[step] = kft_loop_now_ms(self->loop);
    self->funcs.on_step(result, self->user_data);
    if (rung->limit_ms > 0)
        kft_timer_start(self->limits[step], rung->limit_ms);
    rung->run(self);
}

/* A step that nothing can build on; N_STEPS if there is none. */
static KftDiagnoseStep find_blocker(const KftDiagnosis *self, uint32_t builds_on)
{
    for (unsigned i = 0; i < KFT_DIAGNOSE_N_STEPS; i++) {
        if ((builds_on & (1U << i)) != 0 && self->is_blocking[i])
            return (KftDiagnoseStep)i;
    }
    return KFT_DIAGNOSE_N_STEPS;
}

static bool are_settled(const KftDiagnosis *self, uint32_t steps)
{
    for (unsigned i = 0; i < KFT_DIAGNOSE_N_STEPS; i++) {
        if ((steps & (1U << i)) != 0 && !is_settled(self, (KftDiagnoseStep)i))
            return false;
    }
    return true;
}

/* The one that failed, where one was only skipped for it. */
static void skip_blocked(KftDiagnosis *self, KftDiagnoseStep step, KftDiagnoseStep blocker)
{
    while (self->results[blocker].state != KFT_DIAGNOSE_STATE_FAILED) {
        KftDiagnoseStep earlier = find_blocker(self, ladder[blocker].builds_on);
        if (earlier == KFT_DIAGNOSE_N_STEPS)
            break;
        blocker = earlier;
    }
    self->is_blocking[step] = true;
    self->results[step].blocker = blocker;
    kft_diagnosis_skip(
        self, step,
        g_strdup_printf("not tried, as \"%s\" failed", kft_diagnose_step_name(blocker)));
}

static void finish(KftDiagnosis *self)
{
    bool is_ok = true;
    for (unsigned i = 0; i < KFT_DIAGNOSE_N_STEPS; i++)
        is_ok = is_ok && self->results[i].state != KFT_DIAGNOSE_STATE_FAILED;
    g_autofree char *report = kft_diagnosis_dup_report(self, is_ok);
    g_autofree char *json = kft_diagnosis_dup_json(self, is_ok);
    self->is_over = true;
    kft_timer_stop(self->limit);
    kft_timer_stop(self->farewell);
    self->funcs.on_done(is_ok, report, json, self->user_data);
}

void kft_diagnosis_relay_removed(KftDiagnosis *self)
{
    if (self->is_finishing && !self->is_over)
        finish(self);
}

/* What could not be deleted is in the journal, and ends by itself. */
static void on_farewell(void *user_data)
{
    kft_diagnosis_relay_removed(user_data);
}

static void begin_finish(KftDiagnosis *self)
{
    if (self->is_finishing)
        return;
    self->is_finishing = true;
    if (self->relay == NULL) {
        finish(self);
        return;
    }
    /* Watches would see it go. */
    g_clear_pointer(&self->relay_resolver, kft_resolver_free);
    kft_timer_start(self->farewell, FAREWELL_MS);
    kft_relay_remove(self->relay);
}

static void on_advance(void *user_data)
{
    KftDiagnosis *self = user_data;

    self->advance = NULL;
    for (unsigned i = 0; i < KFT_DIAGNOSE_N_STEPS; i++) {
        KftDiagnoseStep step = (KftDiagnoseStep)i;
        if (self->results[step].state != KFT_DIAGNOSE_STATE_WAITING)
            continue;
        KftDiagnoseStep blocker = find_blocker(self, ladder[step].builds_on);
        if (blocker != KFT_DIAGNOSE_N_STEPS)
            skip_blocked(self, step, blocker);
        else if (are_settled(self, ladder[step].builds_on | ladder[step].after))
            begin_step(self, step);
    }
    if (are_settled(self, (1U << KFT_DIAGNOSE_N_STEPS) - 1))
        begin_finish(self);
}

static void skip_rest(KftDiagnosis *self, const char *why)
{
    for (unsigned i = 0; i < KFT_DIAGNOSE_N_STEPS; i++) {
        KftDiagnoseStep step = (KftDiagnoseStep)i;
        if (!is_settled(self, step))
            kft_diagnosis_block(self, step, g_strdup(why));
    }
}

static void on_limit_of_all(void *user_data)
{
    KftDiagnosis *self = user_data;

    for (unsigned i = 0; i < KFT_DIAGNOSE_N_STEPS; i++) {
        KftDiagnoseStep step = (KftDiagnoseStep)i;
        if (kft_diagnosis_is_running(self, step))
            time_out(self, step);
    }
    skip_rest(self, "not tried, as the time was up");
}

bool kft_diagnosis_stop(KftDiagnosis *self)
{
    if (self->relay == NULL)
        return false;
    skip_rest(self, "stopped");
    return true;
}

/* --- life --- */

KftDiagnosis *kft_diagnosis_new(KftLoop *loop,
                                const KftDiagnosisSpec *spec,
                                const KftDiagnosisFuncs *funcs,
                                void *user_data)
{
    KftDiagnosis *self = g_new0(KftDiagnosis, 1);

    self->loop = loop;
    self->funcs = *funcs;
    self->user_data = user_data;
    self->file = g_strdup(spec->kubeconfig);
    self->context_name = g_strdup(spec->context);
    self->options = spec->options;
    self->answer = g_string_new(NULL);
    self->begun_ms = kft_loop_now_ms(loop);
    self->begun_s = g_get_real_time() / G_USEC_PER_SEC;
    for (unsigned i = 0; i < KFT_DIAGNOSE_N_STEPS; i++) {
        self->results[i].step = (KftDiagnoseStep)i;
        self->results[i].blocker = KFT_DIAGNOSE_N_STEPS;
        if (ladder[i].limit_ms == 0)
            continue;
        Limit *limit = g_new0(Limit, 1);
        *limit = (Limit){.owner = self, .step = (KftDiagnoseStep)i};
        self->limit_data[i] = limit;
        self->limits[i] = kft_timer_new(loop, on_limit, limit);
    }
    self->limit = kft_timer_new(loop, on_limit_of_all, self);
    self->farewell = kft_timer_new(loop, on_farewell, self);
    self->log = g_string_new(NULL);
    kft_timer_start(self->limit, KFT_DIAGNOSE_LIMIT_MS);
    schedule_advance(self);
    return self;
}

/* From the pod to the kubeconfig: what is freed later may be used by what is freed before. */
static void free_relay_findings(KftDiagnosis *self)
{
    for (size_t i = 0; i < KFT_DIAGNOSE_N_LOOKS; i++) {
        kft_api_call_free(self->looks[i].call);
        kft_json_put(self->looks[i].json);
        g_free(self->looks[i].failure);
    }
    g_free(self->denial);
    g_free(self->doubt);
    g_free(self->consent);
    g_free(self->unjudged);
    kft_timer_free(self->patience);
    kft_timer_free(self->log_retry);
    kft_api_call_free(self->log_call);
    (void)g_string_free(self->log, TRUE);
    kft_resolver_free(self->relay_resolver);
    kft_relay_free(self->relay);
    kft_timer_free(self->farewell);
    g_free(self->relay_waiting);
    g_free(self->via_host);
    kft_api_call_free(self->gateway_call);
    kft_api_call_free(self->service_call);
    kft_json_put(self->service);
    kft_pod_unref(self->target_pod);
}

static void free_findings(KftDiagnosis *self)
{
    kft_pair_free(self->pair);
    kft_tunnel_free(self->tunnel);
    kft_timer_free(self->silence);
    free_relay_findings(self);
    for (size_t i = 0; i < KFT_DIAGNOSE_N_CARRIERS; i++) {
        kft_negotiation_free(self->tries[i].negotiation);
        g_free(self->tries[i].failure);
    }
    kft_pod_unref(self->pod);
    kft_resolver_free(self->resolver);
    for (size_t i = 0; i < self->n_reviews; i++)
        kft_api_call_free(self->reviews[i].call);
    g_free(self->review_failure);
    kft_api_call_free(self->namespace_call);
    kft_api_call_free(self->identity_call);
    kft_api_call_free(self->api_call);
    kft_dial_free(self->dial);
    kft_stream_tls_clear(&self->tls);
    g_clear_error(&self->dial_error);
    kft_tcp_probe_free(self->probe);
    kft_name_lookup_free(self->lookup);
    g_free(self->addresses);
    kft_proxy_choice_clear(&self->proxy);
    if (self->credential_request != NULL)
        kft_credential_request_cancel(self->credential_request);
    kft_auth_unref(self->auth);
    kft_endpoint_address_clear(&self->address);
    kft_endpoint_unref(self->endpoint);
    kft_cluster_unref(self->cluster);
    kft_kubeconfig_unref(self->config);
}

void kft_diagnosis_free(KftDiagnosis *self)
{
    if (self == NULL)
        return;
    if (self->advance != NULL)
        kft_deferred_cancel(self->advance);
    kft_timer_free(self->limit);
    free_findings(self);
    for (unsigned i = 0; i < KFT_DIAGNOSE_N_STEPS; i++) {
        kft_timer_free(self->limits[i]);
        g_free(self->limit_data[i]);
        kft_diagnose_result_clear(&self->results[i]);
    }
    (void)g_string_free(self->answer, TRUE);
    g_free(self->end_text);
    kft_forward_options_free(self->options);
    g_free(self->namespace_);
    g_free(self->context_name);
    g_free(self->file);
    g_free(self);
}
