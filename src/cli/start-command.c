/* kftrayctl start, stop and toggle: remote control of the kftray that runs in this session. */
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

static bool ask(const KftCliCommand *command, const Arguments *args, KftRemoteVerb verb)
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
    if (!kft_remote_ask(verb, (const KftConfigId *)(const void *)ids->data, ids->len, &error)) {
        kft_print_error("%s", error->message);
        return false;
    }
    return true;
}

static int run(const KftCliCommand *command, int argc, char **argv, KftRemoteVerb verb)
{
    Arguments args = {0};
    int status = KFT_EXIT_FAILURE;

    if (!kft_options_parse(command, argc, argv, &args.common, &status))
        return status;
    if (ask(command, &args, verb))
        status = KFT_EXIT_OK;
    kft_options_clear(command, &args.common);
    return status;
}

static int run_start(int argc, char **argv)
{
    return run(&kft_cli_start, argc, argv, KFT_REMOTE_START);
}

static int run_stop(int argc, char **argv)
{
    return run(&kft_cli_stop, argc, argv, KFT_REMOTE_STOP);
}

static int run_toggle(int argc, char **argv)
{
    return run(&kft_cli_toggle, argc, argv, KFT_REMOTE_TOGGLE);
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

const KftCliCommand kft_cli_toggle = {
    .name = "toggle",
    .summary = "Let the running kftray start or stop configs",
    .usage = "NAME…",
    .description =
        "Asks the desktop program of this session: if it runs one of the configs, all of "
        "them are\nstopped, otherwise all are started. Meant for a key of the desktop's "
        "keyboard settings.\nNAME is an ID, an alias, or the beginning of one.",
    .examples = "  kftrayctl toggle web\n"
                "  kftrayctl toggle web db",
    .options = options,
    .words = KFT_VALUE_CONFIG,
    .run = run_toggle,
};
