/* The doctor by the engine's public headers: what it tells, in which order, and how it ends. What
 * it finds in broken set-ups is in tests/data/diagnose. */
#include <kftray/engine.h>
#include <string.h>

#include "client.h"
#include "fixture.h"

static const KftForwardId the_id = {7};

static void diagnose(Fixture *self, KftForwardSpec *spec)
{
    g_assert_true(kft_engine_post(self->engine, kft_command_new_diagnose(the_id, spec)));
}

static KftEvent *wait_event(Fixture *self)
{
    KftEvent *event = NULL;
    while ((event = kft_engine_take_event(self->engine)) == NULL)
        g_assert_true(kft_engine_wait(self->engine, KFT_DIAGNOSE_LIMIT_MS + 10000));
    g_assert_cmpuint(event->forward.v, ==, the_id.v);
    return event;
}

/* What was not tried for another step comes after that one failed; advice has words for all. */
static void assert_explained(const KftDiagnoseResult *result, const KftDiagnoseState *states)
{
    if (result->blocker != KFT_DIAGNOSE_N_STEPS) {
        g_assert_cmpint(result->state, ==, KFT_DIAGNOSE_STATE_SKIPPED);
        g_assert_cmpint(states[result->blocker], ==, KFT_DIAGNOSE_STATE_FAILED);
    }
    if (result->advice != NULL) {
        g_assert_cmpint(result->state, ==, KFT_DIAGNOSE_STATE_FAILED);
        g_assert_nonnull(result->advice->terminal);
        g_assert_nonnull(result->advice->window);
    }
}

/* Each step is told once as ended, with a text, and at most once before as running; then comes the
 * end. Returns: that event. */
static KftEvent *collect(Fixture *self, KftDiagnoseState *states)
{
    for (;;) {
        KftEvent *event = wait_event(self);
        if (event->type == KFT_EVENT_DIAGNOSE_DONE)
            return event;
        g_assert_cmpint(event->type, ==, KFT_EVENT_DIAGNOSE_STEP);
        const KftDiagnoseResult *result = &event->diagnose_step;
        bool is_running = result->state == KFT_DIAGNOSE_STATE_RUNNING;
        g_assert_cmpint(states[result->step], <=, KFT_DIAGNOSE_STATE_RUNNING);
        g_assert_true(is_running || result->text != NULL);
        g_assert_true(!is_running || states[result->step] == KFT_DIAGNOSE_STATE_WAITING);
        assert_explained(result, states);
        states[result->step] = result->state;
        kft_event_free(event);
    }
}

static void assert_all_ended(const KftDiagnoseState *states)
{
    for (unsigned i = 0; i < KFT_DIAGNOSE_N_STEPS; i++)
        g_assert_cmpint(states[i], >=, KFT_DIAGNOSE_STATE_OK);
}

static void test_well(Fixture *self, gconstpointer data)
{
    KftDiagnoseState states[KFT_DIAGNOSE_N_STEPS] = {0};
    (void)data;
    diagnose(self, fixture_make_spec(self, "svc/web", ":8080"));
    g_autoptr(KftEvent) done = collect(self, states);
    assert_all_ended(states);
    g_assert_true(done->diagnosis.is_ok);
    g_assert_null(done->diagnosis.error);
    g_assert_nonnull(strstr(done->diagnosis.report, "All is well."));
    g_assert_nonnull(strstr(done->diagnosis.report, "kubectl "));
    g_assert_true(g_str_has_prefix(done->diagnosis.json, "{"));
    g_assert_cmpint(states[KFT_DIAGNOSE_STEP_BYTES], ==, KFT_DIAGNOSE_STATE_OK);
    g_assert_cmpint(states[KFT_DIAGNOSE_STEP_CONNECT], ==, KFT_DIAGNOSE_STATE_SKIPPED);
}

static void test_failure(Fixture *self, gconstpointer data)
{
    KftDiagnoseState states[KFT_DIAGNOSE_N_STEPS] = {0};
    (void)data;
    diagnose(self, fixture_make_spec(self, "pod/nope", ":80"));
    g_autoptr(KftEvent) done = collect(self, states);
    assert_all_ended(states);
    g_assert_false(done->diagnosis.is_ok);
    g_assert_cmpint(states[KFT_DIAGNOSE_STEP_TARGET], ==, KFT_DIAGNOSE_STATE_FAILED);
    g_assert_cmpint(states[KFT_DIAGNOSE_STEP_BYTES], ==, KFT_DIAGNOSE_STATE_SKIPPED);
    /* What does not build on it has ended well. */
    g_assert_cmpint(states[KFT_DIAGNOSE_STEP_LOCAL], ==, KFT_DIAGNOSE_STATE_OK);
}

static void test_bad_spec(Fixture *self, gconstpointer data)
{
    (void)data;
    diagnose(self, fixture_make_spec(self, "cow/x", "80"));
    g_autoptr(KftEvent) event = wait_event(self);
    g_assert_cmpint(event->type, ==, KFT_EVENT_DIAGNOSE_DONE);
    g_assert_false(event->diagnosis.is_ok);
    g_assert_nonnull(strstr(event->diagnosis.error, "cow"));
    g_assert_null(event->diagnosis.report);
}

/* A server that takes connections and says nothing: one diagnosis is stopped, then a second one of
 * the same id takes the place of a third, and the engine is shut down over it. */
static void test_stopped(Fixture *self, gconstpointer data)
{
    uint16_t port = 0;
    int fd = kft_test_listen(&port);
    g_autofree char *file = g_build_filename(self->folder, "silent", NULL);
    g_autofree char *text = g_strdup_printf(
        "{apiVersion: v1, kind: Config, current-context: k, "
        "clusters: [{name: c, cluster: {server: 'https://127.0.0.1:%u'}}], "
        "users: [{name: u, user: {}}], contexts: [{name: k, context: {cluster: c, user: u}}]}",
        port);
    (void)data;
    g_assert_true(g_file_set_contents(file, text, -1, NULL));
    for (int i = 0; i < 3; i++) {
        KftForwardSpec *spec = fixture_make_spec(self, "pod/x", ":80");
        g_free(spec->kubeconfig);
        spec->kubeconfig = g_strdup(file);
        diagnose(self, spec);
        bool is_waiting = false;
        while (!is_waiting) {
            g_autoptr(KftEvent) event = wait_event(self);
            g_assert_cmpint(event->type, ==, KFT_EVENT_DIAGNOSE_STEP);
            is_waiting = event->diagnose_step.step == KFT_DIAGNOSE_STEP_TLS;
        }
        if (i == 0)
            g_assert_true(kft_engine_post(self->engine, kft_command_new_stop_diagnosis(the_id)));
    }
    kft_test_close(fd);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    fixture_open_what_stays_open();
#define ADD(path, func) g_test_add(path, Fixture, NULL, fixture_set_up, func, fixture_tear_down)
    ADD("/diagnose/well", test_well);
    ADD("/diagnose/failure", test_failure);
    ADD("/diagnose/bad-spec", test_bad_spec);
    ADD("/diagnose/stopped", test_stopped);
    return g_test_run();
}
