#ifndef KFT_BASE_JSON_H
#define KFT_BASE_JSON_H

#include <glib.h>
#include <json-c/json_object.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Reading JSON that a server sent: typed accessors that answer "not there" for anything of another
 * type, and bounded parsing. Results borrow from @object unless said otherwise. @object may be
 * NULL. Thread: any, one at a time. */

/* Most levels of nesting: what API servers send needs about 20 (managedFields of a pod). */
#define KFT_JSON_MAX_DEPTH 64

/* Parses @size bytes that must be one JSON value and nothing else. Errors: PROTOCOL.
 * Returns: (transfer full), for kft_json_put(). */
json_object *kft_json_parse(const char *text, size_t size, GError **error);
/* Gives back a reference; NULL is allowed. */
void kft_json_put(json_object *object);

/* @path: member names joined by dots, "metadata.name". NULL if one is missing or not in an object.
 */
json_object *kft_json_get(json_object *object, const char *path);
/* NULL if it is no string, or one with a NUL inside or that is not UTF-8. */
const char *kft_json_string(json_object *object, const char *path);
bool kft_json_bool(json_object *object, const char *path, bool fallback);
/* Whole numbers only. */
int64_t kft_json_int(json_object *object, const char *path, int64_t fallback);
/* Seconds since the epoch of an RFC 3339 text, 0 if there is none. */
int64_t kft_json_time(json_object *object, const char *path);
/* A whole number 1..65535, else 0. */
uint16_t kft_json_port(json_object *object, const char *path);

/* Elements of the array at @path, 0 if it is none; element @index of it. */
size_t kft_json_length(json_object *object, const char *path);
json_object *kft_json_at(json_object *object, const char *path, size_t index);

/* Appends "a=b,c=d" of a map from text to text, as a labelSelector parameter wants it; "," before
 * if @out holds something already. */
void kft_json_append_labels(GString *out, json_object *map);

/* --- one value that arrives in pieces --- */

/* Holds no more than the parsed value; the text is dropped as it is read. */
typedef struct KftJsonReader KftJsonReader;

/* @limit_bytes: of the text; more is an error. */
KftJsonReader *kft_json_reader_new(size_t limit_bytes);
/* NULL is allowed. */
void kft_json_reader_free(KftJsonReader *self);
/* Errors are kept and given by kft_json_reader_finish(). */
void kft_json_reader_feed(KftJsonReader *self, const void *data, size_t size);
/* The value, (transfer full). Errors: PROTOCOL (no JSON, cut off), LIMIT. */
json_object *kft_json_reader_finish(KftJsonReader *self, GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(json_object, kft_json_put)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(KftJsonReader, kft_json_reader_free)

#endif
