/* A name server that does not answer holds up the request that needs it and nothing else. */
#include <kftray/error.h>
#include <netdb.h>

#include "outcome.h"

static uv_sem_t may_answer;
static gint n_asked;
static gint n_answered;

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
    g_atomic_int_inc(&n_asked);
    uv_sem_wait(&may_answer);
    g_atomic_int_inc(&n_answered);
    return EAI_AGAIN;
}

static bool is_asked(void *user_data)
{
    (void)user_data;
    return g_atomic_int_get(&n_asked) > 0;
}

static void begin(KftTestLoop *test)
{
    g_atomic_int_set(&n_asked, 0);
    g_atomic_int_set(&n_answered, 0);
    g_assert_cmpint(uv_sem_init(&may_answer, 0), ==, 0);
    kft_test_loop_init(test);
}

static bool is_answered(void *user_data)
{
    (void)user_data;
    return g_atomic_int_get(&n_answered) == g_atomic_int_get(&n_asked);
}

/* Everything is freed, without having waited for an answer. The thread of libcurl that looks the
 * name up ends when it has one, with its descriptor. */
static void end(KftTestLoop *test)
{
    g_assert_cmpint(g_atomic_int_get(&n_answered), ==, 0);
    for (gint i = 0; i < g_atomic_int_get(&n_asked); i++)
        uv_sem_post(&may_answer);
    kft_test_loop_poll_until(test, is_answered, NULL);
    kft_test_loop_clear(test);
    uv_sem_destroy(&may_answer);
}

static void test_timeout(void)
{
    KftTestLoop test = {0};
    g_autoptr(KftEndpoint) endpoint = kft_endpoint_new("http://slow.example:80");
    KftHttpRequest request = {.path = "/", .connect_timeout_ms = 200};
    begin(&test);
    {
        g_auto(KftOutcome) outcome = {0};
        kft_outcome_fetch(&outcome, &test, endpoint, &request, NULL);
        kft_outcome_assert_error(&outcome, KFT_ERROR_TIMEOUT,
                                 "timed out while resolving the name of slow.example:80");
    }
    kft_test_loop_run_for(&test, 50);
    end(&test);
}

static void test_cancel(void)
{
    KftTestLoop test = {0};
    g_autoptr(KftEndpoint) endpoint = kft_endpoint_new("http://slow.example:80");
    KftHttpRequest request = {.path = "/"};
    begin(&test);
    {
        g_auto(KftOutcome) outcome = {0};
        outcome.call =
            kft_http_call_start(test.loop, endpoint, &request, NULL, kft_outcome_on_done, &outcome);
        kft_test_loop_poll_until(&test, is_asked, NULL);
        g_assert_false(outcome.is_done);
    }
    kft_test_loop_run_for(&test, 50);
    end(&test);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/net/slow-name/timeout", test_timeout);
    g_test_add_func("/net/slow-name/cancel", test_cancel);
    return g_test_run();
}
