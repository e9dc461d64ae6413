#include "diagnose-dialog.h"

#include <glib/gi18n.h>

struct _KftDiagnoseDialog {
    GtkDialog parent;
    KftCore *core;
    uint32_t id; /* of the diagnosis, 0 once it is over */
    char *report;
    GtkListStore *rows;
    GtkTreeIter steps[KFT_DIAGNOSE_N_STEPS];
    bool has_step[KFT_DIAGNOSE_N_STEPS];
    GtkSpinner *spinner;
    GtkLabel *summary;
    GtkLabel *advice;
};

G_DEFINE_FINAL_TYPE(KftDiagnoseDialog, kft_diagnose_dialog, GTK_TYPE_DIALOG)

enum {
    COLUMN_ICON,
    COLUMN_TITLE,
    COLUMN_TEXT
};

static const char *get_icon(KftDiagnoseState state)
{
    switch (state) {
    case KFT_DIAGNOSE_STATE_WAITING:
    case KFT_DIAGNOSE_STATE_SKIPPED:
        return "kftray-stopped-symbolic";
    case KFT_DIAGNOSE_STATE_RUNNING:
        return "kftray-starting-symbolic";
    case KFT_DIAGNOSE_STATE_OK:
        return "kftray-running-symbolic";
    case KFT_DIAGNOSE_STATE_FAILED:
        return "kftray-failed-symbolic";
    }
    g_assert_not_reached();
}

static void show_step(KftDiagnoseDialog *self, const KftDiagnoseResult *result)
{
    GtkTreeIter *row = &self->steps[result->step];

    if (!self->has_step[result->step]) {
        gtk_list_store_append(self->rows, row);
        self->has_step[result->step] = true;
    }
    gtk_list_store_set(self->rows, row, COLUMN_ICON, get_icon(result->state), COLUMN_TITLE,
                       kft_diagnose_step_title(result->step), COLUMN_TEXT, result->text, -1);
    if (result->state != KFT_DIAGNOSE_STATE_FAILED || result->advice == NULL)
        return;
    gtk_label_set_text(self->advice, result->advice);
    gtk_widget_show(GTK_WIDGET(self->advice));
}

static void show_end(KftDiagnoseDialog *self, const KftEvent *event)
{
    self->id = 0;
    gtk_spinner_stop(self->spinner);
    gtk_label_set_text(self->summary, event->diagnosis.error != NULL ? event->diagnosis.error
                                      : event->diagnosis.is_ok
                                          ? _("Nothing is wrong on the way to the pod.")
                                          : _("Something is wrong:"));
    self->report = g_strdup(event->diagnosis.report);
    gtk_dialog_set_response_sensitive(GTK_DIALOG(self), GTK_RESPONSE_APPLY, self->report != NULL);
}

static void on_diagnose_event(KftDiagnoseDialog *self, const KftEvent *event)
{
    if (event->forward.v != self->id)
        return;
    if (event->type == KFT_EVENT_DIAGNOSE_STEP)
        show_step(self, &event->diagnose_step);
    else
        show_end(self, event);
}

static void kft_diagnose_dialog_response(GtkDialog *dialog, int response)
{
    KftDiagnoseDialog *self = KFT_DIAGNOSE_DIALOG(dialog);

    if (response == GTK_RESPONSE_APPLY)
        gtk_clipboard_set_text(gtk_clipboard_get(GDK_SELECTION_CLIPBOARD), self->report, -1);
    else
        gtk_widget_destroy(GTK_WIDGET(dialog));
}

static void kft_diagnose_dialog_dispose(GObject *object)
{
    KftDiagnoseDialog *self = KFT_DIAGNOSE_DIALOG(object);

    if (self->core != NULL) {
        kft_core_stop_diagnosis(self->core, self->id);
        g_signal_handlers_disconnect_by_data(self->core, self);
    }
    g_clear_object(&self->core);
    g_clear_pointer(&self->report, g_free);
    G_OBJECT_CLASS(kft_diagnose_dialog_parent_class)->dispose(object);
}

static void kft_diagnose_dialog_class_init(KftDiagnoseDialogClass *class)
{
    GtkWidgetClass *widget_class = GTK_WIDGET_CLASS(class);

    G_OBJECT_CLASS(class)->dispose = kft_diagnose_dialog_dispose;
    GTK_DIALOG_CLASS(class)->response = kft_diagnose_dialog_response;
    gtk_widget_class_set_template_from_resource(widget_class,
                                                "/io/github/kftray/Kftray/diagnose-dialog.ui");
    gtk_widget_class_bind_template_child(widget_class, KftDiagnoseDialog, rows);
    gtk_widget_class_bind_template_child(widget_class, KftDiagnoseDialog, spinner);
    gtk_widget_class_bind_template_child(widget_class, KftDiagnoseDialog, summary);
    gtk_widget_class_bind_template_child(widget_class, KftDiagnoseDialog, advice);
}

static void kft_diagnose_dialog_init(KftDiagnoseDialog *self)
{
    gtk_widget_init_template(GTK_WIDGET(self));
}

GtkWidget *kft_diagnose_dialog_new(KftCore *core, GtkWindow *parent, KftForwardItem *item)
{
    const KftConfig *config = kft_forward_item_get_config(item);
    /* Translators: title of a window; %s is the name of a forward. */
    g_autofree char *title = g_strdup_printf(_("Diagnose %s"), config->alias);
    g_autoptr(GError) error = NULL;
    KftDiagnoseDialog *self = g_object_new(KFT_TYPE_DIAGNOSE_DIALOG, "use-header-bar", 1,
                                           "transient-for", parent, "title", title, NULL);

    self->core = g_object_ref(core);
    gtk_dialog_set_response_sensitive(GTK_DIALOG(self), GTK_RESPONSE_APPLY, FALSE);
    g_signal_connect_swapped(core, "diagnose-event", G_CALLBACK(on_diagnose_event), self);
    self->id = kft_core_diagnose(core, item, &error);
    if (self->id == 0)
        gtk_label_set_text(self->summary, error->message);
    else
        gtk_spinner_start(self->spinner);
    return GTK_WIDGET(self);
}
