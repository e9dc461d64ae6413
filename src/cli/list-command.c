/* kftrayctl list: the stored configs and whether they run; status: only those that run. */
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

/* --- filter --- */

static bool contains(const char *text, const char *folded)
{
    if (text == NULL)
        return false;
    g_autofree char *own = g_utf8_casefold(text, -1);
    return strstr(own, folded) != NULL;
}

static bool has_port(const KftConfig *config, const char *word)
{
    guint64 port = 0;
    return g_ascii_string_to_unsigned(word, 10, 1, UINT16_MAX, &port, NULL) &&
           (config->local_port == port || config->remote_port == port);
}

static bool fits_word(const KftConfig *config, const char *word)
{
    g_autofree char *folded = g_utf8_casefold(word, -1);
    return contains(config->alias, folded) || contains(config->namespace_, folded) ||
           contains(config->service, folded) || contains(config->object, folded) ||
           contains(config->target, folded) || contains(config->remote_address, folded) ||
           contains(config->context, folded) || contains(config->group, folded) ||
           has_port(config, word);
}

static bool fits(const KftCatalog *catalog, const KftConfig *config, const Arguments *args)
{
    const KftRunState *state = kft_catalog_get_state(catalog, config->id);

    if (args->only_running && (state == NULL || !kft_state_is_running(state->state)))
        return false;
    for (char **word = args->common.words; *word != NULL; word++) {
        if (!fits_word(config, *word))
            return false;
    }
    return true;
}

/* Returns: (transfer container). */
static GPtrArray *filter(const KftCatalog *catalog, const Arguments *args)
{
    GPtrArray *found = g_ptr_array_new();

    for (guint i = 0; i < catalog->configs->len; i++) {
        if (fits(catalog, catalog->configs->pdata[i], args))
            g_ptr_array_add(found, catalog->configs->pdata[i]);
    }
    return found;
}

/* --- output --- */

static void add_number(KftTable *table, int64_t number)
{
    g_autofree char *text = number == 0 ? NULL : g_strdup_printf("%" G_GINT64_FORMAT, number);
    kft_table_add(table, text, KFT_STYLE_PLAIN);
}

static void add_bytes(KftTable *table, uint64_t n_bytes)
{
    g_autofree char *text = n_bytes == 0 ? NULL : kft_format_bytes(n_bytes);
    kft_table_add(table, text, KFT_STYLE_PLAIN);
}

static void add_narrow(KftTable *table, const KftConfig *config, const KftRunState *state)
{
    g_autofree char *target = kft_config_describe_target(config);
    g_autofree char *local = kft_config_describe_local(config);
    KftForwardState now = state == NULL ? KFT_FORWARD_STATE_IDLE : state->state;

    add_number(table, config->id.v);
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
    add_number(table, state == NULL ? 0 : state->owner_pid);
    kft_table_add(table, state == NULL ? NULL : state->pod, KFT_STYLE_PLAIN);
    add_bytes(table, traffic == NULL ? 0 : traffic->bytes_up);
    add_bytes(table, traffic == NULL ? 0 : traffic->bytes_down);
    add_number(table, traffic == NULL ? 0 : (int64_t)traffic->n_connections);
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
    g_autoptr(GPtrArray) found = filter(catalog, args);
    if (args->common.is_json)
        kft_catalog_print_json_list(catalog, found);
    else if (found->len == 0)
        print_nothing(catalog, args);
    else
        print_table(catalog, found, is_wide);
    return true;
}

static int run(const KftCliCommand *command, bool only_running, int argc, char **argv)
{
    Arguments args = {0};
    int status = KFT_EXIT_FAILURE;

    if (!kft_options_parse(command, argc, argv, &args.common, &status))
        return status;
    args.only_running = args.only_running || only_running;
    if (list(&args))
        status = KFT_EXIT_OK;
    kft_options_clear(command, &args.common);
    return status;
}

static int run_list(int argc, char **argv)
{
    return run(&kft_cli_list, /* only_running */ false, argc, argv);
}

static int run_status(int argc, char **argv)
{
    return run(&kft_cli_status, /* only_running */ true, argc, argv);
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
    .run = run_list,
};

const KftCliCommand kft_cli_status = {
    .name = "status",
    .summary = "List the configs that run now: list --running",
    .usage = "[WORD…]",
    .examples = "  kftrayctl status\n"
                "  kftrayctl status -o wide",
    .options = options,
    .words = KFT_VALUE_CONFIG,
    .run = run_status,
};
