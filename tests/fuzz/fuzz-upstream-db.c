/* Upstream's database, whatever is in it, is read or refused with one clean sentence, in bounded
 * time, and nothing is left beside it. An input is the bytes of a file ("SQLite format 3…"), or SQL
 * that makes one, so that the corpus can be read; what follows a NUL are changes to the file's
 * bytes, three bytes each: offset (big-endian) and value. */
#include <glib.h>
#include <glib/gstdio.h>
#include <string.h>

#include "kftray/error.h"
#include "kftray/store.h"

#include "fuzz.h"
#include "store/database.h"

#define CHANGE_BYTES 3

static const char magic[] = "SQLite format 3";

static void check_line(const char *text)
{
    g_assert_nonnull(text);
    g_assert_null(strpbrk(text, "\r\n"));
    g_assert_true(g_utf8_validate(text, -1, NULL));
}

static void change_bytes(const char *path, const uint8_t *changes, size_t size)
{
    g_autofree char *data = NULL;
    gsize length = 0;
    if (size < CHANGE_BYTES || !g_file_get_contents(path, &data, &length, NULL) || length == 0)
        return;
    for (size_t i = 0; i + CHANGE_BYTES <= size; i += CHANGE_BYTES)
        data[((size_t)changes[i] << 8 | changes[i + 1]) % length] = (char)changes[i + 2];
    g_assert_true(g_file_set_contents(path, data, (gssize)length, NULL));
}

static void make_file(const char *path, const uint8_t *data, size_t size)
{
    if (size >= sizeof magic - 1 && memcmp(data, magic, sizeof magic - 1) == 0) {
        g_assert_true(g_file_set_contents(path, (const char *)data, (gssize)size, NULL));
        return;
    }
    g_autofree char *sql = g_strndup((const char *)data, size);
    size_t used = MIN(strlen(sql) + 1, size);
    g_assert_true(g_file_set_contents(path, "", 0, NULL));
    KftDatabase *database = kft_database_open_foreign(path, "mode=rw", NULL);
    g_assert_nonnull(database);
    (void)kft_database_exec(database, sql, NULL);
    kft_database_close(database);
    change_bytes(path, data + used, size - used);
}

/* Returns how many files there are, and removes them. */
static unsigned empty_folder(const char *folder)
{
    g_autoptr(GDir) dir = g_dir_open(folder, 0, NULL);
    const char *name = NULL;
    unsigned n_files = 0;
    g_assert_nonnull(dir);
    while ((name = g_dir_read_name(dir)) != NULL) {
        g_autofree char *file = g_build_filename(folder, name, NULL);
        g_assert_cmpint(g_unlink(file), ==, 0);
        n_files++;
    }
    return n_files;
}

static unsigned count_files(const char *folder)
{
    g_autoptr(GDir) dir = g_dir_open(folder, 0, NULL);
    unsigned n_files = 0;
    while (g_dir_read_name(dir) != NULL)
        n_files++;
    return n_files;
}

static void check_results(const GPtrArray *configs, const GPtrArray *skipped)
{
    for (size_t i = 0; i < configs->len; i++)
        g_assert_true(kft_config_validate(configs->pdata[i], NULL));
    for (size_t i = 0; i < skipped->len; i++)
        check_line(skipped->pdata[i]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GPtrArray) skipped = NULL;
    g_autofree char *folder = g_dir_make_tmp("kft-fuzz-XXXXXX", NULL);
    g_autofree char *path = g_build_filename(folder, "configs.db", NULL);
    make_file(path, data, size);
    unsigned n_files = count_files(folder);
    g_autoptr(GPtrArray) configs = kft_upstream_read_configs(path, &skipped, &error);
    if (configs != NULL) {
        check_results(configs, skipped);
    } else {
        g_assert_nonnull(error);
        check_line(error->message);
        g_assert_null(skipped);
    }
    g_assert_cmpuint(empty_folder(folder), ==, n_files);
    g_assert_cmpint(g_rmdir(folder), ==, 0);
    return 0;
}
