#ifndef KFT_APP_DETAILS_PANE_H
#define KFT_APP_DETAILS_PANE_H

#include <gtk/gtk.h>

#include "forward-item.h"

/* Everything there is to know about one forward, beside the list. Thread: ui. */
#define KFT_TYPE_DETAILS_PANE (kft_details_pane_get_type())
G_DECLARE_FINAL_TYPE(KftDetailsPane, kft_details_pane, KFT, DETAILS_PANE, GtkScrolledWindow)

/* @item: (transfer none), NULL = shows nothing. */
void kft_details_pane_set_item(KftDetailsPane *self, KftForwardItem *item);

#endif
