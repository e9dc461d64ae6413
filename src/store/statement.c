/* Prepared statements. A statement lives as long as its scope; preparing one takes some ten
 * microseconds, so none is kept for later. */
#include "store/statement.h"

#include <string.h>

#include "base/fault.h"
#include "store/database-priv.h"

struct KftStatement {
    KftDatabase *database;
    sqlite3_stmt *statement;
    int n_bound;
    int code; /* the first error, SQLITE_OK = none so far */
};

KftStatement *kft_statement_new(KftDatabase *database, const char *sql)
{
    KftStatement *self = g_new0(KftStatement, 1);
    self->database = database;
    self->code = SQLITE_IOERR;
    if (!KFT_FAULT("sqlite3_prepare"))
        self->code = sqlite3_prepare_v2(database->handle, sql, -1, &self->statement, NULL);
    return self;
}

void kft_statement_free(KftStatement *self)
{
    if (self == NULL)
        return;
    (void)sqlite3_finalize(self->statement);
    g_free(self);
}

void kft_statement_bind_int(KftStatement *self, int64_t value)
{
    if (self->code == SQLITE_OK)
        self->code = sqlite3_bind_int64(self->statement, ++self->n_bound, value);
}

void kft_statement_bind_text(KftStatement *self, const char *text)
{
    /* SQLITE_STATIC is the literal NULL pointer of a function, which binds a borrowed text. */
    if (self->code == SQLITE_OK)
        self->code = sqlite3_bind_text(self->statement, ++self->n_bound, text, -1, SQLITE_STATIC);
}

bool kft_statement_next(KftStatement *self)
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

bool kft_statement_finish(KftStatement *self, GError **error)
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

bool kft_statement_run(KftStatement *self, GError **error)
{
    while (kft_statement_next(self))
        continue;
    return kft_statement_finish(self, error);
}

int64_t kft_statement_int(const KftStatement *self, int column)
{
    return sqlite3_column_int64(self->statement, column);
}

const char *kft_statement_text(const KftStatement *self, int column)
{
    const char *text = (const char *)sqlite3_column_text(self->statement, column);
    if (text == NULL)
        return NULL;
    size_t size = (size_t)sqlite3_column_bytes(self->statement, column);
    return g_utf8_validate_len(text, size, NULL) ? text : NULL;
}

char *kft_statement_dup_text(const KftStatement *self, int column)
{
    return g_strdup(kft_statement_text(self, column));
}

bool kft_statement_is_null(const KftStatement *self, int column)
{
    return sqlite3_column_type(self->statement, column) == SQLITE_NULL;
}
