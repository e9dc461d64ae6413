/* The history of the schema. Columns of configs have the names of the fields (config/field.h): a
 * new field is a line there and a step here ("ALTER TABLE configs ADD COLUMN …"). Columns that only
 * some configs use are NULL when unset; a number or a truth value has the field's default. */
#include <glib.h>

#include "store/schema.h"

const char *const kft_migrations[] = {
    /* 0 → 1 */
    "CREATE TABLE configs ("
    "  id INTEGER PRIMARY KEY AUTOINCREMENT," /* ids are never used again */
    "  position INTEGER NOT NULL,"            /* the user's order; ties by id */
    "  workload_type TEXT NOT NULL,"
    "  protocol TEXT NOT NULL,"
    "  transport TEXT NOT NULL,"
    "  alias TEXT NOT NULL CHECK (alias <> ''),"
    "  \"group\" TEXT,"
    "  note TEXT,"
    "  context TEXT,"
    "  kubeconfig TEXT,"
    "  namespace TEXT,"
    "  service TEXT,"
    "  target TEXT,"
    "  object TEXT,"
    "  remote_address TEXT,"
    "  remote_port INTEGER,"
    "  local_port INTEGER NOT NULL CHECK (local_port BETWEEN 1 AND 65535),"
    "  local_address TEXT,"
    "  auto_loopback_address INTEGER NOT NULL,"
    "  domain_enabled INTEGER NOT NULL,"
    "  http_logs_enabled INTEGER NOT NULL,"
    "  http_logs_max_file_size INTEGER NOT NULL,"
    "  http_logs_retention_days INTEGER NOT NULL,"
    "  http_logs_auto_cleanup INTEGER NOT NULL,"
    "  exposure_type TEXT,"
    "  cert_manager_enabled INTEGER NOT NULL,"
    "  cert_issuer TEXT,"
    "  cert_issuer_kind TEXT,"
    "  ingress_class TEXT,"
    "  ingress_annotations TEXT,"
    "  extra TEXT" /* JSON object of keys that we do not know */
    ") STRICT;"
    "CREATE INDEX configs_by_position ON configs (position, id);"

    "CREATE TABLE run_states ("
    "  config INTEGER PRIMARY KEY REFERENCES configs (id) ON DELETE CASCADE,"
    "  state TEXT NOT NULL,"
    "  is_wanted INTEGER NOT NULL,"
    "  owner_pid INTEGER," /* NULL = it does not run */
    "  owner_start INTEGER,"
    "  owner_boot TEXT,"
    "  error TEXT,"
    "  pod TEXT,"
    "  address TEXT,"
    "  attempt INTEGER NOT NULL,"
    "  changed_s INTEGER NOT NULL"
    ") STRICT;"

    "CREATE TABLE traffic ("
    "  config INTEGER PRIMARY KEY REFERENCES configs (id) ON DELETE CASCADE,"
    "  bytes_up INTEGER NOT NULL,"
    "  bytes_down INTEGER NOT NULL,"
    "  n_connections INTEGER NOT NULL,"
    "  last_used_s INTEGER NOT NULL"
    ") STRICT;"

    "CREATE TABLE settings ("
    "  name TEXT PRIMARY KEY,"
    "  value TEXT NOT NULL"
    ") STRICT, WITHOUT ROWID;",

    /* 1 → 2 */
    "CREATE TABLE run_health ("
    "  config INTEGER PRIMARY KEY REFERENCES run_states (config) ON DELETE CASCADE,"
    "  n_open INTEGER NOT NULL,"
    "  n_reconnects INTEGER NOT NULL,"
    "  ready_since_ms INTEGER NOT NULL," /* as the others of KftForwardHealth */
    "  connected_ms INTEGER NOT NULL,"
    "  handshake_ms INTEGER NOT NULL,"
    "  round_trip_us INTEGER NOT NULL"
    ") STRICT;"

    "CREATE TABLE run_history ("
    "  id INTEGER PRIMARY KEY," /* grows */
    "  config INTEGER NOT NULL REFERENCES configs (id) ON DELETE CASCADE,"
    "  time_ms INTEGER NOT NULL,"
    "  state TEXT NOT NULL,"
    "  reason TEXT,"
    "  pod TEXT"
    ") STRICT;"
    "CREATE INDEX run_history_by_config ON run_history (config, id);",

    /* 2 → 3 */
    "ALTER TABLE configs ADD COLUMN balance TEXT NOT NULL DEFAULT 'sticky'",

    /* 3 → 4 */
    ("ALTER TABLE configs ADD COLUMN disconnect_timeout_minutes INTEGER;"
     "ALTER TABLE configs ADD COLUMN stop_at TEXT"),

    /* 4 → 5 */
    "ALTER TABLE run_health ADD COLUMN closes_ms INTEGER NOT NULL DEFAULT 0",
};

const size_t kft_n_migrations = G_N_ELEMENTS(kft_migrations);
