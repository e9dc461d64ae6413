/* Writes a YAML tree as JSON. Plain scalars get the type that YAML gives them as far as JSON has
 * it: null, booleans and decimal numbers; everything else is a string. Recursion is bounded by the
 * loader's depth limit, the size by its node limit. */
#include <json-c/json.h>
#include <string.h>

#include "kube/yaml-node.h"

/* RFC 8259 6: -?(0|[1-9][0-9]*)(.[0-9]+)?([eE][+-]?[0-9]+)? */
static bool is_json_number(const char *text)
{
    if (*text == '-')
        text++;
    size_t digits = strspn(text, "0123456789");
    if (digits == 0 || (digits > 1 && *text == '0'))
        return false;
    text += digits;
    if (*text == '.') {
        digits = strspn(++text, "0123456789");
        if (digits == 0)
            return false;
        text += digits;
    }
    if (*text == 'e' || *text == 'E') {
        text++;
        if (*text == '+' || *text == '-')
            text++;
        digits = strspn(text, "0123456789");
        if (digits == 0)
            return false;
        text += digits;
    }
    return *text == '\0';
}

static void append_string(GString *out, const char *text)
{
    g_autofree char *valid = g_utf8_make_valid(text, -1);
    json_object *string = json_object_new_string(valid);
    g_string_append(out, json_object_to_json_string_ext(string, JSON_C_TO_STRING_NOSLASHESCAPE));
    json_object_put(string);
}

static void append_scalar(GString *out, const KftYamlNode *node)
{
    static const char *const trues[] = {"true", "True", "TRUE", NULL};
    static const char *const falses[] = {"false", "False", "FALSE", NULL};

    bool is_plain = node->style == KFT_YAML_STYLE_PLAIN;
    if (kft_yaml_is_null(node))
        g_string_append(out, "null");
    else if (is_plain && g_strv_contains(trues, node->text))
        g_string_append(out, "true");
    else if (is_plain && g_strv_contains(falses, node->text))
        g_string_append(out, "false");
    else if (is_plain && is_json_number(node->text))
        g_string_append(out, node->text);
    else
        append_string(out, node->text);
}

static void append_node(GString *out, const KftYamlNode *node)
{
    if (node->kind == KFT_YAML_SCALAR) {
        append_scalar(out, node);
        return;
    }
    bool is_map = node->kind == KFT_YAML_MAPPING;
    g_string_append_c(out, is_map ? '{' : '[');
    for (guint i = 0; i < node->children->len; i++) {
        const KftYamlNode *child = g_ptr_array_index(node->children, i);
        if (i > 0)
            g_string_append_c(out, is_map && i % 2 == 1 ? ':' : ',');
        /* Keys are strings whatever they look like. */
        if (is_map && i % 2 == 0)
            append_string(out, child->text);
        else
            append_node(out, child);
    }
    g_string_append_c(out, is_map ? '}' : ']');
}

char *kft_yaml_dup_json(const KftYamlNode *node)
{
    GString *out = g_string_new(NULL);
    append_node(out, node);
    return g_string_free(out, FALSE);
}
