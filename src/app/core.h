#ifndef KFT_APP_CORE_H
#define KFT_APP_CORE_H

#include <kftray/command.h>
#include <kftray/keyring.h>
#include <kftray/network.h>

#include "model.h"
#include "worker.h"

/* What the program does, without a window: holds the engine, the store's thread and the model;
 * starts and stops forwards, keeps the store's run state true, and follows changes that other
 * processes make. Windows and tray read the model and activate actions. Thread: ui.
 *
 * Signals:
 *   "loaded"                       the store's content is in the model (once)
 *   "reloaded"                     the store's content was read once more
 *   "reload-failed" (GError *)     or could not be read
 *   "error" (char *title, GError *) something the user must know of went wrong
 *   "item-failed" (KftForwardItem *)     a forward that ran, or was started, failed
 *   "item-lost" (KftForwardItem *)       a running forward is being connected again
 *   "item-recovered" (KftForwardItem *)  it runs again
 *   "diagnose-event" (KftEvent *)  of type DIAGNOSE_STEP or DIAGNOSE_DONE
 *   "proxy-login" (KftEvent *)     of type PROXY_LOGIN: a proxy wants a login
 *   "setting-changed" (unsigned KftSetting)
 *   "added" (GArray * of int64_t)  what this program added or brought back is in the model
 *   "removal-changed"              kft_core_get_n_removed() is another number
 *   "stopped"                      the last one, after kft_core_shut_down() */
#define KFT_TYPE_CORE (kft_core_get_type())
G_DECLARE_FINAL_TYPE(KftCore, kft_core, KFT, CORE, GObject)

/* Starts the engine and the loading of the store. @dir: of the store, NULL = the default one.
 * Errors: INTERNAL. */
KftCore *kft_core_new(const char *dir, GError **error);
/* All (transfer none). */
KftModel *kft_core_get_model(KftCore *self);
KftWorker *kft_core_get_worker(KftCore *self);
bool kft_core_is_loaded(KftCore *self);
/* Whether somebody sees rates and curves; they stand still otherwise, and nothing wakes up for
 * them. */
void kft_core_set_watched(KftCore *self, bool is_watched);
/* Reads everything from the store and brings the model up to date; then "reloaded" comes. */
void kft_core_reload(KftCore *self);

/* --- running --- */

/* Nothing happens if it is active already (start) or not active (stop). */
void kft_core_start(KftCore *self, KftForwardItem *item);
void kft_core_stop(KftCore *self, KftForwardItem *item);
void kft_core_start_all(KftCore *self);
void kft_core_stop_all(KftCore *self);
/* What the desktop knows of the machine. @hint: NETWORK_CHANGED, SLEEP or WAKE. */
void kft_core_hint(KftCore *self, KftCommandType hint);
/* Ends everything, then "stopped" comes. @stays_wanted: what runs shall run again at the next
 * start. */
void kft_core_shut_down(KftCore *self, bool stays_wanted);

/* --- configs --- */

/* Runs in the UI thread. @error: NULL = stored. */
typedef void (*KftCoreDoneFunc)(GObject *owner, const GError *error);
/* Adds those with id 0, updates the others, all or nothing; then the model is brought up to date
 * and @done (nullable) runs, unless @owner is gone. Active ones whose connection changed are
 * started again. @configs: (transfer full) of KftConfig. */
void kft_core_put_configs(KftCore *self, GPtrArray *configs, KftCoreDoneFunc done, GObject *owner);
/* Takes configs out of the list; they are stopped, and removed from the store after a while, as are
 * those that wait for it already, unless kft_core_undo_removal() comes before. @items: (transfer
 * none) of KftForwardItem. */
void kft_core_remove(KftCore *self, const GPtrArray *items);
void kft_core_undo_removal(KftCore *self);
/* Removes from the store now what waits for it. */
void kft_core_finish_removal(KftCore *self);
/* How many configs an undo would bring back. */
unsigned kft_core_get_n_removed(KftCore *self);

/* --- questions to clusters --- */

/* Runs once in the UI thread, never inside kft_core_ask(), and not at all if @owner is gone or the
 * question was cancelled. @answer: (transfer none). */
typedef void (*KftAnswerFunc)(GObject *owner, const KftAnswer *answer);
/* @query: (transfer full), gets its id here. Returns: the id, for kft_core_cancel(). */
uint32_t kft_core_ask(KftCore *self, KftQuery *query, KftAnswerFunc done, GObject *owner);
/* 0 and ids that were answered already are allowed. */
void kft_core_cancel(KftCore *self, uint32_t id);

/* Looks for what is wrong on the way to @item's pod; "diagnose-event" tells. Returns: the id of
 * those events, 0 on failure. Errors: BAD_CONFIG. */
uint32_t kft_core_diagnose(KftCore *self, KftForwardItem *item, GError **error);
/* 0 and ids that are over are allowed. */
void kft_core_stop_diagnosis(KftCore *self, uint32_t id);

/* What counts for new connections from now on. */
void kft_core_set_network(KftCore *self, const KftNetworkSettings *settings);

/* The answer to "proxy-login". */
void kft_core_set_proxy_login(KftCore *self, const char *proxy, const KftLogin *login);

/* --- settings --- */

/* (transfer none), valid until it changes; the default before "loaded". */
const char *kft_core_get_setting(KftCore *self, KftSetting setting);
bool kft_core_get_bool(KftCore *self, KftSetting setting);
unsigned kft_core_get_uint(KftCore *self, KftSetting setting);
/* @value: checked by the caller; NULL = default. */
void kft_core_set_setting(KftCore *self, KftSetting setting, const char *value);

#endif
