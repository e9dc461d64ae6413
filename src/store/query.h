#ifndef KFT_STORE_QUERY_H
#define KFT_STORE_QUERY_H

#include "store/database.h"

/* A prepared statement. Errors are kept until kft_query_run() or kft_query_finish() tells them, so
 * that what is between needs no checks. Thread: one at a time. */
typedef struct KftQuery KftQuery;

/* One statement, with "?" for each parameter. */
KftQuery *kft_query_new(KftDatabase *database, const char *sql);
/* NULL is allowed. */
void kft_query_free(KftQuery *self);

/* Gives the next parameter its value. */
void kft_query_bind_int(KftQuery *self, int64_t value);
/* NULL binds NULL. @text is borrowed until the query has run. */
void kft_query_bind_text(KftQuery *self, const char *text);

/* For a statement without rows: runs it, after which parameters can be bound anew. */
bool kft_query_run(KftQuery *self, GError **error);
/* For one with rows: moves to the next one. False at the end and on errors. */
bool kft_query_next(KftQuery *self);
/* What ended the rows: their end, or an error. Parameters can be bound anew. */
bool kft_query_finish(KftQuery *self, GError **error);

/* Columns of the current row, from 0 on. NULL reads as 0 and as NULL. */
int64_t kft_query_int(const KftQuery *self, int column);
/* Borrowed until the next row. Bytes that are no UTF-8, or hold a NUL, read as NULL. */
const char *kft_query_text(const KftQuery *self, int column);
char *kft_query_dup_text(const KftQuery *self, int column);
bool kft_query_is_null(const KftQuery *self, int column);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(KftQuery, kft_query_free)

#endif
