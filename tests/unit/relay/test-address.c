#include "kftray/error.h"

#include "relay/address.h"

static void test_hosts(void)
{
    static const struct {
        const char *text;
        const char *host;
    } cases[] = {
        {"db.example.com", "db.example.com"},
        {"10.1.2.3", "10.1.2.3"},
        {"fd00::1", "fd00::1"},
        {"[fd00::1]", "fd00::1"},
        {"https://api.example.com", "api.example.com"},
        {"https://api.example.com:8443/x?y=1", "api.example.com"},
        {"https://me:secret@api.example.com/x@y", "api.example.com"},
        {"tcp://[fd00::1]:5432", "fd00::1"},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(GError) error = NULL;
        g_autofree char *host = kft_relay_address_dup_host(cases[i].text);
        g_assert_cmpstr(host, ==, cases[i].host);
        g_assert_true(kft_relay_address_check_host(host, &error));
    }
}

static void test_refuses(void)
{
    static const char *const hosts[] = {"", "a b", "a\nb", "$(X)", "a;b", "{config_id}", "ä"};
    for (size_t i = 0; i < G_N_ELEMENTS(hosts); i++) {
        g_autoptr(GError) error = NULL;
        g_assert_false(kft_relay_address_check_host(hosts[i], &error));
        g_assert_error(error, KFT_ERROR, KFT_ERROR_BAD_CONFIG);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/relay/address/hosts", test_hosts);
    g_test_add_func("/relay/address/refuses", test_refuses);
    return g_test_run();
}
