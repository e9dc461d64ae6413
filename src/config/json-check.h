#ifndef KFT_CONFIG_JSON_CHECK_H
#define KFT_CONFIG_JSON_CHECK_H

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>

/* Levels of arrays and objects that a file may have; configs need three. */
#define KFT_JSON_CHECK_MAX_DEPTH 32

/* Whether @text is one JSON value (RFC 8259) that can be read without loss: UTF-8, no key twice in
 * an object, no number or character that would come out as another one, not too deep. Errors:
 * BAD_CONFIG ("line 3, column 7: …"; columns count characters). Thread: any. */
bool kft_json_check(const char *text, size_t size, GError **error);

#endif
