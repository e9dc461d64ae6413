#ifndef KFT_APP_DIAGNOSE_ROW_H
#define KFT_APP_DIAGNOSE_ROW_H

#include <gtk/gtk.h>

#include "kftray/diagnose.h"

/* One step of a diagnosis: its name, its state in words and by an icon, what was found, and what to
 * do if it failed. As high as its texts need at the width that it has. Ctrl+C copies all of it, or
 * of a text what is selected. Thread: ui. */
#define KFT_TYPE_DIAGNOSE_ROW (kft_diagnose_row_get_type())
G_DECLARE_FINAL_TYPE(KftDiagnoseRow, kft_diagnose_row, KFT, DIAGNOSE_ROW, GtkListBoxRow)

/* Waits. */
GtkWidget *kft_diagnose_row_new(KftDiagnoseStep step);
/* @result: (transfer none), of this row's step. */
void kft_diagnose_row_show(KftDiagnoseRow *self, const KftDiagnoseResult *result);
KftDiagnoseState kft_diagnose_row_get_state(KftDiagnoseRow *self);

#endif
