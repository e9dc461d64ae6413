/* The settings of the network as one value. */
#include <kftray/network.h>
#include <stddef.h>

#include "base/secret.h"

/* Where each member lies; all are strings. */
static const size_t members[] = {
    offsetof(KftNetworkSettings, ca_bundle),
    offsetof(KftNetworkSettings, context_proxies),
    offsetof(KftNetworkSettings, proxy),
    offsetof(KftNetworkSettings, no_proxy),
    offsetof(KftNetworkSettings, desktop_proxy),
    offsetof(KftNetworkSettings, desktop_http_proxy),
    offsetof(KftNetworkSettings, desktop_no_proxy),
    offsetof(KftNetworkSettings, desktop_note),
};
G_STATIC_ASSERT(sizeof(KftNetworkSettings) == G_N_ELEMENTS(members) * sizeof(char *));

static char **member_at(KftNetworkSettings *self, size_t i)
{
    return (char **)(void *)((char *)self + members[i]);
}

static const char *value_at(const KftNetworkSettings *self, size_t i)
{
    const char *value = *(char *const *)(const void *)((const char *)self + members[i]);
    return value == NULL || value[0] == '\0' ? NULL : value;
}

void kft_network_settings_clear(KftNetworkSettings *self)
{
    for (size_t i = 0; i < G_N_ELEMENTS(members); i++)
        g_clear_pointer(member_at(self, i), kft_secret_wipe_string);
}

void kft_network_settings_copy(const KftNetworkSettings *self, KftNetworkSettings *ret_copy)
{
    for (size_t i = 0; i < G_N_ELEMENTS(members); i++)
        *member_at(ret_copy, i) = g_strdup(value_at(self, i));
}

gboolean kft_network_settings_equal(const KftNetworkSettings *a, const KftNetworkSettings *b)
{
    for (size_t i = 0; i < G_N_ELEMENTS(members); i++) {
        if (g_strcmp0(value_at(a, i), value_at(b, i)) != 0)
            return FALSE;
    }
    return TRUE;
}

char **kft_network_settings_get_member(KftNetworkSettings *self, KftSetting setting)
{
    /* Most settings have nothing to do with the network. */
    if (setting == KFT_SETTING_CA_BUNDLE)
        return &self->ca_bundle;
    if (setting == KFT_SETTING_PROXY)
        return &self->proxy;
    if (setting == KFT_SETTING_NO_PROXY)
        return &self->no_proxy;
    return setting == KFT_SETTING_CONTEXT_PROXIES ? &self->context_proxies : NULL;
}
