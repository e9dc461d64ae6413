/* From a stored config to what the engine runs. */
#include "kftray/config.h"
#include "kftray/error.h"

static KftConfig *make(const char *text)
{
    g_auto(GStrv) parts = g_strsplit(text, ";", -1);
    KftConfig *config = kft_config_new();

    for (size_t i = 0; parts[i] != NULL; i++) {
        g_autoptr(GError) error = NULL;
        g_auto(GStrv) pair = g_strsplit(parts[i], "=", 2);
        (void)kft_config_set(config, pair[0], pair[1], &error);
        g_assert_no_error(error);
    }
    return config;
}

static void test_possible(void)
{
    static const struct {
        const char *config;
        const char *target;
        const char *selector;
        const char *port;
        const char *address;
    } rows[] = {
        {"service=web;remote_port=80;local_port=8080", "svc/web", NULL, "8080:80", "127.0.0.1"},
        {"service=web;remote_port=80", "svc/web", NULL, "0:80", "127.0.0.1"},
        {"workload_type=pod;target=app=web,!x;remote_port=1;local_address=::1", NULL, "app=web,!x",
         "0:1", "::1"},
        {"workload_type=pod;object=deploy/web;remote_port=1;local_address=localhost", "deploy/web",
         NULL, "0:1", "localhost"},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(KftConfig) config = make(rows[i].config);
        g_autoptr(GError) error = NULL;
        g_autoptr(KftForwardSpec) spec = kft_config_to_spec(config, &error);
        g_assert_no_error(error);
        g_assert_cmpstr(spec->target, ==, rows[i].target);
        g_assert_cmpstr(spec->selector, ==, rows[i].selector);
        g_assert_cmpstr(spec->ports[0], ==, rows[i].port);
        g_assert_null(spec->ports[1]);
        g_assert_cmpstr(spec->addresses[0], ==, rows[i].address);
        g_assert_null(spec->addresses[1]);
        g_assert_cmpuint(spec->hold_ms, ==, KFT_DEFAULT_HOLD_MS);
        g_assert_cmpuint(spec->half_close_ms, ==, KFT_DEFAULT_HALF_CLOSE_MS);
    }
}

static void test_places(void)
{
    g_autoptr(KftConfig) config =
        make("service=web;remote_port=80;context=c;namespace=n;kubeconfig=/k;transport=spdy;"
             "balance=least-connections");
    g_autoptr(KftForwardSpec) spec = kft_config_to_spec(config, NULL);

    g_assert_cmpstr(spec->context, ==, "c");
    g_assert_cmpstr(spec->namespace_, ==, "n");
    g_assert_cmpstr(spec->kubeconfig, ==, "/k");
    g_assert_cmpint(spec->transport, ==, KFT_TRANSPORT_SPDY);
    g_assert_cmpint(spec->balance, ==, KFT_BALANCE_LEAST);
}

static void test_ends(void)
{
    g_autoptr(KftConfig) plain = make("service=web;remote_port=80");
    g_autoptr(KftForwardSpec) plain_spec = kft_config_to_spec(plain, NULL);
    g_assert_cmpuint(plain_spec->auto_close_ms, ==, 0);
    g_assert_cmpint(plain_spec->stop_at_s, ==, 0);

    static const char *const times[] = {"00:00", "07:45", "23:59"};
    for (size_t i = 0; i < G_N_ELEMENTS(times); i++) {
        g_autofree char *text = g_strdup_printf(
            "service=web;remote_port=80;disconnect_timeout_minutes=10080;stop_at=%s", times[i]);
        g_autoptr(KftConfig) config = make(text);
        int64_t now_s = g_get_real_time() / G_USEC_PER_SEC;
        g_autoptr(KftForwardSpec) spec = kft_config_to_spec(config, NULL);
        g_assert_cmpuint(spec->auto_close_ms, ==, 604800000);
        g_assert_cmpint(spec->stop_at_s, >, now_s);
        g_assert_cmpint(spec->stop_at_s, <=, now_s + (int64_t)25 * 3600 + 60);
        g_autoptr(GDateTime) time = g_date_time_new_from_unix_local(spec->stop_at_s);
        g_autofree char *shown = g_date_time_format(time, "%H:%M:%S");
        g_assert_true(g_str_has_prefix(shown, times[i]) && g_str_has_suffix(shown, ":00"));
    }
}

static void test_relays(void)
{
    g_autoptr(KftConfig) proxy = make("workload_type=proxy;remote_address=db;remote_port=1");
    g_autoptr(KftForwardSpec) spec = kft_config_to_spec(proxy, NULL);
    g_assert_cmpstr(spec->remote_address, ==, "db");
    g_assert_null(spec->target);
    g_assert_null(spec->selector);
    g_assert_cmpint(spec->relay, ==, KFT_RELAY_USE_AUTO);

    g_autoptr(KftConfig) udp = make("service=dns;remote_port=53;protocol=udp");
    g_autoptr(KftForwardSpec) udp_spec = kft_config_to_spec(udp, NULL);
    g_assert_cmpint(udp_spec->protocol, ==, KFT_PROTOCOL_UDP);
    g_assert_cmpstr(udp_spec->target, ==, "svc/dns");
}

static void test_impossible(void)
{
    static const struct {
        const char *config;
        const char *pattern;
    } rows[] = {
        {"service=web", "remote_port is missing*"},
        {"workload_type=expose;alias=a;local_port=1", "workload_type \"expose\"*yet*"},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(KftConfig) config = make(rows[i].config);
        g_autoptr(GError) error = NULL;
        g_assert_null(kft_config_to_spec(config, &error));
        g_assert_error(error, KFT_ERROR, KFT_ERROR_BAD_CONFIG);
        if (!g_pattern_match_simple(rows[i].pattern, error->message))
            g_error("\"%s\" does not match \"%s\"", error->message, rows[i].pattern);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/engine/config-spec/possible", test_possible);
    g_test_add_func("/engine/config-spec/places", test_places);
    g_test_add_func("/engine/config-spec/ends", test_ends);
    g_test_add_func("/engine/config-spec/relays", test_relays);
    g_test_add_func("/engine/config-spec/impossible", test_impossible);
    return g_test_run();
}
