/* kftrayctl settings: shows and changes the settings of all programs. */
#include <kftray/store.h>
#include <kftray/text.h>
#include <string.h>

#include "command.h"
#include "json-output.h"
#include "output.h"
#include "table.h"

typedef struct {
    KftCliArguments common;
    gboolean unset;
} Arguments;

static bool print_failure(const GError *error)
{
    kft_print_error("%s", error->message);
    return false;
}

static bool find(const char *name, KftSetting *ret_setting)
{
    const char *names[KFT_N_SETTINGS + 1] = {NULL};

    if (kft_setting_find(name, ret_setting))
        return true;
    for (int i = 0; i < KFT_N_SETTINGS; i++)
        names[i] = kft_setting_info((KftSetting)i)->name;
    const char *close = kft_text_closest(name, names);
    if (close != NULL)
        kft_print_error("there is no setting \"%s\"; did you mean \"%s\"?", name, close);
    else
        kft_print_error("there is no setting \"%s\"; see \"kftrayctl settings\"", name);
    return false;
}

/* --- all of them --- */

static bool print_table(KftStore *store)
{
    static const KftTableColumn columns[] = {{.heading = "KEY"},
                                             {.heading = "VALUE", .is_flexible = true},
                                             {.heading = "DEFAULT"},
                                             {.heading = "MEANING", .is_flexible = true}};
    g_autoptr(KftTable) table = kft_table_new(columns, G_N_ELEMENTS(columns));
    g_autoptr(GError) error = NULL;

    for (int i = 0; i < KFT_N_SETTINGS; i++) {
        const KftSettingInfo *info = kft_setting_info((KftSetting)i);
        g_autofree char *value = kft_store_get_setting(store, (KftSetting)i, &error);
        if (value == NULL)
            return print_failure(error);
        bool is_default = strcmp(value, info->default_value) == 0;
        kft_table_add(table, info->name, KFT_STYLE_PLAIN);
        kft_table_add(table, value, is_default ? KFT_STYLE_PLAIN : KFT_STYLE_HEADING);
        kft_table_add(table, info->default_value, KFT_STYLE_DIM);
        kft_table_add(table, info->summary, KFT_STYLE_DIM);
    }
    kft_table_print(table);
    return true;
}

static bool write_json(KftStore *store, KftSetting setting, KftJsonOutput *json)
{
    const KftSettingInfo *info = kft_setting_info(setting);
    g_autoptr(GError) error = NULL;
    g_autofree char *value = kft_store_get_setting(store, setting, &error);

    if (value == NULL)
        return print_failure(error);
    if (info->type == KFT_SETTING_TYPE_BOOL || info->type == KFT_SETTING_TYPE_UINT)
        kft_json_output_raw(json, info->name, value);
    else
        kft_json_output_text(json, info->name, value);
    return true;
}

/* @only: NULL = all. */
static bool print_json(KftStore *store, const KftSetting *only)
{
    g_autoptr(KftJsonOutput) json = kft_json_output_new(/* is_one_line */ false);

    kft_json_output_begin_object(json, NULL);
    for (int i = 0; i < KFT_N_SETTINGS; i++) {
        if ((only == NULL || (KftSetting)i == *only) && !write_json(store, (KftSetting)i, json))
            return false;
    }
    kft_json_output_end(json);
    kft_json_output_print(json);
    return true;
}

/* --- one of them --- */

static bool print_one(KftStore *store, KftSetting setting)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *value = kft_store_get_setting(store, setting, &error);

    if (value == NULL)
        return print_failure(error);
    kft_print_line("%s", value);
    return true;
}

static bool change(KftStore *store, KftSetting setting, const char *value)
{
    g_autoptr(GError) error = NULL;

    return kft_store_set_setting(store, setting, value, &error) || print_failure(error);
}

static bool check_words(const Arguments *args)
{
    size_t n = g_strv_length(args->common.words);

    if (!args->unset)
        return kft_options_check_words(&kft_cli_settings, &args->common, 2);
    if (n == 1)
        return true;
    kft_print_error("--unset wants one KEY: kftrayctl settings --unset KEY");
    return false;
}

static bool apply(const Arguments *args)
{
    char **words = args->common.words;
    KftSetting setting = KFT_SETTING_GROUP_BY;
    g_autoptr(GError) error = NULL;

    if (!check_words(args) || (words[0] != NULL && !find(words[0], &setting)))
        return false;
    g_autoptr(KftStore) store = kft_store_open(/* dir */ NULL, &error);
    if (store == NULL)
        return print_failure(error);
    if (args->unset)
        return change(store, setting, /* value */ NULL);
    if (words[0] != NULL && words[1] != NULL)
        return change(store, setting, words[1]);
    if (args->common.is_json)
        return print_json(store, words[0] == NULL ? NULL : &setting);
    return words[0] == NULL ? print_table(store) : print_one(store, setting);
}

static int run(int argc, char **argv)
{
    Arguments args = {0};
    int status = KFT_EXIT_FAILURE;

    if (!kft_options_parse(&kft_cli_settings, argc, argv, &args.common, &status))
        return status;
    if (apply(&args))
        status = KFT_EXIT_OK;
    kft_options_clear(&kft_cli_settings, &args.common);
    return status;
}

static const KftCliOption options[] = {
    {"unset", 0, KFT_OPTION_FLAG, offsetof(Arguments, unset), "Back to the default", NULL,
     KFT_VALUE_NONE},
    KFT_OPTION_JSON,
    {0},
};

const KftCliCommand kft_cli_settings = {
    .name = "settings",
    .summary = "Show or change settings",
    .usage = "[KEY [VALUE]]",
    .description = "The settings are those of all programs, the window's too.",
    .examples = "  kftrayctl settings\n"
                "  kftrayctl settings hold_seconds 30\n"
                "  kftrayctl settings --unset hold_seconds",
    .options = options,
    .words = KFT_VALUE_SETTING,
    .run = run,
};
