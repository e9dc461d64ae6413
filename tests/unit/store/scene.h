#ifndef KFT_TEST_STORE_SCENE_H
#define KFT_TEST_STORE_SCENE_H

#include "kftray/store.h"

/* Stores in temporary folders. Whatever fails here fails the test. Thread: one. */

/* Below the folder for temporary files; (transfer full). */
char *kft_test_folder_new(void);
/* Removes it with all that is in it, and frees @folder. */
void kft_test_folder_free(char *folder);
/* The database in it; (transfer full). */
char *kft_test_folder_dup_path(const char *folder);

/* Whether to do that again which gave @result and @error: another process had the lock for longer
 * than it is waited for, as it may with a disk that is busy, and nothing was changed. Frees @error
 * then; any other one fails. */
bool kft_test_must_repeat(bool result, GError **error);

KftStore *kft_test_store_open(const char *folder);
/* A forward to a service; @alias may be NULL, @local_port 0. (transfer full). */
KftConfig *kft_test_config_new(const char *alias, uint16_t local_port);
/* The same, stored. */
KftConfigId kft_test_store_add(KftStore *store, const char *alias, uint16_t local_port);
/* Aliases in order, joined by spaces; (transfer full). */
char *kft_test_store_dup_aliases(KftStore *store);

/* By a connection of its own, created if missing: statements, and a number. */
void kft_test_sql(const char *path, const char *sql);
int64_t kft_test_sql_number(const char *path, const char *sql);

/* Fails unless @error is of @code and its message has @path and @words in it and is one line. Frees
 * it. */
void kft_test_take_error(GError **error, KftErrorCode code, const char *path, const char *words);

#endif
