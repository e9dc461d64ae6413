#ifndef KFT_STORE_DATABASE_PRIV_H
#define KFT_STORE_DATABASE_PRIV_H

#include <sqlite3.h>

#include "store/database.h"

/* What database.c and statement.c share. */
struct KftDatabase {
    sqlite3 *handle;
    char *path;
    bool is_relaxed; /* the durability that is set */
    bool is_foreign; /* another program's file */
    unsigned n_progress;
    int64_t busy_since_us;
    int system_errno; /* of the last call that failed, as far as it is known */
};

/* Gives back the result of a call, and keeps errno if it failed: SQLite itself remembers the cause
 * only for some calls (sqlite3_system_errno() is 0 after a statement that could not write). */
int kft_database_note(KftDatabase *self, int code);

#endif
