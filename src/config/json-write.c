/* JSON text of a tree: two spaces per level, ": " behind keys, nothing inside empty arrays and
 * objects, and only those characters escaped that must be. So a file that upstream wrote and this
 * program writes again differs in nothing but what was changed. */
#include "config/json-write.h"

#include <json-c/json_object_iterator.h>
#include <string.h>

void kft_json_append_text(GString *out, const char *text, size_t length)
{
    g_string_append_c(out, '"');
    for (size_t i = 0; i < length; i++) {
        unsigned char c = (unsigned char)text[i];
        static const char short_escapes[] = "\b\t\n\f\r\"\\";
        static const char short_letters[] = "btnfr\"\\";
        const char *found = c == '\0' ? NULL : strchr(short_escapes, c);
        if (found != NULL)
            g_string_append_printf(out, "\\%c", short_letters[found - short_escapes]);
        else if (c < 0x20)
            g_string_append_printf(out, "\\u%04x", c);
        else
            g_string_append_c(out, (char)c);
    }
    g_string_append_c(out, '"');
}

void kft_json_append_break(GString *out, int indent)
{
    if (indent < 0)
        return;
    g_string_append_c(out, '\n');
    for (int i = 0; i < indent; i++)
        g_string_append_c(out, ' ');
}

static int deeper(int indent)
{
    return indent < 0 ? indent : indent + 2;
}

static void append_array(GString *out, json_object *array, int indent)
{
    size_t length = json_object_array_length(array);

    g_string_append_c(out, '[');
    for (size_t i = 0; i < length; i++) {
        if (i > 0)
            g_string_append_c(out, ',');
        kft_json_append_break(out, deeper(indent));
        kft_json_append_value(out, json_object_array_get_idx(array, i), deeper(indent));
    }
    if (length > 0)
        kft_json_append_break(out, indent);
    g_string_append_c(out, ']');
}

static void append_object(GString *out, json_object *object, int indent)
{
    struct json_object_iterator at = json_object_iter_begin(object);
    struct json_object_iterator end = json_object_iter_end(object);
    bool is_first = true;

    g_string_append_c(out, '{');
    for (; !json_object_iter_equal(&at, &end); json_object_iter_next(&at)) {
        const char *name = json_object_iter_peek_name(&at);
        if (!is_first)
            g_string_append_c(out, ',');
        is_first = false;
        kft_json_append_break(out, deeper(indent));
        kft_json_append_text(out, name, strlen(name));
        g_string_append(out, indent < 0 ? ":" : ": ");
        kft_json_append_value(out, json_object_iter_peek_value(&at), deeper(indent));
    }
    if (!is_first)
        kft_json_append_break(out, indent);
    g_string_append_c(out, '}');
}

/* Recursion goes as deep as the parser let the tree be. */
void kft_json_append_value(GString *out, json_object *value, int indent)
{
    switch (json_object_get_type(value)) {
    case json_type_array:
        append_array(out, value, indent);
        return;
    case json_type_object:
        append_object(out, value, indent);
        return;
    case json_type_string:
        kft_json_append_text(out, json_object_get_string(value),
                             (size_t)json_object_get_string_len(value));
        return;
    case json_type_null:
    case json_type_boolean:
    case json_type_int:
    case json_type_double:
        /* Numbers keep the digits that they were read with. */
        g_string_append(out, value == NULL ? "null" : json_object_to_json_string(value));
        return;
    }
    g_assert_not_reached();
}
