/* kftrayctl import: stores configs from a JSON file, or from upstream's database, all or nothing.
 */
#include <kftray/share.h>
#include <kftray/store.h>
#include <string.h>

#include "catalog.h"
#include "command.h"
#include "input.h"
#include "output.h"
#include "plan-view.h"

typedef struct {
    KftCliArguments common;
    gboolean is_dry;
    gboolean is_agreed;
    gboolean use_free_ports;
    gboolean from_upstream;
} Arguments;

/* --- where they come from --- */

static GPtrArray *read_file(const char *path)
{
    g_autoptr(GError) error = NULL;
    size_t size = 0;
    g_autofree char *text = kft_input_read(path, KFT_SHARE_MAX_BYTES, &size);

    if (text == NULL)
        return NULL;
    GPtrArray *configs = kft_share_parse(text, size, kft_input_name(path), &error);
    if (configs == NULL)
        kft_print_error("%s", error->message);
    return configs;
}

static GPtrArray *read_upstream(const char *path)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GPtrArray) skipped = NULL;
    GPtrArray *configs = kft_upstream_read_configs(path, &skipped, &error);

    if (configs == NULL) {
        kft_print_error("%s", error->message);
        return NULL;
    }
    for (guint i = 0; skipped != NULL && i < skipped->len; i++)
        kft_print_note("Skipped: %s", (const char *)skipped->pdata[i]);
    return configs;
}

static GPtrArray *read_configs(const Arguments *args)
{
    const char *path = args->common.words[0];

    if (!kft_options_check_words(&kft_cli_import, &args->common, 1))
        return NULL;
    if (args->from_upstream)
        return read_upstream(path);
    if (path != NULL)
        return read_file(path);
    kft_print_error("say which file: kftrayctl import FILE, or \"-\" for standard input");
    return NULL;
}

/* --- storing --- */

/* What only adds is done without a question. */
static bool is_agreed(const Arguments *args, const KftImportPlan *plan)
{
    if (args->is_agreed || plan->n_changed + plan->n_conflicts == 0)
        return true;
    g_autofree char *summary = kft_plan_summarize(plan);
    g_autofree char *question = g_strdup_printf("Store this (%s)", summary);
    return kft_input_ask(question);
}

static bool store(KftStore *store_, const KftImportPlan *plan)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GPtrArray) changes = kft_import_plan_list_changes(plan);

    if (changes->len == 0 ||
        kft_store_put_configs(store_, (KftConfig *const *)changes->pdata, changes->len, &error))
        return true;
    kft_print_error("%s", error->message);
    return false;
}

static bool carry_out(const Arguments *args, KftStore *store_, const KftImportPlan *plan)
{
    g_autofree char *summary = kft_plan_summarize(plan);

    if (!args->common.is_json)
        kft_plan_print(plan, args->is_dry);
    if (args->is_dry) {
        if (args->common.is_json)
            kft_plan_print_json(plan, /* is_stored */ false);
        else
            kft_print_line("%s; nothing was stored", summary);
        return true;
    }
    if (!is_agreed(args, plan) || !store(store_, plan))
        return false;
    if (args->common.is_json)
        kft_plan_print_json(plan, /* is_stored */ true);
    else
        kft_print_line("Imported: %s", summary);
    return true;
}

static bool import(const Arguments *args)
{
    g_autoptr(GPtrArray) incoming = read_configs(args);
    if (incoming == NULL)
        return false;
    g_autoptr(KftCatalog) catalog = kft_catalog_open();
    if (catalog == NULL)
        return false;
    g_autoptr(KftImportPlan) plan = kft_import_plan_new(incoming, catalog->configs);
    if (args->use_free_ports)
        kft_import_plan_use_free_ports(plan);
    return carry_out(args, catalog->store, plan);
}

static int run(int argc, char **argv)
{
    Arguments args = {0};
    int status = KFT_EXIT_FAILURE;

    if (!kft_options_parse(&kft_cli_import, argc, argv, &args.common, &status))
        return status;
    if (import(&args))
        status = KFT_EXIT_OK;
    kft_options_clear(&kft_cli_import, &args.common);
    return status;
}

static const KftCliOption options[] = {
    {"dry-run", 0, KFT_OPTION_FLAG, offsetof(Arguments, is_dry),
     "Show what would be stored, and store nothing", NULL, KFT_VALUE_NONE},
    {"yes", 'y', KFT_OPTION_FLAG, offsetof(Arguments, is_agreed),
     "Do not ask when stored configs change or local addresses collide", NULL, KFT_VALUE_NONE},
    {"use-free-ports", 0, KFT_OPTION_FLAG, offsetof(Arguments, use_free_ports),
     "Give a free local port to each config whose local address another one has", NULL,
     KFT_VALUE_NONE},
    {"upstream", 0, KFT_OPTION_FLAG, offsetof(Arguments, from_upstream),
     "FILE is upstream kftray's database (default: ~/.kftray/configs.db)", NULL, KFT_VALUE_NONE},
    KFT_OPTION_JSON,
    {0},
};

static const char description[] =
    "FILE is JSON as kftray writes it: an array of configs, or a single one; \"-\" is standard "
    "input. A\n"
    "config that is stored already (same target, context and ports) is updated, others are added, "
    "and\n"
    "it happens altogether or not at all.";

const KftCliCommand kft_cli_import = {
    .name = "import",
    .summary = "Store configs from a JSON file",
    .usage = "{FILE | - | --upstream [FILE]}",
    .description = description,
    .examples = "  # What would happen\n"
                "  kftrayctl import team.json --dry-run\n"
                "\n"
                "  # From elsewhere, without questions\n"
                "  curl -s https://example.com/team.json | kftrayctl import - --yes\n"
                "\n"
                "  # All that upstream kftray has stored\n"
                "  kftrayctl import --upstream",
    .options = options,
    .words = KFT_VALUE_FILE,
    .run = run,
};
