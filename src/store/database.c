/* The connection. Rules kept here:
 *
 * - The file is created by us, not by SQLite, because SQLite's default mode is 0644; it gives its
 *   -wal, -shm and -journal the mode of the database. After that the file is never opened or closed
 *   here but by SQLite: closing any descriptor of a file drops all POSIX locks that the process has
 *   on it, those of a second store too (fcntl(2), sqlite.org/howtocorrupt.html 2.2).
 * - Until kft_database_use_wal() closing leaves the file as it is: no checkpoint is written into
 * one that turned out to be damaged, newer, or somebody else's.
 * - In WAL mode a commit is a few appended pages. synchronous=FULL flushes them, so that it
 * outlives a power cut; NORMAL leaves that to the next flush, and a power cut takes back whole
 * transactions, the last ones. A killed process loses nothing either way: the kernel has the pages.
 */
#include "store/database.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "kftray/error.h"

#include "base/fault.h"
#include "base/random.h"
#include "base/redact.h"
#include "store/database-priv.h"

#define PRIVATE_MODE 0600
#define RETRY_MS 20
#define LOOK_MIN_NS 500000
#define MAX_REASON_CHARS 200

/* Of files that we did not write. */
#define FOREIGN_MAX_BYTES (16 * 1024 * 1024) /* of one value or row */
#define FOREIGN_STEP 10000                   /* operations of SQLite's machine between looks */
#define FOREIGN_MAX_STEPS 3000               /* and so many looks: about a second */

struct KftTransaction {
    KftDatabase *database;
};

/* --- errors --- */

static bool is_no_room(const KftDatabase *self, int code)
{
    if ((code & 0xff) == SQLITE_FULL)
        return true;
    return (code & 0xff) == SQLITE_IOERR &&
           (self->system_errno == ENOSPC || self->system_errno == EDQUOT ||
            self->system_errno == EFBIG);
}

int kft_database_note(KftDatabase *self, int code)
{
    if (code != SQLITE_OK && code != SQLITE_ROW && code != SQLITE_DONE)
        self->system_errno = errno;
    return code;
}

static void set_rights_error(const KftDatabase *self, const char *reason, GError **error)
{
    g_set_error(
        error, KFT_ERROR, KFT_ERROR_STORAGE,
        "%s cannot be opened for writing (%s): make the file and its directory writable, or "
        "name another directory in KFTRAY_CONFIG",
        self->path, reason);
}

void kft_database_set_error(const KftDatabase *self, int code, GError **error)
{
    bool is_last = self->handle != NULL && sqlite3_extended_errcode(self->handle) == code;
    g_autofree char *reason = kft_one_line(
        is_last ? sqlite3_errmsg(self->handle) : sqlite3_errstr(code), MAX_REASON_CHARS);
    if (self->is_foreign) {
        g_set_error(error, KFT_ERROR, KFT_ERROR_STORAGE, "%s cannot be read: %s", self->path,
                    reason);
        return;
    }
    if (is_no_room(self, code)) {
        g_set_error(error, KFT_ERROR, KFT_ERROR_STORAGE,
                    "%s cannot grow, nothing was changed: the disk or the quota is full; free some "
                    "space and try again",
                    self->path);
        return;
    }
    switch (code & 0xff) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        g_set_error(error, KFT_ERROR, KFT_ERROR_STORAGE,
                    "%s is locked, nothing was changed: another program has been writing to it for "
                    "%d s; end that one (\"fuser %s\" tells which) and try again",
                    self->path, KFT_DATABASE_BUSY_MS / 1000, self->path);
        break;
    case SQLITE_READONLY:
    case SQLITE_PERM:
    case SQLITE_CANTOPEN:
        set_rights_error(self, reason, error);
        break;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        g_set_error(error, KFT_ERROR, KFT_ERROR_STORAGE,
                    "%s is damaged (%s) and was left as it is: put back a copy of it, or move it "
                    "away to start with an empty one",
                    self->path, reason);
        break;
    default:
        g_set_error(error, KFT_ERROR, KFT_ERROR_STORAGE, "%s: %s (SQLite error %d)", self->path,
                    reason, code);
    }
}

static bool check(const KftDatabase *self, int code, GError **error)
{
    if (code == SQLITE_OK)
        return true;
    kft_database_set_error(self, code, error);
    return false;
}

/* --- opening --- */

/* Takes the rights of others away; a file of another user stays as it is. */
static void make_private(const char *path)
{
    struct stat info;
    if (stat(path, &info) == 0 && S_ISREG(info.st_mode) && (info.st_mode & 0077) != 0)
        (void)chmod(path, PRIVATE_MODE);
}

/* Returns 0 or an errno value. */
static int create_private(const char *path)
{
    int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOCTTY, PRIVATE_MODE);
    if (fd < 0 && errno != EEXIST)
        return errno;
    if (fd >= 0) {
        /* A umask may have taken even the owner's rights. */
        int result = fchmod(fd, PRIVATE_MODE) == 0 ? 0 : errno;
        (void)close(fd);
        return result;
    }
    static const char *const suffixes[] = {"", "-wal", "-shm"};
    for (size_t i = 0; i < G_N_ELEMENTS(suffixes); i++) {
        g_autofree char *file = g_strconcat(path, suffixes[i], NULL);
        make_private(file);
    }
    return 0;
}

/* SQLite's own handler sleeps up to 100 ms between looks, and then hardly ever finds a gap between
 * the transactions of a process that writes one after the other. Returns whether to look again. */
static int on_database_busy(void *user_data, int n_looks)
{
    KftDatabase *self = user_data;
    if (n_looks == 0)
        self->busy_since_us = g_get_monotonic_time();
    if (g_get_monotonic_time() - self->busy_since_us > KFT_DATABASE_BUSY_MS * (gint64)1000)
        return 0;
    /* Not in step with whoever holds the lock. */
    struct timespec rest = {.tv_nsec = LOOK_MIN_NS + kft_random_below(LOOK_MIN_NS)};
    (void)nanosleep(&rest, NULL);
    return 1;
}

/* Takes @self; gives it back, or frees it and returns NULL. */
static KftDatabase *connect_to(KftDatabase *self, const char *name, int flags, GError **error)
{
    int code = SQLITE_CANTOPEN;
    if (!KFT_FAULT("sqlite3_open"))
        code = sqlite3_open_v2(name, &self->handle, flags | SQLITE_OPEN_NOMUTEX, NULL);
    if (code == SQLITE_OK) {
        (void)sqlite3_extended_result_codes(self->handle, 1);
        (void)sqlite3_busy_handler(self->handle, on_database_busy, self);
        (void)sqlite3_db_config(self->handle, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
        (void)sqlite3_db_config(self->handle, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
        (void)sqlite3_db_config(self->handle, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
        if (!self->is_foreign && sqlite3_db_readonly(self->handle, "main") == 1)
            code = SQLITE_READONLY;
    }
    if (code == SQLITE_OK)
        return self;
    if (code == SQLITE_READONLY && !self->is_foreign)
        set_rights_error(self, "it is read-only", error);
    else
        kft_database_set_error(self, code, error);
    kft_database_close(self);
    return NULL;
}

static KftDatabase *database_new(const char *path)
{
    KftDatabase *self = g_new0(KftDatabase, 1);
    self->path = g_strdup(path);
    return self;
}

KftDatabase *kft_database_open(const char *path, GError **error)
{
    KftDatabase *self = database_new(path);
    int result = KFT_FAULT("open") ? EIO : create_private(path);
    if (result != 0) {
        if (result == ENOSPC || result == EDQUOT)
            kft_database_set_error(self, SQLITE_FULL, error);
        else
            set_rights_error(self, g_strerror(result), error);
        kft_database_close(self);
        return NULL;
    }
    return connect_to(self, path, SQLITE_OPEN_READWRITE, error);
}

static int on_database_progress(void *user_data)
{
    KftDatabase *self = user_data;
    return ++self->n_progress > FOREIGN_MAX_STEPS;
}

KftDatabase *kft_database_open_foreign(const char *path, const char *how, GError **error)
{
    /* An absolute path, behind an empty host. */
    g_autofree char *escaped = g_uri_escape_string(path, "/", FALSE);
    g_autofree char *uri = g_strdup_printf("file://%s?%s", escaped, how);
    KftDatabase *self = database_new(path);
    self->is_foreign = true;
    self = connect_to(self, uri, SQLITE_OPEN_READWRITE | SQLITE_OPEN_URI, error);
    if (self == NULL)
        return NULL;
    (void)sqlite3_limit(self->handle, SQLITE_LIMIT_LENGTH, FOREIGN_MAX_BYTES);
    (void)sqlite3_limit(self->handle, SQLITE_LIMIT_ATTACHED, 0);
    sqlite3_progress_handler(self->handle, FOREIGN_STEP, on_database_progress, self);
    return self;
}

void kft_database_close(KftDatabase *self)
{
    if (self == NULL)
        return;
    if (self->handle != NULL) {
        int code = sqlite3_close(self->handle);
        g_assert(code == SQLITE_OK); /* else a statement outlives its database */
    }
    g_free(self->path);
    g_free(self);
}

const char *kft_database_get_path(const KftDatabase *self)
{
    return self->path;
}

/* --- statements --- */

static int exec(KftDatabase *self, const char *sql)
{
    if (KFT_FAULT("sqlite3_exec"))
        return SQLITE_IOERR;
    return kft_database_note(self, sqlite3_exec(self->handle, sql, NULL, NULL, NULL));
}

bool kft_database_exec(KftDatabase *self, const char *sql, GError **error)
{
    return check(self, exec(self, sql), error);
}

bool kft_database_get_number(KftDatabase *self, const char *sql, int64_t *ret_value, GError **error)
{
    sqlite3_stmt *statement = NULL;
    int code = SQLITE_IOERR;
    if (!KFT_FAULT("sqlite3_prepare"))
        code = sqlite3_prepare_v2(self->handle, sql, -1, &statement, NULL);
    if (code == SQLITE_OK)
        code = sqlite3_step(statement);
    if (code == SQLITE_ROW)
        *ret_value = sqlite3_column_int64(statement, 0);
    int end = sqlite3_finalize(statement);
    return check(self, code == SQLITE_ROW || code == SQLITE_DONE ? end : code, error);
}

int64_t kft_database_last_id(const KftDatabase *self)
{
    return sqlite3_last_insert_rowid(self->handle);
}

int64_t kft_database_n_changed(const KftDatabase *self)
{
    return sqlite3_changes64(self->handle);
}

bool kft_database_use_wal(KftDatabase *self, GError **error)
{
    int code = exec(self, "PRAGMA journal_mode = WAL");
    /* Two processes that change the mode of a new file at once would wait for each other, so SQLite
     * does not wait here at all. Where there can be no log (a network file system) the mode stays
     * what it was, which is as safe. */
    for (int waited_ms = 0; (code & 0xff) == SQLITE_BUSY && waited_ms < KFT_DATABASE_BUSY_MS;) {
        waited_ms += sqlite3_sleep(RETRY_MS);
        code = exec(self, "PRAGMA journal_mode = WAL");
    }
    if (!check(self, code, error) ||
        !kft_database_exec(self, "PRAGMA foreign_keys = ON; PRAGMA synchronous = FULL", error))
        return false;
    (void)sqlite3_db_config(self->handle, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 0, NULL);
    return true;
}

/* --- transactions --- */

KftTransaction *
kft_transaction_begin(KftDatabase *database, KftDurability durability, GError **error)
{
    bool is_relaxed = durability == KFT_DATABASE_RELAXED;
    if (is_relaxed != database->is_relaxed) {
        const char *sql = is_relaxed ? "PRAGMA synchronous = NORMAL" : "PRAGMA synchronous = FULL";
        if (!kft_database_exec(database, sql, error))
            return NULL;
        database->is_relaxed = is_relaxed;
    }
    /* At once for writing: a transaction that starts by reading cannot wait for a writer later. */
    if (!kft_database_exec(database, "BEGIN IMMEDIATE", error))
        return NULL;
    KftTransaction *self = g_new0(KftTransaction, 1);
    self->database = database;
    return self;
}

bool kft_transaction_commit(KftTransaction **self, GError **error)
{
    KftTransaction *transaction = g_steal_pointer(self);
    KftDatabase *database = transaction->database;
    if (!kft_database_exec(database, "COMMIT", error)) {
        kft_transaction_rollback(transaction);
        return false;
    }
    g_free(transaction);
    /* SQLite's last write to a file is before the moment in which others can see the transaction
     * (that is in shared memory), so a watcher who is woken by it may look too early. This one is
     * after it. */
    (void)utimensat(AT_FDCWD, database->path, NULL, 0);
    return true;
}

void kft_transaction_rollback(KftTransaction *self)
{
    if (self == NULL)
        return;
    /* Some errors have rolled it back already. */
    if (sqlite3_get_autocommit(self->database->handle) == 0)
        (void)sqlite3_exec(self->database->handle, "ROLLBACK", NULL, NULL, NULL);
    g_free(self);
}

/* --- copies --- */

static bool copy_pages(KftDatabase *from, KftDatabase *to, GError **error)
{
    sqlite3_backup *backup = NULL;
    if (!KFT_FAULT("sqlite3_backup_init"))
        backup = sqlite3_backup_init(to->handle, "main", from->handle, "main");
    if (backup == NULL) {
        kft_database_set_error(to, sqlite3_errcode(to->handle), error);
        return false;
    }
    (void)sqlite3_backup_step(backup, -1);
    return check(to, sqlite3_backup_finish(backup), error);
}

bool kft_database_copy(const char *from, const char *to, GError **error)
{
    g_autoptr(KftDatabase) source = kft_database_open(from, error);
    if (source == NULL)
        return false;
    g_autoptr(KftDatabase) target = kft_database_open(to, error);
    return target != NULL && copy_pages(source, target, error);
}
