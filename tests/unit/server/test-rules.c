#include <kftray/error.h>

#include "server/rules.h"

/* NOLINTBEGIN(readability-function-size,readability-function-cognitive-complexity): each assertion
 * is a macro of several branches. */

static bool
ask(const char *rules, const char *reserved, const char *name, const char *address, uint16_t port)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(KftRules) parsed = kft_rules_new(rules, reserved, &error);
    KftAddress numeric;
    g_assert_no_error(error);
    g_assert_true(kft_address_parse(address, port, &numeric));
    return kft_rules_allow(parsed, name, &numeric);
}

#define assert_yes(...) g_assert_true(ask(__VA_ARGS__))
#define assert_no(...) g_assert_false(ask(__VA_ARGS__))

static void test_targets(void)
{
    assert_yes("10.0.0.0/8", "", NULL, "10.1.2.3", 80);
    assert_no("10.0.0.0/8", "", NULL, "11.1.2.3", 80);
    assert_yes("10.0.0.0/8", "", "db", "10.1.2.3", 80);
    assert_yes("10.1.2.3:80", "", NULL, "10.1.2.3", 80);
    assert_no("10.1.2.3:80", "", NULL, "10.1.2.3", 81);
    assert_yes("10.0.0.0/8:80-90, fd00::/8", "", NULL, "10.1.2.3", 90);
    assert_no("10.0.0.0/8:80-90, fd00::/8", "", NULL, "10.1.2.3", 91);
    assert_yes("10.0.0.0/8:80-90, fd00::/8", "", NULL, "fd00::1", 91);
    assert_yes("[fd00::/8]:443", "", NULL, "fd00::1", 443);
    assert_no("[fd00::/8]:443", "", NULL, "fd00::1", 444);
    assert_yes("*:443", "", NULL, "8.8.8.8", 443);
    assert_no("*:443", "", NULL, "8.8.8.8", 444);
}

static void test_names(void)
{
    assert_yes("db.example.com", "", "db.example.com", "10.0.0.1", 1);
    assert_yes("DB.example.com", "", "db.EXAMPLE.com.", "10.0.0.1", 1);
    assert_no("db.example.com", "", "xdb.example.com", "10.0.0.1", 1);
    assert_no("db.example.com", "", NULL, "10.0.0.1", 1);
    assert_yes("*.example.com", "", "a.b.example.com", "10.0.0.1", 1);
    assert_yes(".example.com", "", "a.example.com.", "10.0.0.1", 1);
    assert_no("*.example.com", "", "example.com", "10.0.0.1", 1);
    assert_no("*.example.com", "", "badexample.com", "10.0.0.1", 1);
    assert_no("*.example.com", "", "a.example.com.evil.net", "10.0.0.1", 1);
    assert_no("*.example.com:443", "", "a.example.com", "10.0.0.1", 80);
}

static void test_denials(void)
{
    assert_no("10.0.0.0/8 !10.0.0.1", "", NULL, "10.0.0.1", 1);
    assert_no("!10.0.0.1 10.0.0.0/8", "", "name", "10.0.0.1", 1);
    assert_no("*.example.com !10.0.0.1", "", "a.example.com", "10.0.0.1", 1);
    assert_no("* !10.0.0.1:6443", "", NULL, "::ffff:10.0.0.1", 6443);
    assert_no("* !10.0.0.1:6443", "", NULL, "64:ff9b::a00:1", 6443);
    assert_yes("* !10.0.0.1:6443", "", NULL, "10.0.0.1", 6444);
    assert_no("* !*.secret.example", "", "a.secret.example", "10.0.0.1", 1);
}

static void test_reserved(void)
{
    static const char *const addresses[] = {"127.0.0.1",
                                            "127.1.2.3",
                                            "::1",
                                            "::",
                                            "0.0.0.0",
                                            "169.254.169.254",
                                            "fe80::1",
                                            "::ffff:127.0.0.1",
                                            "::7f00:1",
                                            "64:ff9b::7f00:1",
                                            "2002:7f00:1::",
                                            "64:ff9b:1::7f00:1",
                                            "ff02::1",
                                            "224.0.0.251",
                                            "fd00:ec2::254",
                                            "fd20:ce::254",
                                            "100.100.100.200",
                                            "168.63.129.16",
                                            "255.255.255.255",
                                            "192.0.0.192"};

    for (size_t i = 0; i < G_N_ELEMENTS(addresses); i++) {
        assert_no("*", "", NULL, addresses[i], 80);
        assert_no("*", "", "name.example.com", addresses[i], 80);
        assert_yes("*", "::/0 0.0.0.0/0", NULL, addresses[i], 80);
    }
    assert_yes("*", "127.0.0.0/8", NULL, "127.0.0.1", 80);
    assert_no("*", "127.0.0.0/8", NULL, "169.254.169.254", 80);
    /* Named as reachable, but not allowed. */
    assert_no("10.0.0.0/8", "127.0.0.0/8", NULL, "127.0.0.1", 80);
}

static bool may_resolve(const char *rules, const char *name, uint16_t port)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(KftRules) parsed = kft_rules_new(rules, "", &error);
    g_assert_no_error(error);
    return kft_rules_may_resolve(parsed, name, port);
}

static void test_may_resolve(void)
{
    g_assert_true(may_resolve("*.example.com", "a.example.com", 1));
    g_assert_false(may_resolve("*.example.com", "a.example.net", 1));
    g_assert_true(may_resolve("10.0.0.0/8", "a.example.net", 1));
    g_assert_false(may_resolve("10.0.0.0/8:80", "a.example.net", 1));
    g_assert_false(may_resolve("* !a.example.net", "a.example.net", 1));
    g_assert_true(may_resolve("* !10.0.0.1", "a.example.net", 1));
}

static void test_errors(void)
{
    static const char *const bad[] = {
        "",    " , ",   "!10.0.0.1", "10.0.0.1/8", "10.0.0",    "a b:0",
        "a:x", "a:1-",  "a:2-1",     "a:65536",    "[fd00::/8", "[fd00::/8]x",
        "*.",  "a_b/8", "http://a",  "a!b",        ":80"};
    for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_autoptr(GError) error = NULL;
        KftRules *rules = kft_rules_new(bad[i], "", &error);
        if (rules != NULL)
            g_error("\"%s\" is taken", bad[i]);
        g_assert_error(error, KFT_ERROR, KFT_ERROR_BAD_CONFIG);
    }
    g_autoptr(GError) error = NULL;
    g_assert_null(kft_rules_new("*", "localhost", &error));
    g_assert_error(error, KFT_ERROR, KFT_ERROR_BAD_CONFIG);
}

/* NOLINTEND(readability-function-size,readability-function-cognitive-complexity) */

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/server/rules/targets", test_targets);
    g_test_add_func("/server/rules/names", test_names);
    g_test_add_func("/server/rules/denials", test_denials);
    g_test_add_func("/server/rules/reserved", test_reserved);
    g_test_add_func("/server/rules/may-resolve", test_may_resolve);
    g_test_add_func("/server/rules/errors", test_errors);
    return g_test_run();
}
