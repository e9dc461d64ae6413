#include <glib.h>

#include "forward/bulk.h"

#define MIB ((size_t)1024 * 1024)
#define START_MS 5000

static void test_is_told_once(void)
{
    KftBulk bulk = {0};

    g_assert_false(kft_bulk_count(&bulk, START_MS, 8 * MIB));
    g_assert_false(kft_bulk_is_now(&bulk, START_MS));
    g_assert_true(kft_bulk_count(&bulk, START_MS + 999, 1));
    g_assert_true(kft_bulk_is_now(&bulk, START_MS + 999));
    g_assert_false(kft_bulk_count(&bulk, START_MS + 999, 8 * MIB));
}

static void test_steady_trickle_is_not_bulk(void)
{
    KftBulk bulk = {0};

    for (uint64_t second = 1; second <= 10; second++)
        g_assert_false(kft_bulk_count(&bulk, second * 1000, 8 * MIB));
}

static void test_ends(void)
{
    KftBulk bulk = {0};

    g_assert_true(kft_bulk_count(&bulk, START_MS, 9 * MIB));
    g_assert_true(kft_bulk_is_now(&bulk, START_MS + 1999));
    g_assert_false(kft_bulk_is_now(&bulk, START_MS + 2000));
    g_assert_false(kft_bulk_count(&bulk, START_MS + 1000, 1));
    g_assert_false(kft_bulk_is_now(&bulk, START_MS + 1000));
    g_assert_true(kft_bulk_count(&bulk, START_MS + 1500, 9 * MIB));
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/bulk/is-told-once", test_is_told_once);
    g_test_add_func("/bulk/steady-trickle-is-not-bulk", test_steady_trickle_is_not_bulk);
    g_test_add_func("/bulk/ends", test_ends);
    return g_test_run();
}
