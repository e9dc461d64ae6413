#ifndef KFT_APP_SEARCH_WORDS_H
#define KFT_APP_SEARCH_WORDS_H

#include <stdbool.h>

/* What somebody typed into a search: words in lower case, all of which are to occur. Thread: any.
 */

/* Returns: (transfer full), ended by NULL; none for an empty text. */
char **kft_search_words_split(const char *text);
/* @haystack: in lower case. */
bool kft_search_words_occur(const char *const *words, const char *haystack);

#endif
