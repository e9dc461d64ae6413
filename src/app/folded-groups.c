#include "folded-groups.h"

struct KftFoldedGroups {
    GHashTable *keys; /* key → itself */
};

KftFoldedGroups *kft_folded_groups_new(void)
{
    KftFoldedGroups *self = g_new0(KftFoldedGroups, 1);
    self->keys = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    return self;
}

void kft_folded_groups_free(KftFoldedGroups *self)
{
    if (self == NULL)
        return;
    g_hash_table_unref(self->keys);
    g_free(self);
}

bool kft_folded_groups_contains(const KftFoldedGroups *self, const char *key)
{
    return g_hash_table_contains(self->keys, key);
}

void kft_folded_groups_set(KftFoldedGroups *self, const char *key, bool is_folded)
{
    if (is_folded)
        (void)g_hash_table_add(self->keys, g_strdup(key));
    else
        (void)g_hash_table_remove(self->keys, key);
}

/* An array of texts in JSON is one in GVariant's text format, too. */
void kft_folded_groups_read(KftFoldedGroups *self, const char *text)
{
    g_autoptr(GVariant) value = g_variant_parse(G_VARIANT_TYPE("as"), text, NULL, NULL, NULL);

    g_hash_table_remove_all(self->keys);
    if (value == NULL)
        return;
    for (size_t i = 0; i < g_variant_n_children(value); i++) {
        char *key = NULL;
        g_variant_get_child(value, i, "s", &key);
        (void)g_hash_table_add(self->keys, key);
    }
}

static void append_json_string(GString *out, const char *text)
{
    g_string_append_c(out, '"');
    for (const char *c = text; *c != '\0'; c++) {
        if (*c == '"' || *c == '\\')
            g_string_append_printf(out, "\\%c", *c);
        else if ((unsigned char)*c < 0x20)
            g_string_append_printf(out, "\\u%04x", (unsigned)*c);
        else
            g_string_append_c(out, *c);
    }
    g_string_append_c(out, '"');
}

char *kft_folded_groups_dup_text(const KftFoldedGroups *self)
{
    g_autoptr(GString) out = g_string_new("[");
    GHashTableIter iter;
    gpointer key = NULL;

    if (g_hash_table_size(self->keys) == 0)
        return NULL;
    g_hash_table_iter_init(&iter, self->keys);
    while (g_hash_table_iter_next(&iter, &key, NULL)) {
        if (out->len > 1)
            g_string_append_c(out, ',');
        append_json_string(out, key);
    }
    g_string_append_c(out, ']');
    return g_strdup(out->str);
}
