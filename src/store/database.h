#ifndef KFT_STORE_DATABASE_H
#define KFT_STORE_DATABASE_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

/* One connection to an SQLite file: opening with the right rights and limits, transactions, and
 * SQLite's errors as sentences. What is in the file is schema.h's matter. Thread: one at a time. */
typedef struct KftDatabase KftDatabase;

/* How long a call waits for another process's transaction. */
#define KFT_DATABASE_BUSY_MS 5000

/* What a committed transaction survives; both survive a killed process. */
typedef enum {
    KFT_DATABASE_DURABLE, /* a power cut, too: the disk has it when the call returns */
    KFT_DATABASE_RELAXED, /* a power cut may take back the last ones; never part of one */
} KftDurability;

/* Opens @path for reading and writing, and creates it, empty and with mode 0600, if it is missing.
 * A file that others may read is made private. Nothing in it is read or changed yet. Errors of this
 * and all below: STORAGE, names the file and what to do. */
KftDatabase *kft_database_open(const char *path, GError **error);
/* Opens a file of another program. @how: "mode=ro" and what else SQLite's file: URIs can say.
 * Statements that run for ever are ended. */
KftDatabase *kft_database_open_foreign(const char *path, const char *how, GError **error);
/* NULL is allowed. */
void kft_database_close(KftDatabase *self);
const char *kft_database_get_path(const KftDatabase *self);

/* Write-ahead log where the file system can have one, foreign keys, and a checkpoint at the end. */
bool kft_database_use_wal(KftDatabase *self, GError **error);
/* Runs statements without parameters and results. */
bool kft_database_exec(KftDatabase *self, const char *sql, GError **error);
/* The number that a statement gives, "PRAGMA user_version". */
bool kft_database_get_number(KftDatabase *self,
                             const char *sql,
                             int64_t *ret_value,
                             GError **error);
int64_t kft_database_last_id(const KftDatabase *self);
/* Rows that the last statement inserted, changed or removed. */
int64_t kft_database_n_changed(const KftDatabase *self);

/* Copies the file as it was last committed, with mode 0600; @to must not exist. The copy is on the
 * disk when this returns. */
bool kft_database_copy(const char *from, const char *to, GError **error);

/* Sets @error from SQLite's result @code. */
void kft_database_set_error(const KftDatabase *self, int code, GError **error);

/* A transaction that may write, from its first statement on. It is rolled back when it goes out of
 * scope without kft_transaction_commit(). */
typedef struct KftTransaction KftTransaction;

KftTransaction *
kft_transaction_begin(KftDatabase *database, KftDurability durability, GError **error);
/* Takes *@self, which is NULL afterwards; rolls back if it fails. Other processes that look at the
 * file's directory (change.h) are woken. */
bool kft_transaction_commit(KftTransaction **self, GError **error);
/* NULL is allowed. */
void kft_transaction_rollback(KftTransaction *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(KftDatabase, kft_database_close)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(KftTransaction, kft_transaction_rollback)

#endif
