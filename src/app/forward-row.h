#ifndef KFT_APP_FORWARD_ROW_H
#define KFT_APP_FORWARD_ROW_H

#include <gtk/gtk.h>

#include "forward-card.h"

/* A row of the list. It is empty until it comes into view: a thousand rows then cost as much as the
 * ten that can be seen. Thread: ui. */
#define KFT_TYPE_FORWARD_ROW (kft_forward_row_get_type())
G_DECLARE_FINAL_TYPE(KftForwardRow, kft_forward_row, KFT, FORWARD_ROW, GtkListBoxRow)

GtkWidget *kft_forward_row_new(KftForwardItem *item);
/* (transfer none) */
KftForwardItem *kft_forward_row_get_item(KftForwardRow *self);
/* Makes its card if it has none yet. Returns: (transfer none) the new one, else NULL. */
KftForwardCard *kft_forward_row_fill(KftForwardRow *self);
void kft_forward_row_set_compact(KftForwardRow *self, bool is_compact);
/* Its place in the user's order, for sorting. */
void kft_forward_row_set_order(KftForwardRow *self, unsigned order);
unsigned kft_forward_row_get_order(KftForwardRow *self);

#endif
