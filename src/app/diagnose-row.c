/* The name and the line below it are there from the start, so that a row only grows if its text
 * needs more than one line. */
#include "diagnose-row.h"

#include <gdk/gdkkeysyms.h>
#include <glib/gi18n.h>

struct _KftDiagnoseRow {
    GtkListBoxRow parent;
    KftDiagnoseStep step;
    KftDiagnoseState state;
    GtkImage *icon;
    GtkLabel *title;
    GtkLabel *state_word;
    GtkLabel *found;
    GtkLabel *advice;
};

G_DEFINE_FINAL_TYPE(KftDiagnoseRow, kft_diagnose_row, GTK_TYPE_LIST_BOX_ROW)

/* --- showing --- */

typedef struct {
    const char *word;
    const char *icon;
    const char *style_class;
} StateInfo;

static const StateInfo states[] = {
    [KFT_DIAGNOSE_STATE_WAITING] = {N_("waiting"), "kftray-stopped-symbolic", "kft-stopped"},
    [KFT_DIAGNOSE_STATE_RUNNING] = {N_("being checked"), "kftray-starting-symbolic",
                                    "kft-starting"},
    [KFT_DIAGNOSE_STATE_OK] = {N_("in order"), "kftray-running-symbolic", "kft-running"},
    [KFT_DIAGNOSE_STATE_FAILED] = {N_("failed"), "kftray-failed-symbolic", "kft-failed"},
    [KFT_DIAGNOSE_STATE_SKIPPED] = {N_("skipped"), "kftray-stopped-symbolic", "kft-stopped"},
};

static void set_style_class(gpointer widget, const char *old, const char *new)
{
    GtkStyleContext *style = gtk_widget_get_style_context(GTK_WIDGET(widget));
    gtk_style_context_remove_class(style, old);
    gtk_style_context_add_class(style, new);
}

static void show_state(KftDiagnoseRow *self, KftDiagnoseState state)
{
    const char *title = _(kft_diagnose_step_title(self->step));
    /* Translators: a step of the diagnosis and its state, read aloud by a screen reader. */
    g_autofree char *name = g_strdup_printf(_("%s: %s"), title, _(states[state].word));

    set_style_class(self->icon, states[self->state].style_class, states[state].style_class);
    set_style_class(self->state_word, states[self->state].style_class, states[state].style_class);
    self->state = state;
    gtk_image_set_from_icon_name(self->icon, states[state].icon, GTK_ICON_SIZE_MENU);
    gtk_label_set_text(self->state_word, _(states[state].word));
    atk_object_set_name(gtk_widget_get_accessible(GTK_WIDGET(self)), name);
}

static char *dup_found(const KftDiagnoseResult *result)
{
    /* Translators: %s is an earlier step of the diagnosis. */
    if (result->blocker != KFT_DIAGNOSE_N_STEPS)
        return g_strdup_printf(_("Not tried, as this failed: %s"),
                               _(kft_diagnose_step_title(result->blocker)));
    return g_strdup(result->text != NULL ? result->text : "");
}

void kft_diagnose_row_show(KftDiagnoseRow *self, const KftDiagnoseResult *result)
{
    g_autofree char *found = dup_found(result);
    g_autofree char *advice =
        result->advice != NULL ? g_strconcat(_(result->advice->window), ".", NULL) : NULL;
    g_autofree char *description = g_strjoin("\n", found, advice, NULL);

    show_state(self, result->state);
    gtk_label_set_text(self->found, found);
    gtk_label_set_text(self->advice, advice != NULL ? advice : "");
    gtk_widget_set_visible(GTK_WIDGET(self->advice), advice != NULL);
    atk_object_set_description(gtk_widget_get_accessible(GTK_WIDGET(self)), description);
}

KftDiagnoseState kft_diagnose_row_get_state(KftDiagnoseRow *self)
{
    return self->state;
}

/* --- keyboard --- */

static void on_copy(KftDiagnoseRow *self)
{
    GString *text = g_string_new(NULL);

    g_string_printf(text, "%s: %s\n%s\n", gtk_label_get_text(self->title),
                    gtk_label_get_text(self->state_word), gtk_label_get_text(self->found));
    if (gtk_widget_get_visible(GTK_WIDGET(self->advice)))
        g_string_append_printf(text, "%s\n", gtk_label_get_text(self->advice));
    gtk_clipboard_set_text(gtk_clipboard_get(GDK_SELECTION_CLIPBOARD), text->str, (int)text->len);
    (void)g_string_free(text, TRUE);
}

/* The list is one stop for Tab, arrows go from row to row; a text in it has the focus only if it is
 * clicked at. */
static gboolean kft_diagnose_row_focus(GtkWidget *widget, GtkDirectionType direction)
{
    GtkWidget *list = gtk_widget_get_parent(widget);
    bool is_tab = direction == GTK_DIR_TAB_FORWARD || direction == GTK_DIR_TAB_BACKWARD;
    bool is_within = gtk_container_get_focus_child(GTK_CONTAINER(widget)) != NULL ||
                     gtk_widget_has_focus(widget) ||
                     (is_tab && gtk_container_get_focus_child(GTK_CONTAINER(list)) != NULL);

    if (is_within)
        return FALSE;
    gtk_widget_grab_focus(widget);
    return TRUE;
}

/* --- object --- */

static void kft_diagnose_row_class_init(KftDiagnoseRowClass *class)
{
    GtkWidgetClass *widget_class = GTK_WIDGET_CLASS(class);
    GtkBindingSet *bindings = gtk_binding_set_by_class(class);

    widget_class->focus = kft_diagnose_row_focus;
    (void)g_signal_new_class_handler("copy", G_OBJECT_CLASS_TYPE(class),
                                     G_SIGNAL_RUN_LAST | G_SIGNAL_ACTION, G_CALLBACK(on_copy), NULL,
                                     NULL, NULL, G_TYPE_NONE, 0);
    gtk_binding_entry_add_signal(bindings, GDK_KEY_c, GDK_CONTROL_MASK, "copy", 0);
    gtk_binding_entry_add_signal(bindings, GDK_KEY_Insert, GDK_CONTROL_MASK, "copy", 0);
    gtk_widget_class_set_template_from_resource(widget_class,
                                                "/io/github/kftray/Kftray/diagnose-row.ui");
    gtk_widget_class_bind_template_child(widget_class, KftDiagnoseRow, icon);
    gtk_widget_class_bind_template_child(widget_class, KftDiagnoseRow, title);
    gtk_widget_class_bind_template_child(widget_class, KftDiagnoseRow, state_word);
    gtk_widget_class_bind_template_child(widget_class, KftDiagnoseRow, found);
    gtk_widget_class_bind_template_child(widget_class, KftDiagnoseRow, advice);
}

static void kft_diagnose_row_init(KftDiagnoseRow *self)
{
    gtk_widget_init_template(GTK_WIDGET(self));
}

GtkWidget *kft_diagnose_row_new(KftDiagnoseStep step)
{
    KftDiagnoseRow *self = g_object_new(KFT_TYPE_DIAGNOSE_ROW, NULL);

    self->step = step;
    gtk_label_set_text(self->title, _(kft_diagnose_step_title(step)));
    show_state(self, KFT_DIAGNOSE_STATE_WAITING);
    return GTK_WIDGET(self);
}
