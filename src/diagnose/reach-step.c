/* From the relay to its target. The relay connects when somebody connects to it, and cuts that
 * connection if it gets nowhere; why, is in its log. So the target is spoken to through the relay,
 * and whoever is silent for longer than the relay would try counts as reached. */
#include <string.h>

#include "base/redact.h"
#include "diagnose/relay-steps.h"

/* CONNECT_TIMEOUT of the relay (docs/relay.md) and the way there. */
#define PATIENCE_MS 10600
/* A policy that forbids it needs no long proof. */
#define DENIED_PATIENCE_MS 3000
/* A datagram is on its way for less. */
#define UDP_PATIENCE_MS 3000
/* Log lines reach the node's file in a moment. */
#define LOG_RETRY_MS 300
#define MAX_LOG_TRIES 4

/* What the relay says in its log of a connection that got nowhere (src/server/metrics.h). */
typedef struct {
    const char *result;
    const char *text; /* %s: the target */
} Failure;

static const Failure failures[] = {
    {"result=not-found", "the relay cannot resolve the name of %s"},
    {"result=refused", "%s refuses the relay's connection"},
    {"result=unreachable", "there is no way from the relay to %s"},
    {"result=timeout", "%s does not answer the relay"},
    {"result=denied", "the relay's rules do not allow %s"},
    {"result=failed", "the relay could not connect to %s"},
};

static char *dup_target(const KftDiagnosis *self)
{
    return kft_relay_spec_describe(self->options->relay);
}

static bool is_udp(const KftDiagnosis *self)
{
    return self->options->protocol == KFT_PROTOCOL_UDP;
}

/* --- the verdict, with that on the policies --- */

static void fail_reach(KftDiagnosis *self)
{
    g_autofree char *target = dup_target(self);
    const Failure *failure = NULL;
    g_autofree char *line = NULL;

    for (size_t i = 0; i < G_N_ELEMENTS(failures) && line == NULL; i++) {
        failure = &failures[i];
        line = kft_diagnose_dup_log_line(self, failure->result);
    }
    if (line == NULL) {
        kft_diagnosis_fail(
            self, KFT_DIAGNOSE_STEP_REACH,
            g_strdup_printf("the relay does not get through to %s: %s", target,
                            self->end_text != NULL ? self->end_text : "it closed the connection"),
            NULL);
        return;
    }
    GString *text = g_string_new(failure->text);
    (void)g_string_replace(text, "%s", target, 1);
    g_string_append_printf(text, "; its log says: %s", line);
    kft_diagnosis_fail(self, KFT_DIAGNOSE_STEP_REACH, g_string_free(text, FALSE), NULL);
}

static void judge(KftDiagnosis *self)
{
    g_autofree char *target = dup_target(self);
    bool is_settled = self->reach == KFT_DIAGNOSE_REACH_GOOD ||
                      self->reach == KFT_DIAGNOSE_REACH_BAD ||
                      self->reach == KFT_DIAGNOSE_REACH_SILENT;

    if (!is_settled || !self->are_policies_judged)
        return;
    kft_timer_stop(self->patience);
    if (self->reach == KFT_DIAGNOSE_REACH_GOOD)
        kft_diagnosis_pass(self, KFT_DIAGNOSE_STEP_REACH,
                           g_strdup_printf("the relay is connected to %s", target));
    else if (self->denial != NULL)
        kft_diagnosis_block(
            self, KFT_DIAGNOSE_STEP_REACH,
            g_strdup_printf("nothing comes from %s; \"policies\" says why", target));
    else if (self->reach == KFT_DIAGNOSE_REACH_BAD)
        fail_reach(self);
    else
        kft_diagnosis_skip(self, KFT_DIAGNOSE_STEP_REACH,
                           g_strdup_printf("the relay sent a datagram to %s and was not told that "
                                           "nobody is there; no answer came, as most give none to "
                                           "what they do not understand",
                                           target));
}

static void settle(KftDiagnosis *self, KftDiagnoseReach reach)
{
    self->reach = reach;
    judge(self);
}

void kft_diagnose_reach_judged(KftDiagnosis *self)
{
    if (!kft_diagnosis_is_running(self, KFT_DIAGNOSE_STEP_REACH))
        return;
    if (self->denial != NULL && self->reach == KFT_DIAGNOSE_REACH_ASKED)
        kft_timer_start(self->patience, DENIED_PATIENCE_MS);
    judge(self);
}

/* --- a connection that ended --- */

static bool says_why(const KftDiagnosis *self)
{
    g_autofree char *line = kft_diagnose_dup_log_line(self, "result=");
    return line != NULL;
}

static bool says_that_it_failed(const KftDiagnosis *self)
{
    for (size_t i = 0; i < G_N_ELEMENTS(failures); i++) {
        g_autofree char *line = kft_diagnose_dup_log_line(self, failures[i].result);
        if (line != NULL)
            return true;
    }
    return false;
}

static void on_log(KftDiagnosis *self)
{
    if (!kft_diagnosis_is_running(self, KFT_DIAGNOSE_STEP_REACH))
        return;
    if (!says_why(self) && ++self->n_log_tries < MAX_LOG_TRIES) {
        kft_timer_start(self->log_retry, LOG_RETRY_MS);
        return;
    }
    /* Without the log, an error is the relay's: an application rather closes in peace. */
    bool is_bad = says_why(self) ? says_that_it_failed(self) : self->end_text != NULL;
    settle(self, is_bad ? KFT_DIAGNOSE_REACH_BAD : KFT_DIAGNOSE_REACH_GOOD);
}

static void read_log(void *user_data)
{
    KftDiagnosis *self = user_data;
    kft_diagnose_read_log(self, self->pod, on_log);
}

static void on_patience(void *user_data)
{
    KftDiagnosis *self = user_data;

    if (!kft_diagnosis_is_running(self, KFT_DIAGNOSE_STEP_REACH) ||
        self->reach != KFT_DIAGNOSE_REACH_ASKED)
        return;
    settle(self, is_udp(self) || self->denial != NULL ? KFT_DIAGNOSE_REACH_SILENT
                                                      : KFT_DIAGNOSE_REACH_GOOD);
}

void kft_diagnose_reach_pair(KftDiagnosis *self)
{
    if (self->reach != KFT_DIAGNOSE_REACH_ASKED && self->reach != KFT_DIAGNOSE_REACH_PENDING)
        return;
    if (kft_diagnosis_has_answer(self)) {
        settle(self, KFT_DIAGNOSE_REACH_GOOD);
    } else if (self->is_ended && !self->has_gateway) {
        self->reach = KFT_DIAGNOSE_REACH_ENDED;
        read_log(self);
    } else if (self->is_ended) {
        /* The gateway said why. */
        settle(self, self->end_text != NULL ? KFT_DIAGNOSE_REACH_BAD : KFT_DIAGNOSE_REACH_GOOD);
    }
}

void kft_diagnose_reach(KftDiagnosis *self)
{
    if (self->options->relay == NULL) {
        kft_diagnosis_skip(self, KFT_DIAGNOSE_STEP_REACH, g_strdup("there is no relay"));
        return;
    }
    g_autofree char *space = kft_diagnose_quote(self->pod->namespace_);
    kft_diagnosis_set_kubectl(self, KFT_DIAGNOSE_STEP_REACH, "-n %s logs %s", space,
                              self->pod->name);
    self->log_retry = kft_timer_new(self->loop, read_log, self);
    self->patience = kft_timer_new(self->loop, on_patience, self);
    kft_timer_start(self->patience, is_udp(self) ? UDP_PATIENCE_MS : PATIENCE_MS);
    if (!self->is_ended && !kft_diagnosis_has_answer(self)) {
        self->reach = KFT_DIAGNOSE_REACH_ASKED;
        kft_diagnosis_ask(self);
    }
    kft_diagnose_reach_pair(self);
    if (self->are_policies_judged)
        kft_diagnose_reach_judged(self);
}

char *kft_diagnose_reach_limit(KftDiagnosis *self, const KftDiagnoseAdvice **ret_advice)
{
    g_autofree char *target = dup_target(self);
    (void)ret_advice;
    if (self->denial == NULL)
        return g_strdup_printf("it could not be told within the time whether the relay reaches %s",
                               target);
    kft_diagnosis_block(self, KFT_DIAGNOSE_STEP_REACH,
                        g_strdup_printf("nothing comes from %s; \"policies\" says why", target));
    return NULL;
}
