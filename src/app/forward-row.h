#ifndef KFT_APP_FORWARD_ROW_H
#define KFT_APP_FORWARD_ROW_H

#include <gtk/gtk.h>

#include "forward-card.h"
#include "group-counts.h"

/* A row of the list. It is empty unless it is in view, and its card is handed on after that: a
 * thousand rows then cost as much as the ten that can be seen. Thread: ui. */
#define KFT_TYPE_FORWARD_ROW (kft_forward_row_get_type())
G_DECLARE_FINAL_TYPE(KftForwardRow, kft_forward_row, KFT, FORWARD_ROW, GtkListBoxRow)

GtkWidget *kft_forward_row_new(KftForwardItem *item);
/* (transfer none) */
KftForwardItem *kft_forward_row_get_item(KftForwardRow *self);
/* (transfer none) (nullable) */
KftForwardCard *kft_forward_row_get_card(KftForwardRow *self);
/* @card: (transfer floating) is in no row, nor has this row one; shows the row's item from now on.
 */
void kft_forward_row_set_card(KftForwardRow *self, KftForwardCard *card);
/* Moves the card of @from into @self, which has none. */
void kft_forward_row_take_card(KftForwardRow *self, KftForwardRow *from);
/* The height that rows with a card have; a row without keeps as much free, once told to. */
int kft_forward_row_get_filled_height(void);
void kft_forward_row_adopt_height(KftForwardRow *self);
/* Its place in the user's order, for sorting. */
void kft_forward_row_set_order(KftForwardRow *self, unsigned order);
unsigned kft_forward_row_get_order(KftForwardRow *self);
/* How the list has counted it. (transfer none) */
KftCounted *kft_forward_row_get_counted(KftForwardRow *self);

/* The first forward of @list that is shown; (nullable). */
GtkListBoxRow *kft_forward_row_find_first(GtkListBox *list);
/* The shown forward behind the selected ones of @list, or else that before them; (nullable). */
GtkListBoxRow *kft_forward_row_find_neighbour(GtkListBox *list);

#endif
