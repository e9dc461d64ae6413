/* kftrayctl remove: forgets stored configs. */
#include <kftray/store.h>

#include "catalog.h"
#include "command.h"
#include "input.h"
#include "output.h"
#include "select.h"

typedef struct {
    KftCliArguments common;
    gboolean is_agreed;
    gboolean all;
} Arguments;

static bool is_agreed(const Arguments *args, const GPtrArray *selected)
{
    if (args->is_agreed || selected->len == 0)
        return true;
    g_autofree char *name = selected->len == 1 ? kft_select_describe(selected->pdata[0])
                                               : g_strdup_printf("%u configs", selected->len);
    g_autofree char *question = g_strconcat("Remove ", name, NULL);
    return kft_input_ask(question);
}

static bool remove_all(KftStore *store, const GPtrArray *selected)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GArray) ids =
        g_array_new(/* zero_terminated */ FALSE, /* clear */ FALSE, sizeof(KftConfigId));

    for (guint i = 0; i < selected->len; i++)
        g_array_append_val(ids, ((const KftConfig *)selected->pdata[i])->id);
    if (kft_store_remove_configs(store, (const KftConfigId *)(void *)ids->data, ids->len, &error))
        return true;
    kft_print_error("%s", error->message);
    return false;
}

static void print_removed(gpointer data, gpointer user_data)
{
    g_autofree char *name = kft_select_describe(data);
    (void)user_data;
    kft_print_line("Removed %s", name);
}

static bool check_words(const Arguments *args)
{
    bool has_words = *args->common.words != NULL;

    if (has_words && args->all)
        kft_print_error("names and --all together make no sense: say one of them");
    else if (!has_words && !args->all)
        kft_print_error("say which configs: kftrayctl remove NAME…, or --all");
    return has_words != args->all;
}

static bool remove_selected(const Arguments *args)
{
    if (!check_words(args))
        return false;
    g_autoptr(KftCatalog) catalog = kft_catalog_open();
    if (catalog == NULL)
        return false;
    g_autoptr(GPtrArray) selected = kft_select_all(catalog->configs, args->common.words);
    if (selected == NULL)
        return false;
    if (selected->len == 0 && !args->common.is_json) {
        kft_print_note("There are no configs");
        return true;
    }
    if (!is_agreed(args, selected) || !remove_all(catalog->store, selected))
        return false;
    if (args->common.is_json)
        kft_catalog_print_json_list(catalog, selected);
    else
        g_ptr_array_foreach(selected, print_removed, NULL);
    return true;
}

static int run(int argc, char **argv)
{
    Arguments args = {0};
    int status = KFT_EXIT_FAILURE;

    if (!kft_options_parse(&kft_cli_remove, argc, argv, &args.common, &status))
        return status;
    if (remove_selected(&args))
        status = KFT_EXIT_OK;
    kft_options_clear(&kft_cli_remove, &args.common);
    return status;
}

static const KftCliOption options[] = {
    {"yes", 'y', KFT_OPTION_FLAG, offsetof(Arguments, is_agreed), "Do not ask", NULL,
     KFT_VALUE_NONE},
    {"all", 0, KFT_OPTION_FLAG, offsetof(Arguments, all), "All configs", NULL, KFT_VALUE_NONE},
    KFT_OPTION_JSON,
    {0},
};

const KftCliCommand kft_cli_remove = {
    .name = "remove",
    .summary = "Remove stored configs",
    .usage = "NAME…",
    .description = "NAME is an ID, an alias, or the beginning of one. A process that runs the "
                   "config stops it.",
    .examples = "  kftrayctl remove web\n"
                "  kftrayctl remove 3 7 db --yes",
    .options = options,
    .words = KFT_VALUE_CONFIG,
    .run = run,
};
