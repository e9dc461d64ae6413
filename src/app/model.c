/* The summary is kept by counting each item in and out under the state that it was counted with,
 * so that a status costs the same with a thousand forwards as with ten. */
#include "model.h"

#include <string.h>

struct _KftModel {
    GObject parent;
    GListStore *list;
    GHashTable *by_id;   /* int64_t* in the item's config → item (borrowed from the list) */
    GHashTable *hidden;  /* int64_t* → itself */
    GHashTable *counted; /* KftForwardItem → its KftItemState as it is in the summary */
    KftSummary summary;
};

G_DEFINE_FINAL_TYPE(KftModel, kft_model, G_TYPE_OBJECT)

static unsigned summary_changed_signal;
static unsigned logged_signal;

static int64_t *dup_id(int64_t id)
{
    int64_t *copy = g_new(int64_t, 1);
    *copy = id;
    return copy;
}

/* --- summary --- */

static void count_in(KftModel *self, KftForwardItem *item)
{
    KftItemState state = kft_forward_item_get_status(item)->state;
    (void)g_hash_table_insert(self->counted, item, GUINT_TO_POINTER(state));
    self->summary.n[state]++;
    self->summary.n_total++;
}

static void count_out(KftModel *self, KftForwardItem *item)
{
    self->summary.n[GPOINTER_TO_UINT(g_hash_table_lookup(self->counted, item))]--;
    self->summary.n_total--;
    (void)g_hash_table_remove(self->counted, item);
}

/* @before: the summary before a change. */
static void tell_news(KftModel *self, const KftSummary *before)
{
    if (memcmp(before, &self->summary, sizeof *before) != 0)
        g_signal_emit(self, summary_changed_signal, 0);
}

static void on_item_changed(KftForwardItem *item, unsigned what, KftModel *self)
{
    KftSummary before = self->summary;

    if ((what & KFT_ITEM_LOG) != 0)
        g_signal_emit(self, logged_signal, 0, item);
    if ((what & KFT_ITEM_STATUS) == 0)
        return;
    count_out(self, item);
    count_in(self, item);
    tell_news(self, &before);
}

KftSummary kft_model_get_summary(KftModel *self)
{
    return self->summary;
}

unsigned kft_summary_count_active(const KftSummary *summary)
{
    return summary->n[KFT_ITEM_STARTING] + summary->n[KFT_ITEM_RUNNING] +
           summary->n[KFT_ITEM_RECONNECTING];
}

/* --- object --- */

static void kft_model_finalize(GObject *object)
{
    KftModel *self = KFT_MODEL(object);
    unsigned n = g_list_model_get_n_items(G_LIST_MODEL(self->list));
    for (unsigned i = 0; i < n; i++) {
        g_autoptr(KftForwardItem) item = g_list_model_get_item(G_LIST_MODEL(self->list), i);
        g_signal_handlers_disconnect_by_data(item, self);
    }
    g_hash_table_unref(self->by_id);
    g_hash_table_unref(self->hidden);
    g_hash_table_unref(self->counted);
    g_object_unref(self->list);
    G_OBJECT_CLASS(kft_model_parent_class)->finalize(object);
}

static void kft_model_class_init(KftModelClass *class)
{
    G_OBJECT_CLASS(class)->finalize = kft_model_finalize;
    summary_changed_signal = g_signal_new("summary-changed", KFT_TYPE_MODEL, G_SIGNAL_RUN_LAST, 0,
                                          NULL, NULL, NULL, G_TYPE_NONE, 0);
    logged_signal = g_signal_new("logged", KFT_TYPE_MODEL, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL,
                                 G_TYPE_NONE, 1, KFT_TYPE_FORWARD_ITEM);
}

static void kft_model_init(KftModel *self)
{
    self->list = g_list_store_new(KFT_TYPE_FORWARD_ITEM);
    self->by_id = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, NULL);
    self->hidden = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, NULL);
    self->counted = g_hash_table_new(NULL, NULL);
}

KftModel *kft_model_new(void)
{
    return g_object_new(KFT_TYPE_MODEL, NULL);
}

GListModel *kft_model_get_list(KftModel *self)
{
    return G_LIST_MODEL(self->list);
}

/* --- finding --- */

KftForwardItem *kft_model_find(KftModel *self, int64_t id)
{
    return g_hash_table_lookup(self->by_id, &id);
}

KftForwardItem *kft_model_find_alias(KftModel *self, const char *alias)
{
    KftForwardItem *found = NULL;
    GHashTableIter iter;
    gpointer item = NULL;

    g_hash_table_iter_init(&iter, self->by_id);
    while (g_hash_table_iter_next(&iter, NULL, &item)) {
        if (g_strcmp0(kft_forward_item_get_config(item)->alias, alias) != 0)
            continue;
        if (found != NULL)
            return NULL;
        found = item;
    }
    return found;
}

static bool is_any_address(const char *address)
{
    return g_strcmp0(address, "0.0.0.0") == 0 || g_strcmp0(address, "::") == 0;
}

static bool listens_at(const KftConfig *config, const char *address, uint16_t port)
{
    const char *own = config->local_address == NULL ? "127.0.0.1" : config->local_address;
    const char *other = address == NULL ? "127.0.0.1" : address;
    if (config->local_port != port || config->auto_loopback_address)
        return false;
    return g_strcmp0(own, other) == 0 || is_any_address(own) || is_any_address(other);
}

KftForwardItem *
kft_model_find_port(KftModel *self, const char *address, uint16_t port, int64_t except)
{
    GHashTableIter iter;
    gpointer item = NULL;

    if (port == 0)
        return NULL;
    g_hash_table_iter_init(&iter, self->by_id);
    while (g_hash_table_iter_next(&iter, NULL, &item)) {
        const KftConfig *config = kft_forward_item_get_config(item);
        if (config->id.v != except && listens_at(config, address, port))
            return item;
    }
    return NULL;
}

/* --- updating --- */

static void drop(KftModel *self, unsigned position)
{
    g_autoptr(KftForwardItem) item = g_list_model_get_item(G_LIST_MODEL(self->list), position);
    int64_t id = kft_forward_item_get_id(item);
    g_signal_handlers_disconnect_by_data(item, self);
    count_out(self, item);
    (void)g_hash_table_remove(self->by_id, &id);
    g_list_store_remove(self->list, position);
}

static void drop_missing(KftModel *self, GHashTable *wanted)
{
    for (unsigned i = g_list_model_get_n_items(G_LIST_MODEL(self->list)); i-- > 0;) {
        g_autoptr(KftForwardItem) item = g_list_model_get_item(G_LIST_MODEL(self->list), i);
        int64_t id = kft_forward_item_get_id(item);
        if (!g_hash_table_contains(wanted, &id))
            drop(self, i);
    }
}

static KftForwardItem *make_item(KftModel *self, const KftConfig *config)
{
    KftForwardItem *item = kft_forward_item_new(kft_config_copy(config));
    g_signal_connect(item, "changed", G_CALLBACK(on_item_changed), self);
    g_hash_table_insert(self->by_id, dup_id(config->id.v), item);
    count_in(self, item);
    return item;
}

static bool is_at(KftModel *self, unsigned position, KftForwardItem *item)
{
    g_autoptr(KftForwardItem) there = g_list_model_get_item(G_LIST_MODEL(self->list), position);
    return there == item;
}

static void put_at(KftModel *self, unsigned position, const KftConfig *config)
{
    KftForwardItem *known = kft_model_find(self, config->id.v);
    g_autoptr(KftForwardItem) item = known != NULL ? g_object_ref(known) : make_item(self, config);

    if (known != NULL) {
        unsigned old = 0;
        kft_forward_item_set_config(item, kft_config_copy(config));
        if (is_at(self, position, item))
            return;
        if (g_list_store_find(self->list, item, &old))
            g_list_store_remove(self->list, old);
    }
    g_list_store_insert(self->list, position, item);
}

static void fill(KftModel *self, const GPtrArray *configs)
{
    g_autoptr(GPtrArray) items = g_ptr_array_new_with_free_func(g_object_unref);
    for (unsigned i = 0; i < configs->len; i++)
        g_ptr_array_add(items, make_item(self, configs->pdata[i]));
    g_list_store_splice(self->list, 0, 0, items->pdata, items->len);
}

void kft_model_set_configs(KftModel *self, const GPtrArray *configs)
{
    g_autoptr(GPtrArray) shown = g_ptr_array_new();
    g_autoptr(GHashTable) wanted = g_hash_table_new(g_int64_hash, g_int64_equal);
    KftSummary before = self->summary;

    for (unsigned i = 0; i < configs->len; i++) {
        KftConfig *config = configs->pdata[i];
        if (g_hash_table_contains(self->hidden, &config->id.v))
            continue;
        g_ptr_array_add(shown, config);
        (void)g_hash_table_add(wanted, &config->id.v);
    }
    drop_missing(self, wanted);
    if (g_hash_table_size(self->by_id) == 0) {
        fill(self, shown);
    } else {
        for (unsigned i = 0; i < shown->len; i++)
            put_at(self, i, shown->pdata[i]);
    }
    tell_news(self, &before);
}

void kft_model_hide(KftModel *self, const GArray *ids)
{
    KftSummary before = self->summary;

    for (unsigned i = 0; i < ids->len; i++) {
        int64_t id = g_array_index(ids, int64_t, i);
        unsigned position = 0;
        KftForwardItem *item = kft_model_find(self, id);
        (void)g_hash_table_add(self->hidden, dup_id(id));
        if (item != NULL && g_list_store_find(self->list, item, &position))
            drop(self, position);
    }
    tell_news(self, &before);
}

void kft_model_unhide(KftModel *self, const GArray *ids)
{
    for (unsigned i = 0; i < ids->len; i++)
        (void)g_hash_table_remove(self->hidden, &g_array_index(ids, int64_t, i));
}
