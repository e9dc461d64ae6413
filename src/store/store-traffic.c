/* Totals of what went through each config. */
#include "store/statement.h"
#include "store/store-priv.h"

/* SQLite's integers have a sign. */
static void bind_count(KftStatement *statement, uint64_t count)
{
    kft_statement_bind_int(statement, (int64_t)MIN(count, INT64_MAX));
}

bool kft_store_add_traffic(KftStore *self, const KftTraffic *delta, GError **error)
{
    /* A sum that would overflow stays at the highest number. */
    static const char add_sql[] =
        "INSERT INTO traffic (config, bytes_up, bytes_down, n_connections, last_used_s)"
        " SELECT id, ?, ?, ?, ? FROM configs WHERE id = ?"
        " ON CONFLICT (config) DO UPDATE SET"
        " bytes_up = bytes_up + min(excluded.bytes_up, 9223372036854775807 - bytes_up),"
        " bytes_down = bytes_down + min(excluded.bytes_down, 9223372036854775807 - bytes_down),"
        " n_connections = n_connections"
        " + min(excluded.n_connections, 9223372036854775807 - n_connections),"
        " last_used_s = excluded.last_used_s";
    /* Written often, and a power cut may take the last seconds. */
    g_autoptr(KftTransaction) transaction =
        kft_transaction_begin(self->database, KFT_DATABASE_RELAXED, error);
    if (transaction == NULL)
        return false;
    g_autoptr(KftStatement) statement = kft_statement_new(self->database, add_sql);
    bind_count(statement, delta->bytes_up);
    bind_count(statement, delta->bytes_down);
    bind_count(statement, delta->n_connections);
    kft_statement_bind_int(statement, g_get_real_time() / G_USEC_PER_SEC);
    kft_statement_bind_int(statement, delta->config.v);
    if (!kft_statement_run(statement, error))
        return false;
    if (kft_database_n_changed(self->database) == 0) {
        kft_store_set_not_found(delta->config, error);
        return false;
    }
    return kft_transaction_commit(&transaction, error);
}

GArray *kft_store_list_traffic(KftStore *self, GError **error)
{
    g_autoptr(GArray) totals = g_array_new(FALSE, FALSE, sizeof(KftTraffic));
    g_autoptr(KftStatement) statement = kft_statement_new(
        self->database, "SELECT config, bytes_up, bytes_down, n_connections, last_used_s"
                        " FROM traffic ORDER BY config");
    while (kft_statement_next(statement)) {
        KftTraffic total = {
            .config.v = kft_statement_int(statement, 0),
            .bytes_up = (uint64_t)kft_statement_int(statement, 1),
            .bytes_down = (uint64_t)kft_statement_int(statement, 2),
            .n_connections = (uint64_t)kft_statement_int(statement, 3),
            .last_used_s = kft_statement_int(statement, 4),
        };
        g_array_append_val(totals, total);
    }
    return kft_statement_finish(statement, error) ? g_steal_pointer(&totals) : NULL;
}
