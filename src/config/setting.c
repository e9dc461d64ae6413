/* The table of settings, made from the list in the public header. */
#include "kftray/setting.h"

#include <pthread.h>
#include <string.h>

#include "kftray/error.h"

#include "base/assignment.h"
#include "base/number.h"
#include "base/redact.h"
#include "base/secret.h"
#include "base/text.h"
#include "config/syntax.h"

#define MAX_SHOWN_BYTES 80
#define MAX_VALUE_BYTES 65536

/* All but the words, which are split once. */
static KftSettingInfo infos[] = {
#define SETTING_ROW(id, setting_name, setting_type, def, words_text, least, most, text)            \
    [KFT_SETTING_##id] = {.name = (setting_name),                                                  \
                          .type = KFT_SETTING_TYPE_##setting_type,                                 \
                          .default_value = (def),                                                  \
                          .min = (least),                                                          \
                          .max = (most),                                                           \
                          .summary = (text)},
    KFT_SETTINGS(SETTING_ROW)
#undef SETTING_ROW
};

static const char *const joined_words[] = {
#define SETTING_WORDS(id, name, type, def, words, min, max, text) [KFT_SETTING_##id] = (words),
    KFT_SETTINGS(SETTING_WORDS)
#undef SETTING_WORDS
};

/* The one writing access to the table; the arrays live as long as the program. */
static void split_words(void)
{
    for (size_t i = 0; i < KFT_N_SETTINGS; i++) {
        if (infos[i].type == KFT_SETTING_TYPE_ENUM)
            infos[i].words = (const char *const *)g_strsplit(joined_words[i], "|", -1);
    }
}

const KftSettingInfo *kft_setting_info(KftSetting setting)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;

    g_assert((size_t)setting < KFT_N_SETTINGS);
    (void)pthread_once(&once, split_words);
    return &infos[setting];
}

bool kft_setting_find(const char *name, KftSetting *ret_setting)
{
    for (size_t i = 0; i < KFT_N_SETTINGS; i++) {
        if (strcmp(infos[i].name, name) == 0) {
            *ret_setting = (KftSetting)i;
            return true;
        }
    }
    return false;
}

/* NULL if @value is allowed, else what is; (transfer full). */
static char *dup_allowed(const KftSettingInfo *info, const char *value)
{
    uint64_t number = 0;

    switch (info->type) {
    case KFT_SETTING_TYPE_BOOL:
        if (strcmp(value, "true") == 0 || strcmp(value, "false") == 0)
            return NULL;
        return g_strdup("true and false");
    case KFT_SETTING_TYPE_UINT:
        if (kft_parse_uint(value, info->min, info->max, &number))
            return NULL;
        return g_strdup_printf("whole numbers from %" G_GUINT64_FORMAT " to %" G_GUINT64_FORMAT,
                               info->min, info->max);
    case KFT_SETTING_TYPE_TEXT:
        if (strlen(value) <= MAX_VALUE_BYTES && g_utf8_validate(value, -1, NULL))
            return NULL;
        return g_strdup_printf("UTF-8 texts of up to %d bytes", MAX_VALUE_BYTES);
    case KFT_SETTING_TYPE_ENUM:
        if (g_strv_contains(info->words, value))
            return NULL;
        return kft_text_join_and(info->words);
    }
    g_assert_not_reached();
}

/* The value is not repeated where it may hold a password. */
static bool check_proxy(const char *name, const char *value, const char *of, GError **error)
{
    const char *fault =
        value[0] == '\0' || strcmp(value, "none") == 0 ? NULL : kft_syntax_find_proxy_fault(value);
    if (fault == NULL)
        return true;
    g_set_error(error, KFT_ERROR, KFT_ERROR_BAD_CONFIG, "%s: the proxy URL%s is not usable: %s",
                name, of, fault);
    return false;
}

static bool check_context_proxies(const char *name, const char *value, GError **error)
{
    char *context = NULL;
    char *proxy = NULL;
    bool is_allowed = true;

    while (is_allowed && kft_assignment_next(&value, &context, &proxy)) {
        if (context == NULL || proxy[0] == '\0') {
            g_set_error(error, KFT_ERROR, KFT_ERROR_BAD_CONFIG,
                        "%s: wanted are words like prod=http://proxy:3128 and test=none, with a "
                        "blank in a context's name as %%20",
                        name);
            is_allowed = false;
        } else {
            g_autofree char *shown = kft_one_line(context, MAX_SHOWN_BYTES);
            g_autofree char *of = g_strdup_printf(" of context \"%s\"", shown);
            is_allowed = check_proxy(name, proxy, of, error);
        }
        g_free(context);
        kft_secret_wipe_string(proxy);
    }
    return is_allowed;
}

bool kft_setting_check(KftSetting setting, const char *value, GError **error)
{
    const KftSettingInfo *info = kft_setting_info(setting);
    g_autofree char *allowed = dup_allowed(info, value);

    if (allowed == NULL && setting == KFT_SETTING_DEFAULT_LOCAL_ADDRESS &&
        !kft_syntax_is_ip_address(value) && g_ascii_strcasecmp(value, "localhost") != 0)
        allowed = g_strdup("IP addresses and localhost");
    if (allowed == NULL && setting == KFT_SETTING_CA_BUNDLE && value[0] != '\0' && value[0] != '/')
        allowed = g_strdup("paths that begin with /");
    if (allowed == NULL && setting == KFT_SETTING_PROXY)
        return check_proxy(info->name, value, "", error);
    if (allowed == NULL && setting == KFT_SETTING_CONTEXT_PROXIES)
        return check_context_proxies(info->name, value, error);
    if (allowed == NULL)
        return true;
    g_autofree char *shown = kft_one_line(value, MAX_SHOWN_BYTES);
    g_set_error(error, KFT_ERROR, KFT_ERROR_BAD_CONFIG, "%s is \"%s\", allowed are %s", info->name,
                shown, allowed);
    return false;
}
