#include "log-window.h"

#include <glib/gi18n.h>
#include <stdbool.h>

#include "log-view.h"

struct _KftLogWindow {
    GtkWindow parent;
    KftForwardItem *item; /* NULL: of all */
    GtkEntry *search;
    GtkToggleButton *errors_only;
    GtkLabel *nothing;
    KftLogView *log;
};

G_DEFINE_FINAL_TYPE(KftLogWindow, kft_log_window, GTK_TYPE_WINDOW)

static void on_copy(KftLogWindow *self)
{
    kft_log_view_copy(self->log);
}

/* An empty window says why. */
static void tell_nothing(KftLogWindow *self)
{
    GtkTextBuffer *buffer = gtk_text_view_get_buffer(GTK_TEXT_VIEW(self->log));
    bool is_filtered = *gtk_entry_get_text(self->search) != '\0' ||
                       gtk_toggle_button_get_active(self->errors_only);

    gtk_label_set_text(self->nothing, is_filtered ? _("No line of the log matches")
                                                  : _("Nothing has happened since kftray began"));
    gtk_widget_set_visible(GTK_WIDGET(self->nothing), gtk_text_buffer_get_char_count(buffer) == 0);
}

static void on_filter_changed(KftLogWindow *self)
{
    kft_log_view_set_filter(self->log, gtk_entry_get_text(self->search),
                            gtk_toggle_button_get_active(self->errors_only));
    tell_nothing(self);
}

static void on_close(GSimpleAction *action, GVariant *parameter, gpointer user_data)
{
    (void)action;
    (void)parameter;
    gtk_widget_destroy(GTK_WIDGET(user_data));
}

static void on_search(GSimpleAction *action, GVariant *parameter, gpointer user_data)
{
    (void)action;
    (void)parameter;
    gtk_widget_grab_focus(GTK_WIDGET(KFT_LOG_WINDOW(user_data)->search));
}

/* Escape first ends the search. */
static void on_stop_search(KftLogWindow *self)
{
    if (*gtk_entry_get_text(self->search) == '\0')
        gtk_widget_destroy(GTK_WIDGET(self));
    else
        gtk_entry_set_text(self->search, "");
}

static gboolean kft_log_window_key_press_event(GtkWidget *widget, GdkEventKey *event)
{
    if (GTK_WIDGET_CLASS(kft_log_window_parent_class)->key_press_event(widget, event))
        return GDK_EVENT_STOP;
    if (event->keyval != GDK_KEY_Escape)
        return GDK_EVENT_PROPAGATE;
    gtk_widget_destroy(widget);
    return GDK_EVENT_STOP;
}

static void kft_log_window_dispose(GObject *object)
{
    g_clear_object(&KFT_LOG_WINDOW(object)->item);
    G_OBJECT_CLASS(kft_log_window_parent_class)->dispose(object);
}

static void kft_log_window_class_init(KftLogWindowClass *class)
{
    GtkWidgetClass *widget_class = GTK_WIDGET_CLASS(class);

    G_OBJECT_CLASS(class)->dispose = kft_log_window_dispose;
    widget_class->key_press_event = kft_log_window_key_press_event;
    g_type_ensure(KFT_TYPE_LOG_VIEW);
    gtk_widget_class_set_template_from_resource(widget_class,
                                                "/io/github/kftray/Kftray/log-window.ui");
    gtk_widget_class_bind_template_child(widget_class, KftLogWindow, search);
    gtk_widget_class_bind_template_child(widget_class, KftLogWindow, errors_only);
    gtk_widget_class_bind_template_child(widget_class, KftLogWindow, nothing);
    gtk_widget_class_bind_template_child(widget_class, KftLogWindow, log);
    gtk_widget_class_bind_template_callback(widget_class, on_copy);
    gtk_widget_class_bind_template_callback(widget_class, on_filter_changed);
    gtk_widget_class_bind_template_callback(widget_class, on_stop_search);
}

static void kft_log_window_init(KftLogWindow *self)
{
    static const GActionEntry entries[] = {
        {.name = "close", .activate = on_close},
        {.name = "search", .activate = on_search},
    };
    g_autoptr(GSimpleActionGroup) actions = g_simple_action_group_new();

    gtk_widget_init_template(GTK_WIDGET(self));
    g_action_map_add_action_entries(G_ACTION_MAP(actions), entries, G_N_ELEMENTS(entries), self);
    gtk_widget_insert_action_group(GTK_WIDGET(self), "win", G_ACTION_GROUP(actions));
    g_signal_connect_object(gtk_text_view_get_buffer(GTK_TEXT_VIEW(self->log)), "changed",
                            G_CALLBACK(tell_nothing), self, G_CONNECT_SWAPPED);
    gtk_widget_grab_focus(GTK_WIDGET(self->log));
}

static void set_item(KftLogWindow *self, KftForwardItem *item)
{
    /* Translators: title of a window; %s is the name of a forward. */
    g_autofree char *title =
        g_strdup_printf(_("Log of %s"), kft_forward_item_get_config(item)->alias);

    self->item = g_object_ref(item);
    gtk_window_set_title(GTK_WINDOW(self), title);
    kft_log_view_set_item(self->log, item);
}

static void set_model(KftLogWindow *self, KftModel *model)
{
    gtk_window_set_title(GTK_WINDOW(self), _("Log of All Forwards"));
    kft_log_view_set_model(self->log, model);
}

GtkWidget *kft_log_window_new(GtkApplication *application, KftModel *model, KftForwardItem *item)
{
    KftLogWindow *self = g_object_new(KFT_TYPE_LOG_WINDOW, "application", application, NULL);

    if (item != NULL)
        set_item(self, item);
    else
        set_model(self, model);
    tell_nothing(self);
    return GTK_WIDGET(self);
}

KftForwardItem *kft_log_window_get_item(KftLogWindow *self)
{
    return self->item;
}
