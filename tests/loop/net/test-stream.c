/* Dialled streams: bytes in both directions over TCP and TLS, interest, errors, cancelling. */
#include <kftray/error.h>
#include <string.h>

#include "net/stream.h"
#include "net/timer.h"
#include "outcome.h"

/* NOLINTBEGIN(readability-function-size,readability-function-cognitive-complexity): each assertion
 * is a macro of several branches. */

#define N_BYTES ((size_t)10 * 1024 * 1024)

typedef struct {
    KftTestLoop test;
    KftEndpoint *endpoint;
    KftDial *dial;
    KftStream *stream;
    GError *error;
    size_t n_sent;
    size_t n_received;
    size_t read_size;
    KftTestChild server;
    unsigned n_done;
    unsigned n_readable;
    bool is_mismatch;
    bool is_done;
} Fixture;

static char *certificates;

/* @data: "echo", "source", … and " tls" behind it. */
static void set_up(Fixture *fixture, gconstpointer data)
{
    g_auto(GStrv) words = g_strsplit(data, " ", 2);
    bool is_tls = words[1] != NULL;
    kft_test_server_start(
        &fixture->server,
        (const char *const[]){words[0], is_tls ? certificates : NULL, "server", NULL});
    kft_test_loop_init(&fixture->test);
    fixture->endpoint = kft_test_endpoint(is_tls ? "https" : "http", &fixture->server);
    fixture->endpoint->ca_file = g_build_filename(certificates, "ca.crt", NULL);
    fixture->read_size = 65536;
}

static void tear_down(Fixture *fixture, gconstpointer data)
{
    (void)data;
    kft_dial_free(fixture->dial);
    kft_stream_free(fixture->stream);
    g_clear_error(&fixture->error);
    kft_endpoint_unref(fixture->endpoint);
    kft_test_loop_clear(&fixture->test);
    g_free(kft_test_child_stop(&fixture->server));
}

static void on_dial_done(KftStream *stream, const GError *error, void *user_data)
{
    Fixture *fixture = user_data;
    g_assert_true((stream == NULL) != (error == NULL));
    fixture->stream = stream;
    fixture->n_done++;
    if (error != NULL) {
        fixture->error = g_error_copy(error);
        g_test_message("%s", error->message);
    }
    fixture->is_done = true;
}

static void dial(Fixture *fixture)
{
    fixture->dial = kft_dial_start(fixture->test.loop, fixture->endpoint, 0, on_dial_done, fixture);
    g_assert_false(fixture->is_done);
    kft_test_loop_run_until_true(&fixture->test, &fixture->is_done);
    fixture->is_done = false;
}

static uint8_t pattern_at(size_t index)
{
    return (uint8_t)(index % 251);
}

static void on_readable_check(void *user_data)
{
    static uint8_t data[65536];
    Fixture *fixture = user_data;
    KftResult result = KFT_R_OK;
    fixture->n_readable++;
    while (result == KFT_R_OK) {
        size_t size = 0;
        result = kft_stream_read(fixture->stream, data, fixture->read_size, &size);
        for (size_t i = 0; result == KFT_R_OK && i < size; i++)
            fixture->is_mismatch |= data[i] != pattern_at(fixture->n_received + i);
        fixture->n_received += size;
    }
    g_assert_cmpint(result, ==, KFT_R_AGAIN);
    fixture->is_done = fixture->n_received >= N_BYTES;
}

static void on_writable_send(void *user_data)
{
    static uint8_t data[100000];
    Fixture *fixture = user_data;
    KftResult result = KFT_R_OK;
    while (result == KFT_R_OK && fixture->n_sent < N_BYTES) {
        size_t size = MIN(sizeof data, N_BYTES - fixture->n_sent);
        size_t n_written = 0;
        for (size_t i = 0; i < size; i++)
            data[i] = pattern_at(fixture->n_sent + i);
        result = kft_stream_write(fixture->stream, data, size, &n_written);
        fixture->n_sent += n_written;
    }
    g_assert_true(result == KFT_R_OK || result == KFT_R_AGAIN);
    kft_stream_set_interest(fixture->stream, /* read */ true, fixture->n_sent < N_BYTES);
}

static void echo(Fixture *fixture)
{
    KftStreamFuncs funcs = {.on_readable = on_readable_check, .on_writable = on_writable_send};
    kft_stream_set_funcs(fixture->stream, &funcs, fixture);
    kft_stream_set_interest(fixture->stream, /* read */ true, /* write */ true);
    kft_test_loop_run_until_true(&fixture->test, &fixture->is_done);
    g_assert_cmpuint(fixture->n_received, ==, N_BYTES);
    g_assert_false(fixture->is_mismatch);
}

static void test_echo(Fixture *fixture, gconstpointer data)
{
    (void)data;
    dial(fixture);
    g_assert_no_error(fixture->error);
    kft_dial_free(g_steal_pointer(&fixture->dial));
    echo(fixture);
}

static void test_echo_small_reads(Fixture *fixture, gconstpointer data)
{
    (void)data;
    fixture->read_size = 777;
    dial(fixture);
    g_assert_no_error(fixture->error);
    echo(fixture);
}

/* One read per turn: what waits decrypted inside TLS must wake us again. */
static void on_readable_once(void *user_data)
{
    Fixture *fixture = user_data;
    uint8_t data[4096];
    size_t size = 0;
    fixture->n_readable++;
    KftResult result = kft_stream_read(fixture->stream, data, sizeof data, &size);
    fixture->n_received += size;
    if (result == KFT_R_EOF) {
        kft_stream_free(g_steal_pointer(&fixture->stream));
        fixture->is_done = true;
    } else if (result != KFT_R_OK) {
        g_assert_cmpint(result, ==, KFT_R_AGAIN);
    }
}

static void test_one_read_per_turn(Fixture *fixture, gconstpointer data)
{
    KftStreamFuncs funcs = {.on_readable = on_readable_once};
    (void)data;
    dial(fixture);
    g_assert_no_error(fixture->error);
    kft_stream_set_funcs(fixture->stream, &funcs, fixture);
    kft_test_loop_run_for(&fixture->test, 20);
    g_assert_cmpuint(fixture->n_readable, ==, 0);
    kft_stream_set_interest(fixture->stream, /* read */ true, /* write */ false);
    g_assert_cmpuint(fixture->n_readable, ==, 0);
    kft_test_loop_run_until_true(&fixture->test, &fixture->is_done);
    g_assert_cmpuint(fixture->n_received, ==, N_BYTES);
}

static void on_readable_pause(void *user_data)
{
    Fixture *fixture = user_data;
    kft_stream_set_interest(fixture->stream, /* read */ false, /* write */ false);
    fixture->n_readable++;
    fixture->is_done = true;
}

static void test_interest_off(Fixture *fixture, gconstpointer data)
{
    KftStreamFuncs funcs = {.on_readable = on_readable_pause};
    (void)data;
    dial(fixture);
    kft_stream_set_funcs(fixture->stream, &funcs, fixture);
    kft_stream_set_interest(fixture->stream, /* read */ true, /* write */ false);
    kft_test_loop_run_until_true(&fixture->test, &fixture->is_done);
    kft_test_loop_run_for(&fixture->test, 20);
    g_assert_cmpuint(fixture->n_readable, ==, 1);
    funcs.on_readable = on_readable_once;
    fixture->is_done = false;
    kft_stream_set_funcs(fixture->stream, &funcs, fixture);
    kft_stream_set_interest(fixture->stream, /* read */ true, /* write */ false);
    kft_test_loop_run_until_true(&fixture->test, &fixture->is_done);
    g_assert_cmpuint(fixture->n_received, ==, N_BYTES);
}

static void on_readable_expect_error(void *user_data)
{
    Fixture *fixture = user_data;
    uint8_t data[16];
    size_t size = 0;
    KftResult result = kft_stream_read(fixture->stream, data, sizeof data, &size);
    if (result == KFT_R_AGAIN)
        return;
    g_assert_true(result == KFT_R_IO || result == KFT_R_EOF);
    if (result == KFT_R_IO)
        g_assert_nonnull(strstr(kft_stream_get_error(fixture->stream), "127.0.0.1:"));
    kft_stream_set_interest(fixture->stream, /* read */ false, /* write */ false);
    fixture->is_done = true;
}

static void test_server_dies(Fixture *fixture, gconstpointer data)
{
    KftStreamFuncs funcs = {.on_readable = on_readable_expect_error};
    (void)data;
    dial(fixture);
    g_assert_no_error(fixture->error);
    kft_stream_set_funcs(fixture->stream, &funcs, fixture);
    kft_stream_set_interest(fixture->stream, /* read */ true, /* write */ false);
    g_free(kft_test_child_stop(&fixture->server));
    kft_test_loop_run_until_true(&fixture->test, &fixture->is_done);
    kft_test_server_start(&fixture->server, (const char *const[]){"silent", NULL});
}

static void test_dial_errors(Fixture *fixture, gconstpointer data)
{
    g_autoptr(KftEndpoint) refused = kft_endpoint_new("https://127.0.0.1:1");
    g_autoptr(KftEndpoint) bad = kft_endpoint_new("nonsense://");
    (void)data;
    KftDial *first = kft_dial_start(fixture->test.loop, refused, 0, on_dial_done, fixture);
    kft_test_loop_run_until_true(&fixture->test, &fixture->is_done);
    g_assert_error(fixture->error, KFT_ERROR, KFT_ERROR_UNREACHABLE);
    g_assert_cmpstr(fixture->error->message, ==,
                    "cannot connect to 127.0.0.1:1: connection refused");
    kft_dial_free(first);
    g_clear_error(&fixture->error);
    fixture->is_done = false;
    KftDial *second = kft_dial_start(fixture->test.loop, bad, 0, on_dial_done, fixture);
    kft_test_loop_run_until_true(&fixture->test, &fixture->is_done);
    g_assert_error(fixture->error, KFT_ERROR, KFT_ERROR_BAD_CONFIG);
    kft_dial_free(second);
    g_assert_cmpuint(fixture->n_done, ==, 2);
}

static void test_dial_timeout(Fixture *fixture, gconstpointer data)
{
    (void)data;
    /* The server accepts and says nothing; TLS waits for its answer. */
    g_autofree char *url = g_strdup_printf("https://127.0.0.1:%u", fixture->server.port);
    g_autoptr(KftEndpoint) endpoint = kft_endpoint_new(url);
    fixture->dial = kft_dial_start(fixture->test.loop, endpoint, 3000, on_dial_done, fixture);
    kft_test_loop_run_until_true(&fixture->test, &fixture->is_done);
    g_assert_error(fixture->error, KFT_ERROR, KFT_ERROR_TIMEOUT);
    g_assert_nonnull(strstr(fixture->error->message, "TLS handshake"));
}

static void test_dial_cancel(Fixture *fixture, gconstpointer data)
{
    (void)data;
    KftDial *first =
        kft_dial_start(fixture->test.loop, fixture->endpoint, 0, on_dial_done, fixture);
    KftDial *second =
        kft_dial_start(fixture->test.loop, fixture->endpoint, 0, on_dial_done, fixture);
    kft_dial_free(first);
    kft_test_loop_run_for(&fixture->test, 1);
    if (fixture->stream == NULL)
        kft_dial_free(second);
    else
        fixture->dial = second;
    kft_test_loop_run_for(&fixture->test, 30);
    g_assert_cmpuint(fixture->n_done, <=, 1);
    kft_dial_free(NULL);
    kft_stream_free(NULL);
}

static void on_dial_free_all(KftStream *stream, const GError *error, void *user_data)
{
    Fixture *fixture = user_data;
    g_assert_no_error(error);
    kft_stream_free(stream);
    kft_dial_free(g_steal_pointer(&fixture->dial));
    fixture->is_done = true;
}

static void test_free_in_done(Fixture *fixture, gconstpointer data)
{
    (void)data;
    fixture->dial =
        kft_dial_start(fixture->test.loop, fixture->endpoint, 0, on_dial_free_all, fixture);
    kft_test_loop_run_until_true(&fixture->test, &fixture->is_done);
}

/* curl drops connections that it believes to be idle when another transfer starts, at most once a
 * second; streams must not be among them. */
static void test_streams_survive_other_dials(Fixture *fixture, gconstpointer data)
{
    Fixture others[12] = {0};
    (void)data;
    dial(fixture);
    g_assert_no_error(fixture->error);
    for (size_t i = 0; i < G_N_ELEMENTS(others); i++) {
        others[i].test = fixture->test;
        others[i].endpoint = fixture->endpoint;
        kft_test_loop_run_for(&fixture->test, i % 4 == 3 ? 1050 : 0);
        dial(&others[i]);
        g_assert_no_error(others[i].error);
    }
    echo(fixture);
    for (size_t i = 0; i < G_N_ELEMENTS(others); i++) {
        others[i].read_size = 65536;
        uint8_t byte = 0;
        size_t n_written = 0;
        g_assert_cmpint(kft_stream_write(others[i].stream, &byte, 1, &n_written), ==, KFT_R_OK);
        kft_stream_free(others[i].stream);
        kft_dial_free(others[i].dial);
    }
}

typedef struct {
    KftOutcome outcome; /* first: what on_done is given too */
    Fixture *fixture;
    KftResult result;
} WriteInBody;

static void on_body_write_stream(const uint8_t *data, size_t size, void *user_data)
{
    WriteInBody *state = user_data;
    size_t n_written = 0;
    state->result = kft_stream_write(state->fixture->stream, data, size, &n_written);
    kft_stream_free(g_steal_pointer(&state->fixture->stream));
    kft_dial_free(g_steal_pointer(&state->fixture->dial));
    kft_http_call_free(g_steal_pointer(&state->outcome.call));
    state->outcome.is_done = true;
}

/* curl refuses curl_easy_send() for handles of a multi handle that is in a callback. */
static void test_write_and_free_in_body(Fixture *fixture, gconstpointer data)
{
    WriteInBody state = {.fixture = fixture, .result = KFT_R_INVALID};
    KftHttpRequest request = {.path = "/stall"};
    KftTestChild http;
    (void)data;
    kft_test_server_start(&http, (const char *const[]){"http", NULL});
    g_autoptr(KftEndpoint) endpoint = kft_test_endpoint("http", &http);
    dial(fixture);
    state.outcome.call =
        kft_http_call_start(fixture->test.loop, endpoint, &request, on_body_write_stream,
                            kft_outcome_on_done, &state.outcome);
    kft_test_loop_run_until_true(&fixture->test, &state.outcome.is_done);
    g_assert_cmpint(state.result, ==, KFT_R_OK);
    g_free(kft_test_child_stop(&http));
}

#define ADD(name, server, func)                                                                    \
    g_test_add("/net/stream/" name, Fixture, server, set_up, func, tear_down)

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    certificates = kft_test_make_certificates();
    ADD("echo-plain", "echo", test_echo);
    ADD("echo-tls", "echo tls", test_echo);
    ADD("echo-small-reads-plain", "echo", test_echo_small_reads);
    ADD("echo-small-reads-tls", "echo tls", test_echo_small_reads);
    ADD("one-read-per-turn-plain", "source", test_one_read_per_turn);
    ADD("one-read-per-turn-tls", "source tls", test_one_read_per_turn);
    ADD("interest-off", "source tls", test_interest_off);
    ADD("server-dies-plain", "silent", test_server_dies);
    ADD("server-dies-tls", "silent tls", test_server_dies);
    ADD("dial-errors", "silent", test_dial_errors);
    ADD("dial-timeout", "silent", test_dial_timeout);
    ADD("dial-cancel", "echo tls", test_dial_cancel);
    ADD("free-in-done", "echo tls", test_free_in_done);
    ADD("survive-other-dials", "echo tls", test_streams_survive_other_dials);
    ADD("write-and-free-in-body", "echo tls", test_write_and_free_in_body);
    int status = g_test_run();
    kft_test_remove_folder(certificates);
    g_free(certificates);
    return status;
}

/* NOLINTEND(readability-function-size,readability-function-cognitive-complexity) */
