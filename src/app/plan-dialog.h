#ifndef KFT_APP_PLAN_DIALOG_H
#define KFT_APP_PLAN_DIALOG_H

#include <gtk/gtk.h>
#include <kftray/share.h>

#include "core.h"

/* Shows what an import would do, and does it. Thread: ui. */
#define KFT_TYPE_PLAN_DIALOG (kft_plan_dialog_get_type())
G_DECLARE_FINAL_TYPE(KftPlanDialog, kft_plan_dialog, KFT, PLAN_DIALOG, GtkDialog)

/* @incoming: of KftConfig, (transfer none). @source: where they come from, for the title.
 * @skipped: (nullable) of text, what could not be read. */
GtkWidget *kft_plan_dialog_new(KftCore *core,
                               GtkWindow *parent,
                               const GPtrArray *incoming,
                               const char *source,
                               const GPtrArray *skipped);

#endif
