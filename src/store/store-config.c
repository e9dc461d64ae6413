/* Configs and their order. */
#include "store/config-row.h"
#include "store/free-port.h"
#include "store/statement.h"
#include "store/store-priv.h"

/* --- reading --- */

static GPtrArray *read_configs(KftStore *self, KftStatement *statement, GError **error)
{
    g_autoptr(GPtrArray) configs = g_ptr_array_new_with_free_func((GDestroyNotify)kft_config_free);
    while (kft_statement_next(statement)) {
        KftConfig *config = kft_config_row_read(statement, error);
        if (config == NULL) {
            g_prefix_error(error, "%s: ", kft_store_get_path(self));
            return NULL;
        }
        g_ptr_array_add(configs, config);
    }
    return kft_statement_finish(statement, error) ? g_steal_pointer(&configs) : NULL;
}

GPtrArray *kft_store_list_configs(KftStore *self, GError **error)
{
    g_autofree char *select = kft_config_row_dup_select();
    g_autofree char *sql = g_strconcat(select, " ORDER BY position, id", NULL);
    g_autoptr(KftStatement) statement = kft_statement_new(self->database, sql);
    return read_configs(self, statement, error);
}

KftConfig *kft_store_get_config(KftStore *self, KftConfigId id, GError **error)
{
    g_autofree char *select = kft_config_row_dup_select();
    g_autofree char *sql = g_strconcat(select, " WHERE id = ?", NULL);
    g_autoptr(KftStatement) statement = kft_statement_new(self->database, sql);
    kft_statement_bind_int(statement, id.v);
    g_autoptr(GPtrArray) configs = read_configs(self, statement, error);
    if (configs == NULL)
        return NULL;
    if (configs->len == 0) {
        kft_store_set_not_found(id, error);
        return NULL;
    }
    return g_ptr_array_steal_index(configs, 0);
}

/* --- writing --- */

/* Copies in the form in which they are stored; the caller's stay as they are if something fails. */
static GPtrArray *copy_valid(KftConfig *const *configs, size_t n_configs, GError **error)
{
    g_autoptr(GPtrArray) copies = g_ptr_array_new_with_free_func((GDestroyNotify)kft_config_free);
    for (size_t i = 0; i < n_configs; i++) {
        KftConfig *copy = kft_config_copy(configs[i]);
        g_ptr_array_add(copies, copy);
        kft_config_normalize(copy);
        if (kft_config_validate(copy, error))
            continue;
        if (n_configs > 1 && copy->alias != NULL)
            g_prefix_error(error, "config %zu (\"%s\"): ", i + 1, copy->alias);
        else if (n_configs > 1)
            g_prefix_error(error, "config %zu: ", i + 1);
        return NULL;
    }
    return g_steal_pointer(&copies);
}

/* Knows the ports of all stored configs and of @configs. */
static KftPortChooser *make_chooser(KftStore *self, const GPtrArray *configs, GError **error)
{
    g_autoptr(KftPortChooser) chooser = kft_port_chooser_new();
    g_autoptr(KftStatement) statement =
        kft_statement_new(self->database, "SELECT local_port FROM configs");
    while (kft_statement_next(statement))
        kft_port_chooser_take(chooser, (uint16_t)kft_statement_int(statement, 0));
    for (size_t i = 0; i < configs->len; i++)
        kft_port_chooser_take(chooser, ((const KftConfig *)configs->pdata[i])->local_port);
    return kft_statement_finish(statement, error) ? g_steal_pointer(&chooser) : NULL;
}

static bool fill_in_ports(KftStore *self, const GPtrArray *configs, GError **error)
{
    g_autoptr(KftPortChooser) chooser = NULL;
    for (size_t i = 0; i < configs->len; i++) {
        KftConfig *config = configs->pdata[i];
        if (config->local_port != 0)
            continue;
        if (chooser == NULL)
            chooser = make_chooser(self, configs, error);
        if (chooser == NULL)
            return false;
        config->local_port =
            kft_port_chooser_choose(chooser, config->local_address, config->protocol);
        if (config->local_port == 0) {
            g_set_error(error, KFT_ERROR, KFT_ERROR_LIMIT,
                        "there is no free local port left: give some configs a local_port, which "
                        "may be the same for forwards that do not run at the same time");
            return false;
        }
    }
    return true;
}

static bool fill_in(KftStore *self, const GPtrArray *configs, GError **error)
{
    if (!fill_in_ports(self, configs, error))
        return false;
    for (size_t i = 0; i < configs->len; i++) {
        KftConfig *config = configs->pdata[i];
        /* After the port, which may be a part of it. */
        if (config->alias == NULL)
            config->alias = kft_config_make_alias(config);
    }
    return true;
}

static bool
insert(KftStore *self, KftStatement *statement, KftConfig *config, int64_t position, GError **error)
{
    kft_config_row_bind(statement, config);
    kft_statement_bind_int(statement, position);
    if (!kft_statement_run(statement, error))
        return false;
    config->id.v = kft_database_last_id(self->database);
    return true;
}

static bool update(KftStore *self, KftStatement *statement, const KftConfig *config, GError **error)
{
    kft_config_row_bind(statement, config);
    kft_statement_bind_int(statement, config->id.v);
    if (!kft_statement_run(statement, error))
        return false;
    if (kft_database_n_changed(self->database) == 0) {
        kft_store_set_not_found(config->id, error);
        return false;
    }
    return true;
}

static bool write_configs(KftStore *self, const GPtrArray *configs, GError **error)
{
    g_autofree char *insert_sql = kft_config_row_dup_insert();
    g_autofree char *update_sql = kft_config_row_dup_update();
    g_autoptr(KftStatement) insert_query = kft_statement_new(self->database, insert_sql);
    g_autoptr(KftStatement) update_query = kft_statement_new(self->database, update_sql);
    int64_t position = 0;
    if (!kft_database_get_number(self->database, "SELECT ifnull(max(position), 0) FROM configs",
                                 &position, error))
        return false;
    for (size_t i = 0; i < configs->len; i++) {
        KftConfig *config = configs->pdata[i];
        if (config->id.v == 0 ? !insert(self, insert_query, config, ++position, error)
                              : !update(self, update_query, config, error))
            return false;
    }
    return true;
}

/* The caller's config becomes what was stored. */
static void hand_back(KftConfig *config, KftConfig *stored)
{
    KftConfig old = *config;
    *config = *stored;
    *stored = old;
}

bool kft_store_put_configs(KftStore *self,
                           KftConfig *const *configs,
                           size_t n_configs,
                           GError **error)
{
    g_autoptr(GPtrArray) copies = copy_valid(configs, n_configs, error);
    if (copies == NULL)
        return false;
    g_autoptr(KftTransaction) transaction =
        kft_transaction_begin(self->database, KFT_DATABASE_DURABLE, error);
    if (transaction == NULL || !fill_in(self, copies, error) ||
        !write_configs(self, copies, error) || !kft_transaction_commit(&transaction, error))
        return false;
    for (size_t i = 0; i < n_configs; i++)
        hand_back(configs[i], copies->pdata[i]);
    return true;
}

bool kft_store_add_config(KftStore *self, KftConfig *config, GError **error)
{
    g_return_val_if_fail(config->id.v == 0, false);
    return kft_store_put_configs(self, &config, 1, error);
}

bool kft_store_update_config(KftStore *self, KftConfig *config, GError **error)
{
    if (config->id.v == 0) {
        kft_store_set_not_found(config->id, error);
        return false;
    }
    return kft_store_put_configs(self, &config, 1, error);
}

bool kft_store_remove_configs(KftStore *self, const KftConfigId *ids, size_t n_ids, GError **error)
{
    g_autoptr(KftTransaction) transaction =
        kft_transaction_begin(self->database, KFT_DATABASE_DURABLE, error);
    if (transaction == NULL)
        return false;
    g_autoptr(KftStatement) statement =
        kft_statement_new(self->database, "DELETE FROM configs WHERE id = ?");
    for (size_t i = 0; i < n_ids; i++) {
        kft_statement_bind_int(statement, ids[i].v);
        if (!kft_statement_run(statement, error))
            return false;
    }
    return kft_transaction_commit(&transaction, error);
}

/* --- order --- */

/* Ids in the user's order; (transfer full) GArray of KftConfigId. */
static GArray *list_ids(KftStore *self, GError **error)
{
    g_autoptr(GArray) ids = g_array_new(FALSE, FALSE, sizeof(KftConfigId));
    g_autoptr(KftStatement) statement =
        kft_statement_new(self->database, "SELECT id FROM configs ORDER BY position, id");
    while (kft_statement_next(statement)) {
        KftConfigId id = {.v = kft_statement_int(statement, 0)};
        g_array_append_val(ids, id);
    }
    return kft_statement_finish(statement, error) ? g_steal_pointer(&ids) : NULL;
}

static void append_moved(GArray *order, GHashTable *stored, const KftConfigId *ids, size_t n_ids)
{
    for (size_t i = 0; i < n_ids; i++) {
        /* Only once, and not what another process has removed. */
        if (g_hash_table_remove(stored, &ids[i].v))
            g_array_append_val(order, ids[i]);
    }
}

/* @old with @ids moved before @before. NULL if @before is not there. (transfer full). */
static GArray *
make_order(const GArray *old, const KftConfigId *ids, size_t n_ids, KftConfigId before)
{
    g_autofree KftConfigId *wanted = g_memdup2(ids, n_ids * sizeof *ids);
    g_autoptr(GHashTable) stored = g_hash_table_new(g_int64_hash, g_int64_equal);
    g_autoptr(GHashTable) moved = g_hash_table_new(g_int64_hash, g_int64_equal);
    g_autoptr(GArray) order = g_array_new(FALSE, FALSE, sizeof(KftConfigId));
    bool is_placed = false;
    bool is_due = false;
    for (size_t i = 0; i < old->len; i++)
        g_hash_table_add(stored, &g_array_index(old, KftConfigId, i).v);
    for (size_t i = 0; i < n_ids; i++)
        g_hash_table_add(moved, &wanted[i].v);
    for (size_t i = 0; i < old->len; i++) {
        KftConfigId id = g_array_index(old, KftConfigId, i);
        is_due = is_due || id.v == before.v;
        if (g_hash_table_contains(moved, &id.v))
            continue;
        /* @before itself may be one that moves: then it is what follows it. */
        if (is_due && !is_placed) {
            append_moved(order, stored, ids, n_ids);
            is_placed = true;
        }
        g_array_append_val(order, id);
    }
    if (before.v != 0 && !is_due)
        return NULL;
    if (!is_placed)
        append_moved(order, stored, ids, n_ids);
    return g_steal_pointer(&order);
}

static bool write_order(KftStore *self, const GArray *order, GError **error)
{
    g_autoptr(KftStatement) statement = kft_statement_new(
        self->database, "UPDATE configs SET position = ? WHERE id = ? AND position <> ?");
    for (size_t i = 0; i < order->len; i++) {
        int64_t position = (int64_t)i + 1;
        kft_statement_bind_int(statement, position);
        kft_statement_bind_int(statement, g_array_index(order, KftConfigId, i).v);
        kft_statement_bind_int(statement, position);
        if (!kft_statement_run(statement, error))
            return false;
    }
    return true;
}

bool kft_store_move_configs(
    KftStore *self, const KftConfigId *ids, size_t n_ids, KftConfigId before, GError **error)
{
    g_autoptr(KftTransaction) transaction =
        kft_transaction_begin(self->database, KFT_DATABASE_DURABLE, error);
    if (transaction == NULL)
        return false;
    g_autoptr(GArray) old = list_ids(self, error);
    if (old == NULL)
        return false;
    g_autoptr(GArray) order = make_order(old, ids, n_ids, before);
    if (order == NULL) {
        kft_store_set_not_found(before, error);
        return false;
    }
    return write_order(self, order, error) && kft_transaction_commit(&transaction, error);
}
