/* kftrayctl edit: changes fields of a stored config. */
#include <kftray/store.h>
#include <string.h>

#include "assign.h"
#include "catalog.h"
#include "command.h"
#include "output.h"
#include "select.h"

typedef struct {
    KftCliArguments common;
    gboolean is_forced;
} Arguments;

/* Only what an edit touches can be in its way. */
static bool moves_address(char *const *changed)
{
    static const char *const others[] = {"alias",     "note",    "group",
                                         "transport", "balance", "disconnect_timeout_minutes",
                                         "stop_at",   NULL};

    for (char *const *name = changed; *name != NULL; name++) {
        if (!g_strv_contains(others, *name))
            return true;
    }
    return false;
}

static bool store(const KftCatalog *catalog, KftConfig *config)
{
    g_autoptr(GError) error = NULL;

    if (kft_store_update_config(catalog->store, config, &error))
        return true;
    kft_print_error("%s", error->message);
    return false;
}

static void print_result(const KftConfig *config, char *const *changed)
{
    g_autofree char *name = kft_select_describe(config);
    g_autofree char *fields = g_strjoinv(", ", (char **)(uintptr_t)changed);

    if (*changed == NULL)
        kft_print_line("%s is like that already", name);
    else
        kft_print_line("Changed %s: %s", name, fields);
}

static bool edit(const Arguments *args)
{
    char **words = args->common.words;

    if (words[0] == NULL || words[1] == NULL) {
        kft_print_error("say which config and what to change: kftrayctl edit NAME KEY=VALUE…");
        return false;
    }
    g_autoptr(KftCatalog) catalog = kft_catalog_open();
    const KftConfig *stored = catalog == NULL ? NULL : kft_select_one(catalog->configs, words[0]);
    if (stored == NULL)
        return false;
    g_autoptr(KftConfig) config = kft_config_copy(stored);
    for (char **word = words + 1; *word != NULL; word++) {
        if (!kft_assign(config, *word))
            return false;
    }
    g_auto(GStrv) changed = kft_config_diff(stored, config);
    if (moves_address(changed) && !args->is_forced && !kft_assign_check(config, catalog->configs))
        return false;
    if (*changed != NULL && !store(catalog, config))
        return false;
    if (args->common.is_json)
        kft_catalog_print_json(catalog, config);
    else
        print_result(config, changed);
    return true;
}

static int run(int argc, char **argv)
{
    Arguments args = {0};
    int status = KFT_EXIT_FAILURE;

    if (!kft_options_parse(&kft_cli_edit, argc, argv, &args.common, &status))
        return status;
    if (edit(&args))
        status = KFT_EXIT_OK;
    kft_options_clear(&kft_cli_edit, &args.common);
    return status;
}

static const KftCliOption options[] = {
    {"force", 0, KFT_OPTION_FLAG, offsetof(Arguments, is_forced),
     "Store it even if its local address or the forward itself is there already", NULL,
     KFT_VALUE_NONE},
    KFT_OPTION_JSON,
    {0},
};

static const char description[] =
    "NAME is an ID, an alias, or the beginning of one. An empty VALUE unsets a field; local_port=0 "
    "takes a\n"
    "free port. A process that runs the config starts it again with the changes.";

const KftCliCommand kft_cli_edit = {
    .name = "edit",
    .summary = "Change fields of a stored config",
    .usage = "NAME KEY=VALUE…",
    .description = description,
    .examples = "  # Another local port\n"
                "  kftrayctl edit web local_port=8081\n"
                "\n"
                "  # The current context instead of a fixed one, and another name\n"
                "  kftrayctl edit 3 context= alias=web-here",
    .options = options,
    .words = KFT_VALUE_CONFIG_ASSIGNMENT,
    .run = run,
};
