#include "relay-settings.h"

static char *dup_setting(KftStore *store, KftSetting setting)
{
    g_autoptr(GError) error = NULL;
    char *text = store == NULL ? NULL : kft_store_get_setting(store, setting, &error);
    if (text != NULL && text[0] != '\0')
        return text;
    g_free(text);
    return NULL;
}

void kft_relay_settings_read(KftStore *store, KftRelaySettings *ret_settings)
{
    g_autofree char *use = dup_setting(store, KFT_SETTING_RELAY);
    g_autofree char *template = dup_setting(store, KFT_SETTING_RELAY_TEMPLATE);
    g_autofree char *dir = kft_store_dup_default_dir();

    *ret_settings = (KftRelaySettings){0};
    ret_settings->image = dup_setting(store, KFT_SETTING_RELAY_IMAGE);
    ret_settings->template_ = kft_relay_dup_template_path(template, dir);
    if (use == NULL || !kft_relay_use_parse(use, &ret_settings->use))
        ret_settings->use = KFT_RELAY_USE_AUTO;
}
