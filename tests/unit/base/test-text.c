#include <string.h>

#include "base/random.h"
#include "base/text.h"

static void test_percent(void)
{
    static const struct {
        const char *text;
        const char *encoded;
    } cases[] = {
        {"", ""},
        {"AZaz09-._~", "AZaz09-._~"},
        {"a b/c?d=e&f", "a%20b%2Fc%3Fd%3De%26f"},
        {"caf\xc3\xa9%", "caf%C3%A9%25"},
        {"\r\n\x7f\xff", "%0D%0A%7F%FF"},
    };

    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(GString) out = g_string_new("x");
        kft_text_append_percent_encoded(out, cases[i].text);
        g_assert_cmpstr(out->str + 1, ==, cases[i].encoded);
        g_autofree char *back = g_uri_unescape_string(out->str + 1, NULL);
        if (g_utf8_validate(cases[i].text, -1, NULL))
            g_assert_cmpstr(back, ==, cases[i].text);
    }
}

static void test_closest(void)
{
    static const char *const words[] = {"local_port", "remote_port", "service", "note", NULL};
    static const struct {
        const char *text;
        const char *closest;
    } cases[] = {
        {"localport", "local_port"},
        {"remote-port", "remote_port"},
        {"LOCAL_PORT", "local_port"},
        {"servise", "service"},
        {"not", "note"},
        {"port", "local_port"},
        {"zzzz", NULL},
        {"", NULL},
        {"x", NULL},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++)
        g_assert_cmpstr(kft_text_closest(cases[i].text, words), ==, cases[i].closest);
    g_autofree char *huge = g_strnfill(100000, 'a');
    g_assert_null(kft_text_closest(huge, words));
}

static void test_join_or(void)
{
    const char *const words[] = {"a", "b", "c", NULL};
    g_autofree char *three = kft_text_join_or(words);
    g_autofree char *two = kft_text_join_or(words + 1);
    g_autofree char *one = kft_text_join_or(words + 2);
    g_autofree char *none = kft_text_join_or(words + 3);
    g_assert_cmpstr(three, ==, "a, b or c");
    g_assert_cmpstr(two, ==, "b or c");
    g_assert_cmpstr(one, ==, "c");
    g_assert_cmpstr(none, ==, "");
    g_autofree char *all = kft_text_join_and(words);
    g_assert_cmpstr(all, ==, "a, b and c");
}

static void assert_span(gint64 seconds, const char *text)
{
    g_autofree char *span = kft_text_dup_span(seconds);
    g_assert_cmpstr(span, ==, text);
}

static void test_times(void)
{
    g_autofree char *date = kft_text_dup_date(1577836800);
    g_autofree char *none = kft_text_dup_date(0);
    assert_span(0, "0 seconds");
    assert_span(1, "1 second");
    assert_span(60, "1 minute");
    assert_span(-119, "1 minute");
    assert_span(3600, "60 minutes");
    assert_span(2 * 3600, "2 hours");
    assert_span(86400, "24 hours");
    assert_span(3 * 86400, "3 days");
    g_assert_cmpstr(date, ==, "2020-01-01 00:00 UTC");
    g_assert_cmpstr(none, ==, "an unreadable date");
}

static void test_random(void)
{
    uint8_t first[300] = {0};
    uint8_t second[300] = {0};
    unsigned seen = 0;

    kft_random_bytes(first, 0);
    /* More than one call of the kernel's source gives at once. */
    kft_random_bytes(first, sizeof first);
    kft_random_bytes(second, sizeof second);
    g_assert_cmpint(memcmp(first, second, sizeof first), !=, 0);
    for (unsigned i = 0; i < 1000; i++)
        seen |= 1u << kft_random_below(5);
    g_assert_cmpuint(seen, ==, 0x1f);
    g_assert_cmpuint(kft_random_below(1), ==, 0);

    g_autofree char *name = kft_random_dup_name(5);
    g_autofree char *other = kft_random_dup_name(16);
    g_assert_cmpuint(strspn(name, "0123456789abcdef"), ==, 10);
    g_assert_cmpuint(strspn(other, "0123456789abcdef"), ==, 32);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/base/text/percent", test_percent);
    g_test_add_func("/base/text/join-or", test_join_or);
    g_test_add_func("/base/text/times", test_times);
    g_test_add_func("/base/random", test_random);
    g_test_add_func("/base/text/closest", test_closest);
    return g_test_run();
}
