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

static void replace(char **setting, const char *argument)
{
    if (argument == NULL)
        return;
    g_free(*setting);
    *setting = g_strdup(argument);
}

void kft_relay_settings_choose(bool needs_relay,
                               const char *image,
                               const char *template,
                               KftRelaySettings *ret_settings)
{
    g_autoptr(KftStore) store = needs_relay ? kft_store_open(/* dir */ NULL, NULL) : NULL;

    kft_relay_settings_read(store, ret_settings);
    replace(&ret_settings->image, image);
    replace(&ret_settings->template_, template);
}
