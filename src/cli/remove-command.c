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

static char *make_question(const GPtrArray *selected)
{
    if (selected->len > 1)
        return g_strdup_printf("Remove %u configs", selected->len);
    g_autofree char *name = kft_select_describe(selected->pdata[0]);
    return g_strdup_printf("Remove %s", name);
}

static bool remove_all(KftStore *store, const GPtrArray *selected)
{
    g_autoptr(GError) error = NULL;
    g_autofree KftConfigId *ids = g_new(KftConfigId, selected->len);

    for (guint i = 0; i < selected->len; i++)
        ids[i] = ((const KftConfig *)selected->pdata[i])->id;
    if (!kft_store_remove_configs(store, ids, selected->len, &error)) {
        kft_print_error("%s", error->message);
        return false;
    }
    for (guint i = 0; i < selected->len; i++) {
        g_autofree char *name = kft_select_describe(selected->pdata[i]);
        kft_print_line("Removed %s", name);
    }
    return true;
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
    if (selected->len == 0) {
        kft_print_note("There are no configs");
        return true;
    }
    g_autofree char *question = make_question(selected);
    if (!args->is_agreed && !kft_input_ask(question))
        return false;
    return remove_all(catalog->store, selected);
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
