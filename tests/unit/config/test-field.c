/* The table of fields. */
#include <string.h>

#include "config/field.h"

/* NOLINTBEGIN(readability-function-size,readability-function-cognitive-complexity): each assertion
 * is a macro of several branches. */

static void test_table(void)
{
    for (size_t i = 0; i < kft_n_fields; i++) {
        const KftField *field = &kft_fields[i];
        g_assert_cmpstr(kft_field_names[i], ==, field->name);
        g_assert_true(kft_field_find(field->name) == field);
        g_assert_true(field->workloads != 0);
        if (field->type == KFT_FIELD_TEXT || field->type == KFT_FIELD_NUMBER)
            g_assert_cmpuint(field->max, >, 0);
        if (i > 0)
            g_assert_cmpstr(kft_fields[i - 1].name, <, field->name);
    }
    g_assert_null(kft_field_names[kft_n_fields]);
    g_assert_cmpstr(kft_field_find("bind_address")->name, ==, "local_address");
    g_assert_null(kft_field_find("extra"));
}

/* The words of the table are those that the enumerations know. */
static void test_words(void)
{
    g_autoptr(KftConfig) config = kft_config_new();

    for (size_t i = 0; i < kft_n_fields; i++) {
        const KftField *field = &kft_fields[i];
        if (field->words == NULL)
            continue;
        g_auto(GStrv) words = g_strsplit(field->words, "|", -1);
        for (size_t j = 0; words[j] != NULL; j++) {
            g_autoptr(GError) error = NULL;
            (void)kft_field_set(field, config, words[j], &error);
            g_assert_no_error(error);
            g_autofree char *back = kft_field_dup(field, config);
            g_assert_cmpstr(back, ==, words[j]);
            if (field->type != KFT_FIELD_TEXT)
                g_assert_cmpuint(kft_field_get_number(field, config), ==, j);
        }
    }
}

static void test_set_takes_what_dup_gives(void)
{
    g_autoptr(KftConfig) config = kft_config_new();
    g_autoptr(KftConfig) other = kft_config_new();

    for (size_t i = 0; i < kft_n_fields; i++) {
        const KftField *field = &kft_fields[i];
        g_autoptr(GError) error = NULL;
        if (field->type != KFT_FIELD_TEXT)
            kft_field_set_number(field, config, 1);
        else if (field->words == NULL)
            (void)kft_field_set(field, config, "x", &error);
        g_autofree char *text = kft_field_dup(field, config);
        (void)kft_field_set(field, other, text, &error);
        g_assert_no_error(error);
        g_assert_true(kft_field_equal(field, config, other));
        kft_field_unset(field, other);
        g_assert_true(kft_field_is_default(field, other));
    }
    g_assert_true(kft_config_equal(other, &kft_config_defaults));
}

/* NOLINTEND(readability-function-size,readability-function-cognitive-complexity) */

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/config/field/table", test_table);
    g_test_add_func("/config/field/words", test_words);
    g_test_add_func("/config/field/set-dup", test_set_takes_what_dup_gives);
    return g_test_run();
}
