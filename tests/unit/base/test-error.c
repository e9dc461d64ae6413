#include <string.h>

#include "kftray/error.h"

#include "base/result.h"

/* Every code, spelled out a second time: a change of the table must be meant. */
static const struct {
    KftErrorCode code;
    const char *name;
    bool is_retryable;
    bool needs_user;
} expected[] = {
    {KFT_ERROR_BAD_CONFIG, "bad-config", false, true},
    {KFT_ERROR_AUTH, "auth", false, true},
    {KFT_ERROR_NOT_FOUND, "not-found", true, false},
    {KFT_ERROR_REFUSED, "refused", true, false},
    {KFT_ERROR_UNREACHABLE, "unreachable", true, false},
    {KFT_ERROR_TIMEOUT, "timeout", true, false},
    {KFT_ERROR_PROTOCOL, "protocol", true, false},
    {KFT_ERROR_LIMIT, "limit", false, true},
    {KFT_ERROR_PORT_IN_USE, "port-in-use", false, true},
    {KFT_ERROR_CANCELLED, "cancelled", false, false},
    {KFT_ERROR_STORAGE, "storage", false, true},
    {KFT_ERROR_INTERNAL, "internal", false, false},
};

#define COUNT(name, retry, user) +1
G_STATIC_ASSERT(G_N_ELEMENTS(expected) == (0 KFT_ERROR_CODES(COUNT)));
#undef COUNT

static void test_every_code(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(expected); i++) {
        g_autoptr(GError) error = g_error_new_literal(KFT_ERROR, (gint)expected[i].code, "x");
        g_assert_cmpint(expected[i].code, ==, i);
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
