#ifndef KFT_APP_GROUP_ROW_H
#define KFT_APP_GROUP_ROW_H

#include <gtk/gtk.h>
#include <stdbool.h>

/* Head of a group of forwards: name, running count, start and stop of all. Thread: ui.
 *
 * Signals: "run-all" (gboolean starts). */
#define KFT_TYPE_GROUP_ROW (kft_group_row_get_type())
G_DECLARE_FINAL_TYPE(KftGroupRow, kft_group_row, KFT, GROUP_ROW, GtkListBoxRow)

/* @key: what the group's forwards have in common; @title: what people read. */
GtkWidget *kft_group_row_new(const char *key, const char *title);
const char *kft_group_row_get_key(KftGroupRow *self);
/* @n_active: those that run or are about to. */
void kft_group_row_set_counts(KftGroupRow *self,
                              unsigned n_running,
                              unsigned n_active,
                              unsigned n_total);
/* What is not in view is hidden, with its place kept: nothing in it need follow the focus. */
void kft_group_row_set_in_view(KftGroupRow *self, bool is_in_view);
void kft_group_row_set_collapsed(KftGroupRow *self, bool is_collapsed);
bool kft_group_row_get_collapsed(KftGroupRow *self);

#endif
