/* kftrayctl import: stores configs from a JSON file, or from upstream's database, all or nothing.
 */
#include <kftray/share.h>
#include <kftray/store.h>
#include <string.h>

#include "catalog.h"
#include "command.h"
#include "input.h"
#include "output.h"
#include "select.h"
#include "table.h"

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

/* --- the plan --- */

static char *describe_item(const KftImportItem *item)
{
    g_autofree char *local = kft_config_describe_local(item->config);

    if (item->action == KFT_IMPORT_CHANGED)
        return g_strjoinv(", ", item->changed);
    if (item->action != KFT_IMPORT_CONFLICT || item->opponent == NULL)
        return g_strdup(item->config->local_port == 0 ? "a free port" : local);
    g_autofree char *other = kft_select_describe(item->opponent);
    if (item->free_port == 0)
        return g_strdup_printf("%s is that of %s", local, other);
    return g_strdup_printf("%s is that of %s; free: %u", local, other, item->free_port);
}

static KftStyle action_style(KftImportAction action)
{
    switch (action) {
    case KFT_IMPORT_NEW:
        return KFT_STYLE_GOOD;
    case KFT_IMPORT_CHANGED:
        return KFT_STYLE_BUSY;
    case KFT_IMPORT_SAME:
        return KFT_STYLE_DIM;
    case KFT_IMPORT_CONFLICT:
        return KFT_STYLE_BAD;
    }
    g_assert_not_reached();
}

/* New ones only when nothing is stored: a long list of what is as it should be hides the rest. */
static void print_items(const KftImportPlan *plan, bool with_new)
{
    static const KftTableColumn columns[] = {{.heading = "ACTION"},
                                             {.heading = "ALIAS", .is_flexible = true},
                                             {.heading = "TARGET", .is_flexible = true},
                                             {.heading = "DETAILS"}};
    g_autoptr(KftTable) table = kft_table_new(columns, G_N_ELEMENTS(columns));

    for (guint i = 0; i < plan->items->len; i++) {
        const KftImportItem *item = plan->items->pdata[i];
        if (item->action == KFT_IMPORT_SAME || (item->action == KFT_IMPORT_NEW && !with_new))
            continue;
        g_autofree char *target = kft_config_describe_target(item->config);
        g_autofree char *details = describe_item(item);
        kft_table_add(table, kft_import_action_name(item->action), action_style(item->action));
        kft_table_add(table, item->config->alias, KFT_STYLE_PLAIN);
        kft_table_add(table, target, KFT_STYLE_PLAIN);
        kft_table_add(table, details, KFT_STYLE_PLAIN);
    }
    if (kft_table_count_rows(table) > 0)
        kft_table_print(table);
}

static char *summarize(const KftImportPlan *plan)
{
    return g_strdup_printf("%zu new, %zu changed, %zu the same, %zu conflict%s", plan->n_new,
                           plan->n_changed, plan->n_same, plan->n_conflicts,
                           plan->n_conflicts == 1 ? "" : "s");
}

static void write_item(KftJsonOutput *json, const KftImportItem *item)
{
    g_autofree char *local = kft_config_describe_local(item->config);
    g_autofree char *target = kft_config_describe_target(item->config);

    kft_json_output_begin_object(json, NULL);
    kft_json_output_text(json, "action", kft_import_action_name(item->action));
    kft_json_output_int(json, "id", item->config->id.v);
    kft_json_output_text(json, "alias", item->config->alias);
    kft_json_output_text(json, "local", local);
    kft_json_output_text(json, "remote", target);
    if (item->changed != NULL) {
        kft_json_output_begin_array(json, "changed");
        for (char **name = item->changed; *name != NULL; name++)
            kft_json_output_text(json, NULL, *name);
        kft_json_output_end(json);
    }
    if (item->opponent != NULL) {
        kft_json_output_int(json, "opponent_id", item->opponent->id.v);
        kft_json_output_text(json, "opponent_alias", item->opponent->alias);
    }
    if (item->action == KFT_IMPORT_CONFLICT)
        kft_json_output_uint(json, "free_port", item->free_port);
    kft_json_output_end(json);
}

static void print_json(const KftImportPlan *plan, bool is_stored)
{
    g_autoptr(KftJsonOutput) json = kft_json_output_new(/* is_one_line */ false);

    kft_json_output_begin_object(json, NULL);
    kft_json_output_bool(json, "stored", is_stored);
    kft_json_output_uint(json, "new", plan->n_new);
    kft_json_output_uint(json, "changed", plan->n_changed);
    kft_json_output_uint(json, "same", plan->n_same);
    kft_json_output_uint(json, "conflicts", plan->n_conflicts);
    kft_json_output_begin_array(json, "items");
    for (guint i = 0; i < plan->items->len; i++)
        write_item(json, plan->items->pdata[i]);
    kft_json_output_end(json);
    kft_json_output_end(json);
    kft_json_output_print(json);
}

/* --- storing --- */

/* What only adds is done without a question. */
static bool is_agreed(const Arguments *args, const KftImportPlan *plan)
{
    if (args->is_agreed || plan->n_changed + plan->n_conflicts == 0)
        return true;
    g_autofree char *summary = summarize(plan);
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
    g_autofree char *summary = summarize(plan);

    if (!args->common.is_json)
        print_items(plan, args->is_dry);
    if (args->is_dry) {
        if (args->common.is_json)
            print_json(plan, /* is_stored */ false);
        else
            kft_print_line("%s; nothing was stored", summary);
        return true;
    }
    if (!is_agreed(args, plan) || !store(store_, plan))
        return false;
    if (args->common.is_json)
        print_json(plan, /* is_stored */ true);
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
