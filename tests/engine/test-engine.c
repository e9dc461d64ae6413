/* The engine by its public headers alone, against the scripted API server. */
#include <kftray/engine.h>
#include <signal.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

#include "client.h"
#include "fixture.h"

#define N_MANY 30

/* --- tests --- */

static void test_stop_idle(Fixture *self, gconstpointer data)
{
    (void)self;
    (void)data; /* set up and torn down: that is the test */
}

static void assert_fails(Fixture *self, KftForwardSpec *spec, KftErrorCode code, const char *word)
{
    fixture_start(self, 1, spec);
    g_autoptr(KftEvent) event = NULL;
    do {
        g_clear_pointer(&event, kft_event_free);
        event = fixture_wait_event(self, KFT_EVENT_FORWARD_STATUS);
    } while (event->status.state != KFT_FORWARD_STATE_FAILED);
    g_assert_cmpint(event->status.error_code, ==, code);
    g_assert_nonnull(strstr(event->status.error, word));
    g_assert_true(kft_engine_post(self->engine, kft_command_new_stop_forward((KftForwardId){1})));
}

static void test_bad_specs(Fixture *self, gconstpointer data)
{
    (void)data;
    assert_fails(self, fixture_make_spec(self, "pod/x", "nonsense:80"), KFT_ERROR_BAD_CONFIG,
                 "nonsense");
    assert_fails(self, fixture_make_spec(self, "cow/x", "80"), KFT_ERROR_BAD_CONFIG, "cow");
    KftForwardSpec *spec = fixture_make_spec(self, "pod/x", ":80");
    spec->context = g_strdup("elsewhere");
    assert_fails(self, spec, KFT_ERROR_BAD_CONFIG, "elsewhere");
    spec = fixture_make_spec(self, "pod/x", ":80");
    g_free(spec->kubeconfig);
    spec->kubeconfig = g_build_filename(self->folder, "no-such-file", NULL);
    assert_fails(self, spec, KFT_ERROR_BAD_CONFIG, "no-such-file");
}

static void test_carries(Fixture *self, gconstpointer data)
{
    (void)data;
    fixture_start(self, 1, fixture_make_spec(self, "pod/x", ":80"));
    uint16_t port = fixture_wait_port(self);
    fixture_wait_state(self, KFT_FORWARD_STATE_READY, 1);
    g_autofree char *answer = kft_test_get(port, "/name");
    g_assert_nonnull(answer);
    g_assert_true(g_str_has_suffix(answer, "\r\n\r\nx\n"));

    g_autoptr(KftEvent) event = fixture_wait_event(self, KFT_EVENT_FORWARD_CONNECTION);
    g_assert_cmpuint(event->connection.local_port, ==, port);
    uint64_t bytes_down = 0;
    while (bytes_down < strlen(answer)) {
        g_autoptr(KftEvent) statistics = fixture_wait_event(self, KFT_EVENT_FORWARD_STATISTICS);
        g_assert_cmpuint(statistics->statistics.n_connections, ==, 1);
        bytes_down = statistics->statistics.bytes_down;
    }
    g_assert_cmpuint(bytes_down, ==, strlen(answer));

    g_assert_true(kft_engine_post(self->engine, kft_command_new_stop_forward((KftForwardId){1})));
    fixture_wait_state(self, KFT_FORWARD_STATE_IDLE, 1);
    g_assert_cmpint(kft_test_connect(port), ==, -1);
}

static void on_alarm(int signal)
{
    (void)signal;
}

/* Signals, such as a plugin's SIGCHLD, end no wait for an event. */
static void test_signals(Fixture *self, gconstpointer data)
{
    (void)data;
    const struct sigaction action = {.sa_handler = on_alarm, .sa_flags = SA_RESTART};
    const struct itimerval often = {.it_interval.tv_usec = 1000, .it_value.tv_usec = 1000};
    const struct itimerval never = {0};

    g_assert_cmpint(sigaction(SIGALRM, &action, NULL), ==, 0);
    g_assert_cmpint(setitimer(ITIMER_REAL, &often, NULL), ==, 0);
    fixture_start(self, 1, fixture_make_spec(self, "pod/x", ":80"));
    fixture_wait_state(self, KFT_FORWARD_STATE_READY, 1);
    g_assert_cmpint(setitimer(ITIMER_REAL, &never, NULL), ==, 0);
}

/* A transport that one forward insists on is not what the cluster is known for. */
static void test_forced_transport(Fixture *self, gconstpointer data)
{
    (void)data;
    KftForwardSpec *spec = fixture_make_spec(self, "pod/x", ":80");
    spec->transport = KFT_TRANSPORT_SPDY;
    fixture_start(self, 1, spec);
    fixture_wait_state(self, KFT_FORWARD_STATE_READY, 1);

    fixture_start(self, 2, fixture_make_spec(self, "pod/x", ":80"));
    for (;;) {
        g_autoptr(KftEvent) event = fixture_wait_event(self, KFT_EVENT_FORWARD_STATUS);
        if (event->forward.v != 2 || event->status.state != KFT_FORWARD_STATE_READY)
            continue;
        g_assert_cmpint(event->status.transport, ==, KFT_TRANSPORT_TUNNEL);
        return;
    }
}

static void test_id_in_use(Fixture *self, gconstpointer data)
{
    (void)data;
    fixture_start(self, 1, fixture_make_spec(self, "pod/x", ":80"));
    fixture_wait_state(self, KFT_FORWARD_STATE_READY, 1);
    fixture_start(self, 1, fixture_make_spec(self, "pod/x", ":80"));
    g_autoptr(KftEvent) event = fixture_wait_event(self, KFT_EVENT_FORWARD_STATUS);
    g_assert_cmpint(event->status.state, ==, KFT_FORWARD_STATE_FAILED);
    g_assert_nonnull(strstr(event->status.error, "runs already"));
}

/* Many forwards of one cluster, each with a connection that is open when everything is shut down.
 */
static void test_many_then_shutdown(Fixture *self, gconstpointer data)
{
    (void)data;
    int fds[N_MANY];

    for (uint32_t i = 0; i < N_MANY; i++)
        fixture_start(self, i + 1, fixture_make_spec(self, "svc/web", ":8080"));
    uint16_t ports[N_MANY];
    for (size_t i = 0; i < N_MANY; i++)
        ports[i] = fixture_wait_port(self);
    for (size_t i = 0; i < N_MANY; i++) {
        fds[i] = kft_test_connect(ports[i]);
        g_assert_cmpint(fds[i], >=, 0);
    }
    for (size_t i = 0; i < N_MANY; i++) {
        kft_test_send(fds[i], "GET /name HTTP/1.1\r\nHost: x\r\n\r\n");
        char byte = 0;
        g_assert_cmpint(read(fds[i], &byte, 1), ==, 1);
        g_assert_cmpint(byte, ==, 'H');
    }
    fixture_shut_down(self);
    for (size_t i = 0; i < N_MANY; i++)
        (void)close(fds[i]);
    kft_engine_free(self->engine);
    /* For tear_down, which shuts one down, too. */
    self->engine = kft_engine_start(NULL);
}

/* Commands in a burst: starts and stops that overtake each other end in order and without a trace.
 */
static void test_start_stop_burst(Fixture *self, gconstpointer data)
{
    (void)data;
    for (uint32_t i = 1; i <= N_MANY; i++) {
        fixture_start(self, i, fixture_make_spec(self, "pod/x", ":80"));
        g_assert_true(
            kft_engine_post(self->engine, kft_command_new_stop_forward((KftForwardId){i})));
    }
    fixture_wait_state(self, KFT_FORWARD_STATE_IDLE, N_MANY);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    fixture_open_what_stays_open();
#define ADD(path, func) g_test_add(path, Fixture, NULL, fixture_set_up, func, fixture_tear_down)
    ADD("/engine/stop-idle", test_stop_idle);
    ADD("/engine/bad-specs", test_bad_specs);
    ADD("/engine/carries", test_carries);
    ADD("/engine/signals", test_signals);
    ADD("/engine/forced-transport", test_forced_transport);
    ADD("/engine/id-in-use", test_id_in_use);
    ADD("/engine/many-then-shutdown", test_many_then_shutdown);
    ADD("/engine/start-stop-burst", test_start_stop_burst);
    return g_test_run();
}
