#include "network.h"

#include <kftray/store.h>
#include <unistd.h>

#include "output.h"

struct KftCliNetwork {
    KftStore *store; /* nullable */
    char *ca_bundle; /* of the command line, nullable */
    KftNetworkSettings settings;
};

static KftStore *open_if_there(void)
{
    g_autofree char *dir = kft_store_dup_default_dir();
    g_autofree char *file = g_build_filename(dir, "kftray.db", NULL);
    g_autoptr(GError) error = NULL;

    if (access(file, F_OK) != 0)
        return NULL;
    KftStore *store = kft_store_open(dir, &error);
    if (store == NULL)
        kft_print_note("The network's settings have their defaults: %s", error->message);
    return store;
}

static void read_settings(KftCliNetwork *self, KftNetworkSettings *settings)
{
    for (int i = 0; self->store != NULL && i < KFT_N_SETTINGS; i++) {
        char **member = kft_network_settings_get_member(settings, (KftSetting)i);
        if (member != NULL)
            *member = kft_store_get_setting(self->store, (KftSetting)i, NULL);
    }
    if (self->ca_bundle == NULL)
        return;
    g_free(settings->ca_bundle);
    settings->ca_bundle = g_strdup(self->ca_bundle);
}

static bool read_anew(KftCliNetwork *self)
{
    g_auto(KftNetworkSettings) settings = {0};

    read_settings(self, &settings);
    if (kft_network_settings_equal(&settings, &self->settings))
        return false;
    kft_network_settings_clear(&self->settings);
    kft_network_settings_copy(&settings, &self->settings);
    return true;
}

KftCliNetwork *kft_cli_network_new(void)
{
    KftCliNetwork *self = g_new0(KftCliNetwork, 1);

    self->store = open_if_there();
    (void)read_anew(self);
    return self;
}

void kft_cli_network_free(KftCliNetwork *self)
{
    if (self == NULL)
        return;
    kft_store_close(self->store);
    g_free(self->ca_bundle);
    kft_network_settings_clear(&self->settings);
    g_free(self);
}

const KftNetworkSettings *kft_cli_network_get(const KftCliNetwork *self)
{
    return &self->settings;
}

void kft_cli_network_set_ca_bundle(KftCliNetwork *self, const char *file)
{
    g_free(self->ca_bundle);
    self->ca_bundle = g_strdup(file);
    (void)read_anew(self);
}

int kft_cli_network_get_fd(const KftCliNetwork *self)
{
    return self->store == NULL ? -1 : kft_store_get_change_fd(self->store);
}

bool kft_cli_network_look(KftCliNetwork *self)
{
    return kft_store_has_changed(self->store) && read_anew(self);
}
