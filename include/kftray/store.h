#ifndef KFTRAY_STORE_H
#define KFTRAY_STORE_H

#include "kftray/config.h"
#include "kftray/error.h"
#include "kftray/setting.h"

/* Configs, run state, traffic and settings on disk: kftray.db, an SQLite database that several
 * processes may have open at once (docs/store.md). Each function is one transaction: it happened
 * altogether or not at all, whatever kills the process. All calls block, for a few milliseconds as
 * a rule and up to 5 s while another process writes; so a program with a window calls them from a
 * thread of its own ("Thread: ui" below means: the one that opened it, or one at a time). Errors of
 * all: STORAGE (full disk, no rights, damaged file, locked for 5 s; says which file and what to
 * do). A call that fails has changed nothing, neither in the file nor in what was handed to it. */
typedef struct KftStore KftStore;

/* $KFTRAY_CONFIG, else $XDG_CONFIG_HOME/kftray, else ~/.config/kftray. Returns: (transfer full).
 * Thread: any. */
char *kft_store_dup_default_dir(void);
/* Opens or creates the database in @dir (NULL = the default one), which is made with mode 0700 if
 * it is missing. A database of an older version is copied beside itself and then migrated; one of a
 * newer version, of another program, or damaged is an error and left alone. Thread: ui. */
KftStore *kft_store_open(const char *dir, GError **error);
/* NULL is allowed. Thread: ui. */
void kft_store_close(KftStore *self);
/* The database file, for messages. (transfer none). Thread: ui. */
const char *kft_store_get_path(const KftStore *self);

/* --- changes by other processes --- */

/* Readable when something in the database's directory changed; then ask kft_store_has_changed().
 * -1 if the kernel has no more watches: ask every 2 s then. Thread: ui. */
int kft_store_get_change_fd(const KftStore *self);
/* Empties the descriptor. Whether another connection committed something since the last call or the
 * opening; true also if that cannot be told. The descriptor wakes for this process's own changes,
 * too, for which this is false. Thread: ui. */
bool kft_store_has_changed(KftStore *self);

/* --- configs --- */

/* All configs in the user's order. Returns: (transfer full) GPtrArray of KftConfig with its free
 * function set. Thread: ui. */
GPtrArray *kft_store_list_configs(KftStore *self, GError **error);
/* Errors also: NOT_FOUND. Returns: (transfer full). Thread: ui. */
KftConfig *kft_store_get_config(KftStore *self, KftConfigId id, GError **error);
/* Normalizes and validates, fills in what is missing (alias; local port: a free one that no other
 * config has), and stores at the end of the order. @config, whose id must be 0, then is what was
 * stored. Errors also: BAD_CONFIG, LIMIT (no local port is left). Thread: ui. */
bool kft_store_add_config(KftStore *self, KftConfig *config, GError **error);
/* The same for one that is stored; it keeps its place. A local port of 0 becomes a free one,
 * another than before. Errors also: BAD_CONFIG, LIMIT, NOT_FOUND. Thread: ui. */
bool kft_store_update_config(KftStore *self, KftConfig *config, GError **error);
/* Removes all of @ids with their run state and traffic. Those that are gone already are no error.
 * Thread: ui. */
bool kft_store_remove_configs(KftStore *self, const KftConfigId *ids, size_t n_ids, GError **error);
/* Puts @ids, in this order, before @before (0 = at the end). Of @ids those that are gone already
 * are no error. Errors also: NOT_FOUND (@before). Thread: ui. */
bool kft_store_move_configs(
    KftStore *self, const KftConfigId *ids, size_t n_ids, KftConfigId before, GError **error);

/* Several additions and updates in one transaction, as an import needs it: configs with id 0 are
 * added, the others updated. Errors also: BAD_CONFIG (names the config), LIMIT, NOT_FOUND. Thread:
 * ui. */
bool kft_store_put_configs(KftStore *self,
                           KftConfig *const *configs,
                           size_t n_configs,
                           GError **error);

/* --- run state --- */

typedef struct {
    KftConfigId config;
    KftForwardState state; /* IDLE if it does not run; also if its owner died without saying so */
    bool is_wanted;        /* it ran when its owner last spoke: start it again after a crash */
    int64_t owner_pid;     /* process that runs it, 0 = none */
    char *error;           /* BACKOFF, FAILED; nullable */
    char *pod;             /* nullable */
    char *address;         /* "127.0.0.1:8080", nullable */
    unsigned attempt;
    int64_t changed_s;       /* unix seconds of the last change of state */
    KftForwardHealth health; /* all 0 if it does not run, or nothing is known yet */
} KftRunState;

/* NULL is allowed. Thread: any. */
void kft_run_state_free(KftRunState *self);
/* One for each config that ever ran. Returns: (transfer full) GPtrArray of KftRunState with its
 * free function set. Thread: ui. */
GPtrArray *kft_store_list_run_states(KftStore *self, GError **error);
/* Makes this process the owner, with state IDLE and wanted; nothing changes if it is already.
 * Errors also: PORT_IN_USE when another living process runs it (names the pid and its program),
 * NOT_FOUND. Thread: ui. */
bool kft_store_claim(KftStore *self, KftConfigId id, GError **error);
/* Stores the state of a config that this process claimed, and adds it to its history if it says
 * something new. owner_pid, changed_s and health of @state are ignored. Errors also: NOT_FOUND
 * (removed, or not claimed), PORT_IN_USE (another's by now). Thread: ui. */
bool kft_store_set_run_state(KftStore *self, const KftRunState *state, GError **error);
/* Ends this process's claim; @stays_wanted: it shall run again at the next start. No error if there
 * is no such claim (any more). Thread: ui. */
bool kft_store_release(KftStore *self, KftConfigId id, bool stays_wanted, GError **error);

/* Stores how well a config runs that this process claimed; its owner does it every few seconds.
 * Errors also: NOT_FOUND (not claimed). Thread: ui. */
bool kft_store_set_run_health(KftStore *self,
                              KftConfigId id,
                              const KftForwardHealth *health,
                              GError **error);

/* How many changes of state are kept of a config; the oldest go first. */
#define KFT_STORE_MAX_HISTORY 50

typedef struct {
    int64_t time_ms; /* unix */
    KftForwardState state;
    char *reason; /* error; nullable */
    char *pod;    /* nullable */
} KftRunChange;

/* NULL is allowed. Thread: any. */
void kft_run_change_free(KftRunChange *self);
/* The last changes of state of a config, by whichever process ran it, the oldest first. Returns:
 * (transfer full) GPtrArray of KftRunChange with its free function set. Thread: ui. */
GPtrArray *kft_store_list_history(KftStore *self, KftConfigId id, GError **error);

/* --- traffic totals --- */

typedef struct {
    KftConfigId config;
    uint64_t bytes_up;
    uint64_t bytes_down;
    uint64_t n_connections;
    int64_t last_used_s; /* unix seconds, 0 = never */
} KftTraffic;

/* Adds to the totals of @delta->config; last_used_s becomes now. Errors also: NOT_FOUND. Thread:
 * ui.
 */
bool kft_store_add_traffic(KftStore *self, const KftTraffic *delta, GError **error);
/* Returns: (transfer full) GArray of KftTraffic, one for each config that was ever used. Thread:
 * ui. */
GArray *kft_store_list_traffic(KftStore *self, GError **error);

/* --- settings --- */

/* The stored value, or the default if there is none or it is not allowed (any more); (transfer
 * full). Thread: ui. */
char *kft_store_get_setting(KftStore *self, KftSetting setting, GError **error);
/* NULL = back to the default. Errors also: BAD_CONFIG (says what is allowed). Thread: ui. */
bool kft_store_set_setting(KftStore *self, KftSetting setting, const char *value, GError **error);

/* --- upstream's database --- */

/* Reads the configs of upstream's configs.db (@path NULL = ~/.kftray/configs.db), which is opened
 * read-only and left as it is; its placeholder texts count as unset. Rows that cannot be read are
 * skipped, with a sentence each in *@ret_skipped (transfer full, GPtrArray of text). Errors:
 * NOT_FOUND (no such file), STORAGE. Returns: (transfer full) GPtrArray of KftConfig without ids.
 * Thread: any. */
GPtrArray *kft_upstream_read_configs(const char *path, GPtrArray **ret_skipped, GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(KftStore, kft_store_close)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(KftRunState, kft_run_state_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(KftRunChange, kft_run_change_free)

#endif
