#ifndef KFT_STORE_STATEMENT_H
#define KFT_STORE_STATEMENT_H

#include "store/database.h"

/* A prepared statement. Errors are kept until kft_statement_run() or kft_statement_finish() tells
 * them, so that what is between needs no checks. Thread: one at a time. */
typedef struct KftStatement KftStatement;

/* One statement, with "?" for each parameter. */
KftStatement *kft_statement_new(KftDatabase *database, const char *sql);
/* NULL is allowed. */
void kft_statement_free(KftStatement *self);

/* Gives the next parameter its value. */
void kft_statement_bind_int(KftStatement *self, int64_t value);
/* NULL binds NULL. @text is borrowed until the statement has run. */
void kft_statement_bind_text(KftStatement *self, const char *text);

/* For a statement without rows: runs it, after which parameters can be bound anew. */
bool kft_statement_run(KftStatement *self, GError **error);
/* For one with rows: moves to the next one. False at the end and on errors. */
bool kft_statement_next(KftStatement *self);
/* What ended the rows: their end, or an error. Parameters can be bound anew. */
bool kft_statement_finish(KftStatement *self, GError **error);

/* Columns of the current row, from 0 on. NULL reads as 0 and as NULL. */
int64_t kft_statement_int(const KftStatement *self, int column);
/* Borrowed until the next row. Bytes that are no UTF-8, or hold a NUL, read as NULL. */
const char *kft_statement_text(const KftStatement *self, int column);
char *kft_statement_dup_text(const KftStatement *self, int column);
bool kft_statement_is_null(const KftStatement *self, int column);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(KftStatement, kft_statement_free)

#endif
