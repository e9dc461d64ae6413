/* Which config runs, where, and whose it is. A row of a process that died without releasing it is
 * not mended but read as what it means: the config does not run, and whether it is wanted stays.
 * The next claim overwrites it. */
#include "store/statement.h"
#include "store/store-priv.h"

/* Of the queries for owners and states. */
enum {
    COLUMN_CONFIG,
    COLUMN_OWNER_PID,
    COLUMN_OWNER_START,
    COLUMN_OWNER_BOOT,
    COLUMN_IS_WANTED,
    COLUMN_STATE,
    COLUMN_ERROR,
    COLUMN_POD,
    COLUMN_ADDRESS,
    COLUMN_ATTEMPT,
    COLUMN_CHANGED,
    COLUMN_OPEN,
    COLUMN_RECONNECTS,
    COLUMN_READY_SINCE,
    COLUMN_CONNECTED,
    COLUMN_HANDSHAKE,
    COLUMN_ROUND_TRIP,
    COLUMN_CLOSES,
};

void kft_run_state_free(KftRunState *self)
{
    if (self == NULL)
        return;
    g_free(self->error);
    g_free(self->pod);
    g_free(self->address);
    g_free(self);
}

/* False if there is none. */
static bool read_owner(const KftStatement *statement, KftOwner *ret_owner)
{
    const char *boot = kft_statement_text(statement, COLUMN_OWNER_BOOT);
    *ret_owner = (KftOwner){.pid = kft_statement_int(statement, COLUMN_OWNER_PID),
                            .start_ticks = kft_statement_int(statement, COLUMN_OWNER_START)};
    (void)g_strlcpy(ret_owner->boot, boot == NULL ? "" : boot, sizeof ret_owner->boot);
    return !kft_statement_is_null(statement, COLUMN_OWNER_PID);
}

/* --- reading --- */

/* One process owns most rows, so the last answer is kept. */
typedef struct {
    KftOwner owner;
    bool is_alive;
} LastOwner;

static bool is_owned(const KftStatement *statement, LastOwner *last, KftOwner *ret_owner)
{
    if (!read_owner(statement, ret_owner))
        return false;
    if (!kft_owner_equal(ret_owner, &last->owner)) {
        last->owner = *ret_owner;
        last->is_alive = kft_owner_is_alive(ret_owner);
    }
    return last->is_alive;
}

KftForwardState kft_store_parse_state(const char *name)
{
    for (unsigned i = 0; i < KFT_FORWARD_N_STATES; i++) {
        if (g_strcmp0(kft_forward_state_name((KftForwardState)i), name) == 0)
            return (KftForwardState)i;
    }
    return KFT_FORWARD_STATE_IDLE;
}

static KftForwardHealth read_health(const KftStatement *statement)
{
    return (KftForwardHealth){
        .n_open = (uint32_t)kft_statement_int(statement, COLUMN_OPEN),
        .n_reconnects = (uint32_t)kft_statement_int(statement, COLUMN_RECONNECTS),
        .ready_since_ms = kft_statement_int(statement, COLUMN_READY_SINCE),
        .connected_ms = kft_statement_int(statement, COLUMN_CONNECTED),
        .handshake_ms = (uint32_t)kft_statement_int(statement, COLUMN_HANDSHAKE),
        .round_trip_us = (uint32_t)kft_statement_int(statement, COLUMN_ROUND_TRIP),
        .closes_ms = kft_statement_int(statement, COLUMN_CLOSES),
    };
}

static KftRunState *read_state(const KftStatement *statement, LastOwner *last)
{
    KftOwner owner;
    KftRunState *state = g_new0(KftRunState, 1);
    state->config.v = kft_statement_int(statement, COLUMN_CONFIG);
    state->is_wanted = kft_statement_int(statement, COLUMN_IS_WANTED) != 0;
    state->changed_s = kft_statement_int(statement, COLUMN_CHANGED);
    state->state = KFT_FORWARD_STATE_IDLE;
    if (!is_owned(statement, last, &owner))
        return state;
    state->owner_pid = owner.pid;
    state->state = kft_store_parse_state(kft_statement_text(statement, COLUMN_STATE));
    state->error = kft_statement_dup_text(statement, COLUMN_ERROR);
    state->pod = kft_statement_dup_text(statement, COLUMN_POD);
    state->address = kft_statement_dup_text(statement, COLUMN_ADDRESS);
    state->attempt = (unsigned)kft_statement_int(statement, COLUMN_ATTEMPT);
    state->health = read_health(statement);
    return state;
}

GPtrArray *kft_store_list_run_states(KftStore *self, GError **error)
{
    g_autoptr(GPtrArray) states =
        g_ptr_array_new_with_free_func((GDestroyNotify)kft_run_state_free);
    LastOwner last = {.owner = self->owner, .is_alive = true};
    g_autoptr(KftStatement) statement = kft_statement_new(
        self->database,
        "SELECT run_states.config, owner_pid, owner_start, owner_boot, is_wanted, state, error,"
        " pod, address, attempt, changed_s, n_open, n_reconnects, ready_since_ms, connected_ms,"
        " handshake_ms, round_trip_us, closes_ms FROM run_states LEFT JOIN run_health"
        " ON run_health.config = run_states.config ORDER BY run_states.config");
    while (kft_statement_next(statement))
        g_ptr_array_add(states, read_state(statement, &last));
    return kft_statement_finish(statement, error) ? g_steal_pointer(&states) : NULL;
}

/* --- writing, by the owner --- */

static void set_owned_error(KftConfigId id, const KftOwner *owner, GError **error)
{
    g_autofree char *name = kft_owner_dup_name(owner);
    g_set_error(error, KFT_ERROR, KFT_ERROR_PORT_IN_USE,
                "config %" G_GINT64_FORMAT " is already run by %s", id.v, name);
}

/* Errors: NOT_FOUND (no such config), PORT_IN_USE (another living process has it). *@ret_is_ours:
 * this process has it already. */
static bool check_owner(KftStore *self, KftConfigId id, bool *ret_is_ours, GError **error)
{
    KftOwner owner;
    g_autoptr(KftStatement) statement = kft_statement_new(
        self->database, "SELECT id, owner_pid, owner_start, owner_boot FROM configs"
                        " LEFT JOIN run_states ON config = id WHERE id = ?");
    kft_statement_bind_int(statement, id.v);
    bool has_config = kft_statement_next(statement);
    bool has_owner = has_config && read_owner(statement, &owner);
    if (!kft_statement_finish(statement, error))
        return false;
    if (!has_config) {
        kft_store_set_not_found(id, error);
        return false;
    }
    *ret_is_ours = has_owner && kft_owner_equal(&owner, &self->owner);
    if (has_owner && !*ret_is_ours && kft_owner_is_alive(&owner)) {
        set_owned_error(id, &owner, error);
        return false;
    }
    return true;
}

static bool write_claim(KftStore *self, KftConfigId id, GError **error)
{
    g_autoptr(KftStatement) statement = kft_statement_new(
        self->database,
        "INSERT INTO run_states (config, state, is_wanted, owner_pid, owner_start, owner_boot,"
        " attempt, changed_s) VALUES (?, ?, 1, ?, ?, ?, 0, ?)"
        " ON CONFLICT (config) DO UPDATE SET state = excluded.state, is_wanted = 1,"
        " owner_pid = excluded.owner_pid, owner_start = excluded.owner_start,"
        " owner_boot = excluded.owner_boot, error = NULL, pod = NULL, address = NULL, attempt = 0,"
        " changed_s = excluded.changed_s");
    kft_statement_bind_int(statement, id.v);
    kft_statement_bind_text(statement, kft_forward_state_name(KFT_FORWARD_STATE_IDLE));
    kft_statement_bind_int(statement, self->owner.pid);
    kft_statement_bind_int(statement, self->owner.start_ticks);
    kft_statement_bind_text(statement, self->owner.boot);
    kft_statement_bind_int(statement, g_get_real_time() / G_USEC_PER_SEC);
    return kft_statement_run(statement, error);
}

static bool
write_health(KftStore *self, KftConfigId id, const KftForwardHealth *health, GError **error)
{
    g_autoptr(KftStatement) statement = kft_statement_new(
        self->database,
        "INSERT OR REPLACE INTO run_health (config, n_open, n_reconnects, ready_since_ms,"
        " connected_ms, handshake_ms, round_trip_us, closes_ms)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?)");
    kft_statement_bind_int(statement, id.v);
    kft_statement_bind_int(statement, health->n_open);
    kft_statement_bind_int(statement, health->n_reconnects);
    kft_statement_bind_int(statement, health->ready_since_ms);
    kft_statement_bind_int(statement, health->connected_ms);
    kft_statement_bind_int(statement, health->handshake_ms);
    kft_statement_bind_int(statement, health->round_trip_us);
    kft_statement_bind_int(statement, health->closes_ms);
    return kft_statement_run(statement, error);
}

bool kft_store_claim(KftStore *self, KftConfigId id, GError **error)
{
    bool is_ours = false;
    g_autoptr(KftTransaction) transaction =
        kft_transaction_begin(self->database, KFT_DATABASE_DURABLE, error);
    if (transaction == NULL || !check_owner(self, id, &is_ours, error))
        return false;
    static const KftForwardHealth unknown = {0};
    if (!is_ours && (!write_claim(self, id, error) || !write_health(self, id, &unknown, error)))
        return false;
    return kft_transaction_commit(&transaction, error);
}

static bool write_state(KftStore *self, const KftRunState *state, GError **error)
{
    const char *name = kft_forward_state_name(state->state);
    g_autoptr(KftStatement) statement = kft_statement_new(
        self->database,
        "UPDATE run_states SET changed_s = iif(state = ?, changed_s, ?), state = ?, is_wanted = ?,"
        " error = ?, pod = ?, address = ?, attempt = ? WHERE config = ?");
    kft_statement_bind_text(statement, name);
    kft_statement_bind_int(statement, g_get_real_time() / G_USEC_PER_SEC);
    kft_statement_bind_text(statement, name);
    kft_statement_bind_int(statement, state->is_wanted);
    kft_statement_bind_text(statement, state->error);
    kft_statement_bind_text(statement, state->pod);
    kft_statement_bind_text(statement, state->address);
    kft_statement_bind_int(statement, state->attempt);
    kft_statement_bind_int(statement, state->config.v);
    return kft_statement_run(statement, error);
}

static bool check_ours(KftStore *self, KftConfigId id, GError **error)
{
    bool is_ours = false;
    if (!check_owner(self, id, &is_ours, error))
        return false;
    if (!is_ours)
        g_set_error(error, KFT_ERROR, KFT_ERROR_NOT_FOUND,
                    "config %" G_GINT64_FORMAT " is not run by this process (any more)", id.v);
    return is_ours;
}

bool kft_store_set_run_state(KftStore *self, const KftRunState *state, GError **error)
{
    /* States of a process that a power cut ends, too. */
    g_autoptr(KftTransaction) transaction =
        kft_transaction_begin(self->database, KFT_DATABASE_RELAXED, error);
    return transaction != NULL && check_ours(self, state->config, error) &&
           write_state(self, state, error) &&
           kft_store_add_history(self, state->config, state->state, state->error, state->pod,
                                 error) &&
           kft_transaction_commit(&transaction, error);
}

bool kft_store_set_run_health(KftStore *self,
                              KftConfigId id,
                              const KftForwardHealth *health,
                              GError **error)
{
    g_autoptr(KftTransaction) transaction =
        kft_transaction_begin(self->database, KFT_DATABASE_RELAXED, error);
    return transaction != NULL && check_ours(self, id, error) &&
           write_health(self, id, health, error) && kft_transaction_commit(&transaction, error);
}

bool kft_store_release(KftStore *self, KftConfigId id, bool stays_wanted, GError **error)
{
    g_autoptr(KftTransaction) transaction =
        kft_transaction_begin(self->database, KFT_DATABASE_DURABLE, error);
    if (transaction == NULL)
        return false;
    g_autoptr(KftStatement) statement = kft_statement_new(
        self->database,
        "UPDATE run_states SET state = ?, is_wanted = ?, owner_pid = NULL, owner_start = NULL,"
        " owner_boot = NULL, error = NULL, pod = NULL, address = NULL, attempt = 0, changed_s = ?"
        " WHERE config = ? AND owner_pid = ? AND owner_start = ? AND owner_boot = ?");
    kft_statement_bind_text(statement, kft_forward_state_name(KFT_FORWARD_STATE_IDLE));
    kft_statement_bind_int(statement, stays_wanted);
    kft_statement_bind_int(statement, g_get_real_time() / G_USEC_PER_SEC);
    kft_statement_bind_int(statement, id.v);
    kft_statement_bind_int(statement, self->owner.pid);
    kft_statement_bind_int(statement, self->owner.start_ticks);
    kft_statement_bind_text(statement, self->owner.boot);
    if (!kft_statement_run(statement, error))
        return false;
    if (kft_database_n_changed(self->database) > 0 &&
        !kft_store_add_history(self, id, KFT_FORWARD_STATE_IDLE, NULL, NULL, error))
        return false;
    return kft_transaction_commit(&transaction, error);
}
