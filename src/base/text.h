#ifndef KFT_BASE_TEXT_H
#define KFT_BASE_TEXT_H

#include <glib.h>

#include "kftray/text.h"

/* Appends @text with everything but unreserved characters percent-encoded (RFC 3986 2.3).
 * Thread: any. */
void kft_text_append_percent_encoded(GString *out, const char *text);
/* Joins with ", " and a last " or "; "" for none. For "one of a, b or c". Returns: (transfer full).
 */
char *kft_text_join_or(const char *const *words);
/* The same with a last " and ". For "allowed are a, b and c". */
char *kft_text_join_and(const char *const *words);

#endif
