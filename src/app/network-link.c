#include "network-link.h"

#include "desktop-proxy.h"

struct KftNetworkLink {
    KftCore *core;
    KftDesktopProxy *desktop;
};

/* The engine takes no notice of what is the same as before. */
static void tell_engine(gpointer user_data)
{
    KftNetworkLink *self = user_data;
    g_auto(KftNetworkSettings) settings = {0};

    for (int i = 0; i < KFT_N_SETTINGS; i++) {
        char **member = kft_network_settings_get_member(&settings, (KftSetting)i);
        if (member != NULL)
            *member = g_strdup(kft_core_get_setting(self->core, (KftSetting)i));
    }
    kft_desktop_proxy_fill(self->desktop, &settings);
    kft_core_set_network(self->core, &settings);
}

static void on_setting_changed(KftCore *core, unsigned setting, KftNetworkLink *self)
{
    KftNetworkSettings none = {0};
    (void)core;
    if (kft_network_settings_get_member(&none, (KftSetting)setting) != NULL)
        tell_engine(self);
}

KftNetworkLink *kft_network_link_new(KftCore *core)
{
    KftNetworkLink *self = g_new0(KftNetworkLink, 1);

    self->core = g_object_ref(core);
    self->desktop = kft_desktop_proxy_new(tell_engine, self);
    g_signal_connect(core, "setting-changed", G_CALLBACK(on_setting_changed), self);
    tell_engine(self);
    return self;
}

void kft_network_link_free(KftNetworkLink *self)
{
    if (self == NULL)
        return;
    g_signal_handlers_disconnect_by_data(self->core, self);
    kft_desktop_proxy_free(self->desktop);
    g_object_unref(self->core);
    g_free(self);
}
