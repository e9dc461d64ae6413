/* Names, addresses, selectors. */
#include <glib.h>

#include "config/syntax.h"

static void test_names(void)
{
    g_autofree char *label63 = g_strnfill(63, 'a');
    g_autofree char *label64 = g_strnfill(64, 'a');

    g_assert_true(kft_syntax_is_dns_label("a-1"));
    g_assert_true(kft_syntax_is_dns_label(label63));
    g_assert_false(kft_syntax_is_dns_label(label64));
    g_assert_false(kft_syntax_is_dns_label(""));
    g_assert_false(kft_syntax_is_dns_label("-a"));
    g_assert_false(kft_syntax_is_dns_label("a-"));
    g_assert_false(kft_syntax_is_dns_label("A"));
    g_assert_false(kft_syntax_is_dns_label("a.b"));
    g_assert_true(kft_syntax_is_dns_name("a.b-c.1"));
    g_assert_false(kft_syntax_is_dns_name("a..b"));
    g_assert_false(kft_syntax_is_dns_name("a."));
    g_assert_true(kft_syntax_is_host_name("My_Db.Example"));
    g_assert_false(kft_syntax_is_host_name("a b"));
    g_assert_false(kft_syntax_is_host_name("a\nb"));
}

static void test_times(void)
{
    static const char *const wrong[] = {"",      "8:00",  "24:00",  "19:60", "1a:00",
                                        "12-30", "12:3x", "12:30 ", "-1:00", "99:00"};
    g_assert_true(kft_syntax_is_time_of_day("00:00"));
    g_assert_true(kft_syntax_is_time_of_day("23:59"));
    g_assert_true(kft_syntax_is_time_of_day("09:05"));
    for (size_t i = 0; i < G_N_ELEMENTS(wrong); i++) {
        if (kft_syntax_is_time_of_day(wrong[i]))
            g_error("\"%s\" is taken", wrong[i]);
    }
}

static void test_addresses(void)
{
    g_assert_true(kft_syntax_is_ip_address("127.0.0.1"));
    g_assert_true(kft_syntax_is_ip_address("::1"));
    g_assert_false(kft_syntax_is_ip_address("127.1"));
    g_assert_false(kft_syntax_is_ip_address("[::1]"));
    g_assert_false(kft_syntax_is_ip_address("localhost"));

    static const struct {
        const char *text;
        const char *host;
    } rows[] = {
        {"db", "db"},
        {"10.0.0.1", "10.0.0.1"},
        {"fd00::1", "fd00::1"},
        {"https://api.example.com:8443/x?y@z", "api.example.com"},
        {"postgres://u:p@db/x", "db"},
        {"http://[fd00::1]:80", "fd00::1"},
        {"db:5432", NULL},
        {"http://", NULL},
        {"a b", NULL},
        {"", NULL},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autofree char *host = kft_syntax_dup_remote_host(rows[i].text);
        g_assert_cmpstr(host, ==, rows[i].host);
    }
}

static void test_selectors(void)
{
    static const char *const right[] = {
        "app=web",
        "app==web",
        "app = web , tier != test",
        "a in (b, c),d notin (e)",
        "a",
        "!a",
        "a=",
        "a!=b",
        "example.com/a_b.c=X-1",
        "a in ()",
        "a=b,!c,d in (e)",
        "in=a",
        "notin in (a)",
    };
    static const char *const wrong[] = {
        "",      ",",    "a,",         "=a",    "a b",     "a=b c",  "a in b",   "a in (b",
        "a=b=c", "-a=b", "a=-b",       "A/b=c", "a/b/c=d", "a!b",    "a in(b))", "a>1",
        "a=b;c", "!",    "a=\xc3\xa9", "/a=b",  "a/=b",    "a=b,,c",
    };
    for (size_t i = 0; i < G_N_ELEMENTS(right); i++) {
        const char *fault = kft_syntax_find_selector_fault(right[i]);
        if (fault != NULL)
            g_error("\"%s\": %s", right[i], fault);
    }
    for (size_t i = 0; i < G_N_ELEMENTS(wrong); i++) {
        if (kft_syntax_find_selector_fault(wrong[i]) == NULL)
            g_error("\"%s\" is taken", wrong[i]);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/config/syntax/names", test_names);
    g_test_add_func("/config/syntax/times", test_times);
    g_test_add_func("/config/syntax/addresses", test_addresses);
    g_test_add_func("/config/syntax/selectors", test_selectors);
    return g_test_run();
}
