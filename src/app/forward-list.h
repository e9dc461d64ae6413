#ifndef KFT_APP_FORWARD_LIST_H
#define KFT_APP_FORWARD_LIST_H

#include <gtk/gtk.h>

#include "core.h"

/* The list of all forwards under the heads of their groups: search, folding, selection. Rows are
 * kept and updated in place. GtkListBox cannot filter and sort a bound model, so the rows follow
 * the model's "items-changed" by hand. Thread: ui.
 *
 * Signals: "selection-changed"; "menu-requested" (GtkWidget *at, nullable GdkEvent *);
 * "edit-requested"; "copied" (char *text); "shown-changed": kft_forward_list_get_n_matching(). */
#define KFT_TYPE_FORWARD_LIST (kft_forward_list_get_type())
G_DECLARE_FINAL_TYPE(KftForwardList, kft_forward_list, KFT, FORWARD_LIST, GtkScrolledWindow)

/* Once. */
void kft_forward_list_set_core(KftForwardList *self, KftCore *core);
/* @text: words that must all occur; "" = everything, scrolled to where it was before, or to what
 * was selected meanwhile. */
void kft_forward_list_set_search(KftForwardList *self, const char *text);
/* How many forwards match the search. */
unsigned kft_forward_list_get_n_matching(KftForwardList *self);
/* (transfer full) GPtrArray of KftForwardItem: selected and in view of the search. */
GPtrArray *kft_forward_list_get_selection(KftForwardList *self);
/* The first one that is shown. (transfer none) (nullable) */
KftForwardItem *kft_forward_list_get_first(KftForwardList *self);
void kft_forward_list_select_all(KftForwardList *self);
void kft_forward_list_unselect_all(KftForwardList *self);
/* Whether the search lets it be seen. */
bool kft_forward_list_matches(KftForwardList *self, KftForwardItem *item);
/* Selects these only (KftForwardItem), unfolds their groups, and gives the focus to the first one.
 */
void kft_forward_list_select(KftForwardList *self, const GPtrArray *items);
/* The row that follows the selected ones, or else the one before them, for when they go. */
void kft_forward_list_select_neighbour(KftForwardList *self);
void kft_forward_list_set_all_collapsed(KftForwardList *self, bool is_collapsed);

#endif
