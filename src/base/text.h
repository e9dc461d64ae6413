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
/* A span of time for people: "40 seconds", "3 hours", "12 days"; rounded down, the sign is dropped.
 * Returns: (transfer full). */
char *kft_text_dup_span(gint64 seconds);
/* "2020-01-31 12:00 UTC"; "an unreadable date" for 0. Returns: (transfer full). */
char *kft_text_dup_date(gint64 unix_seconds);
/* The same with a last " and ". For "allowed are a, b and c". */
char *kft_text_join_and(const char *const *words);

#endif
