#ifndef KFT_CLI_SELECT_H
#define KFT_CLI_SELECT_H

#include <kftray/config.h>

/* Finds configs by what a user calls them: the ID, the alias, or a beginning of the alias that no
 * other has. */

/* Of @configs (KftConfig). Prints which ones could be meant, or what is close, and returns NULL if
 * it is not exactly one. Returns: (transfer none). */
KftConfig *kft_select_one(const GPtrArray *configs, const char *name);
/* All of @names (NULL ended), each once, in the order of @names; no names = all configs. NULL as
 * above. Returns: (transfer container). */
GPtrArray *kft_select_all(GPtrArray *configs, char *const *names);
/* The alias, or for a config that is not stored the one that it would get. Returns: (transfer
 * full).
 */
char *kft_select_dup_alias(const KftConfig *config);
/* "\"web\" (ID 3)", or "\"web\"" if it is not stored. Returns: (transfer full). */
char *kft_select_describe(const KftConfig *config);

#endif
