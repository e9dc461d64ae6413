/* HTTP requests against a plain server. */
#include <kftray/error.h>
#include <string.h>

#include "outcome.h"

/* NOLINTBEGIN(readability-function-size,readability-function-cognitive-complexity): each assertion
 * is a macro of several branches. */

typedef struct {
    KftTestLoop test;
    KftTestChild server;
    KftEndpoint *endpoint;
} Fixture;

static void set_up(Fixture *fixture, gconstpointer data)
{
    (void)data;
    kft_test_server_start(&fixture->server, (const char *const[]){"http", NULL});
    kft_test_loop_init(&fixture->test);
    fixture->endpoint = kft_test_endpoint("http", &fixture->server);
}

static void tear_down(Fixture *fixture, gconstpointer data)
{
    (void)data;
    kft_endpoint_unref(fixture->endpoint);
    kft_test_loop_clear(&fixture->test);
    g_free(kft_test_child_stop(&fixture->server));
}

static void test_get(Fixture *fixture, gconstpointer data)
{
    g_auto(KftOutcome) outcome = {0};
    (void)data;
    kft_outcome_fetch(&outcome, &fixture->test, fixture->endpoint, NULL, "/echo?a=b%2Fc");
    g_assert_no_error(outcome.error);
    g_assert_cmpuint(outcome.status, ==, 200);
    g_assert_cmpstr(outcome.content_type, ==, "text/plain");
    g_assert_nonnull(strstr(outcome.body->str, "GET /echo?a=b%2Fc HTTP/1.1\r\n"));
    g_assert_nonnull(strstr(outcome.body->str, "User-Agent: kftray/"));
    g_assert_null(strstr(outcome.body->str, "Expect"));
    kft_test_loop_run_for(&fixture->test, 20);
    g_assert_cmpuint(outcome.n_done, ==, 1);
}

static void test_methods(Fixture *fixture, gconstpointer data)
{
    static const char *const methods[] = {"POST", "PUT", "PATCH", "DELETE"};
    const char *const headers[] = {"X-One: 1", "Content-Type: application/json", NULL};
    (void)data;
    for (size_t i = 0; i < G_N_ELEMENTS(methods); i++) {
        g_auto(KftOutcome) outcome = {0};
        g_autofree char *line = g_strdup_printf("%s /echo HTTP/1.1", methods[i]);
        KftHttpRequest request = {.method = methods[i],
                                  .path = "/echo",
                                  .headers = headers,
                                  .body = "{\"a\":1}",
                                  .body_size = 7};
        kft_outcome_fetch(&outcome, &fixture->test, fixture->endpoint, &request, NULL);
        g_assert_no_error(outcome.error);
        g_assert_nonnull(strstr(outcome.body->str, line));
        g_assert_nonnull(strstr(outcome.body->str, "\r\nX-One: 1"));
        g_assert_true(g_str_has_suffix(outcome.body->str, "\n\n{\"a\":1}"));
    }
}

static void test_empty_bodies(Fixture *fixture, gconstpointer data)
{
    g_auto(KftOutcome) posted = {0};
    g_auto(KftOutcome) deleted = {0};
    KftHttpRequest post = {.method = "POST", .path = "/echo"};
    KftHttpRequest delete = {.method = "DELETE", .path = "/echo"};
    (void)data;
    kft_outcome_fetch(&posted, &fixture->test, fixture->endpoint, &post, NULL);
    g_assert_no_error(posted.error);
    g_assert_nonnull(strstr(posted.body->str, "POST /echo"));
    kft_outcome_fetch(&deleted, &fixture->test, fixture->endpoint, &delete, NULL);
    g_assert_no_error(deleted.error);
    g_assert_nonnull(strstr(deleted.body->str, "DELETE /echo"));
}

static void test_header_with_line_break(Fixture *fixture, gconstpointer data)
{
    g_auto(KftOutcome) outcome = {0};
    const char *const headers[] = {"Authorization: Bearer s3cret\r\nX-Evil: 1", NULL};
    KftHttpRequest request = {.path = "/echo", .headers = headers};
    (void)data;
    kft_outcome_fetch(&outcome, &fixture->test, fixture->endpoint, &request, NULL);
    kft_outcome_assert_error(&outcome, KFT_ERROR_BAD_CONFIG, "a header of the request*line break");
    g_assert_null(strstr(outcome.error->message, "s3cret"));
}

static void test_header_without_value(Fixture *fixture, gconstpointer data)
{
    g_auto(KftOutcome) outcome = {0};
    const char *const headers[] = {"Impersonate-Group: ", "X-None:", NULL};
    KftHttpRequest request = {.path = "/echo", .headers = headers};
    (void)data;
    kft_outcome_fetch(&outcome, &fixture->test, fixture->endpoint, &request, NULL);
    g_assert_no_error(outcome.error);
    g_assert_nonnull(strstr(outcome.body->str, "\r\nImpersonate-Group:\r\n"));
    g_assert_nonnull(strstr(outcome.body->str, "\r\nX-None:"));
}

static void test_status_is_an_answer(Fixture *fixture, gconstpointer data)
{
    g_auto(KftOutcome) outcome = {0};
    (void)data;
    kft_outcome_fetch(&outcome, &fixture->test, fixture->endpoint, NULL, "/busy");
    g_assert_no_error(outcome.error);
    g_assert_cmpuint(outcome.status, ==, 503);
    g_assert_cmpuint(outcome.retry_after_s, ==, 7);
    g_assert_cmpstr(outcome.body->str, ==, "later");
}

static void test_url_prefix(Fixture *fixture, gconstpointer data)
{
    g_auto(KftOutcome) outcome = {0};
    g_autofree char *url = g_strdup_printf("http://127.0.0.1:%u/echo/a/", fixture->server.port);
    g_autoptr(KftEndpoint) endpoint = kft_endpoint_new(url);
    g_autofree char *prefix = kft_endpoint_dup_prefix(endpoint);
    (void)data;
    g_assert_cmpstr(prefix, ==, "/echo/a");
    kft_outcome_fetch(&outcome, &fixture->test, endpoint, NULL, "/b/../c");
    g_assert_no_error(outcome.error);
    g_assert_nonnull(strstr(outcome.body->str, "GET /echo/a/b/../c HTTP/1.1"));
}

static void test_body_limit(Fixture *fixture, gconstpointer data)
{
    g_auto(KftOutcome) exact = {0};
    g_auto(KftOutcome) over = {0};
    KftHttpRequest request = {.path = "/big/100000", .max_body_bytes = 100000};
    (void)data;
    kft_outcome_fetch(&exact, &fixture->test, fixture->endpoint, &request, NULL);
    g_assert_no_error(exact.error);
    g_assert_cmpuint(exact.body->len, ==, 100000);
    request.max_body_bytes = 99999;
    kft_outcome_fetch(&over, &fixture->test, fixture->endpoint, &request, NULL);
    kft_outcome_assert_error(&over, KFT_ERROR_LIMIT,
                             "the answer of 127.0.0.1:* is larger than 99999 bytes");
}

static void on_body_collect(const uint8_t *data, size_t size, void *user_data)
{
    KftOutcome *outcome = user_data;
    if (outcome->body == NULL)
        outcome->body = g_string_new(NULL);
    g_string_append_len(outcome->body, (const char *)data, (gssize)size);
}

static void on_body_free(const uint8_t *data, size_t size, void *user_data)
{
    KftOutcome *outcome = user_data;
    on_body_collect(data, size, user_data);
    kft_http_call_free(g_steal_pointer(&outcome->call));
    outcome->is_done = true;
}

static void test_streamed_body(Fixture *fixture, gconstpointer data)
{
    g_auto(KftOutcome) outcome = {0};
    KftHttpRequest request = {.path = "/chunks"};
    (void)data;
    outcome.call = kft_http_call_start(fixture->test.loop, fixture->endpoint, &request,
                                       on_body_collect, kft_outcome_on_done, &outcome);
    kft_test_loop_run_until_true(&fixture->test, &outcome.is_done);
    g_assert_no_error(outcome.error);
    g_assert_cmpstr(outcome.body->str, ==, "part 0part 1part 2part 3part 4");
}

static void test_streaming_collects_errors(Fixture *fixture, gconstpointer data)
{
    g_auto(KftOutcome) outcome = {0};
    KftHttpRequest request = {.path = "/busy"};
    (void)data;
    outcome.call = kft_http_call_start(fixture->test.loop, fixture->endpoint, &request,
                                       on_body_free, kft_outcome_on_done, &outcome);
    kft_test_loop_run_until_true(&fixture->test, &outcome.is_done);
    g_assert_cmpuint(outcome.status, ==, 503);
    g_assert_cmpstr(outcome.body->str, ==, "later");
}

static void test_free_in_body(Fixture *fixture, gconstpointer data)
{
    g_auto(KftOutcome) outcome = {0};
    KftHttpRequest request = {.path = "/stall"};
    (void)data;
    outcome.call = kft_http_call_start(fixture->test.loop, fixture->endpoint, &request,
                                       on_body_free, kft_outcome_on_done, &outcome);
    kft_test_loop_run_until_true(&fixture->test, &outcome.is_done);
    kft_test_loop_run_for(&fixture->test, 20);
    g_assert_cmpstr(outcome.body->str, ==, "first");
    g_assert_cmpuint(outcome.n_done, ==, 0);
}

typedef struct {
    Fixture *fixture;
    KftOutcome first;
    KftOutcome second;
} Pair;

static void on_body_start_other(const uint8_t *data, size_t size, void *user_data)
{
    static const KftHttpRequest request = {.path = "/echo"};
    Pair *pair = user_data;
    (void)data;
    (void)size;
    if (pair->second.call == NULL)
        pair->second.call = kft_http_call_start(pair->fixture->test.loop, pair->fixture->endpoint,
                                                &request, NULL, kft_outcome_on_done, &pair->second);
}

static void on_done_first(const KftHttpResponse *response, const GError *error, void *user_data)
{
    Pair *pair = user_data;
    kft_outcome_on_done(response, error, &pair->first);
    kft_http_call_free(g_steal_pointer(&pair->first.call));
}

static void test_start_in_body_free_in_done(Fixture *fixture, gconstpointer data)
{
    Pair pair = {.fixture = fixture};
    KftHttpRequest request = {.path = "/chunks"};
    (void)data;
    pair.first.call = kft_http_call_start(fixture->test.loop, fixture->endpoint, &request,
                                          on_body_start_other, on_done_first, &pair);
    kft_test_loop_run_until_true(&fixture->test, &pair.first.is_done);
    kft_test_loop_run_until_true(&fixture->test, &pair.second.is_done);
    g_assert_no_error(pair.second.error);
    kft_outcome_clear(&pair.first);
    kft_outcome_clear(&pair.second);
}

static void test_cancel_early(Fixture *fixture, gconstpointer data)
{
    KftOutcome outcome = {0};
    KftHttpRequest request = {.path = "/echo"};
    KftHttpRequest bad = {.path = "/echo", .headers = (const char *const[]){"nonsense", NULL}};
    (void)data;
    kft_http_call_free(kft_http_call_start(fixture->test.loop, fixture->endpoint, &request, NULL,
                                           kft_outcome_on_done, &outcome));
    kft_http_call_free(kft_http_call_start(fixture->test.loop, fixture->endpoint, &bad, NULL,
                                           kft_outcome_on_done, &outcome));
    kft_test_loop_run_for(&fixture->test, 20);
    g_assert_cmpuint(outcome.n_done, ==, 0);
}

/* The port that a request came from. */
static uint64_t fetch_port(Fixture *fixture)
{
    g_auto(KftOutcome) outcome = {0};
    kft_outcome_fetch(&outcome, &fixture->test, fixture->endpoint, NULL, "/echo");
    g_assert_no_error(outcome.error);
    const char *line = strstr(outcome.body->str, "\nport: ");
    g_assert_nonnull(line);
    return g_ascii_strtoull(line + strlen("\nport: "), NULL, 10);
}

/* Connections serve further requests, unless they may be dead: those of before the settings came
 * cannot be, as there are none. */
static void test_distrust(Fixture *fixture, gconstpointer data)
{
    (void)data;
    kft_loop_distrust_idle(fixture->test.loop);
    uint64_t first = fetch_port(fixture);
    g_assert_cmpuint(fetch_port(fixture), ==, first);
    kft_loop_distrust_idle(fixture->test.loop);
    g_assert_cmpuint(fetch_port(fixture), !=, first);
}

/* The exchange must be in that stage by then. */
#define STAGE_MS 5000

typedef struct {
    const char *path;
    uint32_t timeout_ms;
    uint32_t idle_timeout_ms;
    int code;
    const char *message;
} Failure;

static void test_failures(Fixture *fixture, gconstpointer data)
{
    static const Failure failures[] = {
        {"/cut", 0, 0, KFT_ERROR_UNREACHABLE, "127.0.0.1:* closed the connection in the middle *"},
        {"/close", 0, 0, KFT_ERROR_UNREACHABLE, "127.0.0.1:* closed the connection without an *"},
        {"/rubbish", 0, 0, KFT_ERROR_PROTOCOL, "127.0.0.1:* did not answer with HTTP"},
        {"/mute", STAGE_MS, 0, KFT_ERROR_TIMEOUT, "127.0.0.1:* did not answer in time"},
        {"/stall", STAGE_MS, 0, KFT_ERROR_TIMEOUT, "127.0.0.1:* did not finish its answer in time"},
        {"/stall", 0, 50, KFT_ERROR_TIMEOUT, "127.0.0.1:* sent nothing for 1 seconds"},
    };
    KftOutcome outcomes[G_N_ELEMENTS(failures)] = {0};
    (void)data;
    for (size_t i = 0; i < G_N_ELEMENTS(failures); i++) {
        KftHttpRequest request = {.path = failures[i].path,
                                  .timeout_ms = failures[i].timeout_ms,
                                  .idle_timeout_ms = failures[i].idle_timeout_ms};
        outcomes[i].call = kft_http_call_start(fixture->test.loop, fixture->endpoint, &request,
                                               NULL, kft_outcome_on_done, &outcomes[i]);
    }
    for (size_t i = 0; i < G_N_ELEMENTS(failures); i++) {
        kft_test_loop_run_until_true(&fixture->test, &outcomes[i].is_done);
        kft_outcome_assert_error(&outcomes[i], failures[i].code, failures[i].message);
        g_assert_cmpuint(outcomes[i].n_done, ==, 1);
        kft_outcome_clear(&outcomes[i]);
    }
}

typedef struct {
    const char *url;
    int code;
    const char *message;
} BadUrl;

static void test_bad_urls(Fixture *fixture, gconstpointer data)
{
    static const BadUrl urls[] = {
        {"http://127.0.0.1:1", KFT_ERROR_UNREACHABLE,
         "cannot connect to 127.0.0.1:1: connection refused"},
        {"http://name.invalid", KFT_ERROR_UNREACHABLE,
         "the name of name.invalid cannot be resolved: asked was *, and *VPN*"},
        {"ftp://127.0.0.1", KFT_ERROR_BAD_CONFIG, "the server URL of 127.0.0.1 must be http*"},
        {"http://127.0.0.1:99999", KFT_ERROR_BAD_CONFIG, "the server URL of *"},
        {"", KFT_ERROR_BAD_CONFIG, "the server URL of *"},
        {"http://user:s3cret@127.0.0.1:1", KFT_ERROR_UNREACHABLE,
         "cannot connect to 127.0.0.1:1: *"},
    };
    (void)data;
    for (size_t i = 0; i < G_N_ELEMENTS(urls); i++) {
        g_auto(KftOutcome) outcome = {0};
        g_autoptr(KftEndpoint) endpoint = kft_endpoint_new(urls[i].url);
        kft_outcome_fetch(&outcome, &fixture->test, endpoint, NULL, "/");
        kft_outcome_assert_error(&outcome, urls[i].code, urls[i].message);
    }
}

static void test_many_at_once(Fixture *fixture, gconstpointer data)
{
    KftOutcome outcomes[50] = {0};
    KftHttpRequest request = {.path = "/big/5000"};
    (void)data;
    for (size_t i = 0; i < G_N_ELEMENTS(outcomes); i++)
        outcomes[i].call = kft_http_call_start(fixture->test.loop, fixture->endpoint, &request,
                                               NULL, kft_outcome_on_done, &outcomes[i]);
    for (size_t i = 0; i < G_N_ELEMENTS(outcomes); i++) {
        kft_test_loop_run_until_true(&fixture->test, &outcomes[i].is_done);
        g_assert_no_error(outcomes[i].error);
        g_assert_cmpuint(outcomes[i].body->len, ==, 5000);
        kft_outcome_clear(&outcomes[i]);
    }
}

static void test_endpoint(void)
{
    g_autoptr(KftEndpoint) endpoint = kft_endpoint_new("https://u:p@[::1]:6443/k8s/c-1?x#y");
    endpoint->server_name = g_strdup("api.test");
    endpoint->proxy_url = kft_secret_new("http://a:b@proxy");
    endpoint->ca_data = g_bytes_new_static("ca", 2);
    g_autoptr(KftEndpoint) copy = kft_endpoint_copy(endpoint);
    g_autofree char *authority = kft_endpoint_dup_authority(copy);
    g_autofree char *prefix = kft_endpoint_dup_prefix(copy);
    g_assert_cmpstr(authority, ==, "[::1]:6443");
    g_assert_cmpstr(prefix, ==, "/k8s/c-1");
    g_assert_cmpstr(copy->server_name, ==, "api.test");
    g_assert_true(kft_secret_equal(copy->proxy_url, endpoint->proxy_url));
    KftEndpoint *again = kft_endpoint_ref(copy);
    kft_endpoint_unref(again);
    kft_endpoint_unref(NULL);
}

#define ADD(name, func) g_test_add("/net/http/" name, Fixture, NULL, set_up, func, tear_down)

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    ADD("get", test_get);
    ADD("methods", test_methods);
    ADD("empty-bodies", test_empty_bodies);
    ADD("header-with-line-break", test_header_with_line_break);
    ADD("header-without-value", test_header_without_value);
    ADD("status-is-an-answer", test_status_is_an_answer);
    ADD("url-prefix", test_url_prefix);
    ADD("body-limit", test_body_limit);
    ADD("streamed-body", test_streamed_body);
    ADD("streaming-collects-errors", test_streaming_collects_errors);
    ADD("free-in-body", test_free_in_body);
    ADD("start-in-body-free-in-done", test_start_in_body_free_in_done);
    ADD("cancel-early", test_cancel_early);
    ADD("distrust", test_distrust);
    ADD("failures", test_failures);
    ADD("bad-urls", test_bad_urls);
    ADD("many-at-once", test_many_at_once);
    g_test_add_func("/net/http/endpoint", test_endpoint);
    return g_test_run();
}

/* NOLINTEND(readability-function-size,readability-function-cognitive-complexity) */
