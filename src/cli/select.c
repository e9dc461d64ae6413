#include "select.h"

#include <kftray/text.h>
#include <string.h>

#include "output.h"
#include "table.h"

static void print_unknown(const GPtrArray *configs, const char *name)
{
    g_autoptr(GPtrArray) aliases = g_ptr_array_new();

    if (configs->len == 0) {
        kft_print_error("no config named \"%s\": there is none yet; see \"kftrayctl add --help\"",
                        name);
        return;
    }
    for (guint i = 0; i < configs->len; i++)
        g_ptr_array_add(aliases, ((KftConfig *)configs->pdata[i])->alias);
    g_ptr_array_add(aliases, NULL);
    const char *close = kft_text_closest(name, (const char *const *)aliases->pdata);
    if (close != NULL)
        kft_print_error("no config named \"%s\"; did you mean \"%s\"?", name, close);
    else
        kft_print_error("no config named \"%s\"; see \"kftrayctl list\"", name);
}

static bool has_id(const KftConfig *config, const char *name)
{
    guint64 id = 0;
    return g_ascii_string_to_unsigned(name, 10, 1, G_MAXINT64, &id, NULL) &&
           config->id.v == (int64_t)id;
}

static bool has_alias(const KftConfig *config, const char *name)
{
    return strcmp(config->alias, name) == 0;
}

static bool has_prefix(const KftConfig *config, const char *name)
{
    return g_str_has_prefix(config->alias, name);
}

static bool has_prefix_in_any_case(const KftConfig *config, const char *name)
{
    g_autofree char *alias = g_utf8_casefold(config->alias, -1);
    g_autofree char *prefix = g_utf8_casefold(name, -1);
    return g_str_has_prefix(alias, prefix);
}

/* The best rule that anything fits decides. Returns: (transfer container). */
static GPtrArray *find(const GPtrArray *configs, const char *name)
{
    static bool (*const rules[])(const KftConfig *, const char *) = {has_id, has_alias, has_prefix,
                                                                     has_prefix_in_any_case};
    g_autoptr(GPtrArray) found = g_ptr_array_new();

    for (size_t i = 0; i < G_N_ELEMENTS(rules) && found->len == 0 && *name != '\0'; i++) {
        for (guint j = 0; j < configs->len; j++) {
            if (rules[i](configs->pdata[j], name))
                g_ptr_array_add(found, configs->pdata[j]);
        }
    }
    return g_steal_pointer(&found);
}

static void print_candidates(const GPtrArray *found, const char *name)
{
    static const KftTableColumn columns[] = {
        {.heading = "ID", .is_right = true}, {.heading = "ALIAS"}, {.heading = "TARGET"}};
    g_autoptr(KftTable) table = kft_table_new(columns, G_N_ELEMENTS(columns));

    for (guint i = 0; i < found->len; i++) {
        const KftConfig *config = found->pdata[i];
        g_autofree char *id = g_strdup_printf("%" G_GINT64_FORMAT, config->id.v);
        g_autofree char *target = kft_config_describe_target(config);
        kft_table_add(table, id, KFT_STYLE_PLAIN);
        kft_table_add(table, config->alias, KFT_STYLE_PLAIN);
        kft_table_add(table, target, KFT_STYLE_PLAIN);
    }
    g_autofree char *text = kft_table_format(table, /* width */ 0, /* has_color */ false);
    kft_print_error("\"%s\" is ambiguous, %u configs fit; say which by its ID:\n%s", name,
                    found->len, g_strchomp(text));
}

KftConfig *kft_select_one(const GPtrArray *configs, const char *name)
{
    g_autoptr(GPtrArray) found = find(configs, name);

    if (found->len == 1)
        return found->pdata[0];
    if (found->len == 0)
        print_unknown(configs, name);
    else
        print_candidates(found, name);
    return NULL;
}

GPtrArray *kft_select_all(GPtrArray *configs, char *const *names)
{
    g_autoptr(GPtrArray) selected = g_ptr_array_new();

    for (guint i = 0; *names == NULL && i < configs->len; i++)
        g_ptr_array_add(selected, configs->pdata[i]);
    for (char *const *name = names; *name != NULL; name++) {
        KftConfig *config = kft_select_one(configs, *name);
        if (config == NULL)
            return NULL;
        if (!g_ptr_array_find(selected, config, NULL))
            g_ptr_array_add(selected, config);
    }
    return g_steal_pointer(&selected);
}

char *kft_select_dup_alias(const KftConfig *config)
{
    return config->alias != NULL ? g_strdup(config->alias) : kft_config_make_alias(config);
}

char *kft_select_describe(const KftConfig *config)
{
    g_autofree char *alias = kft_select_dup_alias(config);
    g_autofree char *shown = kft_text_printable(alias);

    return config->id.v == 0
               ? g_strdup_printf("\"%s\"", shown)
               : g_strdup_printf("\"%s\" (ID %" G_GINT64_FORMAT ")", shown, config->id.v);
}
