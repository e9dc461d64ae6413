#include <glib.h>

#include "base/backoff.h"

static uint32_t last_bound;

static uint32_t lowest(uint32_t bound)
{
    last_bound = bound;
    return 0;
}

static uint32_t highest(uint32_t bound)
{
    last_bound = bound;
    return bound - 1;
}

static void test_bounds(void)
{
    static const uint32_t bounds[] = {1600, 3200, 6400, 12800, 25600, 30000, 30000, 30000};
    KftBackoff low;
    KftBackoff high;

    kft_backoff_init(&low, 800, 30000);
    kft_backoff_init(&high, 800, 30000);
    low.random_below = lowest;
    high.random_below = highest;
    for (size_t i = 0; i < G_N_ELEMENTS(bounds); i++) {
        g_assert_cmpuint(kft_backoff_next_ms(&low), ==, 800);
        g_assert_cmpuint(kft_backoff_next_ms(&high), ==, bounds[i]);
    }
}

static void test_many_tries(void)
{
    KftBackoff backoff;

    kft_backoff_init(&backoff, 1000, UINT32_MAX);
    backoff.random_below = highest;
    for (unsigned i = 0; i < 100; i++)
        (void)kft_backoff_next_ms(&backoff);
    g_assert_cmpuint(kft_backoff_next_ms(&backoff), ==, UINT32_MAX);
    /* And ever after: a count that wraps would start the waits over. */
    g_assert_cmpuint(backoff.n_tries, <=, 32);
}

static void test_reset(void)
{
    KftBackoff backoff;

    kft_backoff_init(&backoff, 100, 1000);
    backoff.random_below = highest;
    for (unsigned i = 0; i < 10; i++)
        (void)kft_backoff_next_ms(&backoff);
    kft_backoff_reset(&backoff);
    g_assert_cmpuint(kft_backoff_next_ms(&backoff), ==, 200);
    g_assert_cmpuint(last_bound, ==, 101);
}

static void test_smallest(void)
{
    KftBackoff backoff;

    kft_backoff_init(&backoff, 1, 1);
    for (unsigned i = 0; i < 50; i++)
        g_assert_cmpuint(kft_backoff_next_ms(&backoff), <=, 1);
}

/* With the real source the waits of many clients spread over all that is allowed. */
static void test_jitter(void)
{
    unsigned n_low = 0;

    for (unsigned i = 0; i < 2000; i++) {
        KftBackoff backoff;
        kft_backoff_init(&backoff, 500, 1000);
        uint32_t wait_ms = kft_backoff_next_ms(&backoff);
        g_assert_cmpuint(wait_ms, >=, 500);
        g_assert_cmpuint(wait_ms, <=, 1000);
        n_low += wait_ms < 750;
    }
    /* 2000 fair coins stay within 10 standard deviations. */
    g_assert_cmpuint(n_low, >, 770);
    g_assert_cmpuint(n_low, <, 1230);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/base/backoff/bounds", test_bounds);
    g_test_add_func("/base/backoff/many-tries", test_many_tries);
    g_test_add_func("/base/backoff/reset", test_reset);
    g_test_add_func("/base/backoff/smallest", test_smallest);
    g_test_add_func("/base/backoff/jitter", test_jitter);
    return g_test_run();
}
