/* A config as a whole: defaults, copies, KEY=VALUE, comparison, one form. */
#include <string.h>

#include "kftray/config.h"
#include "kftray/error.h"

/* NOLINTBEGIN(readability-function-size,readability-function-cognitive-complexity): each assertion
 * is a macro of several branches. */

static void set(KftConfig *config, const char *key, const char *value)
{
    g_autoptr(GError) error = NULL;
    bool is_set = kft_config_set(config, key, value, &error);
    g_assert_no_error(error);
    g_assert_true(is_set);
}

static void test_defaults(void)
{
    g_autoptr(KftConfig) config = kft_config_new();

    g_assert_cmpint(config->id.v, ==, 0);
    g_assert_cmpint(config->workload_type, ==, KFT_WORKLOAD_TYPE_SERVICE);
    g_assert_cmpint(config->protocol, ==, KFT_PROTOCOL_TCP);
    g_assert_cmpuint(config->http_logs_max_file_size, ==, 10485760);
    g_assert_cmpuint(config->http_logs_retention_days, ==, 7);
    g_assert_true(config->http_logs_auto_cleanup);
    for (const char *const *key = kft_config_keys(); *key != NULL; key++)
        g_assert_null(kft_config_dup(config, *key));
}

static void test_copy(void)
{
    g_autoptr(KftConfig) config = kft_config_new();
    config->id.v = 7;
    set(config, "alias", "web");
    set(config, "note", "first\nsecond ");
    config->extra = g_strdup("{\"x\":1}");
    g_autoptr(KftConfig) copy = kft_config_copy(config);

    g_assert_true(kft_config_equal(config, copy));
    g_assert_cmpint(copy->id.v, ==, 7);
    g_assert_true(copy->alias != config->alias);
    g_assert_cmpstr(copy->note, ==, "first\nsecond ");
    kft_config_free(NULL);
}

static void test_set(void)
{
    static const struct {
        const char *key;
        const char *value;
        const char *result; /* NULL = unset or the default */
    } rows[] = {
        {"alias", " web ", "web"},
        {"alias", "", NULL},
        {"alias", "default-alias", NULL},
        {"note", " kept ", " kept "},
        {"service", "default-service", NULL},
        {"namespace", "default-namespace", NULL},
        {"target", "default-target", NULL},
        {"remote_address", "default-remote-address", NULL},
        {"context", "current-context", NULL},
        {"context", "@current", NULL},
        {"kubeconfig", "default", NULL},
        {"local_address", "127.0.0.1", NULL},
        {"bind_address", "127.0.0.2", "127.0.0.2"},
        {"protocol", "protocol", NULL},
        {"protocol", "udp", "udp"},
        {"workload_type", "expose", "expose"},
        {"workload_type", "default-workload", NULL},
        {"transport", "spdy", "spdy"},
        {"balance", "round-robin", "round-robin"},
        {"balance", "sticky", NULL},
        {"disconnect_timeout_minutes", "0", "0"},
        {"disconnect_timeout_minutes", "10080", "10080"},
        {"stop_at", "18:30", "18:30"},
        {"local_port", "8080", "8080"},
        {"local_port", "0", NULL},
        {"domain_enabled", "true", "true"},
        {"domain_enabled", "No", NULL},
        {"http_logs_auto_cleanup", "off", "false"},
        {"http_logs_retention_days", "7", NULL},
        {"http_logs_retention_days", "365", "365"},
        {"exposure_type", "internal", "internal"},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(KftConfig) config = kft_config_new();
        set(config, rows[i].key, rows[i].value);
        g_autofree char *result = kft_config_dup(config, rows[i].key);
        g_assert_cmpstr(result, ==, rows[i].result);
        set(config, rows[i].key, "");
        g_assert_null(kft_config_dup(config, rows[i].key));
    }
}

static void test_set_refused(void)
{
    static const struct {
        const char *key;
        const char *value;
        const char *pattern;
    } rows[] = {
        {"protocol", "sctp", "protocol is \"sctp\", allowed are tcp and udp"},
        {"workload_type", "job",
         "workload_type is \"job\", allowed are service, pod, proxy and exp*"},
        {"local_port", "70000",
         "local_port is \"70000\", allowed are whole numbers from 1 to 65535*"},
        {"local_port", "-1", "local_port is \"-1\"*"},
        {"local_port", "80a", "local_port is \"80a\"*"},
        {"http_logs_max_file_size", "0", "http_logs_max_file_size is \"0\"*1 to 104857600"},
        {"http_logs_retention_days", "366", "*from 1 to 365"},
        {"domain_enabled", "maybe", "domain_enabled is \"maybe\", allowed are true and false"},
        {"disconnect_timeout_minutes", "10081", "*allowed are whole numbers from 0 to 10080"},
        {"disconnect_timeout_minutes", "1 h", "disconnect_timeout_minutes is \"1 h\"*"},
        {"balance", "random",
         "balance is \"random\", allowed are sticky, round-robin and least-connections"},
        {"exposure_type", "Public", "exposure_type is \"Public\", allowed are public*internal"},
        {"alias", "a\xff", "alias is*"},
        {"localport", "1", "there is no field \"localport\"; did you mean \"local_port\"?"},
        {"LOCAL_PORT", "1", "*did you mean \"local_port\"?"},
        {"ns\nx", "1", "there is no field \"ns x\"*"},
        {"zzzzzzzz", "1", "there is no field \"zzzzzzzz\"; there are alias, auto_loop*"},
        {"id", "1", "there is no field \"id\"*"},
        {"", "1", "there is no field \"\"*"},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(KftConfig) config = kft_config_new();
        g_autoptr(KftConfig) before = kft_config_copy(config);
        g_autoptr(GError) error = NULL;
        g_assert_false(kft_config_set(config, rows[i].key, rows[i].value, &error));
        g_assert_error(error, KFT_ERROR, KFT_ERROR_BAD_CONFIG);
        if (!g_pattern_match_simple(rows[i].pattern, error->message))
            g_error("\"%s\" does not match \"%s\"", error->message, rows[i].pattern);
        g_assert_true(kft_config_equal(config, before));
    }
}

static void test_diff(void)
{
    g_autoptr(KftConfig) a = kft_config_new();
    g_autoptr(KftConfig) b = kft_config_new();
    g_auto(GStrv) none = kft_config_diff(a, b);
    g_assert_cmpuint(g_strv_length(none), ==, 0);

    b->id.v = 1; /* is no field */
    g_assert_true(kft_config_equal(a, b));
    set(b, "service", "web");
    set(b, "local_port", "80");
    b->extra = g_strdup("{\"x\":1}");
    g_auto(GStrv) names = kft_config_diff(a, b);
    g_autofree char *joined = g_strjoinv(" ", names);
    g_assert_cmpstr(joined, ==, "local_port service extra");
    g_assert_false(kft_config_equal(a, b));
}

static void test_normalize(void)
{
    g_autoptr(KftConfig) config = kft_config_new();
    config->workload_type = KFT_WORKLOAD_TYPE_POD;
    config->service = g_strdup("web");
    config->target = g_strdup(" app=web ");
    config->alias = g_strdup("default-alias");
    config->context = g_strdup("  ");
    config->note = g_strdup("");
    config->local_address = g_strdup("127.0.0.1");
    config->extra = g_strdup("");
    config->cert_manager_enabled = true;
    kft_config_normalize(config);

    g_assert_null(config->service);
    g_assert_cmpstr(config->target, ==, "app=web");
    g_assert_null(config->alias);
    g_assert_null(config->context);
    g_assert_null(config->note);
    g_assert_null(config->local_address);
    g_assert_null(config->extra);
    g_assert_false(config->cert_manager_enabled);

    config->workload_type = KFT_WORKLOAD_TYPE_EXPOSE;
    config->remote_port = 80;
    kft_config_normalize(config);
    g_assert_cmpuint(config->remote_port, ==, 0);
    g_assert_null(config->target);
}

/* NOLINTEND(readability-function-size,readability-function-cognitive-complexity) */

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/config/defaults", test_defaults);
    g_test_add_func("/config/copy", test_copy);
    g_test_add_func("/config/set", test_set);
    g_test_add_func("/config/set-refused", test_set_refused);
    g_test_add_func("/config/diff", test_diff);
    g_test_add_func("/config/normalize", test_normalize);
    return g_test_run();
}
