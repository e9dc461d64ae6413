#include "group-counts.h"

struct KftGroupCounts {
    GHashTable *groups; /* key → KftGroupCount, which owns the key */
    GPtrArray *changed; /* of these */
    unsigned n_matching;
};

static void count_free(gpointer data)
{
    KftGroupCount *self = data;
    g_free(self->key);
    g_free(self);
}

KftGroupCounts *kft_group_counts_new(void)
{
    KftGroupCounts *self = g_new0(KftGroupCounts, 1);
    self->groups = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, count_free);
    self->changed = g_ptr_array_new();
    return self;
}

void kft_group_counts_free(KftGroupCounts *self)
{
    g_ptr_array_unref(self->changed);
    g_hash_table_unref(self->groups);
    g_free(self);
}

static void mark(KftGroupCounts *self, KftGroupCount *group)
{
    if (group->is_changed)
        return;
    group->is_changed = true;
    g_ptr_array_add(self->changed, group);
}

static KftGroupCount *get_group(KftGroupCounts *self, const char *key)
{
    KftGroupCount *group = g_hash_table_lookup(self->groups, key);

    if (group == NULL) {
        group = g_new0(KftGroupCount, 1);
        group->key = g_strdup(key);
        g_hash_table_insert(self->groups, group->key, group);
    }
    return group;
}

void kft_group_counts_remove(KftGroupCounts *self, KftCounted *counted)
{
    KftGroupCount *group = counted->group;

    if (group == NULL)
        return;
    group->n_total--;
    group->n_active -= counted->is_active;
    group->n_running -= counted->is_running;
    group->n_matching -= counted->is_matching;
    self->n_matching -= counted->is_matching;
    mark(self, group);
    *counted = (KftCounted){0};
}

void kft_group_counts_put(KftGroupCounts *self,
                          KftCounted *counted,
                          KftForwardItem *item,
                          const char *key,
                          bool is_matching)
{
    bool is_active = kft_forward_item_is_active(item);
    bool is_running = kft_forward_item_is_running(item);

    if (counted->group != NULL && g_str_equal(counted->group->key, key) &&
        counted->is_active == is_active && counted->is_running == is_running &&
        counted->is_matching == is_matching)
        return;
    kft_group_counts_remove(self, counted);
    KftGroupCount *group = get_group(self, key);
    *counted = (KftCounted){group, is_active, is_running, is_matching};
    group->n_total++;
    group->n_active += is_active;
    group->n_running += is_running;
    group->n_matching += is_matching;
    self->n_matching += is_matching;
    mark(self, group);
}

unsigned kft_group_counts_get_n_matching(KftGroupCounts *self)
{
    return self->n_matching;
}

bool kft_group_counts_has_matching(KftGroupCounts *self, const char *key)
{
    const KftGroupCount *group = g_hash_table_lookup(self->groups, key);
    return group != NULL && group->n_matching > 0;
}

void kft_group_counts_take_changed(KftGroupCounts *self,
                                   void (*func)(const KftGroupCount *count, gpointer user_data),
                                   gpointer user_data)
{
    for (unsigned i = 0; i < self->changed->len; i++) {
        KftGroupCount *group = self->changed->pdata[i];
        group->is_changed = false;
        func(group, user_data);
        if (group->n_total == 0)
            (void)g_hash_table_remove(self->groups, group->key);
    }
    g_ptr_array_set_size(self->changed, 0);
}
