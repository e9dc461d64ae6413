/* Which file this is: empty, ours, damaged, newer, or somebody else's, and the migration to the
 * newest version. The copy is made while the transaction of the migration already keeps other
 * writers out, by a second connection, so nothing that was committed is missing in it; and two
 * programs that start at once migrate once. */
#include "store/schema.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "kftray/error.h"

#include "base/fault.h"
#include "base/redact.h"
#include "store/statement.h"

#define MAX_REASON_CHARS 200

typedef struct {
    int64_t application_id;
    int64_t version;
    int64_t n_objects; /* tables and what else the schema has */
} Identity;

static bool read_parts(KftDatabase *database, Identity *ret_identity, GError **error)
{
    return kft_database_get_number(database, "PRAGMA application_id", &ret_identity->application_id,
                                   error) &&
           kft_database_get_number(database, "PRAGMA user_version", &ret_identity->version,
                                   error) &&
           kft_database_get_number(database, "SELECT count(*) FROM sqlite_schema",
                                   &ret_identity->n_objects, error);
}

/* Of one moment: another process may be making the tables just now. */
static bool read_identity(KftDatabase *database, Identity *ret_identity, GError **error)
{
    if (!kft_database_exec(database, "BEGIN", error))
        return false;
    bool is_read = read_parts(database, ret_identity, error);
    /* Nothing was written, so there is nothing that could fail. */
    (void)kft_database_exec(database, "ROLLBACK", NULL);
    return is_read;
}

static bool is_empty(const Identity *identity)
{
    return identity->application_id == 0 && identity->version == 0 && identity->n_objects == 0;
}

static bool check_identity(const KftDatabase *database,
                           const Identity *identity,
                           size_t n_steps,
                           GError **error)
{
    const char *path = kft_database_get_path(database);
    if (is_empty(identity))
        return true;
    if (identity->application_id != KFT_SCHEMA_APPLICATION_ID || identity->version < 0) {
        g_set_error(error, KFT_ERROR, KFT_ERROR_STORAGE,
                    "%s is a database of another program and was left as it is: move it away, or "
                    "name another directory in KFTRAY_CONFIG",
                    path);
        return false;
    }
    if ((uint64_t)identity->version > n_steps) {
        g_set_error(error, KFT_ERROR, KFT_ERROR_STORAGE,
                    "%s was written by a newer kftray (format %" G_GINT64_FORMAT
                    ", this one knows formats up to %zu) and was left as it is: start the newer "
                    "one, or name another directory in KFTRAY_CONFIG",
                    path, identity->version, n_steps);
        return false;
    }
    return true;
}

/* Reads the whole file, which is small: 5,000 configs are 1 MB. */
static bool check_soundness(KftDatabase *database, GError **error)
{
    g_autoptr(KftStatement) statement = kft_statement_new(database, "PRAGMA quick_check(1)");
    g_autofree char *verdict =
        kft_statement_next(statement) ? kft_statement_dup_text(statement, 0) : NULL;
    if (!kft_statement_finish(statement, error))
        return false;
    if (g_strcmp0(verdict, "ok") == 0)
        return true;
    g_autofree char *reason = kft_one_line(verdict == NULL ? "" : verdict, MAX_REASON_CHARS);
    g_set_error(error, KFT_ERROR, KFT_ERROR_STORAGE,
                "%s is damaged (%s) and was left as it is: put back a copy of it, or move it away "
                "to start with an empty one",
                kft_database_get_path(database), reason);
    return false;
}

/* --- the copy before a migration --- */

static bool sync_folder_of(const char *path)
{
    g_autofree char *folder = g_path_get_dirname(path);
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool is_synced = fd >= 0 && fsync(fd) == 0;
    if (fd >= 0)
        (void)close(fd);
    return is_synced;
}

/* "PATH.vN-backup", with a number behind it if there is one already: none is ever replaced. */
static char *dup_backup_name(const char *path, int64_t version)
{
    char *name = g_strdup_printf("%s.v%" G_GINT64_FORMAT "-backup", path, version);
    for (unsigned i = 2; g_file_test(name, G_FILE_TEST_EXISTS); i++) {
        g_free(name);
        name = g_strdup_printf("%s.v%" G_GINT64_FORMAT "-backup-%u", path, version, i);
    }
    return name;
}

/* Returns the name of the copy, NULL if it could not be made. It has that name only once it is
 * whole. */
static char *back_up(const char *path, int64_t version, GError **error)
{
    g_autofree char *partial = g_strconcat(path, ".backup-partial", NULL);
    g_autofree char *name = dup_backup_name(path, version);
    (void)g_unlink(partial); /* of one that was interrupted; the transaction keeps others out */
    if (!kft_database_copy(path, partial, error)) {
        (void)g_unlink(partial);
        g_prefix_error(error, "the copy before the update of the format failed: ");
        return NULL;
    }
    if (KFT_FAULT("rename") || g_rename(partial, name) != 0 || !sync_folder_of(name)) {
        g_set_error(error, KFT_ERROR, KFT_ERROR_STORAGE,
                    "%s cannot be copied to %s before the update of its format: %s", path, name,
                    g_strerror(errno));
        (void)g_unlink(partial);
        return NULL;
    }
    return g_steal_pointer(&name);
}

/* --- migration --- */

static bool check_references(KftDatabase *database, GError **error)
{
    g_autoptr(KftStatement) statement = kft_statement_new(database, "PRAGMA foreign_key_check");
    bool has_row = kft_statement_next(statement);
    if (!kft_statement_finish(statement, error))
        return false;
    if (!has_row)
        return true;
    g_set_error(error, KFT_ERROR, KFT_ERROR_STORAGE,
                "%s cannot be updated to the new format: rows refer to configs that do not exist",
                kft_database_get_path(database));
    return false;
}

static bool run_steps(
    KftDatabase *database, const char *const *steps, size_t from, size_t n_steps, GError **error)
{
    for (size_t i = from; i < n_steps; i++) {
        if (!kft_database_exec(database, steps[i], error)) {
            g_prefix_error(error, "update to format %zu: ", i + 1);
            return false;
        }
    }
    g_autofree char *sql = g_strdup_printf("PRAGMA application_id = %d; PRAGMA user_version = %zu",
                                           KFT_SCHEMA_APPLICATION_ID, n_steps);
    return check_references(database, error) && kft_database_exec(database, sql, error);
}

static bool migrate(KftDatabase *database, const char *const *steps, size_t n_steps, GError **error)
{
    Identity identity = {0};
    g_autofree char *backup = NULL;
    g_autoptr(KftTransaction) transaction =
        kft_transaction_begin(database, KFT_DATABASE_DURABLE, error);
    /* Again, now that nobody else can change it. */
    if (transaction == NULL || !read_parts(database, &identity, error) ||
        !check_identity(database, &identity, n_steps, error))
        return false;
    if ((size_t)identity.version == n_steps)
        return true; /* another process was faster */
    if (!is_empty(&identity)) {
        backup = back_up(kft_database_get_path(database), identity.version, error);
        if (backup == NULL)
            return false;
    }
    if (!run_steps(database, steps, (size_t)identity.version, n_steps, error) ||
        !kft_transaction_commit(&transaction, error)) {
        if (backup != NULL)
            (void)g_unlink(backup); /* it equals the file, which is as it was */
        return false;
    }
    return true;
}

bool kft_schema_prepare(KftDatabase *database,
                        const char *const *steps,
                        size_t n_steps,
                        GError **error)
{
    Identity identity = {0};
    if (!read_identity(database, &identity, error) ||
        !check_identity(database, &identity, n_steps, error) || !check_soundness(database, error) ||
        !kft_database_use_wal(database, error))
        return false;
    if ((size_t)identity.version == n_steps)
        return true;
    /* A step may rebuild a table, which must not remove what refers to it. */
    return kft_database_exec(database, "PRAGMA foreign_keys = OFF", error) &&
           migrate(database, steps, n_steps, error) &&
           kft_database_exec(database, "PRAGMA foreign_keys = ON", error);
}
