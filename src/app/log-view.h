#ifndef KFT_APP_LOG_VIEW_H
#define KFT_APP_LOG_VIEW_H

#include <gtk/gtk.h>

#include "model.h"

/* The log of one forward, or of all, followed while it grows: at its end it stays there, scrolled
 * back it stays where it is. At most KFT_LOG_VIEW_MAX_LINES are shown. Thread: ui. */
#define KFT_TYPE_LOG_VIEW (kft_log_view_get_type())
G_DECLARE_FINAL_TYPE(KftLogView, kft_log_view, KFT, LOG_VIEW, GtkTextView)

#define KFT_LOG_VIEW_MAX_LINES 1000

/* @item: (transfer none), NULL = none. */
void kft_log_view_set_item(KftLogView *self, KftForwardItem *item);
/* The lines of all forwards in the order of time, each with its forward's name. Instead of an item.
 * @model: (transfer none). */
void kft_log_view_set_model(KftLogView *self, KftModel *model);
/* Shows lines in which all words of @text occur, in any case, and with @errors_only only errors. */
void kft_log_view_set_filter(KftLogView *self, const char *text, bool errors_only);
/* All of it to the clipboard. */
void kft_log_view_copy(KftLogView *self);

#endif
