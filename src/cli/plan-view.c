#include "plan-view.h"

#include "json-output.h"
#include "select.h"
#include "table.h"

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

void kft_plan_print(const KftImportPlan *plan, bool with_new)
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
        g_autofree char *alias = kft_select_dup_alias(item->config);
        g_autofree char *target = kft_config_describe_target(item->config);
        g_autofree char *details = describe_item(item);
        kft_table_add(table, kft_import_action_name(item->action), action_style(item->action));
        kft_table_add(table, alias, KFT_STYLE_PLAIN);
        kft_table_add(table, target, KFT_STYLE_PLAIN);
        kft_table_add(table, details, KFT_STYLE_PLAIN);
    }
    if (kft_table_count_rows(table) > 0)
        kft_table_print(table);
}

char *kft_plan_summarize(const KftImportPlan *plan)
{
    return g_strdup_printf("%zu new, %zu changed, %zu the same, %zu conflict%s", plan->n_new,
                           plan->n_changed, plan->n_same, plan->n_conflicts,
                           plan->n_conflicts == 1 ? "" : "s");
}

static void write_item(KftJsonOutput *json, const KftImportItem *item)
{
    g_autofree char *alias = kft_select_dup_alias(item->config);
    g_autofree char *local = kft_config_describe_local(item->config);
    g_autofree char *target = kft_config_describe_target(item->config);

    kft_json_output_begin_object(json, NULL);
    kft_json_output_text(json, "action", kft_import_action_name(item->action));
    kft_json_output_int(json, "id", item->config->id.v);
    kft_json_output_text(json, "alias", alias);
    kft_json_output_text(json, "local", local);
    kft_json_output_text(json, "remote", target);
    if (item->changed != NULL) {
        kft_json_output_begin_array(json, "changed");
        for (char **name = item->changed; *name != NULL; name++)
            kft_json_output_text(json, NULL, *name);
        kft_json_output_end(json);
    }
    if (item->opponent != NULL) {
        g_autofree char *opponent = kft_select_dup_alias(item->opponent);
        kft_json_output_int(json, "opponent_id", item->opponent->id.v);
        kft_json_output_text(json, "opponent_alias", opponent);
    }
    if (item->action == KFT_IMPORT_CONFLICT)
        kft_json_output_uint(json, "free_port", item->free_port);
    kft_json_output_end(json);
}

void kft_plan_print_json(const KftImportPlan *plan, bool is_stored)
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
