#include <string.h>

#include "kftray/error.h"

#include "base/result.h"

/* NOLINTBEGIN(readability-function-size,readability-function-cognitive-complexity): each assertion
 * is a macro of several branches. */

/* Every code, spelled out a second time: a change of the table must be meant. */
static const struct {
    const char *name;
    KftErrorCode code;
    bool is_retryable;
    bool needs_user;
} expected[] = {
    {"bad-config", KFT_ERROR_BAD_CONFIG, false, true},
    {"auth", KFT_ERROR_AUTH, false, true},
    {"proxy-auth", KFT_ERROR_PROXY_AUTH, false, true},
    {"not-found", KFT_ERROR_NOT_FOUND, true, false},
    {"refused", KFT_ERROR_REFUSED, true, false},
    {"unreachable", KFT_ERROR_UNREACHABLE, true, false},
    {"timeout", KFT_ERROR_TIMEOUT, true, false},
    {"protocol", KFT_ERROR_PROTOCOL, true, false},
    {"limit", KFT_ERROR_LIMIT, false, true},
    {"port-in-use", KFT_ERROR_PORT_IN_USE, false, true},
    {"cancelled", KFT_ERROR_CANCELLED, false, false},
    {"storage", KFT_ERROR_STORAGE, false, true},
    {"internal", KFT_ERROR_INTERNAL, false, false},
};

#define CODE(name, retry, user) KFT_ERROR_##name,
static const KftErrorCode codes[] = {KFT_ERROR_CODES(CODE)};
#undef CODE
G_STATIC_ASSERT(G_N_ELEMENTS(expected) == G_N_ELEMENTS(codes));

static void test_every_code(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(expected); i++) {
        g_autoptr(GError) error = g_error_new_literal(KFT_ERROR, (gint)expected[i].code, "x");
        g_assert_cmpint(expected[i].code, ==, codes[i]);
        g_assert_cmpstr(kft_error_code_name(expected[i].code), ==, expected[i].name);
        g_assert_cmpint(kft_error_is_retryable(error), ==, expected[i].is_retryable);
        g_assert_cmpint(kft_error_needs_user(error), ==, expected[i].needs_user);
    }
}

static void test_foreign(void)
{
    g_autoptr(GError) foreign = g_error_new_literal(G_FILE_ERROR, KFT_ERROR_TIMEOUT, "x");
    g_assert_false(kft_error_is_retryable(foreign));
    g_assert_false(kft_error_needs_user(foreign));
    g_assert_false(kft_error_is_retryable(NULL));
    g_assert_false(kft_error_needs_user(NULL));
}

static void test_results(void)
{
    static const KftResult results[] = {KFT_R_OK,     KFT_R_AGAIN,    KFT_R_EOF,   KFT_R_INVALID,
                                        KFT_R_CLOSED, KFT_R_PROTOCOL, KFT_R_LIMIT, KFT_R_IO};

    for (size_t i = 0; i < G_N_ELEMENTS(results); i++) {
        g_assert_cmpuint(strlen(kft_result_name(results[i])), >, 0);
        for (size_t n = 0; n < i; n++)
            g_assert_cmpstr(kft_result_name(results[i]), !=, kft_result_name(results[n]));
        g_assert_cmpint(kft_result_is_fatal(results[i]), ==, i >= 5);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/base/error/every-code", test_every_code);
    g_test_add_func("/base/error/foreign", test_foreign);
    g_test_add_func("/base/result/names", test_results);
    return g_test_run();
}

/* NOLINTEND(readability-function-size,readability-function-cognitive-complexity) */
