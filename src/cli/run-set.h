#ifndef KFT_CLI_RUN_SET_H
#define KFT_CLI_RUN_SET_H

#include <kftray/engine.h>
#include <kftray/store.h>

/* Many configs in one engine. Those that are stored are claimed in the store, which learns their
 * states and traffic, and follow what other processes do to them there: one that is removed stops,
 * one that is edited starts again. A config that cannot run never ends the others. */
typedef struct KftRunSet KftRunSet;

/* A config and how far it is. All texts are nullable. */
typedef struct {
    KftConfig *config; /* always with an alias */
    KftForwardState state;
    char *error;       /* BACKOFF, FAILED */
    char *waiting_for; /* RESOLVING */
    char *pod;
    char *address; /* "127.0.0.1:8080" */
    KftTransport transport;
    KftErrorCode error_code;
    unsigned attempt;
    uint32_t next_try_ms;
    KftForwardHealth health;
    KftTraffic traffic;        /* since the beginning of this program */
    uint64_t bytes_per_second; /* both ways, over the last second or so */
} KftRunEntry;

typedef struct {
    /* The state of @entry, or what is known about it, changed. */
    void (*on_change)(const KftRunEntry *entry, void *user_data);
    /* Something worth telling that changes no state. */
    void (*on_note)(const KftRunEntry *entry, const char *text, void *user_data);
} KftRunSetFuncs;

typedef struct {
    KftStore *store; /* (transfer none), nullable if no config is stored */
    uint32_t hold_ms;
    uint32_t half_close_ms;
    uint32_t auto_close_ms;         /* of configs that do not say it */
    const KftRelaySettings *relays; /* used only by kft_run_set_new() */
    bool takes_new;                 /* configs that other processes add are run, too */
} KftRunSetOptions;

/* @funcs: kept. They run inside the functions below. Errors: INTERNAL. */
KftRunSet *kft_run_set_new(const KftRunSetOptions *options,
                           const KftRunSetFuncs *funcs,
                           void *user_data,
                           GError **error);
/* Stops everything, tells the store, and frees. NULL is allowed. */
void kft_run_set_free(KftRunSet *self);
/* Starts @config, which is copied; it is a stored one if it has an ID. */
void kft_run_set_add(KftRunSet *self, const KftConfig *config);
/* Waits at most @timeout_ms (-1 = as long as nothing happens) and handles what happened. Returns:
 * KftWake flags (runner.h), without KFT_WAKE_FD. */
unsigned kft_run_set_wait(KftRunSet *self, int timeout_ms);

/* Those that run or failed, of KftRunEntry. (transfer none). */
const GPtrArray *kft_run_set_get_entries(const KftRunSet *self);
/* How many of them are neither failed nor closed by themselves. */
guint kft_run_set_count_alive(const KftRunSet *self);
/* Whether bytes moved within the last second or so, so that rates will change by themselves. */
bool kft_run_set_is_moving(const KftRunSet *self);

#endif
