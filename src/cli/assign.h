#ifndef KFT_CLI_ASSIGN_H
#define KFT_CLI_ASSIGN_H

#include <kftray/config.h>

/* KEY=VALUE words, and the check that two configs do not stand in each other's way. All of them
 * print what is wrong and return false. */

/* Whether @word looks like an assignment: letters and underscores before a "=". */
bool kft_assign_is_one(const char *word);
/* Sets the field that @word names. */
bool kft_assign(KftConfig *config, const char *word);
/* Whether @config may be stored beside @stored: it is not the same forward as another, and its
 * local address is nobody else's. Its own older self, by the ID, does not count. */
bool kft_assign_check(const KftConfig *config, const GPtrArray *stored);

#endif
