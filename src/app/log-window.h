#ifndef KFT_APP_LOG_WINDOW_H
#define KFT_APP_LOG_WINDOW_H

#include <gtk/gtk.h>

#include "forward-item.h"

/* The log of one forward in a window of its own, to be kept open beside other work. Thread: ui. */
#define KFT_TYPE_LOG_WINDOW (kft_log_window_get_type())
G_DECLARE_FINAL_TYPE(KftLogWindow, kft_log_window, KFT, LOG_WINDOW, GtkWindow)

/* @item: (transfer none). */
GtkWidget *kft_log_window_new(GtkApplication *application, KftForwardItem *item);
/* (transfer none) */
KftForwardItem *kft_log_window_get_item(KftLogWindow *self);

#endif
