#include "scene.h"

#include <glib/gstdio.h>
#include <string.h>

#include "store/database.h"

char *kft_test_folder_new(void)
{
    g_autoptr(GError) error = NULL;
    char *folder = g_dir_make_tmp("kft-test-store-XXXXXX", &error);
    g_assert_no_error(error);
    return folder;
}

static void remove_all(const char *folder)
{
    g_autoptr(GDir) dir = g_dir_open(folder, 0, NULL);
    const char *name = NULL;
    g_assert_nonnull(dir);
    while ((name = g_dir_read_name(dir)) != NULL) {
        g_autofree char *file = g_build_filename(folder, name, NULL);
        if (g_file_test(file, G_FILE_TEST_IS_DIR) && !g_file_test(file, G_FILE_TEST_IS_SYMLINK))
            remove_all(file);
        else
            g_assert_cmpint(g_unlink(file), ==, 0);
    }
    g_assert_cmpint(g_rmdir(folder), ==, 0);
}

void kft_test_folder_free(char *folder)
{
    remove_all(folder);
    g_free(folder);
}

char *kft_test_folder_dup_path(const char *folder)
{
    return g_build_filename(folder, "kftray.db", NULL);
}

bool kft_test_must_repeat(bool result, GError **error)
{
    if (result)
        return false;
    g_assert_nonnull(*error);
    if (strstr((*error)->message, "is locked, nothing was changed") == NULL)
        g_error("%s", (*error)->message);
    g_clear_error(error);
    return true;
}

KftStore *kft_test_store_open(const char *folder)
{
    g_autoptr(GError) error = NULL;
    KftStore *store = NULL;
    do
        store = kft_store_open(folder, &error);
    while (kft_test_must_repeat(store != NULL, &error));
    return store;
}

KftConfig *kft_test_config_new(const char *alias, uint16_t local_port)
{
    KftConfig *config = kft_config_new();
    config->alias = g_strdup(alias);
    config->namespace_ = g_strdup("shop");
    config->service = g_strdup("web");
    config->remote_port = 80;
    config->local_port = local_port;
    return config;
}

KftConfigId kft_test_store_add(KftStore *store, const char *alias, uint16_t local_port)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(KftConfig) config = kft_test_config_new(alias, local_port);
    while (kft_test_must_repeat(kft_store_add_config(store, config, &error), &error))
        continue;
    g_assert_cmpint(config->id.v, >, 0);
    return config->id;
}

char *kft_test_store_dup_aliases(KftStore *store)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GPtrArray) configs = kft_store_list_configs(store, &error);
    GString *out = g_string_new(NULL);
    g_assert_no_error(error);
    for (size_t i = 0; i < configs->len; i++)
        g_string_append_printf(out, "%s%s", i == 0 ? "" : " ",
                               ((const KftConfig *)configs->pdata[i])->alias);
    return g_string_free(out, FALSE);
}

void kft_test_sql(const char *path, const char *sql)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(KftDatabase) database = kft_database_open(path, &error);
    g_assert_no_error(error);
    (void)kft_database_exec(database, sql, &error);
    g_assert_no_error(error);
}

int64_t kft_test_sql_number(const char *path, const char *sql)
{
    g_autoptr(GError) error = NULL;
    int64_t number = -1;
    g_autoptr(KftDatabase) database = kft_database_open(path, &error);
    g_assert_no_error(error);
    (void)kft_database_get_number(database, sql, &number, &error);
    g_assert_no_error(error);
    return number;
}

void kft_test_take_error(GError **error, KftErrorCode code, const char *path, const char *words)
{
    g_assert_error(*error, KFT_ERROR, (int)code);
    const char *message = (*error)->message;
    g_test_message("%s", message);
    if (strstr(message, path) == NULL || strstr(message, words) == NULL)
        g_error("\"%s\" or \"%s\" is missing in \"%s\"", path, words, message);
    g_assert_null(strpbrk(message, "\r\n"));
    g_clear_error(error);
}
