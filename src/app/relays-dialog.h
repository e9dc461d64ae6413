#ifndef KFT_APP_RELAYS_DIALOG_H
#define KFT_APP_RELAYS_DIALOG_H

#include <gtk/gtk.h>

#include "core.h"

/* The relay pods of a cluster: whose they are, which are in use, and getting rid of those that
 * nobody uses any more. Thread: ui. */
#define KFT_TYPE_RELAYS_DIALOG (kft_relays_dialog_get_type())
G_DECLARE_FINAL_TYPE(KftRelaysDialog, kft_relays_dialog, KFT, RELAYS_DIALOG, GtkDialog)

GtkWidget *kft_relays_dialog_new(KftCore *core, GtkWindow *parent);

#endif
