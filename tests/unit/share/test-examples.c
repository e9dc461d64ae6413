/* The example files of tests/data/share: each is read, written and read again without a difference.
 * Those in the folder itself are as this program and upstream write them, so they come out byte by
 * byte; those in loose/ are as old databases and people write them. */
#include <string.h>

#include "kftray/share.h"

static char *example_path(const char *folder, const char *name)
{
    const char *top = g_getenv("KFT_SOURCE_DIR");
    g_assert_nonnull(top);
    return g_build_filename(top, "tests", "data", "share", folder, name, NULL);
}

static GPtrArray *parse(const char *text, size_t size, const char *name)
{
    g_autoptr(GError) error = NULL;
    GPtrArray *configs = kft_share_parse(text, size, name, &error);
    g_assert_no_error(error);
    return configs;
}

static GPtrArray *check_file(const char *folder, const char *name)
{
    g_autofree char *path = example_path(folder, name);
    g_autofree char *text = NULL;
    gsize size = 0;
    g_autoptr(GError) error = NULL;

    g_test_message("%s", name);
    (void)g_file_get_contents(path, &text, &size, &error);
    g_assert_no_error(error);
    GPtrArray *configs = parse(text, size, name);
    g_autofree char *written = kft_share_format(configs);
    if (*folder == '\0')
        g_assert_cmpstr(written, ==, text);
    g_autoptr(GPtrArray) again = parse(written, strlen(written), name);
    g_assert_cmpuint(again->len, ==, configs->len);
    for (guint i = 0; i < configs->len; i++) {
        const KftConfig *config = g_ptr_array_index(configs, i);
        g_auto(GStrv) changed = kft_config_diff(config, g_ptr_array_index(again, i));
        g_autofree char *fields = g_strjoinv(", ", changed);
        g_assert_cmpstr(fields, ==, "");
        g_autofree char *line = kft_share_format_one(config);
        g_autoptr(GPtrArray) single = parse(line, strlen(line), "line");
        g_assert_true(kft_config_equal(config, g_ptr_array_index(single, 0)));
        g_assert_null(strchr(line, '\n'));
    }
    return configs;
}

static void check_folder(const char *folder)
{
    g_autofree char *path = example_path(folder, NULL);
    g_autoptr(GError) error = NULL;
    g_autoptr(GDir) files = g_dir_open(path, 0, &error);
    unsigned n_files = 0;

    g_assert_no_error(error);
    for (const char *name = g_dir_read_name(files); name != NULL; name = g_dir_read_name(files)) {
        if (!g_str_has_suffix(name, ".json"))
            continue;
        g_ptr_array_unref(check_file(folder, name));
        n_files++;
    }
    g_assert_cmpuint(n_files, >=, 4);
}

static void test_canonical(void)
{
    check_folder("");
}

static void test_loose(void)
{
    check_folder("loose");
}

static void test_placeholders(void)
{
    g_autoptr(GPtrArray) configs = check_file("loose", "placeholders.json");
    g_autofree char *written = kft_share_format(configs);

    g_assert_cmpstr(written, ==,
                    "[\n"
                    "  {\n"
                    "    \"http_logs_enabled\": true,\n"
                    "    \"local_port\": 8080,\n"
                    "    \"namespace\": \"shop\",\n"
                    "    \"protocol\": \"tcp\",\n"
                    "    \"remote_port\": 80,\n"
                    "    \"service\": \"web\",\n"
                    "    \"workload_type\": \"service\"\n"
                    "  },\n"
                    "  {\n"
                    "    \"alias\": \"my-api\",\n"
                    "    \"domain_enabled\": true,\n"
                    "    \"exposure_type\": \"public\",\n"
                    "    \"local_address\": \"localhost\",\n"
                    "    \"local_port\": 3000,\n"
                    "    \"namespace\": \"shop\",\n"
                    "    \"protocol\": \"tcp\",\n"
                    "    \"workload_type\": \"expose\"\n"
                    "  }\n"
                    "]\n");
}

static void test_bind_address(void)
{
    g_autoptr(GPtrArray) configs = check_file("loose", "bind-address.json");
    static const char *const addresses[] = {"127.0.0.7", "127.0.0.9", "127.0.0.10"};

    for (guint i = 0; i < configs->len; i++) {
        const KftConfig *config = g_ptr_array_index(configs, i);
        g_assert_cmpstr(config->local_address, ==, addresses[i]);
    }
}

static void test_one_line(void)
{
    g_autoptr(KftConfig) config = kft_config_new();
    config->id.v = 3;
    config->service = g_strdup("web");
    config->remote_port = 80;
    config->target = g_strdup("unused");
    config->extra = g_strdup("{\"zoo\":[1,2],\"alias\":5,\"id\":7,\"b\":{\"x\":{}}}");
    g_autofree char *line = kft_share_format_one(config);

    g_assert_cmpstr(line, ==,
                    "{\"auto_loopback_address\":false,\"b\":{\"x\":{}},\"balance\":\"sticky\","
                    "\"domain_enabled\":false,"
                    "\"http_logs_auto_cleanup\":true,\"http_logs_enabled\":false,"
                    "\"http_logs_max_file_size\":10485760,\"http_logs_retention_days\":7,\"id\":3,"
                    "\"protocol\":\"tcp\",\"remote_port\":80,\"service\":\"web\","
                    "\"transport\":\"auto\",\"workload_type\":\"service\",\"zoo\":[1,2]}");
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/share/examples/canonical", test_canonical);
    g_test_add_func("/share/examples/loose", test_loose);
    g_test_add_func("/share/examples/placeholders", test_placeholders);
    g_test_add_func("/share/examples/bind-address", test_bind_address);
    g_test_add_func("/share/examples/one-line", test_one_line);
    return g_test_run();
}
