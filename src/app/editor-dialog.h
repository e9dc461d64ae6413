#ifndef KFT_APP_EDITOR_DIALOG_H
#define KFT_APP_EDITOR_DIALOG_H

#include <gtk/gtk.h>

#include "core.h"

/* Makes or changes one forward. Lists are filled from the cluster while the user goes on typing;
 * what is not in a list can be typed all the same. Thread: ui. */
#define KFT_TYPE_EDITOR_DIALOG (kft_editor_dialog_get_type())
G_DECLARE_FINAL_TYPE(KftEditorDialog, kft_editor_dialog, KFT, EDITOR_DIALOG, GtkDialog)

/* @config: (transfer none); NULL or with id 0 = a new forward. */
GtkWidget *kft_editor_dialog_new(KftCore *core, GtkWindow *parent, const KftConfig *config);

#endif
