/* Events of a diagnosis are known by its id: those of an earlier one, whose forward is not chosen
 * any more, find nobody. */
#include "diagnose-dialog.h"

#include <glib/gi18n.h>

#include "diagnose-row.h"

struct _KftDiagnoseDialog {
    GtkDialog parent;
    KftCore *core;
    uint32_t id; /* of the diagnosis, 0 once it is over */
    char *report;
    GPtrArray *items; /* of KftForwardItem, as the choice shows them */
    GtkWidget *choice;
    GtkComboBoxText *forward;
    KftDiagnoseRow *rows[KFT_DIAGNOSE_N_STEPS];
    GtkWidget *revealed; /* row that is to come into view; nullable */
    GtkScrolledWindow *steps;
    GtkListBox *list;
    GtkSpinner *spinner;
    GtkLabel *summary;
};

G_DEFINE_FINAL_TYPE(KftDiagnoseDialog, kft_diagnose_dialog, GTK_TYPE_DIALOG)

/* --- the steps --- */

static void make_steps(KftDiagnoseDialog *self)
{
    for (unsigned i = 0; i < KFT_DIAGNOSE_N_STEPS; i++) {
        self->rows[i] = KFT_DIAGNOSE_ROW(kft_diagnose_row_new((KftDiagnoseStep)i));
        gtk_container_add(GTK_CONTAINER(self->list), GTK_WIDGET(self->rows[i]));
    }
}

static void reset_steps(KftDiagnoseDialog *self)
{
    for (unsigned i = 0; i < KFT_DIAGNOSE_N_STEPS; i++) {
        KftDiagnoseResult result = {
            .step = (KftDiagnoseStep)i,
            .state = KFT_DIAGNOSE_STATE_WAITING,
            .blocker = KFT_DIAGNOSE_N_STEPS,
        };
        kft_diagnose_row_show(self->rows[i], &result);
    }
    self->revealed = NULL;
    gtk_adjustment_set_value(gtk_scrolled_window_get_vadjustment(self->steps), 0);
}

/* Returns: KFT_DIAGNOSE_N_STEPS if there is none. */
static KftDiagnoseStep find_first(KftDiagnoseDialog *self, KftDiagnoseState state)
{
    unsigned i = 0;
    while (i < KFT_DIAGNOSE_N_STEPS && kft_diagnose_row_get_state(self->rows[i]) != state)
        i++;
    return (KftDiagnoseStep)i;
}

static void show_step(KftDiagnoseDialog *self, const KftDiagnoseResult *result)
{
    kft_diagnose_row_show(self->rows[result->step], result);
    KftDiagnoseStep running = find_first(self, KFT_DIAGNOSE_STATE_RUNNING);
    if (running == KFT_DIAGNOSE_N_STEPS)
        return;
    /* Translators: %s is a step of the diagnosis. */
    g_autofree char *text =
        g_strdup_printf(_("Being checked: %s"), _(kft_diagnose_step_title(running)));
    gtk_label_set_text(self->summary, text);
}

/* The first failure is what the rest comes from. */
static void reveal_failure(KftDiagnoseDialog *self)
{
    KftDiagnoseStep step = find_first(self, KFT_DIAGNOSE_STATE_FAILED);
    if (step == KFT_DIAGNOSE_N_STEPS)
        return;
    self->revealed = GTK_WIDGET(self->rows[step]);
    gtk_widget_queue_resize(GTK_WIDGET(self->list));
}

/* Only now it is known where the row is. */
static void on_list_allocated(KftDiagnoseDialog *self)
{
    GtkAllocation at;

    if (self->revealed == NULL)
        return;
    gtk_widget_get_allocation(self->revealed, &at);
    gtk_adjustment_clamp_page(gtk_scrolled_window_get_vadjustment(self->steps), at.y,
                              at.y + at.height);
    self->revealed = NULL;
}

static void show_end(KftDiagnoseDialog *self, const KftEvent *event)
{
    self->id = 0;
    gtk_widget_set_visible(GTK_WIDGET(self->steps), event->diagnosis.error == NULL);
    reveal_failure(self);
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

/* --- which one --- */

static void begin(KftDiagnoseDialog *self, KftForwardItem *item)
{
    /* Translators: title of a window; %s is the name of a forward. */
    g_autofree char *title =
        g_strdup_printf(_("Diagnose %s"), kft_forward_item_get_config(item)->alias);
    g_autoptr(GError) error = NULL;

    kft_core_stop_diagnosis(self->core, self->id);
    reset_steps(self);
    g_clear_pointer(&self->report, g_free);
    gtk_dialog_set_response_sensitive(GTK_DIALOG(self), GTK_RESPONSE_APPLY, FALSE);
    gtk_window_set_title(GTK_WINDOW(self), title);
    self->id = kft_core_diagnose(self->core, item, &error);
    gtk_widget_set_visible(GTK_WIDGET(self->steps), self->id != 0);
    gtk_label_set_text(self->summary, self->id == 0
                                          ? error->message
                                          : _("Looking at each step on the way to the pod…"));
    if (self->id == 0)
        gtk_spinner_stop(self->spinner);
    else
        gtk_spinner_start(self->spinner);
}

static void on_forward_changed(KftDiagnoseDialog *self)
{
    int index = gtk_combo_box_get_active(GTK_COMBO_BOX(self->forward));
    if (index >= 0 && (unsigned)index < self->items->len)
        begin(self, self->items->pdata[index]);
}

/* What does not work stands first. */
static unsigned rank(KftForwardItem *item)
{
    KftItemState state = kft_forward_item_get_status(item)->state;
    return state == KFT_ITEM_FAILED           ? 0
           : state == KFT_ITEM_RECONNECTING   ? 1
           : kft_forward_item_is_active(item) ? 2
                                              : 3;
}

static int compare(gconstpointer a, gconstpointer b)
{
    KftForwardItem *item_a = *(KftForwardItem *const *)a;
    KftForwardItem *item_b = *(KftForwardItem *const *)b;

    if (rank(item_a) != rank(item_b))
        return (int)rank(item_a) - (int)rank(item_b);
    return g_utf8_collate(kft_forward_item_get_config(item_a)->alias,
                          kft_forward_item_get_config(item_b)->alias);
}

static void fill_choice(KftDiagnoseDialog *self, KftForwardItem *first)
{
    GListModel *list = kft_model_get_list(kft_core_get_model(self->core));
    unsigned n = g_list_model_get_n_items(list);
    unsigned active = 0;

    for (unsigned i = 0; i < n; i++)
        g_ptr_array_add(self->items, g_list_model_get_item(list, i));
    g_ptr_array_sort(self->items, compare);
    for (unsigned i = 0; i < n; i++) {
        const char *alias = kft_forward_item_get_config(self->items->pdata[i])->alias;
        gtk_combo_box_text_append_text(self->forward, alias);
        if (self->items->pdata[i] == first)
            active = i;
    }
    gtk_widget_set_visible(self->choice, n > 0);
    if (n > 0)
        gtk_combo_box_set_active(GTK_COMBO_BOX(self->forward), (int)active);
    else
        gtk_label_set_text(self->summary, _("No forwards yet"));
}

/* --- object --- */

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
    g_clear_pointer(&self->items, g_ptr_array_unref);
    G_OBJECT_CLASS(kft_diagnose_dialog_parent_class)->dispose(object);
}

static void kft_diagnose_dialog_class_init(KftDiagnoseDialogClass *class)
{
    GtkWidgetClass *widget_class = GTK_WIDGET_CLASS(class);

    G_OBJECT_CLASS(class)->dispose = kft_diagnose_dialog_dispose;
    GTK_DIALOG_CLASS(class)->response = kft_diagnose_dialog_response;
    gtk_widget_class_set_template_from_resource(widget_class,
                                                "/io/github/kftray/Kftray/diagnose-dialog.ui");
    gtk_widget_class_bind_template_child(widget_class, KftDiagnoseDialog, steps);
    gtk_widget_class_bind_template_child(widget_class, KftDiagnoseDialog, list);
    gtk_widget_class_bind_template_child(widget_class, KftDiagnoseDialog, choice);
    gtk_widget_class_bind_template_child(widget_class, KftDiagnoseDialog, forward);
    gtk_widget_class_bind_template_child(widget_class, KftDiagnoseDialog, spinner);
    gtk_widget_class_bind_template_child(widget_class, KftDiagnoseDialog, summary);
    gtk_widget_class_bind_template_callback(widget_class, on_forward_changed);
    gtk_widget_class_bind_template_callback(widget_class, on_list_allocated);
}

static void kft_diagnose_dialog_init(KftDiagnoseDialog *self)
{
    self->items = g_ptr_array_new_with_free_func(g_object_unref);
    gtk_widget_init_template(GTK_WIDGET(self));
    make_steps(self);
}

GtkWidget *kft_diagnose_dialog_new(KftCore *core, GtkWindow *parent, KftForwardItem *item)
{
    KftDiagnoseDialog *self = g_object_new(KFT_TYPE_DIAGNOSE_DIALOG, "use-header-bar", 1,
                                           "transient-for", parent, "title", _("Diagnose"), NULL);

    self->core = g_object_ref(core);
    gtk_dialog_set_response_sensitive(GTK_DIALOG(self), GTK_RESPONSE_APPLY, FALSE);
    g_signal_connect_swapped(core, "diagnose-event", G_CALLBACK(on_diagnose_event), self);
    fill_choice(self, item);
    return GTK_WIDGET(self);
}
