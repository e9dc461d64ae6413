/* What the engine does when the world around it changes, by its public headers alone. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "client.h"
#include "fixture.h"

/* After a sleep a connection that went silent is given up at once, not after its time, and new ones
 * do not wait for that. */
static void test_wake(Fixture *self, gconstpointer data)
{
    (void)data;
    fixture_start(self, 1, fixture_make_spec(self, "pod/x", ":80"));
    uint16_t port = fixture_wait_port(self);
    fixture_wait_state(self, KFT_FORWARD_STATE_READY, 1);
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
    g_autoptr(KftEvent) event = fixture_wait_event(self, KFT_EVENT_FORWARD_CONNECTION_ERROR);
    g_assert_nonnull(strstr(event->connection.text, "the network changed"));
}

static void echo(int fd)
{
    char byte = 0;
    kft_test_send(fd, "x");
    g_assert_cmpint(read(fd, &byte, 1), ==, 1);
}

/* Reads to the end; returns how many bytes came. *ret_error: 0, or what ended it. */
static size_t drain(int fd, int *ret_error)
{
    char buffer[4096];
    size_t size = 0;
    ssize_t n = 0;

    while ((n = read(fd, buffer, sizeof buffer)) > 0)
        size += (size_t)n;
    *ret_error = n == 0 ? 0 : errno;
    return size;
}

static int start_download(uint16_t port, const char *request)
{
    char byte = 0;
    int fd = kft_test_connect(port);
    kft_test_send(fd, request);
    g_assert_cmpint(read(fd, &byte, 1), ==, 1);
    return fd;
}

/* The same of WebSockets, each of which is asked: the silent one is given up; one that answers
 * stays, and so does one of which nothing can be heard, as its reader does not keep up. */
static void test_wake_websocket(Fixture *self, gconstpointer data)
{
    int error = 0;
    (void)data;
    KftForwardSpec *spec = fixture_make_spec(self, "pod/x", ":80 :7");
    spec->transport = KFT_TRANSPORT_WEBSOCKET;
    fixture_start(self, 1, spec);
    uint16_t port = fixture_wait_port(self);
    uint16_t echo_port = fixture_wait_port(self);
    fixture_wait_state(self, KFT_FORWARD_STATE_READY, 1);
    int silent = start_download(port, "GET /zero?n=100000 HTTP/1.0\r\n\r\n");
    int slow = start_download(port, "GET /zero?n=64000000 HTTP/1.0\r\n\r\n");
    int live = kft_test_connect(echo_port);
    echo(live);

    g_assert_true(kft_engine_post(self->engine, kft_command_new(KFT_COMMAND_WAKE)));
    (void)drain(silent, &error);
    g_assert_cmpint(error, ==, ECONNRESET);
    g_autoptr(KftEvent) event = fixture_wait_event(self, KFT_EVENT_FORWARD_CONNECTION_ERROR);
    g_assert_nonnull(strstr(event->connection.text, "the network changed"));
    /* The time of the others was over in the same turn of the loop. */
    echo(live);
    g_assert_cmpuint(drain(slow, &error), >, 64000000);
    g_assert_cmpint(error, ==, 0);
    (void)close(silent);
    (void)close(slow);
    (void)close(live);
}

/* A hint that nothing follows from: what works is left alone. */
static void test_network_changed(Fixture *self, gconstpointer data)
{
    (void)data;
    fixture_start(self, 1, fixture_make_spec(self, "pod/x", ":80"));
    uint16_t port = fixture_wait_port(self);
    fixture_wait_state(self, KFT_FORWARD_STATE_READY, 1);
    for (unsigned i = 0; i < 5; i++) {
        g_assert_true(kft_engine_post(self->engine, kft_command_new(KFT_COMMAND_NETWORK_CHANGED)));
        g_assert_true(kft_engine_post(self->engine, kft_command_new(KFT_COMMAND_WAKE)));
        g_autofree char *answer = kft_test_get(port, "/name");
        g_assert_nonnull(answer);
    }
    KftForwardHealth health = {0};
    while (health.round_trip_us == 0) {
        g_free(kft_test_get(port, "/name"));
        g_autoptr(KftEvent) event = fixture_wait_event(self, KFT_EVENT_FORWARD_STATISTICS);
        health = event->statistics.health;
    }
    g_assert_cmpuint(health.n_reconnects, ==, 0);
    g_assert_cmpint(health.ready_since_ms, >, 0);
    g_assert_cmpint(health.connected_ms, >, 0);
}

static void wait_auth_failure(Fixture *self, uint32_t id)
{
    for (;;) {
        g_autoptr(KftEvent) event = fixture_wait_event(self, KFT_EVENT_FORWARD_STATUS);
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
    fixture_start(self, 1, fixture_make_spec(self, "pod/x", ":80"));
    uint16_t port = fixture_wait_port(self);
    fixture_wait_state(self, KFT_FORWARD_STATE_READY, 1);

    g_autoptr(GString) bad = g_string_new(good);
    g_assert_cmpuint(g_string_replace(bad, "token: \"", "token: \"wrong", 0), >, 0);
    g_assert_true(g_file_set_contents(self->kubeconfig, bad->str, -1, NULL));
    fixture_start(self, 2, fixture_make_spec(self, "pod/x", ":80"));
    wait_auth_failure(self, 2);
    g_autofree char *answer = kft_test_get(port, "/name");
    g_assert_nonnull(answer);

    g_assert_true(g_file_set_contents(self->kubeconfig, good, -1, NULL));
    g_assert_true(kft_engine_post(self->engine, kft_command_new_retry_forward((KftForwardId){1})));
    fixture_start(self, 3, fixture_make_spec(self, "pod/x", ":80"));
    fixture_wait_state(self, KFT_FORWARD_STATE_READY, 1);
}

/* Announced, put off by traffic, announced again, done. */
static void test_auto_close(Fixture *self, gconstpointer data)
{
    (void)data;
    KftForwardSpec *spec = fixture_make_spec(self, "pod/x", ":80");
    /* Half of it is for the start. */
    spec->auto_close_ms = 30000;
    fixture_start(self, 1, spec);
    uint16_t port = fixture_wait_port(self);
    g_autoptr(KftEvent) soon = fixture_wait_event(self, KFT_EVENT_FORWARD_CLOSING);
    g_assert_cmpuint(soon->closing.in_ms, >, 0);
    g_assert_false(soon->closing.is_at_time);
    g_free(kft_test_get(port, "/name"));
    g_autoptr(KftEvent) later = fixture_wait_event(self, KFT_EVENT_FORWARD_CLOSING);
    g_assert_cmpuint(later->closing.in_ms, ==, 0);
    g_autoptr(KftEvent) again = fixture_wait_event(self, KFT_EVENT_FORWARD_CLOSING);
    g_assert_cmpuint(again->closing.in_ms, >, 0);
    fixture_wait_state(self, KFT_FORWARD_STATE_IDLE, 1);
    g_assert_cmpint(kft_test_connect(port), ==, -1);
}

/* Announced and done, whatever the traffic. */
static void test_stop_at(Fixture *self, gconstpointer data)
{
    (void)data;
    KftForwardSpec *spec = fixture_make_spec(self, "pod/x", ":80");
    spec->stop_at_s = g_get_real_time() / G_USEC_PER_SEC + 10;
    fixture_start(self, 1, spec);
    g_autoptr(KftEvent) soon = fixture_wait_event(self, KFT_EVENT_FORWARD_CLOSING);
    g_assert_true(soon->closing.is_at_time);
    g_assert_cmpuint(soon->closing.in_ms, >, 0);
    g_assert_cmpuint(soon->closing.in_ms, <=, 10000);
    g_autoptr(KftEvent) notice = fixture_wait_event(self, KFT_EVENT_FORWARD_NOTICE);
    g_assert_true(g_str_has_prefix(notice->notice.text, "closed, as it is "));
    fixture_wait_state(self, KFT_FORWARD_STATE_IDLE, 1);
}

/* A session that goes silent in the middle of its first answer. */
static const char goes_silent[] =
    "{'faults': [{'on': 'session', 'do': 'cut', 'down': 5000, 'how': 'silence', 'times': 1}]}";

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    fixture_open_what_stays_open();
#define ADD(path, world, func)                                                                     \
    g_test_add(path, Fixture, world, fixture_set_up, func, fixture_tear_down)
    ADD("/engine/wake", goes_silent, test_wake);
    ADD("/engine/wake-websocket", goes_silent, test_wake_websocket);
    ADD("/engine/network-changed", NULL, test_network_changed);
    ADD("/engine/kubeconfig-changes", NULL, test_kubeconfig_changes);
    ADD("/engine/auto-close", NULL, test_auto_close);
    ADD("/engine/stop-at", NULL, test_stop_at);
    return g_test_run();
}
