#include "server/address.h"

/* NOLINTBEGIN(readability-function-size,readability-function-cognitive-complexity): each assertion
 * is a macro of several branches. */

static void assert_text(const char *text, const char *expected)
{
    KftAddress address;
    bool is_good = kft_address_parse(text, 80, &address);
    g_assert_cmpint(is_good, ==, expected != NULL);
    if (!is_good)
        return;
    g_autofree char *formatted = kft_address_format(&address);
    g_assert_cmpstr(formatted, ==, expected);
}

static void test_parse(void)
{
    assert_text("10.0.0.1", "10.0.0.1:80");
    assert_text("::1", "[::1]:80");
    assert_text("[fd00::1]", "[fd00::1]:80");
    assert_text("::ffff:10.0.0.1", "10.0.0.1:80");
    assert_text("", NULL);
    assert_text("[]", NULL);
    assert_text("10.0.0", NULL);
    assert_text("10.0.0.256", NULL);
    assert_text("010.0.0.1", NULL);
    assert_text("localhost", NULL);
    assert_text("fe80::1%eth0", NULL);
    assert_text("0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0001", NULL);
}

static void assert_contains(const char *network, const char *address, bool expected)
{
    KftNetwork parsed;
    KftAddress numeric;
    g_assert_true(kft_network_parse(network, &parsed));
    g_assert_true(kft_address_parse(address, 1, &numeric));
    g_assert_cmpint(kft_network_contains(&parsed, &numeric), ==, expected);
}

static void test_networks(void)
{
    static const char *const bad[] = {
        "",       "/",          "10.0.0.0/",    "10.0.0.0/33", "10.0.0.1/8",
        "::/129", "fd00::1/64", "10.0.0.0/8/8", "10.0.0.0/-1", "x/8"};
    KftNetwork network;

    for (size_t i = 0; i < G_N_ELEMENTS(bad); i++)
        g_assert_false(kft_network_parse(bad[i], &network));
    assert_contains("10.0.0.0/8", "10.255.255.255", true);
    assert_contains("10.0.0.0/8", "11.0.0.0", false);
    assert_contains("10.0.0.0/8", "::ffff:10.1.1.1", true);
    assert_contains("10.0.0.1", "10.0.0.1", true);
    assert_contains("10.0.0.1", "10.0.0.2", false);
    assert_contains("172.16.0.0/12", "172.31.0.1", true);
    assert_contains("172.16.0.0/12", "172.32.0.1", false);
    assert_contains("0.0.0.0/0", "1.2.3.4", true);
    assert_contains("0.0.0.0/0", "::1", false);
    assert_contains("::/0", "1.2.3.4", true);
    assert_contains("fd00::/8", "fdff::1", true);
    assert_contains("fd00::/8", "fe00::1", false);
}

static void check_order(const char *const *in, unsigned n_items, const char *const *out)
{
    KftAddressList list = {.n_items = n_items};
    for (unsigned i = 0; i < list.n_items; i++)
        g_assert_true(kft_address_parse(in[i], 0, &list.items[i]));
    kft_address_list_interleave(&list);
    for (unsigned i = 0; i < list.n_items; i++) {
        KftAddress wanted;
        g_autofree char *text = kft_address_format(&list.items[i]);
        g_assert_true(kft_address_parse(out[i], 0, &wanted));
        g_autofree char *wanted_text = kft_address_format(&wanted);
        g_assert_cmpstr(text, ==, wanted_text);
    }
}

static void test_interleave(void)
{
    static const char *const more_v6[] = {"::1", "::2", "::3", "1.1.1.1", "1.1.1.2"};
    static const char *const more_v6_after[] = {"::1", "1.1.1.1", "::2", "1.1.1.2", "::3"};
    static const char *const more_v4[] = {"1.1.1.1", "1.1.1.2", "1.1.1.3", "::1"};
    static const char *const more_v4_after[] = {"1.1.1.1", "::1", "1.1.1.2", "1.1.1.3"};

    check_order(more_v6, G_N_ELEMENTS(more_v6), more_v6_after);
    check_order(more_v4, G_N_ELEMENTS(more_v4), more_v4_after);
    check_order(more_v4, 3, more_v4);
    check_order(NULL, 0, NULL);
}

/* NOLINTEND(readability-function-size,readability-function-cognitive-complexity) */

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/server/address/parse", test_parse);
    g_test_add_func("/server/address/networks", test_networks);
    g_test_add_func("/server/address/interleave", test_interleave);
    return g_test_run();
}
