#include "log-view.h"

#include "search-words.h"

/* Of what a line continues on, in pixels: the times stay a column of their own. */
#define HANGING_INDENT 24

struct _KftLogView {
    GtkTextView parent;
    KftForwardItem *item; /* whose log it is; or else */
    KftModel *model;      /* all of its logs; both NULL: none yet */
    char **words;         /* that a line must have */
    bool errors_only;
    gint64 day; /* of the last line, in days of the calendar; 0 = no line */
};

G_DEFINE_FINAL_TYPE(KftLogView, kft_log_view, GTK_TYPE_TEXT_VIEW)

typedef struct {
    KftForwardItem *item; /* borrowed */
    const KftLogLine *line;
} Entry;

static GtkTextBuffer *get_buffer(KftLogView *self)
{
    return gtk_text_view_get_buffer(GTK_TEXT_VIEW(self));
}

/* --- lines --- */

static gint64 get_day(GDateTime *time)
{
    return (gint64)g_date_time_get_year(time) * 366 + g_date_time_get_day_of_year(time);
}

static bool is_shown(KftLogView *self, const Entry *entry)
{
    if (self->errors_only && !entry->line->is_error)
        return false;
    if (*self->words == NULL)
        return true;
    g_autofree char *text =
        g_strconcat(kft_forward_item_get_config(entry->item)->alias, "\n", entry->line->text, NULL);
    g_autofree char *haystack = g_utf8_strdown(text, -1);
    return kft_search_words_occur((const char *const *)self->words, haystack);
}

/* The day is told where another one begins, but for today at the top. */
static void append_day(KftLogView *self, GDateTime *time, GString *out)
{
    g_autoptr(GDateTime) now = g_date_time_new_now_local();
    gint64 day = get_day(time);

    if (day != self->day && (self->day != 0 || day != get_day(now))) {
        g_autofree char *date = g_date_time_format(time, "%A, %x");
        g_string_append_printf(out, "%s\n", date);
    }
    self->day = day;
}

static void append_entry(KftLogView *self, const Entry *entry, GString *out)
{
    const KftLogLine *line = entry->line;
    g_autoptr(GDateTime) time = g_date_time_new_from_unix_local(line->time_s);
    g_autofree char *clock = g_date_time_format(time, "%H:%M:%S");

    append_day(self, time, out);
    g_string_append_printf(out, "%s  %s", clock, line->is_error ? "✗ " : "");
    if (self->model != NULL)
        g_string_append_printf(out, "%s: ", kft_forward_item_get_config(entry->item)->alias);
    g_string_append_printf(out, "%s\n", line->text);
}

static int compare_times(const void *a, const void *b)
{
    const Entry *left = a;
    const Entry *right = b;
    return (left->line->time_s > right->line->time_s) - (left->line->time_s < right->line->time_s);
}

static void collect(KftLogView *self, KftForwardItem *item, GArray *entries)
{
    for (GList *link = kft_forward_item_get_log(item)->head; link != NULL; link = link->next) {
        const Entry entry = {item, link->data};
        if (is_shown(self, &entry))
            g_array_append_val(entries, entry);
    }
}

/* Returns: (transfer full), of Entry, those to show, oldest first. */
static GArray *collect_all(KftLogView *self)
{
    GArray *entries = g_array_new(FALSE, FALSE, sizeof(Entry));

    if (self->item != NULL)
        collect(self, self->item, entries);
    if (self->model == NULL)
        return entries;
    GListModel *list = kft_model_get_list(self->model);
    for (unsigned i = 0; i < g_list_model_get_n_items(list); i++) {
        g_autoptr(KftForwardItem) item = g_list_model_get_item(list, i);
        collect(self, item, entries);
    }
    g_array_sort(entries, compare_times);
    return entries;
}

/* --- the text --- */

static void drop_old_lines(KftLogView *self)
{
    /* The last line is the empty one after the last line's end. */
    int n_extra = gtk_text_buffer_get_line_count(get_buffer(self)) - 1 - KFT_LOG_VIEW_MAX_LINES;
    GtkTextIter start;
    GtkTextIter end;

    if (n_extra <= 0)
        return;
    gtk_text_buffer_get_start_iter(get_buffer(self), &start);
    gtk_text_buffer_get_iter_at_line(get_buffer(self), &end, n_extra);
    gtk_text_buffer_delete(get_buffer(self), &start, &end);
}

static void scroll_to_end(KftLogView *self)
{
    gtk_text_view_scroll_to_mark(GTK_TEXT_VIEW(self),
                                 gtk_text_buffer_get_mark(get_buffer(self), "end"), 0, FALSE, 0, 1);
}

static bool is_at_end(KftLogView *self)
{
    GtkAdjustment *adjustment = gtk_scrollable_get_vadjustment(GTK_SCROLLABLE(self));
    double below = gtk_adjustment_get_upper(adjustment) - gtk_adjustment_get_page_size(adjustment) -
                   gtk_adjustment_get_value(adjustment);
    /* Less than a line. */
    return below < 8;
}

/* What is not mapped is filled when it will be. */
static void show_all(KftLogView *self)
{
    if (!gtk_widget_get_mapped(GTK_WIDGET(self)))
        return;
    g_autoptr(GArray) entries = collect_all(self);
    g_autoptr(GString) text = g_string_new(NULL);
    unsigned first = MAX(entries->len, KFT_LOG_VIEW_MAX_LINES) - KFT_LOG_VIEW_MAX_LINES;

    self->day = 0;
    for (unsigned i = first; i < entries->len; i++)
        append_entry(self, &g_array_index(entries, Entry, i), text);
    gtk_text_buffer_set_text(get_buffer(self), text->str, (int)text->len);
    drop_old_lines(self);
    scroll_to_end(self);
}

static void show_newest(KftLogView *self, KftForwardItem *item)
{
    const Entry entry = {item, g_queue_peek_tail(kft_forward_item_get_log(item))};
    g_autoptr(GString) text = g_string_new(NULL);
    bool follows = is_at_end(self);
    GtkTextIter end;

    if (!is_shown(self, &entry))
        return;
    append_entry(self, &entry, text);
    gtk_text_buffer_get_end_iter(get_buffer(self), &end);
    gtk_text_buffer_insert(get_buffer(self), &end, text->str, (int)text->len);
    drop_old_lines(self);
    if (follows)
        scroll_to_end(self);
}

/* --- what it is of --- */

static void on_item_changed(KftForwardItem *item, unsigned what, KftLogView *self)
{
    if ((what & KFT_ITEM_LOG) != 0 && gtk_widget_get_mapped(GTK_WIDGET(self)))
        show_newest(self, item);
}

static void on_logged(KftModel *model, KftForwardItem *item, KftLogView *self)
{
    (void)model;
    if (gtk_widget_get_mapped(GTK_WIDGET(self)))
        show_newest(self, item);
}

static void drop_source(KftLogView *self)
{
    if (self->item != NULL)
        g_signal_handlers_disconnect_by_data(self->item, self);
    if (self->model != NULL)
        g_signal_handlers_disconnect_by_data(self->model, self);
    g_clear_object(&self->item);
    g_clear_object(&self->model);
}

void kft_log_view_set_item(KftLogView *self, KftForwardItem *item)
{
    if (self->item == item)
        return;
    drop_source(self);
    if (item == NULL)
        return;
    self->item = g_object_ref(item);
    g_signal_connect(item, "changed", G_CALLBACK(on_item_changed), self);
    show_all(self);
}

void kft_log_view_set_model(KftLogView *self, KftModel *model)
{
    drop_source(self);
    self->model = g_object_ref(model);
    g_signal_connect(model, "logged", G_CALLBACK(on_logged), self);
    show_all(self);
}

void kft_log_view_set_filter(KftLogView *self, const char *text, bool errors_only)
{
    g_strfreev(self->words);
    self->words = kft_search_words_split(text);
    self->errors_only = errors_only;
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

/* --- object --- */

static void kft_log_view_map(GtkWidget *widget)
{
    GTK_WIDGET_CLASS(kft_log_view_parent_class)->map(widget);
    show_all(KFT_LOG_VIEW(widget));
}

static void kft_log_view_dispose(GObject *object)
{
    drop_source(KFT_LOG_VIEW(object));
    G_OBJECT_CLASS(kft_log_view_parent_class)->dispose(object);
}

static void kft_log_view_finalize(GObject *object)
{
    g_strfreev(KFT_LOG_VIEW(object)->words);
    G_OBJECT_CLASS(kft_log_view_parent_class)->finalize(object);
}

static void kft_log_view_class_init(KftLogViewClass *class)
{
    G_OBJECT_CLASS(class)->dispose = kft_log_view_dispose;
    G_OBJECT_CLASS(class)->finalize = kft_log_view_finalize;
    GTK_WIDGET_CLASS(class)->map = kft_log_view_map;
}

static void kft_log_view_init(KftLogView *self)
{
    GtkTextView *view = GTK_TEXT_VIEW(self);
    GtkTextIter end;

    self->words = kft_search_words_split("");
    gtk_text_view_set_editable(view, FALSE);
    gtk_text_view_set_cursor_visible(view, FALSE);
    gtk_text_view_set_accepts_tab(view, FALSE);
    gtk_text_view_set_wrap_mode(view, GTK_WRAP_WORD_CHAR);
    gtk_text_view_set_indent(view, -HANGING_INDENT);
    gtk_text_view_set_left_margin(view, 6);
    gtk_text_view_set_right_margin(view, 6);
    gtk_text_view_set_top_margin(view, 4);
    gtk_text_view_set_bottom_margin(view, 4);
    gtk_style_context_add_class(gtk_widget_get_style_context(GTK_WIDGET(self)), "kft-log");
    gtk_text_buffer_get_end_iter(get_buffer(self), &end);
    (void)gtk_text_buffer_create_mark(get_buffer(self), "end", &end, /* left_gravity */ FALSE);
}
