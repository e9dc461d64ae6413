#ifndef KFT_APP_LOG_WINDOW_H
#define KFT_APP_LOG_WINDOW_H

#include <gtk/gtk.h>

#include "model.h"

/* The log of one forward, or of all, in a window of its own, to be kept open beside other work.
 * Thread: ui. */
#define KFT_TYPE_LOG_WINDOW (kft_log_window_get_type())
G_DECLARE_FINAL_TYPE(KftLogWindow, kft_log_window, KFT, LOG_WINDOW, GtkWindow)

/* @model, @item: (transfer none). @item: NULL = all of @model. */
GtkWidget *kft_log_window_new(GtkApplication *application, KftModel *model, KftForwardItem *item);
/* (transfer none) (nullable) */
KftForwardItem *kft_log_window_get_item(KftLogWindow *self);

#endif
