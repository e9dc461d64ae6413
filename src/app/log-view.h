#ifndef KFT_APP_LOG_VIEW_H
#define KFT_APP_LOG_VIEW_H

#include <gtk/gtk.h>

#include "forward-item.h"

/* The log of one forward, followed while it grows. Thread: ui. */
#define KFT_TYPE_LOG_VIEW (kft_log_view_get_type())
G_DECLARE_FINAL_TYPE(KftLogView, kft_log_view, KFT, LOG_VIEW, GtkTextView)

/* @item: (transfer none), NULL = none. */
void kft_log_view_set_item(KftLogView *self, KftForwardItem *item);
/* All of it to the clipboard. */
void kft_log_view_copy(KftLogView *self);

#endif
