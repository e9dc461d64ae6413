/* What a config must be, and what is said if it is not. */
#include "kftray/config.h"
#include "kftray/error.h"

#include "config/field.h"

/* Sets without checks, as a defect elsewhere would. */
static KftConfig *make(const char *text)
{
    g_auto(GStrv) parts = g_strsplit(text, ";", -1);
    KftConfig *config = kft_config_new();

    for (size_t i = 0; parts[i] != NULL; i++) {
        g_auto(GStrv) pair = g_strsplit(parts[i], ":", 2);
        const KftField *field = kft_field_find(pair[0]);
        if (field == NULL) {
            config->extra = g_strdup(pair[1]);
        } else if (field->type == KFT_FIELD_TEXT) {
            g_free(*kft_field_text(field, config));
            *kft_field_text(field, config) = g_strcompress(pair[1]);
        } else if (field->type == KFT_FIELD_NUMBER) {
            kft_field_set_number(field, config, g_ascii_strtoull(pair[1], NULL, 10));
        } else {
            g_autoptr(GError) error = NULL;
            (void)kft_field_set(field, config, pair[1], &error);
            g_assert_no_error(error);
        }
    }
    return config;
}

#define WEB "service:web;remote_port:80;"
#define POD "workload_type:pod;remote_port:80;"
#define PROXY "workload_type:proxy;remote_port:80;"
#define EXPOSE "workload_type:expose;alias:api;local_port:80;"

static void test_right(void)
{
    static const char *const rows[] = {
        WEB "namespace:shop;context:arn:aws:eks:x/y;alias:my web \xc3\xa9",
        WEB "local_address:::1;domain_enabled:true;alias:web.local_1",
        WEB "stop_at:00:00;disconnect_timeout_minutes:0",
        WEB "local_address:LocalHost;kubeconfig:/a:/b",
        POD "target:app=web,tier in (a,b)",
        POD "object:deployments.apps/web",
        POD "object:web-0",
        PROXY "remote_address:https://db.example.com/x",
        EXPOSE
        "local_address:host.lan;exposure_type:public;cert_manager_enabled:true;cert_issuer:x",
        EXPOSE "ingress_annotations:{\"a\"\\:\"b\"}",
        EXPOSE "cert_manager_enabled:true;exposure_type:cluster",
        WEB "extra:{\"x\":1};note: any\\ntext ",
    };
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(KftConfig) config = make(rows[i]);
        g_autoptr(GError) error = NULL;
        (void)kft_config_validate(config, &error);
        g_assert_no_error(error);
    }
}

static void test_wrong(void)
{
    static const struct {
        const char *config;
        const char *pattern;
    } rows[] = {
        {"remote_port:80", "service is missing, workload_type \"service\" needs it"},
        {"service:web", "remote_port is missing, workload_type \"service\" needs it"},
        {"service:a.b;remote_port:1", "service is \"a.b\", allowed are lower case letters*"},
        {WEB "namespace:Shop", "namespace is \"Shop\", allowed are*"},
        {WEB "local_address:web.lan",
         "local_address is \"web.lan\", allowed are IP addresses and*"},
        {WEB "local_address:127.0.0.1",
         "local_address is \"127.0.0.1\", which stands for an unset*"},
        {WEB "stop_at:24:00", "stop_at is \"24:00\", allowed are times from 00:00 to 23:59"},
        {WEB "alias:", "alias is \"\", which stands for an unset field"},
        {WEB "alias:a\\nb", "alias is \"a b\", control characters*"},
        {WEB "alias: a", "alias is*spaces at the ends*"},
        {WEB "alias:a\\377", "alias is*not UTF-8"},
        {WEB "alias:a b;domain_enabled:true", "alias is \"a b\", but domain_enabled needs*"},
        {WEB "http_logs_retention_days:0", "http_logs_retention_days is \"0\"*from 1 to 365"},
        {WEB "http_logs_max_file_size:104857601", "http_logs_max_file_size is*104857600"},
        {WEB "extra:[]", "extra is \"[]\", allowed are JSON objects*"},
        {WEB "extra:{\"alias\":1}", "extra is*has a key that is a field"},
        {POD "service:web", "target (or object) is missing*"},
        {POD "target:app=;object:pod/x", "target and object are both set*"},
        {POD "target:app web", "target is \"app web\", allowed are label selectors*operator*"},
        {POD "object:deploy/", "object is \"deploy/\", allowed are the names*"},
        {POD "object:a/b/c", "object is*"},
        {PROXY "service:x", "remote_address is missing*"},
        {PROXY "remote_address:db\\:5432",
         "remote_address is \"db:5432\", allowed are host names*"},
        {"workload_type:expose;local_port:1", "alias is missing*"},
        {"workload_type:expose;alias:x", "local_port is missing*"},
        {EXPOSE "alias:a b", "alias is \"a b\", but what is exposed*"},
        {EXPOSE "exposure_type:public;cert_manager_enabled:true", "cert_issuer is missing*"},
        {EXPOSE "cert_issuer_kind:Foo",
         "cert_issuer_kind is \"Foo\", allowed are ClusterIssuer and*"},
        {EXPOSE "ingress_annotations:[1]", "ingress_annotations is \"[1]\", allowed are JSON obj*"},
        {EXPOSE "local_address:a b",
         "local_address is \"a b\", allowed are IP addresses and host*"},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(KftConfig) config = make(rows[i].config);
        g_autoptr(GError) error = NULL;
        if (kft_config_validate(config, &error))
            g_error("\"%s\" is taken", rows[i].config);
        g_assert_error(error, KFT_ERROR, KFT_ERROR_BAD_CONFIG);
        if (!g_pattern_match_simple(rows[i].pattern, error->message))
            g_error("\"%s\" does not match \"%s\"", error->message, rows[i].pattern);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/config/validate/right", test_right);
    g_test_add_func("/config/validate/wrong", test_wrong);
    return g_test_run();
}
