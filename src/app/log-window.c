#include "log-window.h"

#include <glib/gi18n.h>

#include "log-view.h"

struct _KftLogWindow {
    GtkWindow parent;
    KftForwardItem *item;
    KftLogView *log;
};

G_DEFINE_FINAL_TYPE(KftLogWindow, kft_log_window, GTK_TYPE_WINDOW)

static void on_copy(KftLogWindow *self)
{
    kft_log_view_copy(self->log);
}

static void on_close(GSimpleAction *action, GVariant *parameter, gpointer user_data)
{
    (void)action;
    (void)parameter;
    gtk_widget_destroy(GTK_WIDGET(user_data));
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
    gtk_widget_class_bind_template_child(widget_class, KftLogWindow, log);
    gtk_widget_class_bind_template_callback(widget_class, on_copy);
}

static void kft_log_window_init(KftLogWindow *self)
{
    static const GActionEntry entries[] = {{.name = "close", .activate = on_close}};
    g_autoptr(GSimpleActionGroup) actions = g_simple_action_group_new();

    gtk_widget_init_template(GTK_WIDGET(self));
    g_action_map_add_action_entries(G_ACTION_MAP(actions), entries, G_N_ELEMENTS(entries), self);
    gtk_widget_insert_action_group(GTK_WIDGET(self), "win", G_ACTION_GROUP(actions));
}

GtkWidget *kft_log_window_new(GtkApplication *application, KftForwardItem *item)
{
    const KftConfig *config = kft_forward_item_get_config(item);
    /* Translators: title of a window; %s is the name of a forward. */
    g_autofree char *title = g_strdup_printf(_("Log of %s"), config->alias);
    KftLogWindow *self =
        g_object_new(KFT_TYPE_LOG_WINDOW, "application", application, "title", title, NULL);

    self->item = g_object_ref(item);
    kft_log_view_set_item(self->log, item);
    return GTK_WIDGET(self);
}

KftForwardItem *kft_log_window_get_item(KftLogWindow *self)
{
    return self->item;
}
