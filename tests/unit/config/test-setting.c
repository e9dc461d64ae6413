/* The table of settings. */
#include <string.h>

#include "kftray/error.h"
#include "kftray/setting.h"

static void test_table(void)
{
    for (size_t i = 0; i < KFT_N_SETTINGS; i++) {
        const KftSettingInfo *info = kft_setting_info((KftSetting)i);
        KftSetting found = KFT_N_SETTINGS;
        g_autoptr(GError) error = NULL;
        g_assert_true(kft_setting_find(info->name, &found));
        g_assert_cmpuint(found, ==, i);
        (void)kft_setting_check(found, info->default_value, &error);
        g_assert_no_error(error);
        g_assert_true((info->words != NULL) == (info->type == KFT_SETTING_TYPE_ENUM));
        g_assert_cmpstr(info->summary, !=, "");
    }
    KftSetting none = KFT_N_SETTINGS;
    g_assert_false(kft_setting_find("no_such", &none));
}

static void test_check(void)
{
    static const struct {
        KftSetting setting;
        const char *value;
        const char *message; /* NULL = allowed */
    } rows[] = {
        {KFT_SETTING_NOTIFY, "true", NULL},
        {KFT_SETTING_NOTIFY, "yes", "notify is \"yes\", allowed are true and false"},
        {KFT_SETTING_GROUP_BY, "group", NULL},
        {KFT_SETTING_GROUP_BY, "", "group_by is \"\", allowed are context and group"},
        {KFT_SETTING_APPEARANCE, "pink",
         "appearance is \"pink\", allowed are system, light and dark"},
        {KFT_SETTING_HOLD_SECONDS, "600", NULL},
        {KFT_SETTING_HOLD_SECONDS, "601",
         "hold_seconds is \"601\", allowed are whole numbers from 0 to 600"},
        {KFT_SETTING_WINDOW_WIDTH, "0",
         "window_width is \"0\", allowed are whole numbers from 1 to 32767"},
        {KFT_SETTING_COLLAPSED_GROUPS, "[\"a\"]", NULL},
        {KFT_SETTING_COLLAPSED_GROUPS, "\xff",
         "collapsed_groups is \"\xef\xbf\xbd\", allowed are UTF-8 texts of up to 65536 bytes"},
        {KFT_SETTING_DEFAULT_LOCAL_ADDRESS, "::1", NULL},
        {KFT_SETTING_DEFAULT_LOCAL_ADDRESS, "localhost", NULL},
        {KFT_SETTING_DEFAULT_LOCAL_ADDRESS, "here",
         "default_local_address is \"here\", allowed are IP addresses and localhost"},
        {KFT_SETTING_CA_BUNDLE, "/etc/ssl/corp.pem", NULL},
        {KFT_SETTING_CA_BUNDLE, "corp.pem",
         "ca_bundle is \"corp.pem\", allowed are paths that begin with /"},
        {KFT_SETTING_PROXY, "none", NULL},
        {KFT_SETTING_PROXY, "proxy:3128", NULL},
        {KFT_SETTING_PROXY, "HTTPS://ann@[::1]:3128/", NULL},
        {KFT_SETTING_PROXY, "socks5h://proxy", NULL},
        {KFT_SETTING_PROXY, "http://ann:geheim@proxy",
         "proxy: the proxy URL is not usable: passwords do not belong here: kftray asks for it, or "
         "finds it in the keyring"},
        {KFT_SETTING_PROXY, "ann:ge/heim@proxy",
         "proxy: the proxy URL is not usable: it must be http://, https:// or socks5:// with a "
         "host"},
        {KFT_SETTING_PROXY, "ftp://proxy",
         "proxy: the proxy URL is not usable: it must be http://, https:// or socks5:// with a "
         "host"},
        {KFT_SETTING_PROXY, "http://",
         "proxy: the proxy URL is not usable: it must be http://, https:// or socks5:// with a "
         "host"},
        {KFT_SETTING_CONTEXT_PROXIES, " a=none\nb%20c=http://p:1 ", NULL},
        {KFT_SETTING_CONTEXT_PROXIES, "a=none http://p:1",
         "context_proxies: wanted are words like prod=http://proxy:3128 and test=none, with a "
         "blank in a context's name as %20"},
        {KFT_SETTING_CONTEXT_PROXIES, "a=none b%20c=http://x:geheim@p",
         "context_proxies: the proxy URL of context \"b c\" is not usable: passwords do not belong "
         "here: kftray asks for it, or finds it in the keyring"},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(GError) error = NULL;
        bool is_allowed = kft_setting_check(rows[i].setting, rows[i].value, &error);
        g_assert_cmpint(is_allowed, ==, rows[i].message == NULL);
        g_assert_cmpstr(error == NULL ? NULL : error->message, ==, rows[i].message);
        g_assert_true(error == NULL || g_error_matches(error, KFT_ERROR, KFT_ERROR_BAD_CONFIG));
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/config/setting/table", test_table);
    g_test_add_func("/config/setting/check", test_check);
    return g_test_run();
}
