/* Reading JSON from a server. json-c's own getters convert between types ("12" is the number 12)
 * and its parser takes comments and trailing commas unless told otherwise; here a value has exactly
 * one type, and text is parsed strictly and to a bounded depth. Nothing here trusts its input: a
 * wrong type reads as "not there". */
#include "base/json.h"

#include <json-c/json_object_iterator.h>
#include <json-c/json_tokener.h>
#include <limits.h>
#include <string.h>

#include "kftray/error.h"

#include "base/number.h"

/* Longer member names do not occur in the objects read here. */
#define MAX_NAME_BYTES 128

struct KftJsonReader {
    json_tokener *tokener;
    json_object *value;
    GError *error;
    size_t room_bytes;
};

void kft_json_put(json_object *object)
{
    (void)json_object_put(object);
}

json_object *kft_json_parse(const char *text, size_t size, GError **error)
{
    KftJsonReader *reader = kft_json_reader_new(size);
    kft_json_reader_feed(reader, text, size);
    json_object *object = kft_json_reader_finish(reader, error);
    kft_json_reader_free(reader);
    return object;
}

json_object *kft_json_get(json_object *object, const char *path)
{
    char name[MAX_NAME_BYTES];

    while (true) {
        size_t length = strcspn(path, ".");
        json_object *member = NULL;
        if (length >= sizeof name || !json_object_is_type(object, json_type_object))
            return NULL;
        (void)memcpy(name, path, length);
        name[length] = '\0';
        if (!json_object_object_get_ex(object, name, &member))
            return NULL;
        if (path[length] == '\0')
            return member;
        object = member;
        path += length + 1;
    }
}

const char *kft_json_string(json_object *object, const char *path)
{
    json_object *value = kft_json_get(object, path);
    if (!json_object_is_type(value, json_type_string))
        return NULL;
    const char *text = json_object_get_string(value);
    /* Fails at a NUL, too. The parser does not check UTF-8 itself: it cannot across two pieces. */
    if (!g_utf8_validate_len(text, (size_t)json_object_get_string_len(value), NULL))
        return NULL;
    return text;
}

bool kft_json_bool(json_object *object, const char *path, bool fallback)
{
    json_object *value = kft_json_get(object, path);
    if (!json_object_is_type(value, json_type_boolean))
        return fallback;
    return json_object_get_boolean(value) != 0;
}

int64_t kft_json_int(json_object *object, const char *path, int64_t fallback)
{
    json_object *value = kft_json_get(object, path);
    if (!json_object_is_type(value, json_type_int))
        return fallback;
    return json_object_get_int64(value);
}

int64_t kft_json_time(json_object *object, const char *path)
{
    const char *text = kft_json_string(object, path);
    int64_t unix_s = 0;
    if (text == NULL || !kft_parse_rfc3339(text, &unix_s))
        return 0;
    return unix_s;
}

uint16_t kft_json_port(json_object *object, const char *path)
{
    int64_t number = kft_json_int(object, path, 0);
    return number > 0 && number <= UINT16_MAX ? (uint16_t)number : 0;
}

size_t kft_json_length(json_object *object, const char *path)
{
    json_object *value = kft_json_get(object, path);
    return json_object_is_type(value, json_type_array) ? json_object_array_length(value) : 0;
}

json_object *kft_json_at(json_object *object, const char *path, size_t index)
{
    if (index >= kft_json_length(object, path))
        return NULL;
    return json_object_array_get_idx(kft_json_get(object, path), index);
}

KftJsonReader *kft_json_reader_new(size_t limit_bytes)
{
    KftJsonReader *self = g_new0(KftJsonReader, 1);
    self->tokener = json_tokener_new_ex(KFT_JSON_MAX_DEPTH);
    g_assert(self->tokener != NULL);
    /* Without the second flag strict parsing refuses even a line end behind the value. */
    json_tokener_set_flags(self->tokener, JSON_TOKENER_STRICT | JSON_TOKENER_ALLOW_TRAILING_CHARS);
    self->room_bytes = limit_bytes;
    return self;
}

void kft_json_reader_free(KftJsonReader *self)
{
    if (self == NULL)
        return;
    json_tokener_free(self->tokener);
    kft_json_put(self->value);
    g_clear_error(&self->error);
    g_free(self);
}

/* White space may follow the value; json-c leaves it unread. */
static void check_rest(KftJsonReader *self, const char *text, size_t size)
{
    for (size_t i = 0; i < size && self->error == NULL; i++) {
        if (strchr(" \t\r\n", text[i]) == NULL || text[i] == '\0')
            self->error = g_error_new_literal(KFT_ERROR, KFT_ERROR_PROTOCOL,
                                              "not valid JSON: something follows the value");
    }
}

/* Parses one piece of at most INT_MAX bytes. */
static void feed_piece(KftJsonReader *self, const char *text, size_t size)
{
    if (self->value != NULL) {
        check_rest(self, text, size);
        return;
    }
    self->value = json_tokener_parse_ex(self->tokener, text, (int)size);
    enum json_tokener_error result = json_tokener_get_error(self->tokener);
    if (result == json_tokener_success) {
        size_t used = json_tokener_get_parse_end(self->tokener);
        if (self->value == NULL) /* the text "null" */
            self->error = g_error_new_literal(KFT_ERROR, KFT_ERROR_PROTOCOL, "empty JSON value");
        else
            check_rest(self, text + used, size - used);
    } else if (result != json_tokener_continue) {
        self->error = g_error_new(KFT_ERROR, KFT_ERROR_PROTOCOL, "not valid JSON: %s",
                                  json_tokener_error_desc(result));
    }
}

void kft_json_reader_feed(KftJsonReader *self, const void *data, size_t size)
{
    const char *text = data;

    if (self->error == NULL && size > self->room_bytes)
        self->error = g_error_new_literal(KFT_ERROR, KFT_ERROR_LIMIT, "the answer is too long");
    while (size > 0 && self->error == NULL) {
        size_t piece = MIN(size, (size_t)INT_MAX);
        feed_piece(self, text, piece);
        self->room_bytes -= piece;
        text += piece;
        size -= piece;
    }
}

json_object *kft_json_reader_finish(KftJsonReader *self, GError **error)
{
    /* A number at the end of the text is complete only once the parser sees its terminating NUL. */
    if (self->error == NULL && self->value == NULL) {
        self->value = json_tokener_parse_ex(self->tokener, "", 1);
        if (self->value == NULL)
            self->error = g_error_new_literal(KFT_ERROR, KFT_ERROR_PROTOCOL,
                                              "not valid JSON: the text ends too early");
    }
    if (self->error != NULL) {
        g_propagate_error(error, g_steal_pointer(&self->error));
        return NULL;
    }
    return g_steal_pointer(&self->value);
}

void kft_json_append_labels(GString *out, json_object *map)
{
    if (!json_object_is_type(map, json_type_object))
        return;
    struct json_object_iterator at = json_object_iter_begin(map);
    struct json_object_iterator end = json_object_iter_end(map);
    for (; !json_object_iter_equal(&at, &end); json_object_iter_next(&at)) {
        json_object *value = json_object_iter_peek_value(&at);
        if (json_object_is_type(value, json_type_string))
            g_string_append_printf(out, "%s%s=%s", out->len > 0 ? "," : "",
                                   json_object_iter_peek_name(&at), json_object_get_string(value));
    }
}
