#ifndef KFT_APP_CORE_PRIV_H
#define KFT_APP_CORE_PRIV_H

#include "bridge.h"
#include "core.h"

/* Shared by core.c (life, running) and core-store.c (what goes to and comes from the store). */
struct _KftCore {
    GObject parent;
    KftBridge *bridge;
    KftWorker *worker;
    KftModel *model;
    GHashTable *runs;   /* int64_t config id → Run */
    GHashTable *by_run; /* engine's id → Run (borrowed) */
    uint32_t last_run;
    GHashTable *questions; /* id → Question, of core-query.c */
    uint32_t last_question;
    bool is_loaded;
    bool is_loading;
    bool must_reload; /* asked for while loading */
    bool is_shutting_down;
    bool has_stopped;
    bool stays_wanted;
    bool is_watched;
    unsigned tick_source;
    unsigned health_source;
    char *settings[KFT_N_SETTINGS];
    GArray *added;          /* int64_t, of this program, not told of yet */
    GArray *removed;        /* int64_t, hidden, still in the store */
    GArray *removed_active; /* those that ran */
    unsigned removal_source;
};

/* What the store held at one moment. */
typedef struct {
    GPtrArray *configs;
    GPtrArray *run_states;
    GArray *traffic;
    char *settings[KFT_N_SETTINGS];
} KftLoad;

/* --- core-store.c --- */

/* Makes this process the owner; kft_core_on_claimed() tells. */
void kft_core_claim(KftCore *self, int64_t id, uint32_t run);
/* Ends the claim and adds what was carried to the totals. @traffic: nullable. */
void kft_core_release(KftCore *self, int64_t id, bool stays_wanted, const KftItemTraffic *traffic);
void kft_core_store_state(KftCore *self, KftForwardItem *item, KftForwardState state);
void kft_core_store_health(KftCore *self, int64_t id, const KftForwardHealth *health);

/* --- core-query.c --- */

GHashTable *kft_core_make_questions(void);
void kft_core_on_answer(KftCore *self, const KftAnswer *answer);

/* --- core.c --- */

/* @id: of the run. @error: nullable. */
void kft_core_on_claimed(KftCore *self, uint32_t id, const GError *error);
/* After the first load: what ran before is started again, if the user wants that. */
void kft_core_on_loaded(KftCore *self, const KftLoad *load);
/* Run states of other processes. */
void kft_core_show_others(KftCore *self, const GPtrArray *run_states);
void kft_core_report(KftCore *self, const char *title, const GError *error);

#endif
