#ifndef KFT_CLI_JSON_OUTPUT_H
#define KFT_CLI_JSON_OUTPUT_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

/* Writes JSON, value by value. @key: in an object; NULL in an array and at the top. */
typedef struct KftJsonOutput KftJsonOutput;

/* @is_one_line: without line ends and indentation, for one value a line. */
KftJsonOutput *kft_json_output_new(bool is_one_line);
/* NULL is allowed. */
void kft_json_output_free(KftJsonOutput *self);

void kft_json_output_begin_object(KftJsonOutput *self, const char *key);
void kft_json_output_begin_array(KftJsonOutput *self, const char *key);
/* Ends the innermost object or array. */
void kft_json_output_end(KftJsonOutput *self);
/* NULL is written as null; what is no UTF-8 is replaced. */
void kft_json_output_text(KftJsonOutput *self, const char *key, const char *value);
void kft_json_output_int(KftJsonOutput *self, const char *key, int64_t value);
void kft_json_output_uint(KftJsonOutput *self, const char *key, uint64_t value);
void kft_json_output_bool(KftJsonOutput *self, const char *key, bool value);
/* @json: one value that is JSON already. */
void kft_json_output_raw(KftJsonOutput *self, const char *key, const char *json);

/* What was written, with a line end. All that began must have ended. (transfer none). */
const char *kft_json_output_get(KftJsonOutput *self);
/* The same to standard output. */
void kft_json_output_print(KftJsonOutput *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(KftJsonOutput, kft_json_output_free)

#endif
