#ifndef KFT_BASE_ASSIGNMENT_H
#define KFT_BASE_ASSIGNMENT_H

#include <stdbool.h>

/* Texts like "prod=http://proxy:3128 test=none": words with white space between, each a name, "="
 * and a value. In a name "%20", "%3D" and the like stand for what would end it. Thread: any. */

/* The first word at *@text, which is moved behind it; false at the end. @ret_name: decoded, NULL if
 * the word has no "=", no name or a wrong "%". @ret_value: both (transfer full). */
bool kft_assignment_next(const char **text, char **ret_name, char **ret_value);
/* The value of the last word with that name; NULL if there is none. (transfer full). */
char *kft_assignment_find(const char *text, const char *name);

#endif
