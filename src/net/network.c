#include "net/network.h"

static void login_free(gpointer data)
{
    KftProxyLogin *login = data;
    g_free(login->user);
    kft_secret_free(login->password);
    g_free(login);
}

void kft_network_clear(KftNetwork *self)
{
    kft_network_settings_clear(&self->settings);
    g_clear_pointer(&self->logins, g_hash_table_unref);
    g_clear_pointer(&self->asked, g_hash_table_unref);
}

bool kft_network_set(KftNetwork *self, const KftNetworkSettings *settings)
{
    if (kft_network_settings_equal(&self->settings, settings))
        return false;
    kft_network_settings_clear(&self->settings);
    kft_network_settings_copy(settings, &self->settings);
    kft_network_ask_again(self);
    return true;
}

void kft_network_set_login(KftNetwork *self,
                           const char *proxy,
                           const char *user,
                           const char *password)
{
    KftProxyLogin *login = g_new0(KftProxyLogin, 1);

    login->user = g_strdup(user);
    login->password = kft_secret_new(password);
    login->serial = ++self->last_serial;
    if (self->logins == NULL)
        self->logins = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, login_free);
    g_hash_table_replace(self->logins, g_strdup(proxy), login);
    if (self->asked != NULL)
        (void)g_hash_table_remove(self->asked, proxy);
}

const KftProxyLogin *kft_network_find_login(const KftNetwork *self, const char *proxy)
{
    return self->logins == NULL ? NULL : g_hash_table_lookup(self->logins, proxy);
}

void kft_network_want_login(
    KftNetwork *self, const char *proxy, const char *user, unsigned serial, bool is_refused)
{
    const KftProxyLogin *login = kft_network_find_login(self, proxy);

    /* A connection that was under way when a new login came says nothing about that. */
    if (self->on_login_wanted == NULL || serial != (login == NULL ? 0 : login->serial))
        return;
    if (self->asked == NULL)
        self->asked = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    if (g_hash_table_add(self->asked, g_strdup(proxy)))
        self->on_login_wanted(proxy, login != NULL ? login->user : user, is_refused,
                              self->user_data);
}

void kft_network_ask_again(KftNetwork *self)
{
    if (self->asked != NULL)
        g_hash_table_remove_all(self->asked);
}
