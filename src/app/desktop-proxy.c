#include "desktop-proxy.h"

#include <string.h>

#define SCHEMA "org.gnome.system.proxy"

struct KftDesktopProxy {
    GSettings *main; /* NULL if the schema is not installed */
    GSettings *http;
    GSettings *https;
    GSettings *socks;
    void (*on_change)(gpointer user_data);
    gpointer user_data;
};

static void on_settings_changed(KftDesktopProxy *self)
{
    self->on_change(self->user_data);
}

static GSettings *follow(KftDesktopProxy *self, GSettings *settings)
{
    g_signal_connect_swapped(settings, "changed", G_CALLBACK(on_settings_changed), self);
    return settings;
}

/* A settings object of a schema that is missing would end the program. */
static bool has_schema(void)
{
    GSettingsSchemaSource *source = g_settings_schema_source_get_default();
    g_autoptr(GSettingsSchema) schema =
        source == NULL ? NULL : g_settings_schema_source_lookup(source, SCHEMA, TRUE);
    return schema != NULL;
}

KftDesktopProxy *kft_desktop_proxy_new(void (*on_change)(gpointer user_data), gpointer user_data)
{
    KftDesktopProxy *self = g_new0(KftDesktopProxy, 1);

    self->on_change = on_change;
    self->user_data = user_data;
    if (!has_schema())
        return self;
    self->main = follow(self, g_settings_new(SCHEMA));
    self->http = follow(self, g_settings_get_child(self->main, "http"));
    self->https = follow(self, g_settings_get_child(self->main, "https"));
    self->socks = follow(self, g_settings_get_child(self->main, "socks"));
    return self;
}

static void stop_following(KftDesktopProxy *self, GSettings **settings)
{
    if (*settings != NULL)
        g_signal_handlers_disconnect_by_data(*settings, self);
    g_clear_object(settings);
}

void kft_desktop_proxy_free(KftDesktopProxy *self)
{
    if (self == NULL)
        return;
    stop_following(self, &self->main);
    stop_following(self, &self->http);
    stop_following(self, &self->https);
    stop_following(self, &self->socks);
    g_free(self);
}

/* @login: "NAME:PASSWORD@" or "". NULL if the settings name no host. */
static char *dup_url(GSettings *settings, const char *scheme, const char *login)
{
    g_autofree char *host = g_settings_get_string(settings, "host");
    int port = g_settings_get_int(settings, "port");
    bool is_ipv6 = strchr(host, ':') != NULL && host[0] != '[';

    if (host[0] == '\0' || port <= 0)
        return NULL;
    return g_strdup_printf("%s://%s%s%s%s:%d", scheme, login, is_ipv6 ? "[" : "", host,
                           is_ipv6 ? "]" : "", port);
}

/* The login is stored for the proxy of http; it is that of https, too, where both are one. */
static char *dup_login(KftDesktopProxy *self)
{
    g_autofree char *name = g_settings_get_string(self->http, "authentication-user");
    g_autofree char *password = g_settings_get_string(self->http, "authentication-password");

    if (!g_settings_get_boolean(self->http, "use-authentication") || name[0] == '\0')
        return g_strdup("");
    g_autofree char *safe_name = g_uri_escape_string(name, NULL, FALSE);
    g_autofree char *safe_password = g_uri_escape_string(password, NULL, FALSE);
    return password[0] == '\0' ? g_strconcat(safe_name, "@", NULL)
                               : g_strconcat(safe_name, ":", safe_password, "@", NULL);
}

static bool is_same_proxy(KftDesktopProxy *self)
{
    g_autofree char *one = dup_url(self->http, "http", "");
    g_autofree char *other = dup_url(self->https, "http", "");
    return g_strcmp0(one, other) == 0;
}

/* As browsers do it: the proxy of the scheme, else that of SOCKS. */
static void fill_manual(KftDesktopProxy *self, KftNetworkSettings *settings)
{
    g_autofree char *login = dup_login(self);
    g_auto(GStrv) except = g_settings_get_strv(self->main, "ignore-hosts");

    settings->desktop_proxy = dup_url(self->https, "http", is_same_proxy(self) ? login : "");
    if (settings->desktop_proxy == NULL)
        settings->desktop_proxy = dup_url(self->socks, "socks5", "");
    settings->desktop_http_proxy = dup_url(self->http, "http", login);
    if (settings->desktop_http_proxy == NULL)
        settings->desktop_http_proxy = dup_url(self->socks, "socks5", "");
    settings->desktop_no_proxy = g_strjoinv(",", except);
}

void kft_desktop_proxy_fill(KftDesktopProxy *self, KftNetworkSettings *settings)
{
    if (self->main == NULL)
        return;
    g_autofree char *mode = g_settings_get_string(self->main, "mode");
    if (g_strcmp0(mode, "manual") == 0)
        fill_manual(self, settings);
    else if (g_strcmp0(mode, "auto") == 0)
        settings->desktop_note =
            g_strdup("the desktop's settings name a script for it (PAC), which "
                     "kftray does not run: name the proxy in the settings of "
                     "kftray");
}
