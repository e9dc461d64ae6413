#include <string.h>

#include "base/redact.h"

/* NOLINTBEGIN(readability-function-size,readability-function-cognitive-complexity): each assertion
 * is a macro of several branches. */

static void test_redact(void)
{
    static const struct {
        const char *text;
        const char *redacted;
    } cases[] = {
        {"", ""},
        {"nothing to hide", "nothing to hide"},
        {"Authorization: Bearer abc.def-ghi", "Authorization: Bearer <redacted>"},
        {"authorization: bearer abc\r\nHost: x", "authorization: bearer <redacted>\r\nHost: x"},
        {"Authorization: Basic dXNlcjpwYXNz", "Authorization: Basic <redacted>"},
        {"Authorization:Bearer abc", "Authorization:Bearer <redacted>"},
        {"Proxy-Authorization: Basic dTpw", "Proxy-Authorization: Basic <redacted>"},
        {"Authorization: Negotiate YII=", "Authorization: <redacted>"},
        {"Authorization: abc\nHost: x", "Authorization: <redacted>\nHost: x"},
        {"\"Bearer abc\", \"Bearer def\"", "\"Bearer <redacted>\", \"Bearer <redacted>\""},
        {"Bearer  abc", "Bearer  <redacted>"},
        {"Bearer\tabc", "Bearer\t<redacted>"},
        {"Bearer ", "Bearer "},
        {"http://user:pass@host/p", "http://<redacted>@host/p"},
        {"https://token@host:1", "https://<redacted>@host:1"},
        {"socks5://u:p@w@host", "socks5://<redacted>@host"},
        {"https://host/path@x", "https://host/path@x"},
        {"https://host/", "https://host/"},
        {"two http://a:b@c http://d:e@f.", "two http://<redacted>@c http://<redacted>@f."},
        {"caf\xc3\xa9", "caf\xc3\xa9"},
    };

    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *text = kft_redact(cases[i].text);
        g_assert_cmpstr(text, ==, cases[i].redacted);
    }
}

static void test_one_line(void)
{
    static const struct {
        const char *text;
        gsize max;
        const char *line;
    } cases[] = {
        {"", 10, ""},
        {"  a \t\r\n b  ", 10, "a b"},
        {"\x1b[31mred\x7f!", 20, "[31mred !"},
        {"1234567890", 10, "1234567890"},
        {"12345678901", 10, "1234567\xe2\x80\xa6"},
        {"abcdef", 4, "a\xe2\x80\xa6"},
        {"a\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9", 6, "a\xc3\xa9\xe2\x80\xa6"},
        {"caf\xc3\xa9", 10, "caf\xc3\xa9"},
        {"bad \xff byte", 20, "bad \xef\xbf\xbd byte"},
        {"\xc2\x85next", 20, "next"},
        {"one\xe2\x80\xa8two", 20, "one two"}, /* LINE SEPARATOR */
    };

    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *line = kft_one_line(cases[i].text, cases[i].max);
        g_assert_cmpstr(line, ==, cases[i].line);
    }
}

/* Whatever comes in: valid, printable, one line, not longer than asked. */
static void test_one_line_random(void)
{
    for (unsigned run = 0; run < 5000; run++) {
        char text[64];
        gsize max = (gsize)g_test_rand_int_range(4, 40);
        size_t size = (size_t)g_test_rand_int_range(0, sizeof text);
        for (size_t i = 0; i < size; i++)
            text[i] = (char)g_test_rand_int_range(1, 256);
        text[size] = '\0';
        g_autofree char *line = kft_one_line(text, max);
        g_assert_cmpuint(strlen(line), <=, max);
        g_assert_true(g_utf8_validate(line, -1, NULL));
        for (const char *at = line; *at != '\0'; at++)
            g_assert_false(g_ascii_iscntrl(*at));
        g_assert_true(line[0] != ' ' && strstr(line, "  ") == NULL);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/base/redact/redact", test_redact);
    g_test_add_func("/base/redact/one-line", test_one_line);
    g_test_add_func("/base/redact/one-line-random", test_one_line_random);
    return g_test_run();
}

/* NOLINTEND(readability-function-size,readability-function-cognitive-complexity) */
