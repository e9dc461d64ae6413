#include "base/secret.h"

/* NOLINTBEGIN(readability-function-size,readability-function-cognitive-complexity): each assertion
 * is a macro of several branches. */

static void test_life(void)
{
    char text[] = "s3cr3t";
    KftSecret *secret = kft_secret_new(text);
    text[0] = 'x';
    g_assert_cmpstr(kft_secret_reveal(secret), ==, "s3cr3t");
    g_autoptr(KftSecret) copy = kft_secret_copy(secret);
    g_assert_true(kft_secret_reveal(copy) != kft_secret_reveal(secret));
    kft_secret_free(secret);
    g_assert_cmpstr(kft_secret_reveal(copy), ==, "s3cr3t");
    kft_secret_free(NULL);
    g_assert_null(kft_secret_copy(NULL));
}

static void test_equal(void)
{
    g_autoptr(KftSecret) a = kft_secret_new("a");
    g_autoptr(KftSecret) same = kft_secret_new("a");
    g_autoptr(KftSecret) other = kft_secret_new("ab");
    g_assert_true(kft_secret_equal(a, same));
    g_assert_true(kft_secret_equal(NULL, NULL));
    g_assert_false(kft_secret_equal(a, other));
    g_assert_false(kft_secret_equal(a, NULL));
    g_assert_false(kft_secret_equal(NULL, a));
}

static void test_wipe(void)
{
    kft_secret_wipe_string(NULL);
    kft_secret_wipe_string(g_strdup(""));
    kft_secret_wipe_string(g_strdup("s3cr3t"));
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/base/secret/life", test_life);
    g_test_add_func("/base/secret/equal", test_equal);
    g_test_add_func("/base/secret/wipe", test_wipe);
    return g_test_run();
}

/* NOLINTEND(readability-function-size,readability-function-cognitive-complexity) */
