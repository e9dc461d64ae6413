/* A name server that does not answer holds up the request that needs it and nothing else. */
#include <kftray/error.h>
#include <netdb.h>

#include "outcome.h"

#define ANSWER_AFTER_US ((gulong)1500 * 1000)
#define SOON_US ((gint64)1000 * 1000)

/* Stands in for the C library's function, which the program's own symbol overrides in libcurl too.
 */
/* NOLINTNEXTLINE(readability-inconsistent-declaration-parameter-name): the C library's. */
__attribute__((visibility("default"))) int getaddrinfo(const char *name,
                                                       const char *service,
                                                       const struct addrinfo *hints,
                                                       struct addrinfo **ret_list)
{
    (void)name;
    (void)service;
    (void)hints;
    (void)ret_list;
    g_usleep(ANSWER_AFTER_US);
    return EAI_AGAIN;
}

/* Everything that was begun at @started_us is freed, and soon; the thread of libcurl that looks the
 * name up ends when it has its answer, with its descriptor. */
static void end(KftTestLoop *test, gint64 started_us)
{
    g_assert_cmpint(g_get_monotonic_time() - started_us, <, SOON_US);
    g_usleep(ANSWER_AFTER_US);
    kft_test_loop_clear(test);
}

static void test_timeout(void)
{
    KftTestLoop test = {0};
    g_autoptr(KftEndpoint) endpoint = kft_endpoint_new("http://slow.example:80");
    KftHttpRequest request = {.path = "/", .connect_timeout_ms = 200};
    kft_test_loop_init(&test);
    gint64 started_us = g_get_monotonic_time();
    {
        g_auto(KftOutcome) outcome = {0};
        kft_outcome_fetch(&outcome, &test, endpoint, &request, NULL);
        kft_outcome_assert_error(&outcome, KFT_ERROR_TIMEOUT,
                                 "timed out while resolving the name of slow.example:80");
    }
    kft_test_loop_run_for(&test, 50);
    end(&test, started_us);
}

static void test_cancel(void)
{
    KftTestLoop test = {0};
    g_autoptr(KftEndpoint) endpoint = kft_endpoint_new("http://slow.example:80");
    KftHttpRequest request = {.path = "/"};
    kft_test_loop_init(&test);
    gint64 started_us = g_get_monotonic_time();
    {
        g_auto(KftOutcome) outcome = {0};
        outcome.call =
            kft_http_call_start(test.loop, endpoint, &request, NULL, kft_outcome_on_done, &outcome);
        kft_test_loop_run_for(&test, 200);
        g_assert_false(outcome.is_done);
    }
    kft_test_loop_run_for(&test, 50);
    end(&test, started_us);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/net/slow-name/timeout", test_timeout);
    g_test_add_func("/net/slow-name/cancel", test_cancel);
    return g_test_run();
}
