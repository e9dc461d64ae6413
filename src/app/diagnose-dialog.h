#ifndef KFT_APP_DIAGNOSE_DIALOG_H
#define KFT_APP_DIAGNOSE_DIALOG_H

#include <gtk/gtk.h>

#include "core.h"

/* Looks step by step for what is wrong on the way to a forward's pod, and shows what was found.
 * Thread: ui. */
#define KFT_TYPE_DIAGNOSE_DIALOG (kft_diagnose_dialog_get_type())
G_DECLARE_FINAL_TYPE(KftDiagnoseDialog, kft_diagnose_dialog, KFT, DIAGNOSE_DIALOG, GtkDialog)

/* @item: (transfer none), the one to begin with; NULL = the one that most probably needs it. */
GtkWidget *kft_diagnose_dialog_new(KftCore *core, GtkWindow *parent, KftForwardItem *item);

#endif
