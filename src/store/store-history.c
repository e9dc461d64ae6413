/* The last changes of state of each config, for "kftrayctl show" and bug reports. They outlive the
 * process that ran it. */
#include "store/statement.h"
#include "store/store-priv.h"

void kft_run_change_free(KftRunChange *self)
{
    if (self == NULL)
        return;
    g_free(self->reason);
    g_free(self->pod);
    g_free(self);
}

/* What came with a state belongs to it; the same once more is no news. */
static bool insert_change(KftStore *self,
                          KftConfigId id,
                          KftForwardState state,
                          const char *reason,
                          const char *pod,
                          GError **error)
{
    g_autoptr(KftStatement) statement = kft_statement_new(
        self->database, "INSERT INTO run_history (config, time_ms, state, reason, pod)"
                        " SELECT ?1, ?2, ?3, ?4, ?5 WHERE NOT EXISTS (SELECT 1 FROM run_history"
                        " WHERE id = (SELECT max(id) FROM run_history WHERE config = ?1)"
                        " AND state = ?3 AND reason IS ?4 AND pod IS ?5)");
    kft_statement_bind_int(statement, id.v);
    kft_statement_bind_int(statement, g_get_real_time() / 1000);
    kft_statement_bind_text(statement, kft_forward_state_name(state));
    kft_statement_bind_text(statement, reason);
    kft_statement_bind_text(statement, pod);
    return kft_statement_run(statement, error);
}

bool kft_store_add_history(KftStore *self,
                           KftConfigId id,
                           KftForwardState state,
                           const char *reason,
                           const char *pod,
                           GError **error)
{
    if (!insert_change(self, id, state, reason, pod, error))
        return false;
    if (kft_database_n_changed(self->database) == 0)
        return true;
    g_autoptr(KftStatement) statement = kft_statement_new(
        self->database, "DELETE FROM run_history WHERE config = ?1 AND id <= (SELECT id FROM"
                        " run_history WHERE config = ?1 ORDER BY id DESC LIMIT 1 OFFSET ?2)");
    kft_statement_bind_int(statement, id.v);
    kft_statement_bind_int(statement, KFT_STORE_MAX_HISTORY);
    return kft_statement_run(statement, error);
}

GPtrArray *kft_store_list_history(KftStore *self, KftConfigId id, GError **error)
{
    g_autoptr(GPtrArray) changes =
        g_ptr_array_new_with_free_func((GDestroyNotify)kft_run_change_free);
    g_autoptr(KftStatement) statement = kft_statement_new(
        self->database,
        "SELECT time_ms, state, reason, pod FROM run_history WHERE config = ? ORDER BY id");
    kft_statement_bind_int(statement, id.v);
    while (kft_statement_next(statement)) {
        KftRunChange *change = g_new0(KftRunChange, 1);
        change->time_ms = kft_statement_int(statement, 0);
        change->state = kft_store_parse_state(kft_statement_text(statement, 1));
        change->reason = kft_statement_dup_text(statement, 2);
        change->pod = kft_statement_dup_text(statement, 3);
        g_ptr_array_add(changes, change);
    }
    return kft_statement_finish(statement, error) ? g_steal_pointer(&changes) : NULL;
}
