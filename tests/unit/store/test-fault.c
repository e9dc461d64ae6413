/* Every fallible call of the store fails once, and then it and all after it, in a child process
 * that does a bit of everything. Whatever fails says so, changes nothing, and leaves a file that
 * opens and holds what the child was told. Only in builds with fault injection. */
#include <glib/gstdio.h>
#include <string.h>

#include "base/number.h"
#include "scene.h"

/* NOLINTBEGIN(readability-function-size,readability-function-cognitive-complexity): each assertion
 * is a macro of several branches. */

/* What must be in the store: aliases, and a setting. */
typedef struct {
    GString *aliases;
    const char *appearance;
} Expectation;

static bool note_result(bool result, GError **error)
{
    g_assert_true(result == (*error == NULL));
    if (*error != NULL)
        g_assert_null(strpbrk((*error)->message, "\r\n"));
    g_clear_error(error);
    return result;
}

static void add(KftStore *store, const char *alias, Expectation *expected)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(KftConfig) config = kft_test_config_new(alias, 0);
    bool is_added = kft_store_add_config(store, config, &error);
    g_assert_true(is_added == (config->id.v != 0));
    if (note_result(is_added, &error))
        g_string_append_printf(expected->aliases, "%s ", alias);
    if (!is_added)
        return;
    (void)note_result(kft_store_update_config(store, config, &error), &error);
    (void)note_result(kft_store_claim(store, config->id, &error), &error);
    KftRunState state = {.config = config->id, .state = KFT_FORWARD_STATE_READY};
    KftTraffic delta = {.config = config->id, .bytes_up = 1};
    /* The claim may have failed, which makes this one an error, too. */
    (void)note_result(kft_store_set_run_state(store, &state, &error), &error);
    (void)note_result(kft_store_add_traffic(store, &delta, &error), &error);
    (void)note_result(kft_store_release(store, config->id, true, &error), &error);
}

static void remove_last(KftStore *store, KftConfigId id, Expectation *expected)
{
    g_autoptr(GError) error = NULL;
    if (note_result(kft_store_remove_configs(store, &id, 1, &error), &error))
        g_string_truncate(expected->aliases, expected->aliases->len - strlen("gone "));
}

static void add_and_remove(KftStore *store, Expectation *expected)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(KftConfig) config = kft_test_config_new("gone", 8080);
    if (!note_result(kft_store_add_config(store, config, &error), &error))
        return;
    g_string_append(expected->aliases, "gone ");
    (void)note_result(kft_store_move_configs(store, &config->id, 1, (KftConfigId){0}, &error),
                      &error);
    remove_last(store, config->id, expected);
}

static void read_all(KftStore *store)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GPtrArray) configs = kft_store_list_configs(store, &error);
    (void)note_result(configs != NULL, &error);
    g_autoptr(GPtrArray) states = kft_store_list_run_states(store, &error);
    (void)note_result(states != NULL, &error);
    g_autoptr(GArray) totals = kft_store_list_traffic(store, &error);
    (void)note_result(totals != NULL, &error);
    g_autofree char *value = kft_store_get_setting(store, KFT_SETTING_APPEARANCE, &error);
    (void)note_result(value != NULL, &error);
    (void)kft_store_has_changed(store);
}

static int run_scene(const char *folder)
{
    g_autoptr(GError) error = NULL;
    Expectation expected = {.aliases = g_string_new(NULL), .appearance = "system"};
    KftStore *store = kft_store_open(folder, &error);
    if (note_result(store != NULL, &error)) {
        add(store, "a", &expected);
        add(store, "b", &expected);
        add_and_remove(store, &expected);
        if (note_result(kft_store_set_setting(store, KFT_SETTING_APPEARANCE, "dark", &error),
                        &error))
            expected.appearance = "dark";
        read_all(store);
        kft_store_close(store);
    }
    g_autofree char *file = g_build_filename(folder, "expected", NULL);
    g_string_append(expected.aliases, expected.appearance);
    g_assert_true(g_file_set_contents(file, expected.aliases->str, -1, NULL));
    g_string_free(expected.aliases, TRUE);
    return 0;
}

/* What the child expects is there. */
static void check_folder(const char *folder)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *file = g_build_filename(folder, "expected", NULL);
    g_autofree char *expected = NULL;
    g_assert_true(g_file_get_contents(file, &expected, NULL, NULL));
    g_autoptr(KftStore) store = kft_test_store_open(folder);
    g_autofree char *aliases = kft_test_store_dup_aliases(store);
    g_autofree char *value = kft_store_get_setting(store, KFT_SETTING_APPEARANCE, &error);
    g_autofree char *found = g_strconcat(aliases, aliases[0] == '\0' ? "" : " ", value, NULL);
    g_assert_cmpstr(found, ==, expected);
}

#ifdef KFT_FAULTS

static char *program;

/* Runs the scene with the @nth point failing; returns how many points it passed. */
static uint64_t run_child(uint64_t nth, const char *and_all_after)
{
    g_autoptr(GError) error = NULL;
    char *folder = kft_test_folder_new();
    g_autofree char *count = g_build_filename(folder, "count", NULL);
    g_autofree char *number = g_strdup_printf("%" G_GUINT64_FORMAT, nth);
    g_autofree char *text = NULL;
    g_autofree char *log = NULL;
    char *argv[] = {program, (char[]){"--scene"}, folder, NULL};
    uint64_t n_passed = 0;
    int status = -1;
    char **environment = g_get_environ();
    environment = g_environ_setenv(environment, "KFT_FAULT_NTH", number, TRUE);
    environment = g_environ_setenv(environment, "KFT_FAULT_FROM", and_all_after, TRUE);
    environment = g_environ_setenv(environment, "KFT_FAULT_COUNT", count, TRUE);
    (void)g_spawn_sync(NULL, argv, environment, G_SPAWN_DEFAULT, NULL, NULL, NULL, &log, &status,
                       &error);
    g_strfreev(environment);
    g_assert_no_error(error);
    if (status != 0)
        g_error("point %s ends with status %d:\n%s", number, status, log);
    g_assert_true(g_file_get_contents(count, &text, NULL, &error));
    g_strchomp(text);
    g_assert_true(kft_parse_uint(text, 0, UINT32_MAX, &n_passed));
    check_folder(folder);
    kft_test_folder_free(folder);
    return n_passed;
}

static void test_each_point(gconstpointer and_all_after)
{
    uint64_t nth = 1;
    while (run_child(nth, and_all_after) >= nth)
        nth++;
    g_test_message("%u points", (unsigned)nth - 1);
    g_assert_cmpuint(nth, >, 50);
}

#else

static void test_scene(void)
{
    char *folder = kft_test_folder_new();
    g_assert_cmpint(run_scene(folder), ==, 0);
    check_folder(folder);
    kft_test_folder_free(folder);
}

#endif

/* NOLINTEND(readability-function-size,readability-function-cognitive-complexity) */

int main(int argc, char **argv)
{
    if (argc == 3 && strcmp(argv[1], "--scene") == 0)
        return run_scene(argv[2]);
    g_test_init(&argc, &argv, NULL);
#ifdef KFT_FAULTS
    program = argv[0];
    g_test_add_data_func("/store/fault/once", "0", test_each_point);
    g_test_add_data_func("/store/fault/from-there-on", "1", test_each_point);
#else
    g_test_add_func("/store/fault/scene", test_scene);
#endif
    return g_test_run();
}
