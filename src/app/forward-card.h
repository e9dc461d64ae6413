#ifndef KFT_APP_FORWARD_CARD_H
#define KFT_APP_FORWARD_CARD_H

#include <gtk/gtk.h>

#include "forward-item.h"

/* What a row of the list shows about a forward, kept up to date. Thread: ui.
 *
 * Signals: "menu-requested" (GtkWidget *where); "copied" (char *text): the address was copied. */
#define KFT_TYPE_FORWARD_CARD (kft_forward_card_get_type())
G_DECLARE_FINAL_TYPE(KftForwardCard, kft_forward_card, KFT, FORWARD_CARD, GtkBox)

GtkWidget *kft_forward_card_new(KftForwardItem *item);
/* Shows another one from now on. */
void kft_forward_card_set_item(KftForwardCard *self, KftForwardItem *item);
/* A narrow list leaves the curve and the rates out, a narrower one the address, too. @n_chars:
 * average characters that are as wide as it is. */
void kft_forward_card_set_room(KftForwardCard *self, int n_chars);

#endif
