#include <glib.h>

#include "base/number.h"

/* NOLINTBEGIN(readability-function-size,readability-function-cognitive-complexity): each assertion
 * is a macro of several branches. */

static void test_uint(void)
{
    uint64_t value = 7;

    g_assert_true(kft_parse_uint("0", 0, 10, &value));
    g_assert_cmpuint(value, ==, 0);
    g_assert_true(kft_parse_uint("18446744073709551615", 0, UINT64_MAX, &value));
    g_assert_cmpuint(value, ==, UINT64_MAX);
    g_assert_true(kft_parse_uint("0010", 10, 10, &value));
    g_assert_cmpuint(value, ==, 10);
    static const char *const bad[] = {"",    " 1",  "1 ", "+1", "-1",  "1x",
                                      "0x1", "1.0", "11", "4",  "1e1", "18446744073709551616"};
    for (size_t i = 0; i < G_N_ELEMENTS(bad); i++)
        g_assert_false(kft_parse_uint(bad[i], 5, 10, &value));
    g_assert_cmpuint(value, ==, 10);
    g_assert_false(kft_parse_uint("18446744073709551616", 0, UINT64_MAX, &value));
}

static void test_port(void)
{
    uint16_t port = 7;

    g_assert_true(kft_parse_port("65535", 1, &port));
    g_assert_cmpuint(port, ==, 65535);
    g_assert_true(kft_parse_port("0", 0, &port));
    g_assert_cmpuint(port, ==, 0);
    static const char *const bad[] = {
        "0", "65536", "", "http", "80 ", "-1", "99999999999999999999"};
    for (size_t i = 0; i < G_N_ELEMENTS(bad); i++)
        g_assert_false(kft_parse_port(bad[i], 1, &port));
    g_assert_cmpuint(port, ==, 0);
}

static void test_duration(void)
{
    static const struct {
        const char *text;
        uint64_t ms;
    } good[] = {
        {"0", 0},
        {"0s", 0},
        {"90s", 90000},
        {"1m30s", 90000},
        {"500ms", 500},
        {"1.5h", 5400000},
        {"1h1m1s1ms", 3661001},
        {".5s", 500},
        {"5.s", 5000},
        {"1500us", 2},
        {"1500\xc2\xb5s", 2}, /* U+00B5, as Go prints it */
        {"1500\xce\xbcs", 2}, /* U+03BC */
        {"1000000ns", 1},
        {"1ns", 0},
        {"87600h", UINT64_C(315360000000)},
    };
    uint64_t ms = 7;

    for (size_t i = 0; i < G_N_ELEMENTS(good); i++) {
        g_assert_true(kft_parse_duration_ms(good[i].text, &ms));
        g_assert_cmpuint(ms, ==, good[i].ms);
    }
    static const char *const bad[] = {
        "",     "s",   "1",   "90",    "1 s",    "-1s",  "+1s",
        "1d",   "1S",  ".s",  "1..5s", "1.2.3s", "1e3s", "0x1s",
        "inf",  "nan", "1s ", " 1s",   "87601h", "1m30", "99999999999999999999h",
        "1,5s", "1sm", "..s", "1hs",
    };
    ms = 7;
    for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
        if (kft_parse_duration_ms(bad[i], &ms))
            g_error("\"%s\" was taken as %" G_GUINT64_FORMAT " ms", bad[i], ms);
    }
    g_assert_cmpuint(ms, ==, 7);
}

static void test_rfc3339(void)
{
    static const struct {
        const char *text;
        int64_t unix_s;
    } good[] = {
        {"1970-01-01T00:00:00Z", 0},
        {"2026-11-23T04:24:34Z", 1795407874},
        {"2026-11-23t04:24:34z", 1795407874},
        {"2026-11-23T05:24:34+01:00", 1795407874},
        {"2026-11-22T18:54:34-09:30", 1795407874},
        {"2026-11-23T04:24:34.999999999Z", 1795407874},
        {"2026-11-23T05:24:34.5+01:00", 1795407874},
        {"1969-12-31T23:59:59Z", -1},
        {"2024-02-29T00:00:00Z", 1709164800},
        {"9999-12-31T23:59:59Z", INT64_C(253402300799)},
    };
    int64_t unix_s = 7;

    for (size_t i = 0; i < G_N_ELEMENTS(good); i++) {
        if (!kft_parse_rfc3339(good[i].text, &unix_s))
            g_error("\"%s\" was refused", good[i].text);
        g_assert_cmpint(unix_s, ==, good[i].unix_s);
    }
    /* ISO 8601 knows more forms than RFC 3339 5.6. */
    static const char *const bad[] = {
        "",
        "2026-11-23",
        "2026-11-23T04:24:34",
        "2026-11-23T04:24Z",
        "2026-11-23T04Z",
        "20261123T042434Z",
        "2026-W48-1T04:24:34Z",
        "2026-327T04:24:34Z",
        "2026-11-23T04:24:34+01",
        "2026-11-23T04:24:34+0100",
        "2026-11-23T04:24:34 Z",
        " 2026-11-23T04:24:34Z",
        "2026-11-23T04:24:34Zx",
        "2026-11-23T04:24:34,5Z",
        "2026-11-23T04:24:34.Z",
        "2026-13-01T00:00:00Z",
        "2026-02-29T00:00:00Z",
        "2026-11-23T25:00:00Z",
        "2026-11-23T04:60:00Z",
        "2026-11-23T04:24:34+24:00",
        "2026-11-23T04:24:34-23:60",
        "never",
        "T",
    };
    unix_s = 7;
    for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
        if (kft_parse_rfc3339(bad[i], &unix_s))
            g_error("\"%s\" was taken", bad[i]);
    }
    g_assert_cmpint(unix_s, ==, 7);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/base/number/uint", test_uint);
    g_test_add_func("/base/number/port", test_port);
    g_test_add_func("/base/number/duration", test_duration);
    g_test_add_func("/base/number/rfc3339", test_rfc3339);
    return g_test_run();
}

/* NOLINTEND(readability-function-size,readability-function-cognitive-complexity) */
