/* The log writes to stderr, so each case that writes runs in a process of its own. */
#include "base/log.h"

/* NOLINTBEGIN(readability-function-size,readability-function-cognitive-complexity): each assertion
 * is a macro of several branches. */

static unsigned n_evaluated;

static unsigned evaluate(void)
{
    return ++n_evaluated;
}

static void test_levels(void)
{
    kft_log_set_level(KFT_LEVEL_ERROR);
    g_assert_true(kft_log_is_enabled(KFT_LOG_NET, KFT_LEVEL_ERROR));
    g_assert_false(kft_log_is_enabled(KFT_LOG_NET, KFT_LEVEL_WARNING));
    kft_log_configure("all:info,tunnel,net:warning");
    g_assert_true(kft_log_is_enabled(KFT_LOG_FORWARD, KFT_LEVEL_INFO));
    g_assert_false(kft_log_is_enabled(KFT_LOG_FORWARD, KFT_LEVEL_DEBUG));
    g_assert_true(kft_log_is_enabled(KFT_LOG_TUNNEL, KFT_LEVEL_DEBUG));
    g_assert_true(kft_log_is_enabled(KFT_LOG_NET, KFT_LEVEL_WARNING));
    g_assert_false(kft_log_is_enabled(KFT_LOG_NET, KFT_LEVEL_INFO));
}

static void test_arguments(void)
{
    kft_log_set_level(KFT_LEVEL_ERROR);
    kft_log(KFT_LOG_NET, KFT_LEVEL_INFO, "%u", evaluate());
    g_assert_cmpuint(n_evaluated, ==, 0);
}

static void test_line(void)
{
    if (g_test_subprocess()) {
        g_autofree char *text = g_strnfill(10000, 'x');
        kft_log_write(KFT_LOG_CONN, KFT_LEVEL_WARNING, "conn=%u %s", 7u, "closed");
        kft_log_write(KFT_LOG_CONN, KFT_LEVEL_ERROR, "long %s", text);
        kft_log_configure("nonsense,net:loud");
        return;
    }
    g_test_trap_subprocess(NULL, 0, (GTestSubprocessFlags)0);
    g_test_trap_assert_passed();
    g_test_trap_assert_stderr("*T??:??:??.???Z warning conn: conn=7 closed\n*");
    g_test_trap_assert_stderr("*Z error conn: long xxx*xxx\n*");
    g_test_trap_assert_stderr("*\"nonsense\" is not a component*");
    g_test_trap_assert_stderr("*\"net:loud\" is not a component*");
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/base/log/levels", test_levels);
    g_test_add_func("/base/log/arguments", test_arguments);
    g_test_add_func("/base/log/line", test_line);
    return g_test_run();
}

/* NOLINTEND(readability-function-size,readability-function-cognitive-complexity) */
