#include "log-view.h"

struct _KftLogView {
    GtkTextView parent;
    KftForwardItem *item;
    unsigned n_lines; /* that are shown */
};

G_DEFINE_FINAL_TYPE(KftLogView, kft_log_view, GTK_TYPE_TEXT_VIEW)

static char *format_line(const KftLogLine *line)
{
    g_autoptr(GDateTime) time = g_date_time_new_from_unix_local(line->time_s);
    g_autofree char *clock = g_date_time_format(time, "%H:%M:%S");
    return g_strdup_printf("%s  %s%s\n", clock, line->is_error ? "✗ " : "", line->text);
}

static GtkTextBuffer *get_buffer(KftLogView *self)
{
    return gtk_text_view_get_buffer(GTK_TEXT_VIEW(self));
}

static void append_line(KftLogView *self, const KftLogLine *line)
{
    g_autofree char *text = format_line(line);
    GtkTextIter end;

    gtk_text_buffer_get_end_iter(get_buffer(self), &end);
    gtk_text_buffer_insert(get_buffer(self), &end, text, -1);
    self->n_lines++;
}

static void show_all(KftLogView *self)
{
    GQueue *log = kft_forward_item_get_log(self->item);

    gtk_text_buffer_set_text(get_buffer(self), "", 0);
    self->n_lines = 0;
    for (GList *link = log->head; link != NULL; link = link->next)
        append_line(self, link->data);
}

/* One line came; the oldest may have gone. */
static void on_item_changed(KftForwardItem *item, unsigned what, KftLogView *self)
{
    if ((what & KFT_ITEM_LOG) == 0 || !gtk_widget_get_mapped(GTK_WIDGET(self)))
        return;
    if (self->n_lines >= KFT_ITEM_MAX_LOG)
        show_all(self);
    else
        append_line(self, g_queue_peek_tail(kft_forward_item_get_log(item)));
    gtk_text_view_scroll_to_mark(GTK_TEXT_VIEW(self),
                                 gtk_text_buffer_get_mark(get_buffer(self), "end"), 0, FALSE, 0, 1);
}

static void drop_item(KftLogView *self)
{
    if (self->item != NULL)
        g_signal_handlers_disconnect_by_data(self->item, self);
    g_clear_object(&self->item);
}

void kft_log_view_set_item(KftLogView *self, KftForwardItem *item)
{
    if (self->item == item)
        return;
    drop_item(self);
    if (item == NULL)
        return;
    self->item = g_object_ref(item);
    g_signal_connect(item, "changed", G_CALLBACK(on_item_changed), self);
    show_all(self);
}

void kft_log_view_copy(KftLogView *self)
{
    GtkTextIter start;
    GtkTextIter end;

    gtk_text_buffer_get_bounds(get_buffer(self), &start, &end);
    g_autofree char *text = gtk_text_buffer_get_text(get_buffer(self), &start, &end, FALSE);
    gtk_clipboard_set_text(gtk_clipboard_get(GDK_SELECTION_CLIPBOARD), text, -1);
}

static void kft_log_view_map(GtkWidget *widget)
{
    GTK_WIDGET_CLASS(kft_log_view_parent_class)->map(widget);
    if (KFT_LOG_VIEW(widget)->item != NULL)
        show_all(KFT_LOG_VIEW(widget));
}

static void kft_log_view_dispose(GObject *object)
{
    drop_item(KFT_LOG_VIEW(object));
    G_OBJECT_CLASS(kft_log_view_parent_class)->dispose(object);
}

static void kft_log_view_class_init(KftLogViewClass *class)
{
    G_OBJECT_CLASS(class)->dispose = kft_log_view_dispose;
    GTK_WIDGET_CLASS(class)->map = kft_log_view_map;
}

static void kft_log_view_init(KftLogView *self)
{
    GtkTextView *view = GTK_TEXT_VIEW(self);
    GtkTextIter end;

    gtk_text_view_set_editable(view, FALSE);
    gtk_text_view_set_cursor_visible(view, FALSE);
    gtk_text_view_set_accepts_tab(view, FALSE);
    gtk_text_view_set_wrap_mode(view, GTK_WRAP_WORD_CHAR);
    gtk_text_view_set_left_margin(view, 6);
    gtk_text_view_set_right_margin(view, 6);
    gtk_text_view_set_top_margin(view, 4);
    gtk_text_view_set_bottom_margin(view, 4);
    gtk_style_context_add_class(gtk_widget_get_style_context(GTK_WIDGET(self)), "kft-log");
    gtk_text_buffer_get_end_iter(get_buffer(self), &end);
    (void)gtk_text_buffer_create_mark(get_buffer(self), "end", &end, /* left_gravity */ FALSE);
}
