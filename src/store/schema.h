#ifndef KFT_STORE_SCHEMA_H
#define KFT_STORE_SCHEMA_H

#include "store/database.h"

/* What kind of file it is, and bringing it up to date. Thread: one at a time. */

/* PRAGMA application_id of our files: "KFTR". */
#define KFT_SCHEMA_APPLICATION_ID 0x4b465452

/* kft_migrations[i] leads from version i to i + 1. They are history: what one did never changes
 * once it was released, a change of the schema is a new one. */
extern const char *const kft_migrations[];
extern const size_t kft_n_migrations;

/* Checks that the file is ours, sound, and of a version that is known, then migrates it with
 * @steps, in one transaction. Before that, a file that holds something is copied to
 * "PATH.vN-backup", which is kept. A file that is refused is left as it was. */
bool kft_schema_prepare(KftDatabase *database,
                        const char *const *steps,
                        size_t n_steps,
                        GError **error);

#endif
