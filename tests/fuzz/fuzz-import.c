/* A file of configs: whatever it is, it gives configs or one clean sentence. Configs that were read
 * are written so that they read back equal, and a second import of them finds nothing to do. */
#include <glib.h>
#include <string.h>

#include "kftray/share.h"

#include "fuzz.h"

static GPtrArray *parse_again(const char *text)
{
    g_autoptr(GError) error = NULL;
    GPtrArray *configs = kft_share_parse(text, strlen(text), "again", &error);
    g_assert_no_error(error);
    return configs;
}

static void check_format(const GPtrArray *configs)
{
    g_autofree char *text = kft_share_format(configs);
    g_autoptr(GPtrArray) again = parse_again(text);
    g_autofree char *second = kft_share_format(again);

    g_assert_cmpstr(text, ==, second);
    g_assert_cmpuint(again->len, ==, configs->len);
    for (guint i = 0; i < configs->len; i++) {
        const KftConfig *config = g_ptr_array_index(configs, i);
        g_assert_true(kft_config_equal(config, g_ptr_array_index(again, i)));
        g_autofree char *line = kft_share_format_one(config);
        g_autoptr(GPtrArray) single = parse_again(line);
        g_assert_true(kft_config_equal(config, g_ptr_array_index(single, 0)));
    }
}

static void check_plan(const GPtrArray *configs)
{
    g_autoptr(GPtrArray) none = g_ptr_array_new();
    g_autoptr(KftImportPlan) first = kft_import_plan_new(configs, none);
    g_autoptr(GPtrArray) stored = kft_import_plan_list_changes(first);

    g_assert_cmpuint(first->n_new + first->n_conflicts, ==, first->items->len);
    for (guint i = 0; i < stored->len; i++)
        ((KftConfig *)g_ptr_array_index(stored, i))->id.v = i + 1;
    g_autoptr(KftImportPlan) second = kft_import_plan_new(configs, stored);
    g_assert_cmpuint(second->n_same, ==, second->items->len);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GPtrArray) configs = kft_share_parse((const char *)data, size, "fuzz", &error);

    if (configs == NULL) {
        g_assert_nonnull(error);
        g_assert_true(g_str_has_prefix(error->message, "fuzz"));
        g_assert_null(strpbrk(error->message, "\r\n"));
        g_assert_true(g_utf8_validate(error->message, -1, NULL));
        return 0;
    }
    check_format(configs);
    check_plan(configs);
    return 0;
}
