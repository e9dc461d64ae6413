#include "group-row.h"

#include <glib/gi18n.h>

struct _KftGroupRow {
    GtkListBoxRow parent;
    char *key;
    bool is_collapsed;
    unsigned n_running;
    unsigned n_total;
    GtkWidget *content;
    GtkImage *arrow;
    GtkLabel *title;
    GtkLabel *count;
    GtkWidget *start_button;
    GtkWidget *stop_button;
};

G_DEFINE_FINAL_TYPE(KftGroupRow, kft_group_row, GTK_TYPE_LIST_BOX_ROW)

static unsigned run_all_signal;

static void on_start_clicked(KftGroupRow *self)
{
    g_signal_emit(self, run_all_signal, 0, TRUE);
}

static void on_stop_clicked(KftGroupRow *self)
{
    g_signal_emit(self, run_all_signal, 0, FALSE);
}

/* Right opens it, Left closes it, as in a tree. */
static gboolean kft_group_row_key_press_event(GtkWidget *widget, GdkEventKey *event)
{
    KftGroupRow *self = KFT_GROUP_ROW(widget);
    bool is_rtl = gtk_widget_get_direction(widget) == GTK_TEXT_DIR_RTL;
    unsigned opening = is_rtl ? GDK_KEY_Left : GDK_KEY_Right;
    unsigned closing = is_rtl ? GDK_KEY_Right : GDK_KEY_Left;

    if (gtk_widget_has_focus(widget) && event->keyval == (self->is_collapsed ? opening : closing) &&
        (event->state & gtk_accelerator_get_default_mod_mask()) == 0)
        return gtk_widget_activate(widget);
    return GTK_WIDGET_CLASS(kft_group_row_parent_class)->key_press_event(widget, event);
}

static void kft_group_row_finalize(GObject *object)
{
    g_free(KFT_GROUP_ROW(object)->key);
    G_OBJECT_CLASS(kft_group_row_parent_class)->finalize(object);
}

static void kft_group_row_class_init(KftGroupRowClass *class)
{
    GtkWidgetClass *widget_class = GTK_WIDGET_CLASS(class);

    G_OBJECT_CLASS(class)->finalize = kft_group_row_finalize;
    widget_class->key_press_event = kft_group_row_key_press_event;
    gtk_widget_class_set_template_from_resource(widget_class,
                                                "/io/github/kftray/Kftray/group-row.ui");
    gtk_widget_class_bind_template_child(widget_class, KftGroupRow, content);
    gtk_widget_class_bind_template_child(widget_class, KftGroupRow, arrow);
    gtk_widget_class_bind_template_child(widget_class, KftGroupRow, title);
    gtk_widget_class_bind_template_child(widget_class, KftGroupRow, count);
    gtk_widget_class_bind_template_child(widget_class, KftGroupRow, start_button);
    gtk_widget_class_bind_template_child(widget_class, KftGroupRow, stop_button);
    gtk_widget_class_bind_template_callback(widget_class, on_start_clicked);
    gtk_widget_class_bind_template_callback(widget_class, on_stop_clicked);
    run_all_signal = g_signal_new("run-all", KFT_TYPE_GROUP_ROW, G_SIGNAL_RUN_LAST, 0, NULL, NULL,
                                  NULL, G_TYPE_NONE, 1, G_TYPE_BOOLEAN);
}

static void kft_group_row_init(KftGroupRow *self)
{
    gtk_widget_init_template(GTK_WIDGET(self));
    /* "3 / 5" would be "5 / 3" from right to left. */
    gtk_widget_set_direction(GTK_WIDGET(self->count), GTK_TEXT_DIR_LTR);
}

static void show_name(KftGroupRow *self)
{
    AtkObject *accessible = gtk_widget_get_accessible(GTK_WIDGET(self));
    /* Translators: read out for a group of forwards: its name, then "3 of 12 running". */
    g_autofree char *name = g_strdup_printf(
        _("%s, %u of %u running"), gtk_label_get_text(self->title), self->n_running, self->n_total);
    atk_object_set_name(accessible, name);
    atk_object_set_description(accessible, self->is_collapsed ? _("Collapsed") : _("Expanded"));
}

GtkWidget *kft_group_row_new(const char *key, const char *title)
{
    KftGroupRow *self = g_object_new(KFT_TYPE_GROUP_ROW, NULL);
    self->key = g_strdup(key);
    gtk_label_set_text(self->title, title);
    gtk_widget_set_tooltip_text(GTK_WIDGET(self->title), title);
    show_name(self);
    return GTK_WIDGET(self);
}

const char *kft_group_row_get_key(KftGroupRow *self)
{
    return self->key;
}

void kft_group_row_set_counts(KftGroupRow *self,
                              unsigned n_running,
                              unsigned n_active,
                              unsigned n_total)
{
    g_autofree char *text = g_strdup_printf("%u / %u", n_running, n_total);

    gtk_widget_set_sensitive(self->start_button, n_active < n_total);
    gtk_widget_set_sensitive(self->stop_button, n_active > 0);
    if (n_running == self->n_running && n_total == self->n_total)
        return;
    self->n_running = n_running;
    self->n_total = n_total;
    gtk_label_set_text(self->count, text);
    show_name(self);
}

void kft_group_row_set_in_view(KftGroupRow *self, bool is_in_view)
{
    int height = -1;

    if (is_in_view == gtk_widget_get_visible(self->content))
        return;
    if (!is_in_view)
        gtk_widget_get_preferred_height(GTK_WIDGET(self), NULL, &height);
    gtk_widget_set_visible(self->content, is_in_view);
    gtk_widget_set_size_request(GTK_WIDGET(self), -1, height);
}

void kft_group_row_set_collapsed(KftGroupRow *self, bool is_collapsed)
{
    self->is_collapsed = is_collapsed;
    gtk_image_set_from_icon_name(
        self->arrow, is_collapsed ? "pan-end-symbolic" : "pan-down-symbolic", GTK_ICON_SIZE_MENU);
    show_name(self);
}

bool kft_group_row_get_collapsed(KftGroupRow *self)
{
    return self->is_collapsed;
}
