/* What an import would do, found by hash tables: an import of thousands of configs into a store of
 * thousands is one pass over each. Each stored config is claimed by at most one element of the
 * file: first those with the same local port, then those that leave the port open. */
#include <string.h>

#include "kftray/share.h"

#include "config/identity.h"
#include "share/local-claims.h"

static const char *const action_names[] = {
    [KFT_IMPORT_NEW] = "new",
    [KFT_IMPORT_CHANGED] = "changed",
    [KFT_IMPORT_SAME] = "same",
    [KFT_IMPORT_CONFLICT] = "conflict",
};

/* A stored config, and whether an element of the file is it. */
typedef struct {
    const KftConfig *config;
    bool is_claimed;
} Stored;

typedef struct {
    GArray *stored;          /* of Stored; never grows, as the tables point into it */
    GHashTable *by_port;     /* identity with local port → Stored, the first one */
    GHashTable *by_identity; /* identity → GPtrArray of Stored */
    KftImportPlan *plan;
    GPtrArray *identities; /* of the items */
    GPtrArray *matches;    /* Stored of each item; NULL = none */
} Planner;

const char *kft_import_action_name(KftImportAction action)
{
    g_assert((size_t)action < G_N_ELEMENTS(action_names));
    return action_names[action];
}

static char *with_port(const char *identity, uint16_t port)
{
    return g_strdup_printf("%s\n%u", identity, port);
}

static void free_item(void *data)
{
    KftImportItem *item = data;
    kft_config_free(item->config);
    g_strfreev(item->changed);
    kft_config_free(item->opponent);
    g_free(item);
}

/* --- which is which --- */

static void take_stored(Planner *self, const GPtrArray *stored)
{
    for (guint i = 0; i < stored->len; i++) {
        Stored *at = &g_array_index(self->stored, Stored, i);
        at->config = g_ptr_array_index(stored, i);
        g_autofree char *identity = kft_config_dup_identity(at->config);
        GPtrArray *same = g_hash_table_lookup(self->by_identity, identity);
        if (same == NULL) {
            same = g_ptr_array_new();
            g_hash_table_insert(self->by_identity, g_strdup(identity), same);
        }
        g_ptr_array_add(same, at);
        char *key = with_port(identity, at->config->local_port);
        if (g_hash_table_contains(self->by_port, key))
            g_free(key);
        else
            g_hash_table_insert(self->by_port, key, at);
    }
}

/* One item for each forward; a later element takes the place of an earlier one. */
static void take_incoming(Planner *self, const GPtrArray *incoming)
{
    g_autoptr(GHashTable) seen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);

    for (guint i = 0; i < incoming->len; i++) {
        g_autoptr(KftConfig) config = kft_config_copy(g_ptr_array_index(incoming, i));
        config->id.v = 0;
        kft_config_normalize(config);
        g_autofree char *identity = kft_config_dup_identity(config);
        char *key = with_port(identity, config->local_port);
        KftImportItem *item = g_hash_table_lookup(seen, key);
        if (item != NULL) {
            kft_config_free(item->config);
            item->config = g_steal_pointer(&config);
            g_free(key);
            continue;
        }
        item = g_new0(KftImportItem, 1);
        item->config = g_steal_pointer(&config);
        g_ptr_array_add(self->identities, g_steal_pointer(&identity));
        g_ptr_array_add(self->plan->items, item);
        g_hash_table_insert(seen, key, item);
    }
}

static Stored *claim(Stored *stored)
{
    if (stored == NULL || stored->is_claimed)
        return NULL;
    stored->is_claimed = true;
    return stored;
}

static Stored *claim_by_port(Planner *self, const char *identity, uint16_t port)
{
    g_autofree char *key = with_port(identity, port);
    return claim(g_hash_table_lookup(self->by_port, key));
}

/* Of several that differ in the local port only, the one with the same alias, else the first. There
 * is at most one such item for each identity, so the search stays linear. */
static Stored *claim_any(Planner *self, const char *identity, const char *alias)
{
    const GPtrArray *same = g_hash_table_lookup(self->by_identity, identity);
    Stored *first = NULL;

    for (guint i = 0; same != NULL && i < same->len; i++) {
        Stored *stored = g_ptr_array_index(same, i);
        if (stored->is_claimed)
            continue;
        if (alias != NULL && g_strcmp0(alias, stored->config->alias) == 0)
            return claim(stored);
        if (first == NULL)
            first = stored;
    }
    return claim(first);
}

static void match_items(Planner *self)
{
    const GPtrArray *items = self->plan->items;

    for (guint i = 0; i < items->len; i++) {
        const KftImportItem *item = g_ptr_array_index(items, i);
        const char *identity = g_ptr_array_index(self->identities, i);
        g_ptr_array_add(self->matches, claim_by_port(self, identity, item->config->local_port));
    }
    for (guint i = 0; i < items->len; i++) {
        const KftImportItem *item = g_ptr_array_index(items, i);
        const char *identity = g_ptr_array_index(self->identities, i);
        gpointer *match = &g_ptr_array_index(self->matches, i);
        if (*match != NULL)
            continue;
        if (item->config->local_port == 0)
            *match = claim_any(self, identity, item->config->alias);
        else
            *match = claim_by_port(self, identity, 0);
    }
}

/* --- what is done --- */

static void keep_text(char **text, const char *stored)
{
    if (*text == NULL)
        *text = g_strdup(stored);
}

/* What the file leaves open stays as the user has it: name and port, and what upstream's files
 * cannot say. */
static void keep_own(KftConfig *config, const KftConfig *stored)
{
    config->id = stored->id;
    keep_text(&config->alias, stored->alias);
    keep_text(&config->group, stored->group);
    keep_text(&config->note, stored->note);
    if (config->local_port == 0)
        config->local_port = stored->local_port;
    if (config->transport == KFT_TRANSPORT_AUTO)
        config->transport = stored->transport;
    if (config->balance == KFT_BALANCE_STICKY)
        config->balance = stored->balance;
    if (config->disconnect_timeout_minutes == KFT_CONFIG_UNSET)
        config->disconnect_timeout_minutes = stored->disconnect_timeout_minutes;
    keep_text(&config->stop_at, stored->stop_at);
}

static void update_item(KftImportItem *item, const KftConfig *stored)
{
    keep_own(item->config, stored);
    if (kft_config_equal(item->config, stored)) {
        item->action = KFT_IMPORT_SAME;
        return;
    }
    item->action = KFT_IMPORT_CHANGED;
    item->changed = kft_config_diff(stored, item->config);
}

/* Ports of all configs are claimed before a free one is looked for. */
static void find_conflicts(Planner *self)
{
    const GPtrArray *items = self->plan->items;
    g_autoptr(KftLocalClaims) claims = kft_local_claims_new();

    for (guint i = 0; i < self->stored->len; i++) {
        const Stored *stored = &g_array_index(self->stored, Stored, i);
        if (!stored->is_claimed)
            kft_local_claims_add(claims, stored->config);
    }
    for (guint i = 0; i < items->len; i++) {
        const KftImportItem *item = g_ptr_array_index(items, i);
        if (g_ptr_array_index(self->matches, i) != NULL)
            kft_local_claims_add(claims, item->config);
    }
    for (guint i = 0; i < items->len; i++) {
        KftImportItem *item = g_ptr_array_index(items, i);
        const KftConfig *opponent = g_ptr_array_index(self->matches, i) == NULL
                                        ? kft_local_claims_find(claims, item->config)
                                        : NULL;
        if (opponent != NULL) {
            item->action = KFT_IMPORT_CONFLICT;
            item->opponent = kft_config_copy(opponent);
        }
        if (g_ptr_array_index(self->matches, i) == NULL)
            kft_local_claims_add(claims, item->config);
    }
    for (guint i = 0; i < items->len; i++) {
        KftImportItem *item = g_ptr_array_index(items, i);
        if (item->action == KFT_IMPORT_CONFLICT)
            item->free_port = kft_local_claims_choose_port(claims, item->config);
    }
}

static void count_items(KftImportPlan *plan)
{
    size_t *const counts[] = {
        [KFT_IMPORT_NEW] = &plan->n_new,
        [KFT_IMPORT_CHANGED] = &plan->n_changed,
        [KFT_IMPORT_SAME] = &plan->n_same,
        [KFT_IMPORT_CONFLICT] = &plan->n_conflicts,
    };
    for (guint i = 0; i < plan->items->len; i++) {
        const KftImportItem *item = g_ptr_array_index(plan->items, i);
        ++*counts[item->action];
    }
}

KftImportPlan *kft_import_plan_new(const GPtrArray *incoming, const GPtrArray *stored)
{
    KftImportPlan *plan = g_new0(KftImportPlan, 1);
    plan->items = g_ptr_array_new_with_free_func(free_item);
    g_autoptr(GHashTable) by_port = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    g_autoptr(GHashTable) by_identity =
        g_hash_table_new_full(g_str_hash, g_str_equal, g_free, (GDestroyNotify)g_ptr_array_unref);
    g_autoptr(GPtrArray) identities = g_ptr_array_new_with_free_func(g_free);
    g_autoptr(GArray) entries = g_array_new(FALSE, TRUE, sizeof(Stored));
    g_autoptr(GPtrArray) matches = g_ptr_array_new();
    Planner planner = {
        .stored = entries,
        .by_port = by_port,
        .by_identity = by_identity,
        .plan = plan,
        .identities = identities,
        .matches = matches,
    };

    g_array_set_size(entries, stored->len);
    take_stored(&planner, stored);
    take_incoming(&planner, incoming);
    match_items(&planner);
    for (guint i = 0; i < plan->items->len; i++) {
        const Stored *match = g_ptr_array_index(matches, i);
        if (match != NULL)
            update_item(g_ptr_array_index(plan->items, i), match->config);
    }
    find_conflicts(&planner);
    count_items(plan);
    return plan;
}

void kft_import_plan_use_free_ports(KftImportPlan *self)
{
    for (guint i = 0; i < self->items->len; i++) {
        KftImportItem *item = g_ptr_array_index(self->items, i);
        if (item->action == KFT_IMPORT_CONFLICT && item->free_port != 0)
            item->config->local_port = item->free_port;
    }
}

GPtrArray *kft_import_plan_list_changes(const KftImportPlan *self)
{
    GPtrArray *changes = g_ptr_array_new();

    for (guint i = 0; i < self->items->len; i++) {
        const KftImportItem *item = g_ptr_array_index(self->items, i);
        if (item->action != KFT_IMPORT_SAME)
            g_ptr_array_add(changes, item->config);
    }
    return changes;
}

void kft_import_plan_free(KftImportPlan *self)
{
    if (self == NULL)
        return;
    g_ptr_array_unref(self->items);
    g_free(self);
}
