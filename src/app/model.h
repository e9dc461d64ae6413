#ifndef KFT_APP_MODEL_H
#define KFT_APP_MODEL_H

#include <gio/gio.h>

#include "forward-item.h"

/* All forwards in the user's order, as a GListModel of KftForwardItem that is updated in place.
 * Thread: ui.
 *
 * Signals: "summary-changed": a count of kft_model_get_summary() is another one.
 * "logged" (KftForwardItem *): a line came to the log of one. */
#define KFT_TYPE_MODEL (kft_model_get_type())
G_DECLARE_FINAL_TYPE(KftModel, kft_model, KFT, MODEL, GObject)

typedef struct {
    unsigned n[KFT_ITEM_N_STATES];
    unsigned n_total;
} KftSummary;

KftModel *kft_model_new(void);
/* (transfer none) */
GListModel *kft_model_get_list(KftModel *self);
/* (transfer none) (nullable) */
KftForwardItem *kft_model_find(KftModel *self, int64_t id);
/* The config with this alias, if there is one only; (transfer none) (nullable). */
KftForwardItem *kft_model_find_alias(KftModel *self, const char *alias);
/* Another config than @except (0 = none) that listens where one with @address (NULL = 127.0.0.1)
 * and @port would; (transfer none) (nullable). */
KftForwardItem *
kft_model_find_port(KftModel *self, const char *address, uint16_t port, int64_t except);
/* Takes over what the store holds: items of configs that are gone leave, new ones come, the others
 * stay the same objects. @configs: of KftConfig, copied. */
void kft_model_set_configs(KftModel *self, const GPtrArray *configs);
/* From now on (or no longer) the configs of @ids (int64_t) are left out of the list, though the
 * store holds them: a removal that can be undone. Takes effect at once when hiding, at the next
 * kft_model_set_configs() when showing. */
void kft_model_hide(KftModel *self, const GArray *ids);
void kft_model_unhide(KftModel *self, const GArray *ids);
KftSummary kft_model_get_summary(KftModel *self);
/* Starting, running and reconnecting ones. */
unsigned kft_summary_count_active(const KftSummary *summary);

#endif
