/* Configs as JSON text. Upstream's rules of what is written (docs/configs.md): what the workload
 * does not use is left out, and what has its default, but for workload_type and protocol, without
 * which upstream does not take or cannot run a config. */
#include <json-c/json_object_iterator.h>
#include <string.h>

#include "kftray/share.h"

#include "base/json.h"
#include "config/field.h"
#include "config/json-write.h"

/* A key with its value as JSON text. */
typedef struct {
    const char *name; /* of a field, or of a member of the tree of unknown keys */
    char *text;
} Member;

static void clear_member(void *data)
{
    Member *member = data;
    g_free(member->text);
}

static int compare_members(const void *a, const void *b)
{
    const Member *left = a;
    const Member *right = b;
    return strcmp(left->name, right->name);
}

static char *dup_quoted(const char *text)
{
    GString *out = g_string_new(NULL);
    /* Only a config that was never validated can hold bytes that no JSON text can. */
    g_autofree char *valid = g_utf8_make_valid(text, -1);
    kft_json_append_text(out, valid, strlen(valid));
    return g_string_free(out, FALSE);
}

/* NULL if the field is unset. */
static char *dup_field_json(const KftField *field, const KftConfig *config)
{
    g_autofree char *text = kft_field_dup(field, config);

    switch (field->type) {
    case KFT_FIELD_TEXT:
    case KFT_FIELD_WORKLOAD:
    case KFT_FIELD_PROTOCOL:
    case KFT_FIELD_TRANSPORT:
    case KFT_FIELD_BALANCE:
        return text == NULL ? NULL : dup_quoted(text);
    case KFT_FIELD_PORT:
    case KFT_FIELD_NUMBER:
    case KFT_FIELD_OPTIONAL:
    case KFT_FIELD_BOOL:
        return g_steal_pointer(&text);
    }
    g_assert_not_reached();
}

static bool is_always_written(const KftField *field)
{
    return field->type == KFT_FIELD_WORKLOAD || field->type == KFT_FIELD_PROTOCOL;
}

static void add_fields(GArray *members, const KftConfig *config, bool has_defaults)
{
    for (size_t i = 0; i < kft_n_fields; i++) {
        const KftField *field = &kft_fields[i];
        if (!kft_field_is_used_by(field, config->workload_type))
            continue;
        if (!has_defaults && !is_always_written(field) && kft_field_is_default(field, config))
            continue;
        Member member = {.name = field->name, .text = dup_field_json(field, config)};
        if (member.text != NULL)
            g_array_append_val(members, member);
    }
}

static void add_unknown(GArray *members, json_object *extra, int indent)
{
    if (!json_object_is_type(extra, json_type_object))
        return;
    struct json_object_iterator at = json_object_iter_begin(extra);
    struct json_object_iterator end = json_object_iter_end(extra);
    for (; !json_object_iter_equal(&at, &end); json_object_iter_next(&at)) {
        const char *name = json_object_iter_peek_name(&at);
        if (kft_field_find(name) != NULL || strcmp(name, "id") == 0)
            continue;
        GString *text = g_string_new(NULL);
        kft_json_append_value(text, json_object_iter_peek_value(&at), indent);
        Member member = {.name = name, .text = g_string_free(text, FALSE)};
        g_array_append_val(members, member);
    }
}

/* @indent: of the object's own line; -1 = one line. */
static void append_config(GString *out, const KftConfig *config, int indent)
{
    bool is_one_line = indent < 0;
    int inner = is_one_line ? -1 : indent + 2;
    g_autoptr(GArray) members = g_array_new(FALSE, FALSE, sizeof(Member));
    g_autoptr(json_object) extra =
        config->extra == NULL ? NULL : kft_json_parse(config->extra, strlen(config->extra), NULL);

    g_array_set_clear_func(members, clear_member);
    add_fields(members, config, /* has_defaults */ is_one_line);
    add_unknown(members, extra, inner);
    if (is_one_line && config->id.v > 0) {
        Member id = {.name = "id", .text = g_strdup_printf("%" G_GINT64_FORMAT, config->id.v)};
        g_array_append_val(members, id);
    }
    g_array_sort(members, compare_members);
    g_string_append_c(out, '{');
    for (guint i = 0; i < members->len; i++) {
        const Member *member = &g_array_index(members, Member, i);
        if (i > 0)
            g_string_append_c(out, ',');
        kft_json_append_break(out, inner);
        kft_json_append_text(out, member->name, strlen(member->name));
        g_string_append(out, is_one_line ? ":" : ": ");
        g_string_append(out, member->text);
    }
    kft_json_append_break(out, indent);
    g_string_append_c(out, '}');
}

char *kft_share_format(const GPtrArray *configs)
{
    GString *out = g_string_new("[");

    for (guint i = 0; i < configs->len; i++) {
        if (i > 0)
            g_string_append_c(out, ',');
        kft_json_append_break(out, 2);
        append_config(out, g_ptr_array_index(configs, i), 2);
    }
    g_string_append(out, configs->len > 0 ? "\n]\n" : "]\n");
    return g_string_free(out, FALSE);
}

char *kft_share_format_one(const KftConfig *config)
{
    GString *out = g_string_new(NULL);
    append_config(out, config, -1);
    return g_string_free(out, FALSE);
}
