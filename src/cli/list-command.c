/* kftrayctl list: the stored configs and whether they run. */
#include <string.h>

#include "catalog.h"
#include "command.h"
#include "output.h"
#include "table.h"

typedef struct {
    KftCliArguments common;
    char *output;
    gboolean only_running;
} Arguments;

static const KftTableColumn columns[] = {
    {.heading = "ID", .is_right = true},
    {.heading = "ALIAS", .is_flexible = true},
    {.heading = "TARGET", .is_flexible = true},
    {.heading = "LOCAL"},
    {.heading = "CONTEXT", .is_flexible = true},
    {.heading = "STATUS"},
    /* -o wide */
    {.heading = "GROUP", .is_flexible = true},
    {.heading = "TYPE"},
    {.heading = "PID", .is_right = true},
    {.heading = "POD", .is_flexible = true},
    {.heading = "SENT", .is_right = true},
    {.heading = "RECEIVED", .is_right = true},
    {.heading = "CONNECTIONS", .is_right = true},
    {.heading = "NOTE", .is_flexible = true},
};

#define N_NARROW 6

/* --- output --- */

static void add_narrow(KftTable *table, const KftConfig *config, const KftRunState *state)
{
    g_autofree char *target = kft_config_describe_target(config);
    g_autofree char *local = kft_config_describe_local(config);
    KftForwardState now = state == NULL ? KFT_FORWARD_STATE_IDLE : state->state;

    kft_table_add_number(table, config->id.v);
    kft_table_add(table, config->alias, KFT_STYLE_PLAIN);
    kft_table_add(table, target, KFT_STYLE_PLAIN);
    kft_table_add(table, local, KFT_STYLE_PLAIN);
    kft_table_add(table, config->context, KFT_STYLE_PLAIN);
    kft_table_add(table, kft_forward_state_name(now), kft_state_style(now));
}

static void add_wide(KftTable *table,
                     const KftConfig *config,
                     const KftRunState *state,
                     const KftTraffic *traffic)
{
    g_autofree char *type = g_strconcat(kft_workload_type_name(config->workload_type), "/",
                                        kft_protocol_name(config->protocol), NULL);

    kft_table_add(table, config->group, KFT_STYLE_PLAIN);
    kft_table_add(table, type, KFT_STYLE_PLAIN);
    kft_table_add_number(table, state == NULL ? 0 : state->owner_pid);
    kft_table_add(table, state == NULL ? NULL : state->pod, KFT_STYLE_PLAIN);
    kft_table_add_bytes(table, traffic == NULL ? 0 : traffic->bytes_up);
    kft_table_add_bytes(table, traffic == NULL ? 0 : traffic->bytes_down);
    kft_table_add_number(table, traffic == NULL ? 0 : (int64_t)traffic->n_connections);
    kft_table_add(table, config->note, KFT_STYLE_PLAIN);
}

static void print_table(const KftCatalog *catalog, const GPtrArray *found, bool is_wide)
{
    g_autoptr(KftTable) table = kft_table_new(columns, is_wide ? G_N_ELEMENTS(columns) : N_NARROW);

    for (guint i = 0; i < found->len; i++) {
        const KftConfig *config = found->pdata[i];
        const KftRunState *state = kft_catalog_get_state(catalog, config->id);
        add_narrow(table, config, state);
        if (is_wide)
            add_wide(table, config, state, kft_catalog_get_traffic(catalog, config->id));
    }
    kft_table_print(table);
}

static void print_nothing(const KftCatalog *catalog, const Arguments *args)
{
    if (catalog->configs->len == 0)
        kft_print_note("There are no configs yet; see \"kftrayctl add --help\" and \"kftrayctl "
                       "import --help\"");
    else if (args->only_running && *args->common.words == NULL)
        kft_print_note("None of %u configs runs", catalog->configs->len);
    else
        kft_print_note("None of %u configs fits", catalog->configs->len);
}

static bool take_output(Arguments *args, bool *ret_is_wide)
{
    *ret_is_wide = g_strcmp0(args->output, "wide") == 0;
    if (g_strcmp0(args->output, "json") == 0)
        args->common.is_json = TRUE;
    if (args->output == NULL || *ret_is_wide || args->common.is_json)
        return true;
    kft_print_error("--output: \"%s\" is not one of wide, json", args->output);
    return false;
}

static bool list(Arguments *args)
{
    bool is_wide = false;
    if (!take_output(args, &is_wide))
        return false;
    g_autoptr(KftCatalog) catalog = kft_catalog_open();
    if (catalog == NULL)
        return false;
    g_autoptr(GPtrArray) found =
        kft_catalog_filter(catalog, args->common.words, args->only_running);
    if (args->common.is_json)
        kft_catalog_print_json_list(catalog, found);
    else if (found->len == 0)
        print_nothing(catalog, args);
    else
        print_table(catalog, found, is_wide);
    return true;
}

static int run(int argc, char **argv)
{
    Arguments args = {0};
    int status = KFT_EXIT_FAILURE;

    if (!kft_options_parse(&kft_cli_list, argc, argv, &args.common, &status))
        return status;
    if (list(&args))
        status = KFT_EXIT_OK;
    kft_options_clear(&kft_cli_list, &args.common);
    return status;
}

static const KftCliOption options[] = {
    {"output", 'o', KFT_OPTION_TEXT, offsetof(Arguments, output),
     "wide (more columns) or json (as --json)", "FORMAT", KFT_VALUE_OUTPUT},
    {"running", 'r', KFT_OPTION_FLAG, offsetof(Arguments, only_running),
     "Only configs that run now", NULL, KFT_VALUE_NONE},
    KFT_OPTION_JSON,
    {0},
};

static const char description[] =
    "Words narrow the list: each must occur in the alias, namespace, target, context or group, or "
    "be\n"
    "one of the ports. STATUS is idle, or how far the process is that runs the config.";

const KftCliCommand kft_cli_list = {
    .name = "list",
    .summary = "List the stored configs and whether they run",
    .usage = "[WORD…]",
    .description = description,
    .examples = "  # All configs, with traffic, pods and processes\n"
                "  kftrayctl list -o wide\n"
                "\n"
                "  # What goes to namespace shop of the staging context\n"
                "  kftrayctl list shop staging\n"
                "\n"
                "  # Local addresses of what runs, for a script\n"
                "  kftrayctl list --running --json | jq -r '.[].address'",
    .options = options,
    .words = KFT_VALUE_CONFIG,
    .run = run,
};
