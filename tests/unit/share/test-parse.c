/* Reading files: what is taken, and that a complaint names file, element, field and what is
 * allowed.
 */
#include <string.h>

#include "kftray/share.h"

/* NOLINTBEGIN(readability-function-size,readability-function-cognitive-complexity): each assertion
 * is a macro of several branches. */

static GPtrArray *parse(const char *text)
{
    g_autoptr(GError) error = NULL;
    GPtrArray *configs = kft_share_parse(text, strlen(text), "team.json", &error);
    g_assert_no_error(error);
    return configs;
}

static KftConfig *at(GPtrArray *configs, guint index)
{
    g_assert_cmpuint(index, <, configs->len);
    return g_ptr_array_index(configs, index);
}

static void test_fields(void)
{
    g_autoptr(GPtrArray) configs = parse(
        "[{\"id\":9,\"service\":\" web \",\"namespace\":\"shop\",\"local_port\":8080,"
        "\"remote_port\":80,\"context\":\"@current\",\"protocol\":\"\",\"alias\":\"Web\","
        "\"domain_enabled\":\"true\",\"http_logs_enabled\":null,\"target\":\"default-target\","
        "\"http_logs_auto_cleanup\":\"false\",\"auto_loopback_address\":true,"
        "\"zoo\":[1,{\"b\":1,\"a\":2}],\"abc\":null}]");
    const KftConfig *config = at(configs, 0);

    g_assert_cmpuint(configs->len, ==, 1);
    g_assert_cmpint(config->id.v, ==, 0);
    g_assert_cmpint(config->workload_type, ==, KFT_WORKLOAD_TYPE_SERVICE);
    g_assert_cmpstr(config->service, ==, "web");
    g_assert_cmpstr(config->alias, ==, "Web");
    g_assert_cmpstr(config->namespace_, ==, "shop");
    g_assert_null(config->context);
    g_assert_null(config->target);
    g_assert_cmpuint(config->local_port, ==, 8080);
    g_assert_cmpuint(config->remote_port, ==, 80);
    g_assert_true(config->domain_enabled);
    g_assert_false(config->http_logs_enabled);
    g_assert_false(config->http_logs_auto_cleanup);
    g_assert_true(config->auto_loopback_address);
    g_assert_cmpstr(config->extra, ==, "{\"abc\":null,\"zoo\":[1,{\"b\":1,\"a\":2}]}");
}

#define WEB "\"alias\":\"db\",\"service\":\"web\",\"remote_port\":80"

static void test_refused(void)
{
    static const struct {
        const char *text;
        const char *pattern;
    } rows[] = {
        {"", "team.json: is empty, wanted is an array of configs or one config"},
        {" \r\n", "team.json: is empty*"},
        {"\xef\xbb\xbf", "team.json: is empty*"},
        {"null", "team.json: holds null, wanted is an array of configs or one config"},
        {"5", "team.json: holds a number*"},
        {"[\n{]", "team.json: line 2, column 2: a key in quotes is missing before ]"},
        {"[5]", "team.json: element 1: a config must be an object, this is a number"},
        {"[[]]", "team.json: element 1: a config must be an object, this is an array"},
        {"{}", "team.json: service is missing*"},
        {"{" WEB ",\"protocol\":\"sctp\"}",
         "team.json (\"db\"): protocol is \"sctp\", allowed are tcp and udp"},
        {"[{" WEB "},{" WEB "},{" WEB ",\"protocol\":\"sctp\"}]",
         "team.json: element 3 (\"db\"): protocol is \"sctp\", allowed are tcp and udp"},
        {"[{" WEB ",\"local_port\":70000}]",
         "team.json: element 1 (\"db\"): local_port is \"70000\", allowed are whole numbers from*"},
        {"[{" WEB ",\"local_port\":-1}]", "*: local_port is \"-1\", allowed are whole numbers*"},
        {"[{" WEB ",\"local_port\":\"80\"}]",
         "*: local_port is a text (\"80\"), allowed are whole numbers"},
        {"[{" WEB ",\"local_port\":80.5}]", "*: local_port is a number (80.5), allowed are whole*"},
        {"[{" WEB ",\"http_logs_retention_days\":0}]", "*: http_logs_retention_days is \"0\"*365"},
        {"[{" WEB ",\"http_logs_max_file_size\":104857601}]", "*: http_logs_max_file_size is*"},
        {"[{" WEB ",\"domain_enabled\":\"yes\"}]",
         "*: domain_enabled is a text (\"yes\"), allowed are true and false"},
        {"[{" WEB ",\"domain_enabled\":1}]", "*: domain_enabled is a number (1)*"},
        {"[{" WEB ",\"auto_loopback_address\":\"true\"}]", "*: auto_loopback_address is a text*"},
        {"[{" WEB ",\"context\":{}}]", "*: context is an object ({}), allowed are texts"},
        {"[{" WEB ",\"bind_address\":5}]", "*: bind_address is a number (5), allowed are texts"},
        {"[{" WEB ",\"namespace\":\"a b\"}]", "*: namespace is \"a b\", allowed are lower case*"},
        {"[{\"alias\":5}]", "team.json: element 1: alias is a number (5), allowed are texts"},
        {"[{\"alias\":\"a\\nb\",\"service\":\"w\",\"remote_port\":1}]",
         "team.json: element 1 (\"a b\"): alias is \"a b\", control characters*"},
        {"[{\"workload_type\":\"vm\"}]", "*: workload_type is \"vm\", allowed are service, pod*"},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(GError) error = NULL;
        if (kft_share_parse(rows[i].text, strlen(rows[i].text), "team.json", &error) != NULL)
            g_error("\"%s\" is taken", rows[i].text);
        g_assert_error(error, KFT_ERROR, KFT_ERROR_BAD_CONFIG);
        if (!g_pattern_match_simple(rows[i].pattern, error->message))
            g_error("\"%s\" does not match \"%s\"", error->message, rows[i].pattern);
    }
}

static GString *make_many(size_t n)
{
    GString *text = g_string_new("[");
    for (size_t i = 0; i < n; i++)
        g_string_append_printf(text, "%s{" WEB ",\"local_port\":%zu,\"namespace\":\"n%zu\"}",
                               i == 0 ? "" : ",", 1024 + i % 60000, i);
    return g_string_append_c(text, ']');
}

static void test_limits(void)
{
    g_autoptr(GString) just = make_many(KFT_SHARE_MAX_CONFIGS);
    g_autoptr(GString) over = make_many(KFT_SHARE_MAX_CONFIGS + 1);
    g_autoptr(GError) error = NULL;
    g_autoptr(GPtrArray) configs = parse(just->str);
    g_assert_cmpuint(configs->len, ==, KFT_SHARE_MAX_CONFIGS);

    g_assert_null(kft_share_parse(over->str, over->len, "f", &error));
    g_assert_error(error, KFT_ERROR, KFT_ERROR_LIMIT);
    g_assert_cmpstr(error->message, ==, "f: holds 50001 configs, at most 50000 are taken at once");
    g_clear_error(&error);

    g_assert_null(kft_share_parse("", KFT_SHARE_MAX_BYTES + 1, "f", &error));
    g_assert_error(error, KFT_ERROR, KFT_ERROR_LIMIT);
}

/* NOLINTEND(readability-function-size,readability-function-cognitive-complexity) */

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/share/parse/fields", test_fields);
    g_test_add_func("/share/parse/refused", test_refused);
    g_test_add_func("/share/parse/limits", test_limits);
    return g_test_run();
}
