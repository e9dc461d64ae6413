/* Upstream's configs.db: a table configs (id, data), data being a config's JSON. The file is
 * somebody else's, and may be in use: nothing is written to it or beside it. How it can be read
 * then depends on what lies there:
 *
 * - Normally it is in rollback mode, and a read-only connection leaves no trace.
 * - In WAL mode such a connection would make the -shm file. If there is a log, its index is opened
 *   read-only (readonly_shm); if there is none, nobody has the file open, and it can be read as a
 *   file that does not change (immutable).
 * - After a crash of upstream SQLite must first write (roll back, or make an index). That is done
 * in a copy.
 *
 * sqlite.org/wal.html 9, sqlite.org/uri.html. */
#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "kftray/store.h"

#include "base/redact.h"
#include "config/config-json.h"
#include "store/statement.h"

#define MAX_CONFIGS 50000
#define MAX_REASON_CHARS 240
#define MAX_COPY_BYTES ((gint64)64 * 1024 * 1024)
#define COPY_MODE 0600

/* Offset of the "read version" in the header, 2 = WAL (sqlite.org/fileformat.html 1.3). */
#define HEADER_READ_VERSION 19
#define READ_VERSION_WAL 2

enum {
    COLUMN_ID,
    COLUMN_DATA
};

/* --- opening --- */

static bool is_wal(const char *path)
{
    unsigned char header[HEADER_READ_VERSION + 1] = {0};
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (fd < 0)
        return false;
    ssize_t size = read(fd, header, sizeof header);
    (void)close(fd);
    return size == (ssize_t)sizeof header && header[HEADER_READ_VERSION] == READ_VERSION_WAL;
}

static KftDatabase *open_in_place(const char *path, GError **error)
{
    g_autofree char *log = g_strconcat(path, "-wal", NULL);
    const char *how = "mode=ro";
    if (is_wal(path))
        how =
            g_file_test(log, G_FILE_TEST_EXISTS) ? "mode=ro&readonly_shm=1" : "mode=ro&immutable=1";
    return kft_database_open_foreign(path, how, error);
}

static KftDatabase *open_copy(const char *path, GError **error)
{
    return kft_database_open_foreign(path, "mode=rw", error);
}

/* --- reading --- */

static char *describe_fault(const KftStatement *statement, const GError *fault)
{
    g_autofree char *reason = kft_one_line(fault->message, MAX_REASON_CHARS);
    return g_strdup_printf("config %" G_GINT64_FORMAT ": %s",
                           kft_statement_int(statement, COLUMN_ID), reason);
}

static void read_row(const KftStatement *statement, GPtrArray *configs, GPtrArray *skipped)
{
    g_autoptr(GError) fault = NULL;
    const char *data = kft_statement_text(statement, COLUMN_DATA);
    KftConfig *config = NULL;
    if (data == NULL)
        fault = g_error_new_literal(KFT_ERROR, KFT_ERROR_BAD_CONFIG, "its data is no text");
    else
        config = kft_config_parse_json(data, strlen(data), &fault);
    if (config != NULL)
        g_ptr_array_add(configs, config);
    else
        g_ptr_array_add(skipped, describe_fault(statement, fault));
}

static bool has_configs(KftDatabase *database, GError **error)
{
    int64_t n_columns = 0;
    if (!kft_database_get_number(database,
                                 "SELECT count(*) FROM pragma_table_info('configs')"
                                 " WHERE name IN ('id', 'data')",
                                 &n_columns, error))
        return false;
    if (n_columns == 2)
        return true;
    g_set_error(error, KFT_ERROR, KFT_ERROR_STORAGE,
                "%s is no database of kftray: it has no table of configs with their data",
                kft_database_get_path(database));
    return false;
}

static GPtrArray *read_all(KftDatabase *database, GPtrArray *skipped, GError **error)
{
    if (!has_configs(database, error))
        return NULL;
    g_autoptr(GPtrArray) configs = g_ptr_array_new_with_free_func((GDestroyNotify)kft_config_free);
    g_autoptr(KftStatement) statement =
        kft_statement_new(database, "SELECT id, data FROM configs ORDER BY id LIMIT ?");
    kft_statement_bind_int(statement, MAX_CONFIGS + 1);
    while (kft_statement_next(statement) && configs->len + skipped->len < MAX_CONFIGS)
        read_row(statement, configs, skipped);
    if (configs->len + skipped->len == MAX_CONFIGS) {
        g_autofree char *rest = g_strdup_printf(
            "what follows the first %d configs: no more are read at once", MAX_CONFIGS);
        g_ptr_array_add(skipped, g_steal_pointer(&rest));
    }
    return kft_statement_finish(statement, error) ? g_steal_pointer(&configs) : NULL;
}

static GPtrArray *read_by(KftDatabase *(*open_func)(const char *path, GError **error),
                          const char *path,
                          GPtrArray *skipped,
                          GError **error)
{
    g_autoptr(KftDatabase) database = open_func(path, error);
    return database == NULL ? NULL : read_all(database, skipped, error);
}

/* --- a copy --- */

static const char *const suffixes[] = {"", "-wal", "-journal"};

/* A log or a journal, which may need writing before the file can be read. */
static bool has_log(const char *path)
{
    g_autofree char *log = g_strconcat(path, "-wal", NULL);
    g_autofree char *journal = g_strconcat(path, "-journal", NULL);
    return g_file_test(log, G_FILE_TEST_EXISTS) || g_file_test(journal, G_FILE_TEST_EXISTS);
}

static bool copy_file(const char *from, const char *to)
{
    GStatBuf info;
    g_autofree char *data = NULL;
    gsize size = 0;
    if (g_stat(from, &info) != 0)
        return errno == ENOENT;
    return S_ISREG(info.st_mode) && info.st_size <= MAX_COPY_BYTES &&
           g_file_get_contents(from, &data, &size, NULL) &&
           g_file_set_contents_full(to, data, (gssize)size, G_FILE_SET_CONTENTS_NONE, COPY_MODE,
                                    NULL);
}

static bool copy_files(const char *path, const char *folder)
{
    for (size_t i = 0; i < G_N_ELEMENTS(suffixes); i++) {
        g_autofree char *from = g_strconcat(path, suffixes[i], NULL);
        g_autofree char *to = g_strconcat(folder, "/configs.db", suffixes[i], NULL);
        if (!copy_file(from, to))
            return false;
    }
    return true;
}

static void remove_copy(const char *folder)
{
    static const char *const made[] = {"", "-wal", "-journal", "-shm"};
    for (size_t i = 0; i < G_N_ELEMENTS(made); i++) {
        g_autofree char *file = g_strconcat(folder, "/configs.db", made[i], NULL);
        (void)g_unlink(file);
    }
    (void)g_rmdir(folder);
}

static GPtrArray *read_copy(const char *path, GPtrArray *skipped)
{
    g_autofree char *folder = g_dir_make_tmp("kftray-import-XXXXXX", NULL);
    GPtrArray *configs = NULL;
    if (folder == NULL)
        return NULL;
    g_autofree char *copy = g_build_filename(folder, "configs.db", NULL);
    if (copy_files(path, folder))
        configs = read_by(open_copy, copy, skipped, NULL);
    remove_copy(folder);
    return configs;
}

GPtrArray *kft_upstream_read_configs(const char *path, GPtrArray **ret_skipped, GError **error)
{
    g_autofree char *usual = g_build_filename(g_get_home_dir(), ".kftray", "configs.db", NULL);
    g_autofree char *file = g_canonicalize_filename(path != NULL ? path : usual, NULL);
    g_autoptr(GPtrArray) skipped = g_ptr_array_new_with_free_func(g_free);
    g_autoptr(GError) fault = NULL;
    if (!g_file_test(file, G_FILE_TEST_EXISTS)) {
        g_set_error(error, KFT_ERROR, KFT_ERROR_NOT_FOUND,
                    "%s does not exist: name kftray's configs.db, if it is in another place", file);
        return NULL;
    }
    GPtrArray *configs = read_by(open_in_place, file, skipped, &fault);
    if (configs == NULL && has_log(file)) {
        g_ptr_array_set_size(skipped, 0);
        configs = read_copy(file, skipped);
    }
    if (configs == NULL) {
        g_propagate_error(error, g_steal_pointer(&fault));
        return NULL;
    }
    *ret_skipped = g_steal_pointer(&skipped);
    return configs;
}
