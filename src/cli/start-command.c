/* kftrayctl start and stop: remote control of the kftray that runs in this session. */
#include <kftray/remote.h>

#include "catalog.h"
#include "command.h"
#include "output.h"
#include "select.h"

typedef struct {
    KftCliArguments common;
    gboolean all;
} Arguments;

static bool check_words(const KftCliCommand *command, const Arguments *args)
{
    bool has_words = *args->common.words != NULL;

    if (has_words && args->all)
        kft_print_error("names and --all together make no sense: say one of them");
    else if (!has_words && !args->all)
        kft_print_error("say which configs: kftrayctl %s NAME…, or --all", command->name);
    return has_words != args->all;
}

static bool set_running(const KftCliCommand *command, const Arguments *args, bool runs)
{
    g_autoptr(GError) error = NULL;

    if (!check_words(command, args))
        return false;
    g_autoptr(KftCatalog) catalog = kft_catalog_open();
    if (catalog == NULL)
        return false;
    g_autoptr(GPtrArray) selected = kft_select_all(catalog->configs, args->common.words);
    if (selected == NULL)
        return false;
    g_autoptr(GArray) ids = g_array_new(FALSE, FALSE, sizeof(KftConfigId));
    for (guint i = 0; i < selected->len && !args->all; i++)
        g_array_append_val(ids, ((KftConfig *)selected->pdata[i])->id);
    if (!kft_remote_set_running((const KftConfigId *)(const void *)ids->data, ids->len, runs,
                                &error)) {
        kft_print_error("%s", error->message);
        return false;
    }
    return true;
}

static int run(const KftCliCommand *command, int argc, char **argv, bool runs)
{
    Arguments args = {0};
    int status = KFT_EXIT_FAILURE;

    if (!kft_options_parse(command, argc, argv, &args.common, &status))
        return status;
    if (set_running(command, &args, runs))
        status = KFT_EXIT_OK;
    kft_options_clear(command, &args.common);
    return status;
}

static int run_start(int argc, char **argv)
{
    return run(&kft_cli_start, argc, argv, /* runs */ true);
}

static int run_stop(int argc, char **argv)
{
    return run(&kft_cli_stop, argc, argv, /* runs */ false);
}

static const KftCliOption options[] = {
    {"all", 0, KFT_OPTION_FLAG, offsetof(Arguments, all), "All configs", NULL, KFT_VALUE_NONE},
    {0},
};

const KftCliCommand kft_cli_start = {
    .name = "start",
    .summary = "Let the running kftray start configs",
    .usage = "NAME…",
    .description =
        "Asks the desktop program of this session; \"kftrayctl run\" needs none. NAME is "
        "an ID, an\nalias, or the beginning of one. \"kftrayctl list\" shows what "
        "became of it.",
    .examples = "  kftrayctl start web\n"
                "  kftrayctl start --all",
    .options = options,
    .words = KFT_VALUE_CONFIG,
    .run = run_start,
};

const KftCliCommand kft_cli_stop = {
    .name = "stop",
    .summary = "Let the running kftray stop configs",
    .usage = "NAME…",
    .description = "Asks the desktop program of this session. NAME is an ID, an alias, or the "
                   "beginning of one.",
    .examples = "  kftrayctl stop web\n"
                "  kftrayctl stop --all",
    .options = options,
    .words = KFT_VALUE_CONFIG,
    .run = run_stop,
};
