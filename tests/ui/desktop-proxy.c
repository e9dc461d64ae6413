/* What is made of GNOME's proxy settings, by the memory backend of GSettings. */
#include "desktop-proxy.h"

#include <string.h>

static GSettings *proxy, *http, *https, *socks;
static unsigned n_changes;

static void on_change(gpointer user_data)
{
    (void)user_data;
    n_changes++;
}

static void set_host(GSettings *settings, const char *host, int port)
{
    g_settings_set_string(settings, "host", host);
    g_settings_set_int(settings, "port", port);
}

static void reset(void)
{
    static const char *const login[] = {"use-authentication", "authentication-user",
                                        "authentication-password"};
    g_settings_reset(proxy, "mode");
    g_settings_reset(proxy, "ignore-hosts");
    set_host(http, "", 0);
    set_host(https, "", 0);
    set_host(socks, "", 0);
    for (size_t i = 0; i < G_N_ELEMENTS(login); i++)
        g_settings_reset(http, login[i]);
}

static void
expect(KftDesktopProxy *desktop, const char *for_https, const char *for_http, const char *except)
{
    g_auto(KftNetworkSettings) settings = {0};

    kft_desktop_proxy_fill(desktop, &settings);
    g_assert_cmpstr(settings.desktop_proxy, ==, for_https);
    g_assert_cmpstr(settings.desktop_http_proxy, ==, for_http);
    g_assert_cmpstr(settings.desktop_no_proxy, ==, except);
    g_assert_null(settings.desktop_note);
}

static void test_manual(void)
{
    const char *const except[] = {"localhost", "*.corp.test", "10.0.0.0/8", NULL};
    KftDesktopProxy *desktop = kft_desktop_proxy_new(on_change, NULL);

    reset();
    set_host(https, "proxy.test", 3128);
    expect(desktop, NULL, NULL, NULL);
    g_settings_set_string(proxy, "mode", "manual");
    g_settings_set_strv(proxy, "ignore-hosts", except);
    expect(desktop, "http://proxy.test:3128", NULL, "localhost,*.corp.test,10.0.0.0/8");
    set_host(http, "fe80::1", 8080);
    set_host(socks, "socks.test", 1080);
    expect(desktop, "http://proxy.test:3128", "http://[fe80::1]:8080",
           "localhost,*.corp.test,10.0.0.0/8");
    set_host(https, "", 0);
    expect(desktop, "socks5://socks.test:1080", "http://[fe80::1]:8080",
           "localhost,*.corp.test,10.0.0.0/8");
    kft_desktop_proxy_free(desktop);
}

static void test_login(void)
{
    KftDesktopProxy *desktop = kft_desktop_proxy_new(on_change, NULL);

    reset();
    g_settings_set_string(proxy, "mode", "manual");
    g_settings_set_strv(proxy, "ignore-hosts", NULL);
    set_host(http, "p", 1);
    set_host(https, "p", 1);
    g_settings_set_string(http, "authentication-user", "ann");
    g_settings_set_string(http, "authentication-password", "a@b/c");
    expect(desktop, "http://p:1", "http://p:1", "");
    g_settings_set_boolean(http, "use-authentication", TRUE);
    expect(desktop, "http://ann:a%40b%2Fc@p:1", "http://ann:a%40b%2Fc@p:1", "");
    set_host(https, "q", 1);
    expect(desktop, "http://q:1", "http://ann:a%40b%2Fc@p:1", "");
    kft_desktop_proxy_free(desktop);
}

static void test_script(void)
{
    KftDesktopProxy *desktop = kft_desktop_proxy_new(on_change, NULL);
    g_auto(KftNetworkSettings) settings = {0};

    reset();
    g_settings_set_string(proxy, "mode", "auto");
    kft_desktop_proxy_fill(desktop, &settings);
    g_assert_null(settings.desktop_proxy);
    g_assert_nonnull(strstr(settings.desktop_note, "PAC"));
    kft_desktop_proxy_free(desktop);
}

static void test_followed(void)
{
    KftDesktopProxy *desktop = kft_desktop_proxy_new(on_change, NULL);

    reset();
    for (unsigned before = n_changes; n_changes == before;) {
        g_settings_set_int(socks, "port", g_settings_get_int(socks, "port") + 1);
        (void)g_main_context_iteration(NULL, FALSE);
    }
    kft_desktop_proxy_free(desktop);
    unsigned before = n_changes;
    g_settings_set_string(proxy, "mode", "auto");
    while (g_main_context_iteration(NULL, FALSE))
        continue;
    g_assert_cmpuint(n_changes, ==, before);
}

int main(int argc, char **argv)
{
    (void)g_setenv("GSETTINGS_BACKEND", "memory", TRUE);
    g_test_init(&argc, &argv, NULL);
    proxy = g_settings_new("org.gnome.system.proxy");
    http = g_settings_get_child(proxy, "http");
    https = g_settings_get_child(proxy, "https");
    socks = g_settings_get_child(proxy, "socks");
    g_test_add_func("/ui/desktop-proxy/manual", test_manual);
    g_test_add_func("/ui/desktop-proxy/login", test_login);
    g_test_add_func("/ui/desktop-proxy/script", test_script);
    g_test_add_func("/ui/desktop-proxy/followed", test_followed);
    return g_test_run();
}
