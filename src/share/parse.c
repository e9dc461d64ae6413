/* Files of configs: an array of them, or a single one (config-json.c reads each). All or nothing: a
 * complaint names the file, the element, its field and what is allowed. */
#include <string.h>

#include "kftray/share.h"

#include "base/json.h"
#include "base/redact.h"
#include "config/config-json.h"
#include "config/json-check.h"

#define MAX_SHOWN_BYTES 60

static const char byte_order_mark[] = "\xef\xbb\xbf";

/* "team.json: element 3 (\"db\"): "; an @index of 0 is the only one. */
static void prefix_place(GError **error, const char *name, size_t index, json_object *element)
{
    const char *alias = kft_json_string(element, "alias");
    g_autofree char *shown =
        alias == NULL || *alias == '\0' ? NULL : kft_one_line(alias, MAX_SHOWN_BYTES);
    g_autoptr(GString) place = g_string_new(name);

    if (index > 0)
        g_string_append_printf(place, ": element %zu", index);
    if (shown != NULL)
        g_string_append_printf(place, " (\"%s\")", shown);
    g_prefix_error(error, "%s: ", place->str);
}

/* At @index (from 1) of the file, 0 = the only one. */
static bool
add_config(GPtrArray *configs, json_object *element, size_t index, const char *name, GError **error)
{
    KftConfig *config = kft_config_read_json(element, error);
    if (config == NULL) {
        prefix_place(error, name, index, element);
        return false;
    }
    g_ptr_array_add(configs, config);
    return true;
}

static GPtrArray *read_configs(json_object *top, const char *name, GError **error)
{
    g_autoptr(GPtrArray) configs = g_ptr_array_new_with_free_func((GDestroyNotify)kft_config_free);

    if (json_object_is_type(top, json_type_object))
        return add_config(configs, top, 0, name, error) ? g_steal_pointer(&configs) : NULL;
    if (!json_object_is_type(top, json_type_array)) {
        g_set_error(error, KFT_ERROR, KFT_ERROR_BAD_CONFIG,
                    "%s: holds %s, wanted is an array of configs or one config", name,
                    kft_config_json_kind(top));
        return NULL;
    }
    size_t length = json_object_array_length(top);
    if (length > KFT_SHARE_MAX_CONFIGS) {
        g_set_error(error, KFT_ERROR, KFT_ERROR_LIMIT,
                    "%s: holds %zu configs, at most %d are taken at once", name, length,
                    KFT_SHARE_MAX_CONFIGS);
        return NULL;
    }
    for (size_t i = 0; i < length; i++) {
        if (!add_config(configs, json_object_array_get_idx(top, i), i + 1, name, error))
            return NULL;
    }
    return g_steal_pointer(&configs);
}

/* Nothing but spaces: the usual trace of a pipe whose first program failed. */
static bool is_blank(const char *text, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        if (!g_ascii_isspace(text[i]))
            return false;
    }
    return true;
}

GPtrArray *kft_share_parse(const char *text, size_t size, const char *name, GError **error)
{
    size_t mark = sizeof byte_order_mark - 1;

    if (size > KFT_SHARE_MAX_BYTES) {
        g_set_error(error, KFT_ERROR, KFT_ERROR_LIMIT, "%s: is %zu bytes, at most %zu are taken",
                    name, size, KFT_SHARE_MAX_BYTES);
        return NULL;
    }
    if (size >= mark && memcmp(text, byte_order_mark, mark) == 0) {
        text += mark;
        size -= mark;
    }
    if (is_blank(text, size)) {
        g_set_error(error, KFT_ERROR, KFT_ERROR_BAD_CONFIG,
                    "%s: is empty, wanted is an array of configs or one config", name);
        return NULL;
    }
    if (!kft_json_check(text, size, error)) {
        g_prefix_error(error, "%s: ", name);
        return NULL;
    }
    /* What passed the check fails here for one reason only: it is the word null. */
    g_autoptr(json_object) top = kft_json_parse(text, size, NULL);
    return read_configs(top, name, error);
}
