/* Builds a tree from libyaml's events. The tree belongs to the document, which keeps all nodes in
 * one list; an alias is a second pointer to the same node, so nothing is copied, but whoever walks
 * the tree sees the subtree again: therefore an alias counts as many nodes as it repeats, and
 * neither the total nor the depth can exceed the limits for any walk. libyaml itself does not
 * recurse on events. */
#include "kube/yaml-node.h"

#include <string.h>
#include <yaml.h>

#include "kftray/error.h"

#include "base/secret.h"

struct KftYamlDocument {
    GPtrArray *nodes; /* owns them */
    KftYamlNode *root;
};

/* A collection that is not closed yet. */
typedef struct {
    KftYamlNode *node;
    GHashTable *keys; /* of a mapping; borrows the texts */
} Frame;

typedef struct {
    const char *name;
    const char *text;
    size_t size;
    KftYamlDocument *document;
    GArray *frames;
    GHashTable *anchors; /* name → KftYamlNode, borrowed */
    size_t n_nodes;
    /* libyaml's marks count characters: the last one that was converted, and its byte. */
    size_t mark_index;
    size_t mark_offset;
} Loader;

static void node_free(void *data)
{
    KftYamlNode *node = data;
    kft_secret_wipe_string(node->text);
    if (node->children != NULL)
        g_ptr_array_unref(node->children);
    g_free(node);
}

static void clear_frame(void *data)
{
    Frame *frame = data;
    g_clear_pointer(&frame->keys, g_hash_table_unref);
}

static bool is_continuation(char byte)
{
    return ((unsigned char)byte & 0xC0) == 0x80;
}

/* Marks mostly grow, so the walk from the last one is short. */
static size_t mark_to_offset(Loader *self, size_t index)
{
    while (self->mark_index < index && self->mark_offset < self->size) {
        self->mark_offset++;
        while (self->mark_offset < self->size && is_continuation(self->text[self->mark_offset]))
            self->mark_offset++;
        self->mark_index++;
    }
    while (self->mark_index > index) {
        self->mark_offset--;
        while (self->mark_offset > 0 && is_continuation(self->text[self->mark_offset]))
            self->mark_offset--;
        self->mark_index--;
    }
    return self->mark_offset;
}

static bool fail_at(const Loader *self,
                    const yaml_mark_t *mark,
                    KftErrorCode code,
                    const char *what,
                    GError **error)
{
    g_set_error(error, KFT_ERROR, (int)code, "%s:%zu:%zu: %s", self->name, mark->line + 1,
                mark->column + 1, what);
    return false;
}

/* --- libyaml's own errors --- */

static yaml_mark_t mark_of_offset(const Loader *self, size_t offset)
{
    yaml_mark_t mark = {0};
    for (size_t i = 0; i < offset && i < self->size; i++) {
        if (self->text[i] == '\n') {
            mark.line++;
            mark.column = 0;
        } else if (!is_continuation(self->text[i])) {
            mark.column++;
        }
    }
    return mark;
}

/* Whether the line around @offset is indented with a tab: the usual cause, and libyaml names it
 * only sometimes. */
static bool has_tab_indent(const Loader *self, size_t offset)
{
    size_t start = MIN(offset, self->size);
    while (start > 0 && self->text[start - 1] != '\n')
        start--;
    for (; start < self->size && strchr(" \t", self->text[start]) != NULL; start++) {
        if (self->text[start] == '\t')
            return true;
        if (self->text[start] == '\0')
            return false;
    }
    return false;
}

static bool fail_parser(Loader *self, const yaml_parser_t *parser, GError **error)
{
    if (parser->error == YAML_MEMORY_ERROR) {
        g_set_error(error, KFT_ERROR, KFT_ERROR_LIMIT, "%s: not enough memory", self->name);
        return false;
    }
    if (parser->error == YAML_READER_ERROR) {
        yaml_mark_t mark = mark_of_offset(self, parser->problem_offset);
        g_autofree char *what = g_strdup_printf("not YAML: %s (byte 0x%02x)", parser->problem,
                                                (unsigned)parser->problem_value & 0xFFU);
        return fail_at(self, &mark, KFT_ERROR_BAD_CONFIG, what, error);
    }
    const yaml_mark_t *mark = &parser->problem_mark;
    if (has_tab_indent(self, mark_to_offset(self, mark->index)))
        return fail_at(self, mark, KFT_ERROR_BAD_CONFIG,
                       "not YAML: the line is indented with a tab, YAML allows only spaces", error);
    g_autofree char *what =
        parser->context == NULL
            ? g_strdup_printf("not YAML: %s", parser->problem)
            : g_strdup_printf("not YAML: %s (%s, begun in line %zu)", parser->problem,
                              parser->context, parser->context_mark.line + 1);
    return fail_at(self, mark, KFT_ERROR_BAD_CONFIG, what, error);
}

/* --- building --- */

static KftYamlNode *
new_node(Loader *self, const yaml_event_t *event, KftYamlKind kind, KftYamlStyle style)
{
    KftYamlNode *node = g_new0(KftYamlNode, 1);
    node->kind = kind;
    node->style = style;
    node->line = (unsigned)event->start_mark.line + 1;
    node->column = (unsigned)event->start_mark.column + 1;
    node->start = mark_to_offset(self, event->start_mark.index);
    node->end = mark_to_offset(self, event->end_mark.index);
    node->n_nodes = 1;
    node->height = 1;
    if (kind != KFT_YAML_SCALAR)
        node->children = g_ptr_array_new();
    g_ptr_array_add(self->document->nodes, node);
    return node;
}

static bool
add_key(Loader *self, Frame *frame, const KftYamlNode *key, const yaml_mark_t *mark, GError **error)
{
    if (key->kind != KFT_YAML_SCALAR)
        return fail_at(self, mark, KFT_ERROR_BAD_CONFIG, "a mapping key must be plain text", error);
    /* Merge keys may be repeated; nothing here reads them. */
    if (strcmp(key->text, "<<") == 0)
        return true;
    if (!g_hash_table_add(frame->keys, key->text)) {
        g_autofree char *shown = g_strndup(key->text, 64);
        g_autofree char *valid = g_utf8_make_valid(shown, -1);
        g_autofree char *escaped = g_strescape(valid, NULL);
        g_autofree char *what = g_strdup_printf("the key \"%s\" is given twice", escaped);
        return fail_at(self, mark, KFT_ERROR_BAD_CONFIG, what, error);
    }
    return true;
}

/* Hangs @node into the innermost open collection, or makes it the root. */
static bool attach(Loader *self, KftYamlNode *node, const yaml_mark_t *mark, GError **error)
{
    self->n_nodes += node->n_nodes;
    if (self->n_nodes > KFT_YAML_MAX_NODES)
        return fail_at(self, mark, KFT_ERROR_LIMIT,
                       "more than 100000 values, those repeated by aliases included", error);
    if (self->frames->len + node->height > KFT_YAML_MAX_DEPTH)
        return fail_at(self, mark, KFT_ERROR_LIMIT, "nested more than 64 levels deep", error);
    if (self->frames->len == 0) {
        self->document->root = node;
        return true;
    }
    Frame *frame = &g_array_index(self->frames, Frame, self->frames->len - 1);
    bool is_key = frame->node->kind == KFT_YAML_MAPPING && frame->node->children->len % 2 == 0;
    if (is_key && !add_key(self, frame, node, mark, error))
        return false;
    g_ptr_array_add(frame->node->children, node);
    return true;
}

static void set_anchor(Loader *self, const yaml_char_t *anchor, KftYamlNode *node)
{
    if (anchor != NULL)
        g_hash_table_replace(self->anchors, g_strdup((const char *)anchor), node);
}

static bool on_scalar(Loader *self, yaml_event_t *event, GError **error)
{
    char *value = (char *)event->data.scalar.value;
    size_t length = event->data.scalar.length;
    KftYamlStyle style = KFT_YAML_STYLE_QUOTED;

    if (memchr(value, '\0', length) != NULL)
        return fail_at(self, &event->start_mark, KFT_ERROR_BAD_CONFIG, "a NUL character in a text",
                       error);
    if (event->data.scalar.style == YAML_LITERAL_SCALAR_STYLE ||
        event->data.scalar.style == YAML_FOLDED_SCALAR_STYLE)
        style = KFT_YAML_STYLE_BLOCK;
    else if (event->data.scalar.plain_implicit)
        style = KFT_YAML_STYLE_PLAIN;
    KftYamlNode *node = new_node(self, event, KFT_YAML_SCALAR, style);
    node->text = g_strndup(value, length);
    explicit_bzero(value, length);
    set_anchor(self, event->data.scalar.anchor, node);
    return attach(self, node, &event->start_mark, error);
}

static bool on_alias(Loader *self, const yaml_event_t *event, GError **error)
{
    KftYamlNode *node = g_hash_table_lookup(self->anchors, (const char *)event->data.alias.anchor);
    if (node == NULL)
        return fail_at(self, &event->start_mark, KFT_ERROR_BAD_CONFIG,
                       "an alias to an anchor that does not exist", error);
    if (node->is_open)
        return fail_at(self, &event->start_mark, KFT_ERROR_BAD_CONFIG,
                       "an alias inside of what it refers to", error);
    node->n_aliases++;
    return attach(self, node, &event->start_mark, error);
}

static bool on_collection_start(Loader *self, const yaml_event_t *event, GError **error)
{
    bool is_mapping = event->type == YAML_MAPPING_START_EVENT;
    bool is_flow = is_mapping ? event->data.mapping_start.style == YAML_FLOW_MAPPING_STYLE
                              : event->data.sequence_start.style == YAML_FLOW_SEQUENCE_STYLE;
    KftYamlNode *node = new_node(self, event, is_mapping ? KFT_YAML_MAPPING : KFT_YAML_SEQUENCE,
                                 is_flow ? KFT_YAML_STYLE_FLOW : KFT_YAML_STYLE_BLOCK);
    if (!attach(self, node, &event->start_mark, error))
        return false;
    set_anchor(self,
               is_mapping ? event->data.mapping_start.anchor : event->data.sequence_start.anchor,
               node);
    node->is_open = true;
    Frame frame = {.node = node};
    if (is_mapping)
        frame.keys = g_hash_table_new(g_str_hash, g_str_equal);
    g_array_append_val(self->frames, frame);
    return true;
}

static void on_collection_end(Loader *self, const yaml_event_t *event)
{
    KftYamlNode *node = g_array_index(self->frames, Frame, self->frames->len - 1).node;
    g_array_set_size(self->frames, self->frames->len - 1);
    node->is_open = false;
    node->end = mark_to_offset(self, event->end_mark.index);
    for (guint i = 0; i < node->children->len; i++) {
        const KftYamlNode *child = g_ptr_array_index(node->children, i);
        node->n_nodes += child->n_nodes;
        node->height = MAX(node->height, child->height + 1);
    }
}

/* @ret_is_done: the first document is read. */
static bool on_event(Loader *self, yaml_event_t *event, bool *ret_is_done, GError **error)
{
    switch (event->type) {
    case YAML_SCALAR_EVENT:
        return on_scalar(self, event, error);
    case YAML_ALIAS_EVENT:
        return on_alias(self, event, error);
    case YAML_SEQUENCE_START_EVENT:
    case YAML_MAPPING_START_EVENT:
        return on_collection_start(self, event, error);
    case YAML_SEQUENCE_END_EVENT:
    case YAML_MAPPING_END_EVENT:
        on_collection_end(self, event);
        return true;
    case YAML_DOCUMENT_END_EVENT:
    case YAML_STREAM_END_EVENT:
        *ret_is_done = true;
        return true;
    case YAML_NO_EVENT:
    case YAML_STREAM_START_EVENT:
    case YAML_DOCUMENT_START_EVENT:
        return true;
    }
    return true;
}

static bool load(Loader *self, GError **error)
{
    yaml_parser_t parser;
    bool is_ok = true;
    bool is_done = false;

    if (yaml_parser_initialize(&parser) == 0) {
        g_set_error(error, KFT_ERROR, KFT_ERROR_LIMIT, "%s: not enough memory", self->name);
        return false;
    }
    /* Fixed, or marks would not fit the bytes. */
    yaml_parser_set_encoding(&parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&parser, (const unsigned char *)self->text, self->size);
    while (is_ok && !is_done) {
        yaml_event_t event;
        if (yaml_parser_parse(&parser, &event) == 0) {
            is_ok = fail_parser(self, &parser, error);
            break;
        }
        is_ok = on_event(self, &event, &is_done, error);
        yaml_event_delete(&event);
    }
    yaml_parser_delete(&parser);
    return is_ok;
}

KftYamlDocument *kft_yaml_parse(const char *text, size_t size, const char *name, GError **error)
{
    static const char bom[] = "\xEF\xBB\xBF";

    if (size > KFT_YAML_MAX_TEXT_BYTES) {
        g_set_error(error, KFT_ERROR, KFT_ERROR_LIMIT, "%s: larger than 16 MiB", name);
        return NULL;
    }
    if (size >= 2 && (memcmp(text, "\xFF\xFE", 2) == 0 || memcmp(text, "\xFE\xFF", 2) == 0)) {
        g_set_error(error, KFT_ERROR, KFT_ERROR_BAD_CONFIG,
                    "%s:1:1: the text is UTF-16, save it as UTF-8", name);
        return NULL;
    }
    size_t skip = size >= 3 && memcmp(text, bom, 3) == 0 ? 3 : 0;
    KftYamlDocument *document = g_new0(KftYamlDocument, 1);
    document->nodes = g_ptr_array_new_with_free_func(node_free);
    Loader loader = {.name = name, .text = text + skip, .size = size - skip, .document = document};
    loader.frames = g_array_new(FALSE, FALSE, sizeof(Frame));
    g_array_set_clear_func(loader.frames, clear_frame);
    loader.anchors = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    bool is_ok = load(&loader, error);
    g_array_unref(loader.frames);
    g_hash_table_unref(loader.anchors);
    if (!is_ok) {
        kft_yaml_free(document);
        return NULL;
    }
    for (guint i = 0; skip > 0 && i < document->nodes->len; i++) {
        KftYamlNode *node = g_ptr_array_index(document->nodes, i);
        node->start += skip;
        node->end += skip;
    }
    return document;
}

void kft_yaml_free(KftYamlDocument *self)
{
    if (self == NULL)
        return;
    g_ptr_array_unref(self->nodes);
    g_free(self);
}

const KftYamlNode *kft_yaml_get_root(const KftYamlDocument *self)
{
    return self->root;
}

const KftYamlNode *kft_yaml_get(const KftYamlNode *map, const char *key)
{
    if (map == NULL || map->kind != KFT_YAML_MAPPING)
        return NULL;
    for (guint i = 0; i + 1 < map->children->len; i += 2) {
        const KftYamlNode *candidate = g_ptr_array_index(map->children, i);
        if (strcmp(candidate->text, key) == 0)
            return g_ptr_array_index(map->children, i + 1);
    }
    return NULL;
}

bool kft_yaml_is_null(const KftYamlNode *node)
{
    static const char *const nulls[] = {"", "~", "null", "Null", "NULL", NULL};
    return node == NULL || (node->kind == KFT_YAML_SCALAR && node->style == KFT_YAML_STYLE_PLAIN &&
                            g_strv_contains(nulls, node->text));
}

const char *kft_yaml_kind_name(const KftYamlNode *node)
{
    switch (node->kind) {
    case KFT_YAML_SCALAR:
        return "text";
    case KFT_YAML_SEQUENCE:
        return "a list";
    case KFT_YAML_MAPPING:
        return "a mapping";
    }
    g_assert_not_reached();
}
