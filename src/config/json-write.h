#ifndef KFT_CONFIG_JSON_WRITE_H
#define KFT_CONFIG_JSON_WRITE_H

#include <glib.h>
#include <json-c/json_object.h>
#include <stdbool.h>

/* Writes JSON as upstream's serializer does. Thread: any. */

/* Appends @text with its quotes. */
void kft_json_append_text(GString *out, const char *text, size_t length);
/* Appends @value. @indent: of the line that it begins on, in spaces; -1 = all on one line. */
void kft_json_append_value(GString *out, json_object *value, int indent);
/* Appends a line end and the indentation; nothing if @indent is -1. */
void kft_json_append_break(GString *out, int indent);

#endif
