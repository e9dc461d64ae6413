/* One config from JSON, as upstream writes it and as people write it by hand. Text is checked
 * before it is parsed (json-check.c), so that the tree is what the text says. */
#include "config/config-json.h"

#include <json-c/json_object_iterator.h>
#include <string.h>

#include "kftray/error.h"

#include "base/json.h"
#include "base/redact.h"
#include "config/field.h"
#include "config/json-check.h"
#include "config/json-write.h"

#define MAX_SHOWN_BYTES 60

const char *kft_config_json_kind(json_object *value)
{
    switch (json_object_get_type(value)) {
    case json_type_null:
        return "null";
    case json_type_boolean:
        return "true or false";
    case json_type_int:
    case json_type_double:
        return "a number";
    case json_type_string:
        return "a text";
    case json_type_array:
        return "an array";
    case json_type_object:
        return "an object";
    }
    g_assert_not_reached();
}

static bool fail_kind(const char *key, json_object *value, const char *wanted, GError **error)
{
    g_autoptr(GString) text = g_string_new(NULL);
    kft_json_append_value(text, value, -1);
    g_autofree char *shown = kft_one_line(text->str, MAX_SHOWN_BYTES);
    g_set_error(error, KFT_ERROR, KFT_ERROR_BAD_CONFIG, "%s is %s (%s), allowed are %s", key,
                kft_config_json_kind(value), shown, wanted);
    return false;
}

static bool set_from_number(
    const KftField *field, KftConfig *config, const char *key, json_object *value, GError **error)
{
    if (!json_object_is_type(value, json_type_int))
        return fail_kind(key, value, "whole numbers", error);
    return kft_field_set(field, config, json_object_to_json_string(value), error);
}

static bool set_from_bool(
    const KftField *field, KftConfig *config, const char *key, json_object *value, GError **error)
{
    const char *text =
        json_object_is_type(value, json_type_string) ? json_object_get_string(value) : NULL;

    if (json_object_is_type(value, json_type_boolean)) {
        kft_field_set_number(field, config, json_object_get_boolean(value) != 0);
        return true;
    }
    if (field->is_lax_bool && (g_strcmp0(text, "true") == 0 || g_strcmp0(text, "false") == 0))
        return kft_field_set(field, config, text, error);
    return fail_kind(key, value, "true and false", error);
}

static bool set_field(
    const KftField *field, KftConfig *config, const char *key, json_object *value, GError **error)
{
    if (value == NULL) {
        kft_field_unset(field, config);
        return true;
    }
    switch (field->type) {
    case KFT_FIELD_PORT:
    case KFT_FIELD_NUMBER:
    case KFT_FIELD_OPTIONAL:
        return set_from_number(field, config, key, value, error);
    case KFT_FIELD_BOOL:
        return set_from_bool(field, config, key, value, error);
    case KFT_FIELD_TEXT:
    case KFT_FIELD_WORKLOAD:
    case KFT_FIELD_PROTOCOL:
    case KFT_FIELD_TRANSPORT:
    case KFT_FIELD_BALANCE:
        if (!json_object_is_type(value, json_type_string))
            return fail_kind(key, value, "texts", error);
        return kft_field_set(field, config, json_object_get_string(value), error);
    }
    g_assert_not_reached();
}

static int compare_texts(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* The members of @names, sorted, as a JSON object on one line. */
static char *dup_unknown(json_object *element, GPtrArray *names)
{
    GString *out = g_string_new("{");

    g_ptr_array_sort(names, compare_texts);
    for (guint i = 0; i < names->len; i++) {
        const char *name = g_ptr_array_index(names, i);
        json_object *value = NULL;
        (void)json_object_object_get_ex(element, name, &value);
        if (i > 0)
            g_string_append_c(out, ',');
        kft_json_append_text(out, name, strlen(name));
        g_string_append_c(out, ':');
        kft_json_append_value(out, value, -1);
    }
    g_string_append_c(out, '}');
    return g_string_free(out, FALSE);
}

/* "bind_address" is another name of "local_address"; of the two the one that is not null counts,
 * and the latter if neither is. */
static bool is_overruled(json_object *element, const char *name)
{
    json_object *local_address = NULL;
    bool has_local = json_object_object_get_ex(element, "local_address", &local_address) != 0;

    if (strcmp(name, "bind_address") == 0)
        return has_local && local_address != NULL;
    return strcmp(name, "local_address") == 0 && local_address == NULL &&
           json_object_object_get_ex(element, "bind_address", NULL);
}

static bool read_members(KftConfig *config, json_object *element, GError **error)
{
    g_autoptr(GPtrArray) unknown = g_ptr_array_new();
    struct json_object_iterator at = json_object_iter_begin(element);
    struct json_object_iterator end = json_object_iter_end(element);

    for (; !json_object_iter_equal(&at, &end); json_object_iter_next(&at)) {
        const char *name = json_object_iter_peek_name(&at);
        const KftField *field = kft_field_find(name);
        /* Ids are of one database only. */
        if (strcmp(name, "id") == 0 || is_overruled(element, name))
            continue;
        if (field == NULL)
            g_ptr_array_add(unknown, (void *)(uintptr_t)name);
        else if (!set_field(field, config, name, json_object_iter_peek_value(&at), error))
            return false;
    }
    if (unknown->len > 0)
        config->extra = dup_unknown(element, unknown);
    return true;
}

KftConfig *kft_config_read_json(json_object *element, GError **error)
{
    g_autoptr(KftConfig) config = kft_config_new();

    if (!json_object_is_type(element, json_type_object)) {
        g_set_error(error, KFT_ERROR, KFT_ERROR_BAD_CONFIG,
                    "a config must be an object, this is %s", kft_config_json_kind(element));
        return NULL;
    }
    if (!read_members(config, element, error))
        return NULL;
    kft_config_normalize(config);
    if (!kft_config_validate(config, error))
        return NULL;
    return g_steal_pointer(&config);
}

KftConfig *kft_config_parse_json(const char *text, size_t size, GError **error)
{
    if (!kft_json_check(text, size, error))
        return NULL;
    /* What passed the check fails here for one reason only: it is the word null. */
    g_autoptr(json_object) element = kft_json_parse(text, size, NULL);
    return kft_config_read_json(element, error);
}
