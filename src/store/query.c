/* Prepared statements. A statement lives as long as its scope; preparing one takes some ten
 * microseconds, so none is kept for later. */
#include "store/query.h"

#include <string.h>

#include "base/fault.h"
#include "store/database-priv.h"

struct KftQuery {
    KftDatabase *database;
    sqlite3_stmt *statement;
    int n_bound;
    int code; /* the first error, SQLITE_OK = none so far */
};

KftQuery *kft_query_new(KftDatabase *database, const char *sql)
{
    KftQuery *self = g_new0(KftQuery, 1);
    self->database = database;
    self->code = SQLITE_IOERR;
    if (!KFT_FAULT("sqlite3_prepare"))
        self->code = sqlite3_prepare_v2(database->handle, sql, -1, &self->statement, NULL);
    return self;
}

void kft_query_free(KftQuery *self)
{
    if (self == NULL)
        return;
    (void)sqlite3_finalize(self->statement);
    g_free(self);
}

void kft_query_bind_int(KftQuery *self, int64_t value)
{
    if (self->code == SQLITE_OK)
        self->code = sqlite3_bind_int64(self->statement, ++self->n_bound, value);
}

void kft_query_bind_text(KftQuery *self, const char *text)
{
    /* SQLITE_STATIC is the literal NULL pointer of a function, which binds a borrowed text. */
    if (self->code == SQLITE_OK)
        self->code = sqlite3_bind_text(self->statement, ++self->n_bound, text, -1, SQLITE_STATIC);
}

bool kft_query_next(KftQuery *self)
{
    if (self->code != SQLITE_OK)
        return false;
    int code = SQLITE_IOERR;
    if (!KFT_FAULT("sqlite3_step"))
        code = kft_database_note(self->database, sqlite3_step(self->statement));
    if (code == SQLITE_ROW)
        return true;
    self->code = code == SQLITE_DONE ? SQLITE_OK : code;
    return false;
}

bool kft_query_finish(KftQuery *self, GError **error)
{
    int code = self->code;
    /* The message of the error is the connection's until the next call. */
    if (code != SQLITE_OK)
        kft_database_set_error(self->database, code, error);
    if (self->statement != NULL) {
        (void)sqlite3_reset(self->statement);
        self->code = SQLITE_OK;
    }
    self->n_bound = 0;
    return code == SQLITE_OK;
}

bool kft_query_run(KftQuery *self, GError **error)
{
    while (kft_query_next(self))
        continue;
    return kft_query_finish(self, error);
}

int64_t kft_query_int(const KftQuery *self, int column)
{
    return sqlite3_column_int64(self->statement, column);
}

const char *kft_query_text(const KftQuery *self, int column)
{
    const char *text = (const char *)sqlite3_column_text(self->statement, column);
    if (text == NULL)
        return NULL;
    size_t size = (size_t)sqlite3_column_bytes(self->statement, column);
    return g_utf8_validate_len(text, size, NULL) ? text : NULL;
}

char *kft_query_dup_text(const KftQuery *self, int column)
{
    return g_strdup(kft_query_text(self, column));
}

bool kft_query_is_null(const KftQuery *self, int column)
{
    return sqlite3_column_type(self->statement, column) == SQLITE_NULL;
}
