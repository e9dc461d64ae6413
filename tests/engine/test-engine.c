/* The engine by its public headers alone, against the scripted API server. */
#include <kftray/engine.h>
#include <string.h>
#include <unistd.h>

#include "child.h"
#include "client.h"

#define N_MANY 30
#define EVENT_MS 30000

typedef struct {
    KftTestChild server;
    char *folder;
    char *kubeconfig;
    unsigned n_fds;
    KftEngine *engine;
} Fixture;

static unsigned count_fds(void)
{
    g_autoptr(GDir) dir = g_dir_open("/proc/self/fd", 0, NULL);
    unsigned n = 0;
    while (g_dir_read_name(dir) != NULL)
        n++;
    return n;
}

/* @data: the world document of the server, nullable. */
static void set_up(Fixture *self, gconstpointer data)
{
    self->folder = g_dir_make_tmp(NULL, NULL);
    self->kubeconfig = g_build_filename(self->folder, "kubeconfig", NULL);
    g_autofree char *script = kft_test_source_path("tests/fakes/apiserver.py");
    g_autofree char *world = g_build_filename(self->folder, "world", NULL);
    g_assert_true(g_file_set_contents(world, data == NULL ? "{}" : data, -1, NULL));
    const char *const argv[] = {
        script, "--kubeconfig-out", self->kubeconfig, "--world", world, NULL,
    };
    kft_test_child_start(&self->server, argv);
    self->n_fds = count_fds();
    g_autoptr(GError) error = NULL;
    self->engine = kft_engine_start(&error);
    g_assert_no_error(error);
}

/* The next event of any kind; the test fails if none comes. */
static KftEvent *next_event(Fixture *self)
{
    KftEvent *event = NULL;
    while ((event = kft_engine_take_event(self->engine)) == NULL)
        g_assert_true(kft_engine_wait(self->engine, EVENT_MS));
    return event;
}

/* Skips to the next event of that type (and state, for status events). */
static KftEvent *wait_event(Fixture *self, KftEventType type)
{
    for (;;) {
        KftEvent *event = next_event(self);
        if (event->type == type)
            return event;
        kft_event_free(event);
    }
}

static void wait_state(Fixture *self, KftForwardState state, unsigned n_forwards)
{
    while (n_forwards > 0) {
        g_autoptr(KftEvent) event = wait_event(self, KFT_EVENT_FORWARD_STATUS);
        if (event->status.state == KFT_FORWARD_STATE_FAILED)
            g_error("forward %u failed: %s", event->forward.v, event->status.error);
        if (event->status.state == state)
            n_forwards--;
    }
}

static void shut_down(Fixture *self)
{
    g_assert_true(kft_engine_post(self->engine, kft_command_new(KFT_COMMAND_SHUTDOWN)));
    kft_event_free(wait_event(self, KFT_EVENT_STOPPED));
    g_assert_null(kft_engine_take_event(self->engine));
}

static void tear_down(Fixture *self, gconstpointer data)
{
    (void)data;
    shut_down(self);
    g_assert_false(kft_engine_post(self->engine, kft_command_new(KFT_COMMAND_RETRY_ALL)));
    kft_engine_free(self->engine);
    g_assert_cmpuint(count_fds(), ==, self->n_fds);
    g_free(kft_test_child_stop(&self->server));
    kft_test_remove_folder(self->folder);
    g_free(self->folder);
    g_free(self->kubeconfig);
}

static KftForwardSpec *make_spec(Fixture *self, const char *target, const char *port)
{
    KftForwardSpec *spec = kft_forward_spec_new();
    spec->kubeconfig = g_strdup(self->kubeconfig);
    spec->target = g_strdup(target);
    spec->ports = g_strsplit(port, " ", -1);
    spec->addresses = g_strsplit("127.0.0.1", ",", -1);
    return spec;
}

static void start(Fixture *self, uint32_t id, KftForwardSpec *spec)
{
    g_assert_true(
        kft_engine_post(self->engine, kft_command_new_start_forward((KftForwardId){id}, spec)));
}

static uint16_t wait_port(Fixture *self)
{
    g_autoptr(KftEvent) event = wait_event(self, KFT_EVENT_FORWARD_LISTENING);
    const char *colon = strrchr(event->listening.address, ':');
    return (uint16_t)g_ascii_strtoull(colon + 1, NULL, 10);
}

/* --- tests --- */

static void test_stop_idle(Fixture *self, gconstpointer data)
{
    (void)self;
    (void)data; /* set up and torn down: that is the test */
}

static void assert_fails(Fixture *self, KftForwardSpec *spec, KftErrorCode code, const char *word)
{
    start(self, 1, spec);
    g_autoptr(KftEvent) event = NULL;
    do {
        g_clear_pointer(&event, kft_event_free);
        event = wait_event(self, KFT_EVENT_FORWARD_STATUS);
    } while (event->status.state != KFT_FORWARD_STATE_FAILED);
    g_assert_cmpint(event->status.error_code, ==, code);
    g_assert_nonnull(strstr(event->status.error, word));
    g_assert_true(kft_engine_post(self->engine, kft_command_new_stop_forward((KftForwardId){1})));
}

static void test_bad_specs(Fixture *self, gconstpointer data)
{
    (void)data;
    assert_fails(self, make_spec(self, "pod/x", "nonsense:80"), KFT_ERROR_BAD_CONFIG, "nonsense");
    assert_fails(self, make_spec(self, "cow/x", "80"), KFT_ERROR_BAD_CONFIG, "cow");
    KftForwardSpec *spec = make_spec(self, "pod/x", ":80");
    spec->context = g_strdup("elsewhere");
    assert_fails(self, spec, KFT_ERROR_BAD_CONFIG, "elsewhere");
    spec = make_spec(self, "pod/x", ":80");
    g_free(spec->kubeconfig);
    spec->kubeconfig = g_build_filename(self->folder, "no-such-file", NULL);
    assert_fails(self, spec, KFT_ERROR_BAD_CONFIG, "no-such-file");
}

static void test_carries(Fixture *self, gconstpointer data)
{
    (void)data;
    start(self, 1, make_spec(self, "pod/x", ":80"));
    uint16_t port = wait_port(self);
    wait_state(self, KFT_FORWARD_STATE_READY, 1);
    g_autofree char *answer = kft_test_get(port, "/name");
    g_assert_nonnull(answer);
    g_assert_true(g_str_has_suffix(answer, "\r\n\r\nx\n"));

    g_autoptr(KftEvent) event = wait_event(self, KFT_EVENT_FORWARD_CONNECTION);
    g_assert_cmpuint(event->connection.local_port, ==, port);
    uint64_t bytes_down = 0;
    while (bytes_down < strlen(answer)) {
        g_autoptr(KftEvent) statistics = wait_event(self, KFT_EVENT_FORWARD_STATISTICS);
        g_assert_cmpuint(statistics->statistics.n_connections, ==, 1);
        bytes_down = statistics->statistics.bytes_down;
    }
    g_assert_cmpuint(bytes_down, ==, strlen(answer));

    g_assert_true(kft_engine_post(self->engine, kft_command_new_stop_forward((KftForwardId){1})));
    wait_state(self, KFT_FORWARD_STATE_IDLE, 1);
    g_assert_cmpint(kft_test_connect(port), ==, -1);
}

/* A transport that one forward insists on is not what the cluster is known for. */
static void test_forced_transport(Fixture *self, gconstpointer data)
{
    (void)data;
    KftForwardSpec *spec = make_spec(self, "pod/x", ":80");
    spec->transport = KFT_TRANSPORT_SPDY;
    start(self, 1, spec);
    wait_state(self, KFT_FORWARD_STATE_READY, 1);

    start(self, 2, make_spec(self, "pod/x", ":80"));
    for (;;) {
        g_autoptr(KftEvent) event = wait_event(self, KFT_EVENT_FORWARD_STATUS);
        if (event->forward.v != 2 || event->status.state != KFT_FORWARD_STATE_READY)
            continue;
        g_assert_cmpint(event->status.transport, ==, KFT_TRANSPORT_TUNNEL);
        return;
    }
}

static void test_id_in_use(Fixture *self, gconstpointer data)
{
    (void)data;
    start(self, 1, make_spec(self, "pod/x", ":80"));
    wait_state(self, KFT_FORWARD_STATE_READY, 1);
    start(self, 1, make_spec(self, "pod/x", ":80"));
    g_autoptr(KftEvent) event = wait_event(self, KFT_EVENT_FORWARD_STATUS);
    g_assert_cmpint(event->status.state, ==, KFT_FORWARD_STATE_FAILED);
    g_assert_nonnull(strstr(event->status.error, "runs already"));
}

/* After a sleep a connection that went silent is given up at once, not after its time, and new ones
 * do not wait for that. */
static void test_wake(Fixture *self, gconstpointer data)
{
    (void)data;
    start(self, 1, make_spec(self, "pod/x", ":80"));
    uint16_t port = wait_port(self);
    wait_state(self, KFT_FORWARD_STATE_READY, 1);
    int fd = kft_test_connect(port);
    kft_test_send(fd, "GET /zero?n=100000 HTTP/1.0\r\n\r\n");
    char byte = 0;
    g_assert_cmpint(read(fd, &byte, 1), ==, 1);

    g_assert_true(kft_engine_post(self->engine, kft_command_new(KFT_COMMAND_SLEEP)));
    g_assert_true(kft_engine_post(self->engine, kft_command_new(KFT_COMMAND_WAKE)));
    g_autofree char *answer = kft_test_get(port, "/name");
    g_assert_nonnull(answer);
    g_autofree char *rest = kft_test_read_all(fd);
    g_assert_null(rest);
    (void)close(fd);
    g_autoptr(KftEvent) event = wait_event(self, KFT_EVENT_FORWARD_CONNECTION_ERROR);
    g_assert_nonnull(strstr(event->connection.text, "the network changed"));
}

/* A hint that nothing follows from: what works is left alone. */
static void test_network_changed(Fixture *self, gconstpointer data)
{
    (void)data;
    start(self, 1, make_spec(self, "pod/x", ":80"));
    uint16_t port = wait_port(self);
    wait_state(self, KFT_FORWARD_STATE_READY, 1);
    for (unsigned i = 0; i < 5; i++) {
        g_assert_true(kft_engine_post(self->engine, kft_command_new(KFT_COMMAND_NETWORK_CHANGED)));
        g_assert_true(kft_engine_post(self->engine, kft_command_new(KFT_COMMAND_WAKE)));
        g_autofree char *answer = kft_test_get(port, "/name");
        g_assert_nonnull(answer);
    }
    KftForwardStatisticsEvent health = {0};
    while (health.round_trip_us == 0) {
        g_free(kft_test_get(port, "/name"));
        g_autoptr(KftEvent) event = wait_event(self, KFT_EVENT_FORWARD_STATISTICS);
        health = event->statistics;
    }
    g_assert_cmpuint(health.n_reconnects, ==, 0);
    g_assert_cmpint(health.ready_since_ms, >, 0);
    g_assert_cmpint(health.connected_ms, >, 0);
}

static void wait_auth_failure(Fixture *self, uint32_t id)
{
    for (;;) {
        g_autoptr(KftEvent) event = wait_event(self, KFT_EVENT_FORWARD_STATUS);
        if (event->forward.v != id || event->status.state != KFT_FORWARD_STATE_FAILED)
            continue;
        g_assert_cmpint(event->status.error_code, ==, KFT_ERROR_AUTH);
        return;
    }
}

/* A kubeconfig with a wrong token counts for what starts now; a good one mends it, and what runs is
 * left alone by both. */
static void test_kubeconfig_changes(Fixture *self, gconstpointer data)
{
    (void)data;
    g_autofree char *good = NULL;
    g_assert_true(g_file_get_contents(self->kubeconfig, &good, NULL, NULL));
    start(self, 1, make_spec(self, "pod/x", ":80"));
    uint16_t port = wait_port(self);
    wait_state(self, KFT_FORWARD_STATE_READY, 1);

    g_autoptr(GString) bad = g_string_new(good);
    g_assert_cmpuint(g_string_replace(bad, "token: \"", "token: \"wrong", 0), >, 0);
    g_assert_true(g_file_set_contents(self->kubeconfig, bad->str, -1, NULL));
    start(self, 2, make_spec(self, "pod/x", ":80"));
    wait_auth_failure(self, 2);
    g_autofree char *answer = kft_test_get(port, "/name");
    g_assert_nonnull(answer);

    g_assert_true(g_file_set_contents(self->kubeconfig, good, -1, NULL));
    g_assert_true(kft_engine_post(self->engine, kft_command_new_retry_forward((KftForwardId){1})));
    start(self, 3, make_spec(self, "pod/x", ":80"));
    wait_state(self, KFT_FORWARD_STATE_READY, 1);
}

/* Announced, put off by traffic, announced again, done. */
static void test_auto_close(Fixture *self, gconstpointer data)
{
    (void)data;
    KftForwardSpec *spec = make_spec(self, "pod/x", ":80");
    spec->auto_close_ms = 2000;
    start(self, 1, spec);
    uint16_t port = wait_port(self);
    g_autoptr(KftEvent) soon = wait_event(self, KFT_EVENT_FORWARD_CLOSING);
    g_assert_cmpuint(soon->closing.in_ms, >, 0);
    g_free(kft_test_get(port, "/name"));
    g_autoptr(KftEvent) later = wait_event(self, KFT_EVENT_FORWARD_CLOSING);
    g_assert_cmpuint(later->closing.in_ms, ==, 0);
    g_autoptr(KftEvent) again = wait_event(self, KFT_EVENT_FORWARD_CLOSING);
    g_assert_cmpuint(again->closing.in_ms, >, 0);
    wait_state(self, KFT_FORWARD_STATE_IDLE, 1);
    g_assert_cmpint(kft_test_connect(port), ==, -1);
}

/* Many forwards of one cluster, each with a connection that is open when everything is shut down.
 */
static void test_many_then_shutdown(Fixture *self, gconstpointer data)
{
    (void)data;
    int fds[N_MANY];

    for (uint32_t i = 0; i < N_MANY; i++)
        start(self, i + 1, make_spec(self, "svc/web", ":8080"));
    uint16_t ports[N_MANY];
    for (size_t i = 0; i < N_MANY; i++)
        ports[i] = wait_port(self);
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
    shut_down(self);
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
        start(self, i, make_spec(self, "pod/x", ":80"));
        g_assert_true(
            kft_engine_post(self->engine, kft_command_new_stop_forward((KftForwardId){i})));
    }
    wait_state(self, KFT_FORWARD_STATE_IDLE, N_MANY);
}

/* libuv keeps a pipe for signals from its first loop on, for the whole process. */
static void open_what_stays_open(void)
{
    Fixture fixture = {.engine = kft_engine_start(NULL)};
    shut_down(&fixture);
    kft_engine_free(fixture.engine);
}

static const char goes_silent[] =
    "{\"faults\": [{\"on\": \"session\", \"do\": \"cut\", \"down\": 5000, \"how\": \"silence\", "
    "\"times\": 1}]}";

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    open_what_stays_open();
#define ADD(path, func) g_test_add(path, Fixture, NULL, set_up, func, tear_down)
    ADD("/engine/stop-idle", test_stop_idle);
    ADD("/engine/bad-specs", test_bad_specs);
    ADD("/engine/carries", test_carries);
    ADD("/engine/forced-transport", test_forced_transport);
    ADD("/engine/id-in-use", test_id_in_use);
    g_test_add("/engine/wake", Fixture, goes_silent, set_up, test_wake, tear_down);
    ADD("/engine/network-changed", test_network_changed);
    ADD("/engine/kubeconfig-changes", test_kubeconfig_changes);
    ADD("/engine/auto-close", test_auto_close);
    ADD("/engine/many-then-shutdown", test_many_then_shutdown);
    ADD("/engine/start-stop-burst", test_start_stop_burst);
    return g_test_run();
}
