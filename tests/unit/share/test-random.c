/* Random configs: valid ones survive writing and reading and a second import finds nothing new,
 * invalid ones are refused with their field named. KFT_SEED repeats a run. */
#include <string.h>

#include "kftray/share.h"

#include "random-config.h"

#define N_ROUNDS 200
#define N_CONFIGS 40

static guint32 get_seed(void)
{
    const char *text = g_getenv("KFT_SEED");
    guint32 seed = text == NULL ? g_random_int() : (guint32)g_ascii_strtoull(text, NULL, 10);
    g_test_message("KFT_SEED=%u", seed);
    return seed;
}

static GPtrArray *make_configs(GRand *rand)
{
    GPtrArray *configs = g_ptr_array_new_with_free_func((GDestroyNotify)kft_config_free);
    for (unsigned i = 0; i < N_CONFIGS; i++)
        g_ptr_array_add(configs, random_config(rand));
    return configs;
}

static void check_valid(const KftConfig *config)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(KftConfig) normal = kft_config_copy(config);

    (void)kft_config_validate(config, &error);
    g_assert_no_error(error);
    kft_config_normalize(normal);
    g_assert_true(kft_config_equal(config, normal));
}

static void check_survival(const GPtrArray *configs)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *text = kft_share_format(configs);
    g_autoptr(GPtrArray) again = kft_share_parse(text, strlen(text), "random", &error);

    g_assert_no_error(error);
    g_assert_cmpuint(again->len, ==, configs->len);
    for (guint i = 0; i < configs->len; i++) {
        g_auto(GStrv) changed =
            kft_config_diff(g_ptr_array_index(configs, i), g_ptr_array_index(again, i));
        g_autofree char *fields = g_strjoinv(", ", changed);
        g_assert_cmpstr(fields, ==, "");
    }
    g_autofree char *second = kft_share_format(again);
    g_assert_cmpstr(text, ==, second);
}

/* What an import stored is what the same import finds the next time. */
static void check_second_import(const GPtrArray *configs)
{
    g_autoptr(GPtrArray) none = g_ptr_array_new();
    g_autoptr(KftImportPlan) first = kft_import_plan_new(configs, none);
    g_autoptr(GPtrArray) stored = kft_import_plan_list_changes(first);

    for (guint i = 0; i < stored->len; i++) {
        KftConfig *config = g_ptr_array_index(stored, i);
        config->id.v = i + 1;
        /* As the store does. */
        if (config->local_port == 0)
            config->local_port = (uint16_t)(30000 + i);
        if (config->alias == NULL)
            config->alias = kft_config_make_alias(config);
    }
    g_autoptr(KftImportPlan) second = kft_import_plan_new(configs, stored);
    g_assert_cmpuint(second->n_same, ==, second->items->len);
}

static void test_valid(void)
{
    GRand *rand = g_rand_new_with_seed(get_seed());

    for (unsigned round = 0; round < N_ROUNDS; round++) {
        g_autoptr(GPtrArray) configs = make_configs(rand);
        for (guint i = 0; i < configs->len; i++)
            check_valid(g_ptr_array_index(configs, i));
        check_survival(configs);
        check_second_import(configs);
    }
    g_rand_free(rand);
}

/* Whether the first word behind the place is the field. */
static void check_named(const GError *error, const char *field)
{
    g_autofree char *is = g_strdup_printf(": %s is ", field);
    g_autofree char *or_object = g_strdup_printf(": %s (or object) is ", field);

    g_assert_nonnull(error);
    g_assert_null(strchr(error->message, '\n'));
    if (strstr(error->message, is) == NULL && strstr(error->message, or_object) == NULL)
        g_error("\"%s\" does not name %s", error->message, field);
}

static void test_invalid(void)
{
    GRand *rand = g_rand_new_with_seed(get_seed());

    for (unsigned round = 0; round < N_ROUNDS * 10; round++) {
        g_autoptr(GError) error = NULL;
        g_autoptr(GPtrArray) configs =
            g_ptr_array_new_with_free_func((GDestroyNotify)kft_config_free);
        for (unsigned i = 0; i < 3; i++)
            g_ptr_array_add(configs, random_config(rand));
        const char *field = random_spoil(rand, g_ptr_array_index(configs, 1));
        g_autofree char *text = kft_share_format(configs);
        if (kft_share_parse(text, strlen(text), "random", &error) != NULL)
            g_error("taken with a wrong %s: %s", field, text);
        check_named(error, field);
        g_assert_true(g_str_has_prefix(error->message, "random: element 2"));
    }
    g_rand_free(rand);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/share/random/valid", test_valid);
    g_test_add_func("/share/random/invalid", test_invalid);
    return g_test_run();
}
