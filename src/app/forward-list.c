/* A thousand forwards are a thousand rows; only those in view have a card, which is what costs
 * time. Searching and folding fill rows in turns before the next layout, scrolling within it. */
#include "forward-list.h"

#include <glib/gi18n.h>

#include "folded-groups.h"
#include "forward-row.h"
#include "group-row.h"
#include "search-words.h"
#include "text.h"

/* Rows this far outside of the view are filled, too: GtkViewport draws as much ahead, and the
 * keyboard finds the neighbours whole. */
#define FILL_MARGIN 64
/* As many rows are filled in one turn of the main loop, half a millisecond each. */
#define FILL_AHEAD 6
/* What it asks for: the narrowest row. That rows may still be wider must not keep them so. */
#define MIN_CHARS 60

struct _KftForwardList {
    GtkScrolledWindow parent;
    KftCore *core;
    GtkListBox *list;
    GHashTable *rows;    /* KftForwardItem → KftForwardRow */
    GPtrArray *filled;   /* the rows that have a card */
    GHashTable *groups;  /* key → KftGroupRow */
    GHashTable *changed; /* KftForwardItem → itself: those to be counted anew */
    KftGroupCounts *counts;
    KftFoldedGroups *collapsed;
    char **words;        /* of the search, in lower case */
    unsigned n_matching; /* when it was told last */
    bool by_group;
    int n_chars;  /* that are in a row */
    double place; /* scrolled to when the search began; -1 = what was selected since then counts */
    bool shall_scroll; /* for another search, as soon as the sizes of all rows are known */
    bool needs_fill;
    int row_height;       /* that the empty rows have */
    GdkFrameClock *clock; /* while it is realized */
    bool is_selecting;    /* several, which are told of at once */
    bool has_moved;       /* rows are new or gone, or have other places, since the last count */
    unsigned recount_source;
    unsigned fill_source;
};

G_DEFINE_FINAL_TYPE(KftForwardList, kft_forward_list, GTK_TYPE_SCROLLED_WINDOW)

enum {
    SELECTION_CHANGED,
    MENU_REQUESTED,
    EDIT_REQUESTED,
    COPIED,
    SHOWN_CHANGED,
    N_SIGNALS
};

static unsigned signals[N_SIGNALS];

static const char *get_key(KftForwardList *self, GtkListBoxRow *row)
{
    return KFT_IS_GROUP_ROW(row)
               ? kft_group_row_get_key(KFT_GROUP_ROW(row))
               : kft_forward_item_get_group(kft_forward_row_get_item(KFT_FORWARD_ROW(row)),
                                            self->by_group);
}

static bool is_searching(KftForwardList *self)
{
    return self->words[0] != NULL;
}

/* --- order and visibility, asked by the list box --- */

static int compare_rows(GtkListBoxRow *a, GtkListBoxRow *b, gpointer user_data)
{
    KftForwardList *self = user_data;
    int by_key = g_utf8_collate(get_key(self, a), get_key(self, b));

    if (by_key != 0)
        return by_key;
    if (KFT_IS_GROUP_ROW(a) || KFT_IS_GROUP_ROW(b))
        return KFT_IS_GROUP_ROW(a) ? -1 : 1;
    unsigned order_a = kft_forward_row_get_order(KFT_FORWARD_ROW(a));
    unsigned order_b = kft_forward_row_get_order(KFT_FORWARD_ROW(b));
    return order_a < order_b ? -1 : order_a > order_b;
}

static gboolean is_shown(GtkListBoxRow *row, gpointer user_data)
{
    KftForwardList *self = user_data;

    if (KFT_IS_GROUP_ROW(row))
        return kft_group_counts_has_matching(self->counts, get_key(self, row));
    if (!is_searching(self))
        return !kft_folded_groups_contains(self->collapsed, get_key(self, row));
    return kft_forward_row_get_counted(KFT_FORWARD_ROW(row))->is_matching;
}

/* --- filling what is in view --- */

static void on_menu_requested(KftForwardCard *card, GtkWidget *where, KftForwardList *self)
{
    GtkWidget *row = gtk_widget_get_ancestor(GTK_WIDGET(card), KFT_TYPE_FORWARD_ROW);

    if (!gtk_list_box_row_is_selected(GTK_LIST_BOX_ROW(row))) {
        gtk_list_box_unselect_all(self->list);
        gtk_list_box_select_row(self->list, GTK_LIST_BOX_ROW(row));
    }
    g_signal_emit(self, signals[MENU_REQUESTED], 0, where, NULL);
}

static void on_copied(KftForwardCard *card, const char *text, KftForwardList *self)
{
    (void)card;
    g_signal_emit(self, signals[COPIED], 0, text);
}

static KftForwardCard *make_card(KftForwardList *self, KftForwardItem *item)
{
    KftForwardCard *card = KFT_FORWARD_CARD(kft_forward_card_new(item));

    kft_forward_card_set_room(card, self->n_chars);
    g_signal_connect(card, "menu-requested", G_CALLBACK(on_menu_requested), self);
    g_signal_connect(card, "copied", G_CALLBACK(on_copied), self);
    return card;
}

/* A row with a card that is neither wanted nor has the focus in it; (nullable). */
static KftForwardRow *take_filled_outside(KftForwardList *self, GPtrArray *wanted)
{
    for (unsigned i = 0; i < self->filled->len; i++) {
        GtkContainer *row = self->filled->pdata[i];
        if (!g_ptr_array_find(wanted, row, NULL) && gtk_container_get_focus_child(row) == NULL)
            return g_ptr_array_remove_index_fast(self->filled, i);
    }
    return NULL;
}

/* A row that changes its height when it is filled would move all below it, at each step of
 * scrolling. */
static void adopt_row_height(KftForwardList *self)
{
    GHashTableIter iter;
    gpointer row = NULL;

    if (self->row_height == kft_forward_row_get_filled_height())
        return;
    self->row_height = kft_forward_row_get_filled_height();
    g_hash_table_iter_init(&iter, self->rows);
    while (g_hash_table_iter_next(&iter, NULL, &row))
        kft_forward_row_adopt_height(row);
}

/* Returns whether there is a rest, as only @n_most of @wanted got a card. */
static bool fill_rows(KftForwardList *self, GPtrArray *wanted, unsigned n_most)
{
    for (unsigned i = 0; i < wanted->len; i++) {
        KftForwardRow *row = wanted->pdata[i];
        if (kft_forward_row_get_card(row) != NULL)
            continue;
        if (n_most-- == 0)
            return true;
        KftForwardRow *from = take_filled_outside(self, wanted);
        if (from != NULL)
            kft_forward_row_take_card(row, from);
        else
            kft_forward_row_set_card(row, make_card(self, kft_forward_row_get_item(row)));
        g_ptr_array_add(self->filled, row);
        adopt_row_height(self);
    }
    return false;
}

/* @heads: the group rows in view. */
static void show_heads(KftForwardList *self, GPtrArray *heads)
{
    GHashTableIter iter;
    gpointer row = NULL;

    g_hash_table_iter_init(&iter, self->groups);
    while (g_hash_table_iter_next(&iter, NULL, &row))
        kft_group_row_set_in_view(row, g_ptr_array_find(heads, row, NULL) ||
                                           gtk_container_get_focus_child(row) != NULL);
}

/* By the places that the rows have. */
static void fill_visible(KftForwardList *self)
{
    GtkAdjustment *adjustment = gtk_scrolled_window_get_vadjustment(GTK_SCROLLED_WINDOW(self));
    double value = gtk_adjustment_get_value(adjustment);
    int y = (int)MAX(value - FILL_MARGIN, 0);
    int end = (int)(value + gtk_adjustment_get_page_size(adjustment)) + FILL_MARGIN;
    g_autoptr(GPtrArray) wanted = g_ptr_array_new();
    g_autoptr(GPtrArray) heads = g_ptr_array_new();

    while (y < end) {
        GtkListBoxRow *row = gtk_list_box_get_row_at_y(self->list, y);
        GtkAllocation place;
        if (row == NULL)
            break;
        gtk_widget_get_allocation(GTK_WIDGET(row), &place);
        g_ptr_array_add(KFT_IS_GROUP_ROW(row) ? heads : wanted, row);
        y = MAX(y, place.y) + MAX(place.height, 8);
    }
    show_heads(self, heads);
    (void)fill_rows(self, wanted, UINT_MAX);
}

/* --- what another search leaves --- */

static int get_shown_height(GtkListBoxRow *row)
{
    int height = 0;

    if (gtk_widget_get_child_visible(GTK_WIDGET(row)))
        gtk_widget_get_preferred_height(GTK_WIDGET(row), &height, NULL);
    return height;
}

/* The place that @wanted will have when the list gets its sizes. */
static void get_next_place(KftForwardList *self, GtkListBoxRow *wanted, int *top, int *end)
{
    GtkListBoxRow *row = NULL;

    *top = *end = 0;
    for (int i = 0; row != wanted; i++) {
        row = gtk_list_box_get_row_at_index(self->list, i);
        *top = *end;
        *end += get_shown_height(row);
    }
}

/* Where to scroll to: to the first that was found; without a search to where one was before it, or
 * to what was found. */
static double get_next_value(KftForwardList *self)
{
    GtkAdjustment *adjustment = gtk_scrolled_window_get_vadjustment(GTK_SCROLLED_WINDOW(self));
    double value = gtk_adjustment_get_value(adjustment);
    int top = 0;
    int end = 0;

    if (!self->shall_scroll)
        return value;
    if (is_searching(self))
        return 0;
    if (self->place >= 0)
        return self->place;
    g_autoptr(GList) rows = gtk_list_box_get_selected_rows(self->list);
    if (rows == NULL)
        return value;
    get_next_place(self, rows->data, &top, &end);
    return MIN(top, MAX(value, end - gtk_adjustment_get_page_size(adjustment)));
}

/* What will be in view is filled before the list gets its sizes, which then are those of whole
 * rows: the frame needs one layout of all rows, not two. In turns of their own, as filling a page
 * takes longer than hiding a thousand rows. */
static gboolean on_fill_ahead(gpointer user_data)
{
    KftForwardList *self = user_data;
    GtkAdjustment *adjustment = gtk_scrolled_window_get_vadjustment(GTK_SCROLLED_WINDOW(self));
    double value = get_next_value(self);
    double end = value + gtk_adjustment_get_page_size(adjustment) + FILL_MARGIN;
    g_autoptr(GPtrArray) wanted = g_ptr_array_new();
    g_autoptr(GPtrArray) heads = g_ptr_array_new();
    int y = 0;

    for (int i = 0; y < end; i++) {
        GtkListBoxRow *row = gtk_list_box_get_row_at_index(self->list, i);
        if (row == NULL)
            break;
        int height = get_shown_height(row);
        y += height;
        if (height > 0 && y > value - FILL_MARGIN)
            g_ptr_array_add(KFT_IS_GROUP_ROW(row) ? heads : wanted, row);
    }
    show_heads(self, heads);
    if (fill_rows(self, wanted, FILL_AHEAD))
        return G_SOURCE_CONTINUE;
    self->fill_source = 0;
    return G_SOURCE_REMOVE;
}

static void fill_soon(KftForwardList *self)
{
    if (self->fill_source == 0 && gtk_widget_get_mapped(GTK_WIDGET(self)))
        self->fill_source = g_idle_add_full(G_PRIORITY_HIGH_IDLE, on_fill_ahead, self, NULL);
}

/* After something that is_shown() looks at has changed. */
static void refilter(KftForwardList *self)
{
    gtk_list_box_invalidate_filter(self->list);
    fill_soon(self);
    /* What is hidden does not count as selected. */
    g_signal_emit(self, signals[SELECTION_CHANGED], 0);
}

static void set_room(KftForwardList *self, int n_chars)
{
    self->n_chars = n_chars;
    for (unsigned i = 0; i < self->filled->len; i++)
        kft_forward_card_set_room(kft_forward_row_get_card(self->filled->pdata[i]), n_chars);
}

static int get_char_width(GtkWidget *widget)
{
    PangoContext *context = gtk_widget_get_pango_context(widget);
    PangoFontMetrics *metrics = pango_context_get_metrics(context, NULL, NULL);
    int width = pango_font_metrics_get_approximate_char_width(metrics) / PANGO_SCALE;

    pango_font_metrics_unref(metrics);
    return width;
}

/* After the list got its sizes, and before it is drawn: what was filled gets its own in the same
 * frame. What changes within the allocation itself would be lost. */
static void on_layout(KftForwardList *self)
{
    GtkAdjustment *adjustment = gtk_scrolled_window_get_vadjustment(GTK_SCROLLED_WINDOW(self));
    GtkWidget *widget = GTK_WIDGET(self);

    if (!self->needs_fill || !gtk_widget_get_mapped(widget))
        return;
    gtk_adjustment_set_value(adjustment, get_next_value(self));
    self->shall_scroll = false;
    self->needs_fill = false;
    /* The rows may be wider than what is seen of the list, until they have less room. */
    set_room(self, gtk_widget_get_allocated_width(widget) / get_char_width(widget));
    fill_visible(self);
}

/* Not at once: it may be the allocation that moves the view, and rows that hide or show have other
 * places in the next frame. What is not filled before that frame, as an animation scrolls within
 * it, is filled in its layout. */
static void on_scrolled(KftForwardList *self)
{
    fill_soon(self);
    self->needs_fill = true;
    if (self->clock != NULL)
        gdk_frame_clock_request_phase(self->clock, GDK_FRAME_CLOCK_PHASE_LAYOUT);
}

static void kft_forward_list_realize(GtkWidget *widget)
{
    KftForwardList *self = KFT_FORWARD_LIST(widget);

    GTK_WIDGET_CLASS(kft_forward_list_parent_class)->realize(widget);
    self->clock = g_object_ref(gtk_widget_get_frame_clock(widget));
    g_signal_connect_data(self->clock, "layout", G_CALLBACK(on_layout), self, NULL,
                          G_CONNECT_AFTER | G_CONNECT_SWAPPED);
}

static void kft_forward_list_unrealize(GtkWidget *widget)
{
    KftForwardList *self = KFT_FORWARD_LIST(widget);

    g_signal_handlers_disconnect_by_data(self->clock, self);
    g_clear_object(&self->clock);
    GTK_WIDGET_CLASS(kft_forward_list_parent_class)->unrealize(widget);
}

static void on_size_allocate(KftForwardList *self)
{
    self->needs_fill = true;
}

static void kft_forward_list_get_preferred_width(GtkWidget *widget, int *minimum, int *natural)
{
    *minimum = *natural = MIN_CHARS * get_char_width(widget);
}

/* --- groups --- */

static void set_group_collapsed(KftForwardList *self, KftGroupRow *row, bool is_collapsed)
{
    kft_group_row_set_collapsed(row, is_collapsed);
    kft_folded_groups_set(self->collapsed, kft_group_row_get_key(row), is_collapsed);
}

static void store_collapsed(KftForwardList *self)
{
    g_autofree char *text = kft_folded_groups_dup_text(self->collapsed);
    kft_core_set_setting(self->core, KFT_SETTING_COLLAPSED_GROUPS, text);
}

static void read_collapsed(KftForwardList *self)
{
    kft_folded_groups_read(self->collapsed,
                           kft_core_get_setting(self->core, KFT_SETTING_COLLAPSED_GROUPS));
}

static void on_run_all(KftGroupRow *group, gboolean starts, KftForwardList *self)
{
    GHashTableIter iter;
    gpointer item = NULL;
    gpointer row = NULL;

    g_hash_table_iter_init(&iter, self->rows);
    while (g_hash_table_iter_next(&iter, &item, &row)) {
        if (g_strcmp0(kft_forward_item_get_group(item, self->by_group),
                      kft_group_row_get_key(group)) != 0 ||
            !kft_forward_row_get_counted(row)->is_matching)
            continue;
        if (starts)
            kft_core_start(self->core, item);
        else
            kft_core_stop(self->core, item);
    }
}

static void add_group(KftForwardList *self, const char *key)
{
    if (g_hash_table_contains(self->groups, key))
        return;
    GtkWidget *row = kft_group_row_new(key, kft_text_group(key, self->by_group));
    g_signal_connect(row, "run-all", G_CALLBACK(on_run_all), self);
    kft_group_row_set_collapsed(KFT_GROUP_ROW(row),
                                kft_folded_groups_contains(self->collapsed, key));
    g_hash_table_insert(self->groups, g_strdup(key), row);
    gtk_list_box_insert(self->list, row, -1);
}

/* --- counting --- */

static void count_row(KftForwardList *self, KftForwardItem *item, KftForwardRow *row)
{
    kft_group_counts_put(self->counts, kft_forward_row_get_counted(row), item,
                         kft_forward_item_get_group(item, self->by_group),
                         kft_forward_item_matches(item, (const char *const *)self->words));
}

/* Returns whether others match than before. */
static bool count_all(KftForwardList *self)
{
    GHashTableIter iter;
    gpointer item = NULL;
    gpointer row = NULL;
    bool has_changed = false;

    g_hash_table_iter_init(&iter, self->rows);
    while (g_hash_table_iter_next(&iter, &item, &row)) {
        bool was_matching = kft_forward_row_get_counted(row)->is_matching;
        count_row(self, item, row);
        has_changed |= kft_forward_row_get_counted(row)->is_matching != was_matching;
    }
    return has_changed;
}

/* Returns whether it hides or shows. Only then the list box need look at it: that is a layout. */
static bool refilter_row(KftForwardList *self, GtkListBoxRow *row)
{
    if (is_shown(row, self) == gtk_widget_get_child_visible(GTK_WIDGET(row)))
        return false;
    gtk_list_box_row_changed(row);
    return true;
}

static void show_count(const KftGroupCount *count, gpointer user_data)
{
    KftForwardList *self = user_data;
    GtkWidget *row = g_hash_table_lookup(self->groups, count->key);

    if (row == NULL)
        return;
    if (count->n_total == 0) {
        (void)g_hash_table_remove(self->groups, count->key);
        gtk_widget_destroy(row);
        return;
    }
    kft_group_row_set_counts(KFT_GROUP_ROW(row), count->n_running, count->n_active, count->n_total);
    (void)refilter_row(self, GTK_LIST_BOX_ROW(row));
}

static void tell_shown(KftForwardList *self)
{
    self->n_matching = kft_group_counts_get_n_matching(self->counts);
    g_signal_emit(self, signals[SHOWN_CHANGED], 0);
}

/* Only those that have changed are looked at. */
static gboolean on_recount(gpointer user_data)
{
    KftForwardList *self = user_data;
    GHashTableIter iter;
    gpointer item = NULL;
    bool has_changed = self->has_moved;

    self->recount_source = 0;
    self->has_moved = false;
    g_hash_table_iter_init(&iter, self->changed);
    while (g_hash_table_iter_next(&iter, &item, NULL)) {
        KftForwardRow *row = g_hash_table_lookup(self->rows, item);
        count_row(self, item, row);
        has_changed |= refilter_row(self, GTK_LIST_BOX_ROW(row));
    }
    g_hash_table_remove_all(self->changed);
    kft_group_counts_take_changed(self->counts, show_count, self);
    if (has_changed)
        fill_soon(self);
    if (has_changed || self->n_matching != kft_group_counts_get_n_matching(self->counts))
        tell_shown(self);
    return G_SOURCE_REMOVE;
}

/* Once for all changes of this turn of the main loop, and before anything is drawn. */
static void recount_soon(KftForwardList *self)
{
    if (self->recount_source == 0)
        self->recount_source = g_idle_add_full(G_PRIORITY_HIGH_IDLE, on_recount, self, NULL);
}

/* --- following the model --- */

static void on_item_changed(KftForwardItem *item, unsigned what, KftForwardList *self)
{
    if ((what & KFT_ITEM_CONFIG) != 0) {
        GtkListBoxRow *row = g_hash_table_lookup(self->rows, item);
        add_group(self, get_key(self, row));
        gtk_list_box_row_changed(row);
        self->has_moved = true;
    }
    if ((what & (KFT_ITEM_CONFIG | KFT_ITEM_STATUS)) != 0) {
        (void)g_hash_table_add(self->changed, item);
        recount_soon(self);
    }
}

static void add_row(KftForwardList *self, KftForwardItem *item, unsigned order)
{
    GtkWidget *row = kft_forward_row_new(item);
    kft_forward_row_set_order(KFT_FORWARD_ROW(row), order);
    g_hash_table_insert(self->rows, g_object_ref(item), row);
    g_signal_connect(item, "changed", G_CALLBACK(on_item_changed), self);
    add_group(self, kft_forward_item_get_group(item, self->by_group));
    gtk_list_box_insert(self->list, row, -1);
    (void)g_hash_table_add(self->changed, item);
}

/* The items that are no longer in the model. */
static void drop_rows(KftForwardList *self)
{
    KftModel *model = kft_core_get_model(self->core);
    GHashTableIter iter;
    gpointer item = NULL;
    gpointer row = NULL;

    g_hash_table_iter_init(&iter, self->rows);
    while (g_hash_table_iter_next(&iter, &item, &row)) {
        if (kft_model_find(model, kft_forward_item_get_id(item)) == item)
            continue;
        g_signal_handlers_disconnect_by_data(item, self);
        (void)g_ptr_array_remove_fast(self->filled, row);
        (void)g_hash_table_remove(self->changed, item);
        kft_group_counts_remove(self->counts, kft_forward_row_get_counted(row));
        gtk_widget_destroy(row);
        g_hash_table_iter_remove(&iter);
    }
}

static void on_items_changed(
    GListModel *list, unsigned position, unsigned n_removed, unsigned n_added, KftForwardList *self)
{
    unsigned n = g_list_model_get_n_items(list);

    if (n_removed > 0)
        drop_rows(self);
    for (unsigned i = position; i < n; i++) {
        g_autoptr(KftForwardItem) item = g_list_model_get_item(list, i);
        KftForwardRow *row = g_hash_table_lookup(self->rows, item);
        if (row != NULL) {
            kft_forward_row_set_order(row, i);
            if (i < position + n_added)
                gtk_list_box_row_changed(GTK_LIST_BOX_ROW(row));
        } else {
            add_row(self, item, i);
        }
    }
    self->has_moved = true;
    recount_soon(self);
}

/* By another key: the heads are new, the rows stay. */
static void regroup(KftForwardList *self)
{
    GHashTableIter iter;
    gpointer item = NULL;
    gpointer row = NULL;

    self->by_group =
        g_strcmp0(kft_core_get_setting(self->core, KFT_SETTING_GROUP_BY), "group") == 0;
    g_hash_table_iter_init(&iter, self->groups);
    while (g_hash_table_iter_next(&iter, NULL, &row)) {
        g_hash_table_iter_remove(&iter);
        gtk_widget_destroy(row);
    }
    g_hash_table_iter_init(&iter, self->rows);
    while (g_hash_table_iter_next(&iter, &item, NULL))
        add_group(self, kft_forward_item_get_group(item, self->by_group));
    (void)count_all(self);
    kft_group_counts_take_changed(self->counts, show_count, self);
    gtk_list_box_invalidate_sort(self->list);
    refilter(self);
}

static void on_setting_changed(KftCore *core, unsigned setting, KftForwardList *self)
{
    (void)core;
    if (setting == KFT_SETTING_GROUP_BY)
        regroup(self);
    if (setting == KFT_SETTING_COLLAPSED_GROUPS && !kft_core_is_loaded(core)) {
        read_collapsed(self);
        regroup(self);
    }
}

/* --- input --- */

static void on_row_activated(KftForwardList *self, GtkListBoxRow *row)
{
    g_autoptr(GdkEvent) event = gtk_get_current_event();

    if (KFT_IS_GROUP_ROW(row)) {
        KftGroupRow *group = KFT_GROUP_ROW(row);
        set_group_collapsed(self, group, !kft_group_row_get_collapsed(group));
        store_collapsed(self);
        refilter(self);
    } else if (event == NULL || gdk_event_get_event_type(event) == GDK_KEY_PRESS) {
        g_signal_emit(self, signals[EDIT_REQUESTED], 0);
    }
}

static void on_selected_rows_changed(KftForwardList *self)
{
    self->place = -1;
    if (!self->is_selecting)
        g_signal_emit(self, signals[SELECTION_CHANGED], 0);
}

static gboolean on_button_press(KftForwardList *self, GdkEventButton *event)
{
    GtkListBoxRow *row = gtk_list_box_get_row_at_y(self->list, (int)event->y);

    if (row == NULL || !KFT_IS_FORWARD_ROW(row))
        return GDK_EVENT_PROPAGATE;
    if (event->type == GDK_2BUTTON_PRESS && event->button == GDK_BUTTON_PRIMARY) {
        g_signal_emit(self, signals[EDIT_REQUESTED], 0);
        return GDK_EVENT_STOP;
    }
    if (!gdk_event_triggers_context_menu((GdkEvent *)event))
        return GDK_EVENT_PROPAGATE;
    if (!gtk_list_box_row_is_selected(row)) {
        gtk_list_box_unselect_all(self->list);
        gtk_list_box_select_row(self->list, row);
    }
    g_signal_emit(self, signals[MENU_REQUESTED], 0, self->list, event);
    return GDK_EVENT_STOP;
}

static gboolean on_popup_menu(KftForwardList *self)
{
    g_autoptr(GList) rows = gtk_list_box_get_selected_rows(self->list);
    if (rows == NULL)
        return FALSE;
    g_signal_emit(self, signals[MENU_REQUESTED], 0, rows->data, NULL);
    return TRUE;
}

/* --- object --- */

/* Not in init(): a construction property puts another adjustment in the place of that one. */
static void kft_forward_list_constructed(GObject *object)
{
    G_OBJECT_CLASS(kft_forward_list_parent_class)->constructed(object);
    g_signal_connect_object(gtk_scrolled_window_get_vadjustment(GTK_SCROLLED_WINDOW(object)),
                            "value-changed", G_CALLBACK(on_scrolled), object, G_CONNECT_SWAPPED);
}

static void kft_forward_list_dispose(GObject *object)
{
    KftForwardList *self = KFT_FORWARD_LIST(object);
    GHashTableIter iter;
    gpointer item = NULL;

    g_clear_handle_id(&self->recount_source, g_source_remove);
    g_clear_handle_id(&self->fill_source, g_source_remove);
    g_hash_table_iter_init(&iter, self->rows);
    while (g_hash_table_iter_next(&iter, &item, NULL)) {
        g_signal_handlers_disconnect_by_data(item, self);
        g_hash_table_iter_remove(&iter);
    }
    g_hash_table_remove_all(self->groups);
    g_ptr_array_set_size(self->filled, 0);
    if (self->core != NULL) {
        g_signal_handlers_disconnect_by_data(kft_model_get_list(kft_core_get_model(self->core)),
                                             self);
        g_signal_handlers_disconnect_by_data(self->core, self);
    }
    g_clear_object(&self->core);
    G_OBJECT_CLASS(kft_forward_list_parent_class)->dispose(object);
}

static void kft_forward_list_finalize(GObject *object)
{
    KftForwardList *self = KFT_FORWARD_LIST(object);
    g_hash_table_unref(self->rows);
    g_ptr_array_unref(self->filled);
    g_hash_table_unref(self->groups);
    g_hash_table_unref(self->changed);
    kft_group_counts_free(self->counts);
    kft_folded_groups_free(self->collapsed);
    g_strfreev(self->words);
    G_OBJECT_CLASS(kft_forward_list_parent_class)->finalize(object);
}

static void kft_forward_list_class_init(KftForwardListClass *class)
{
    GtkWidgetClass *widget_class = GTK_WIDGET_CLASS(class);
    GType type = KFT_TYPE_FORWARD_LIST;

    G_OBJECT_CLASS(class)->constructed = kft_forward_list_constructed;
    G_OBJECT_CLASS(class)->dispose = kft_forward_list_dispose;
    G_OBJECT_CLASS(class)->finalize = kft_forward_list_finalize;
    gtk_widget_class_set_template_from_resource(widget_class,
                                                "/io/github/kftray/Kftray/forward-list.ui");
    gtk_widget_class_bind_template_child(widget_class, KftForwardList, list);
    gtk_widget_class_bind_template_callback(widget_class, on_row_activated);
    gtk_widget_class_bind_template_callback(widget_class, on_selected_rows_changed);
    gtk_widget_class_bind_template_callback(widget_class, on_button_press);
    gtk_widget_class_bind_template_callback(widget_class, on_popup_menu);
    gtk_widget_class_bind_template_callback(widget_class, on_size_allocate);
    widget_class->realize = kft_forward_list_realize;
    widget_class->unrealize = kft_forward_list_unrealize;
    widget_class->get_preferred_width = kft_forward_list_get_preferred_width;
    signals[SELECTION_CHANGED] = g_signal_new("selection-changed", type, G_SIGNAL_RUN_LAST, 0, NULL,
                                              NULL, NULL, G_TYPE_NONE, 0);
    signals[MENU_REQUESTED] =
        g_signal_new("menu-requested", type, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL, G_TYPE_NONE, 2,
                     GTK_TYPE_WIDGET, GDK_TYPE_EVENT | G_SIGNAL_TYPE_STATIC_SCOPE);
    signals[EDIT_REQUESTED] = g_signal_new("edit-requested", type, G_SIGNAL_RUN_LAST, 0, NULL, NULL,
                                           NULL, G_TYPE_NONE, 0);
    signals[COPIED] = g_signal_new("copied", type, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL,
                                   G_TYPE_NONE, 1, G_TYPE_STRING);
    signals[SHOWN_CHANGED] =
        g_signal_new("shown-changed", type, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL, G_TYPE_NONE, 0);
}

static void kft_forward_list_init(KftForwardList *self)
{
    self->rows = g_hash_table_new_full(g_direct_hash, g_direct_equal, g_object_unref, NULL);
    self->filled = g_ptr_array_new();
    self->groups = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    self->changed = g_hash_table_new(g_direct_hash, g_direct_equal);
    self->counts = kft_group_counts_new();
    self->n_chars = G_MAXINT;
    self->collapsed = kft_folded_groups_new();
    self->words = kft_search_words_split("");
    gtk_widget_init_template(GTK_WIDGET(self));
    gtk_list_box_set_sort_func(self->list, compare_rows, self, NULL);
    gtk_list_box_set_filter_func(self->list, is_shown, self, NULL);
}

void kft_forward_list_set_core(KftForwardList *self, KftCore *core)
{
    GListModel *list = kft_model_get_list(kft_core_get_model(core));

    self->core = g_object_ref(core);
    self->by_group = g_strcmp0(kft_core_get_setting(core, KFT_SETTING_GROUP_BY), "group") == 0;
    read_collapsed(self);
    g_signal_connect(list, "items-changed", G_CALLBACK(on_items_changed), self);
    g_signal_connect(core, "setting-changed", G_CALLBACK(on_setting_changed), self);
    on_items_changed(list, 0, 0, g_list_model_get_n_items(list), self);
}

/* --- what the window asks --- */

void kft_forward_list_set_search(KftForwardList *self, const char *text)
{
    GtkAdjustment *adjustment = gtk_scrolled_window_get_vadjustment(GTK_SCROLLED_WINDOW(self));
    bool was_searching = is_searching(self);

    g_strfreev(self->words);
    self->words = kft_search_words_split(text);
    if (is_searching(self) && !was_searching && !self->shall_scroll)
        self->place = gtk_adjustment_get_value(adjustment);
    bool is_other = count_all(self) || is_searching(self) != was_searching;
    self->shall_scroll = self->shall_scroll || is_other;
    /* Shows the list's page first, if there is something in it again. */
    tell_shown(self);
    if (is_other)
        refilter(self);
}

unsigned kft_forward_list_get_n_matching(KftForwardList *self)
{
    return self->n_matching;
}

GPtrArray *kft_forward_list_get_selection(KftForwardList *self)
{
    g_autoptr(GList) rows = gtk_list_box_get_selected_rows(self->list);
    GPtrArray *items = g_ptr_array_new_with_free_func(g_object_unref);

    for (GList *link = rows; link != NULL; link = link->next) {
        if (KFT_IS_FORWARD_ROW(link->data) && gtk_widget_get_child_visible(link->data))
            g_ptr_array_add(items, g_object_ref(kft_forward_row_get_item(link->data)));
    }
    return items;
}

KftForwardItem *kft_forward_list_get_first(KftForwardList *self)
{
    GtkListBoxRow *row = kft_forward_row_find_first(self->list);
    return row == NULL ? NULL : kft_forward_row_get_item(KFT_FORWARD_ROW(row));
}

void kft_forward_list_select_all(KftForwardList *self)
{
    gtk_list_box_select_all(self->list);
}

void kft_forward_list_unselect_all(KftForwardList *self)
{
    gtk_list_box_unselect_all(self->list);
}

bool kft_forward_list_matches(KftForwardList *self, KftForwardItem *item)
{
    return kft_forward_item_matches(item, (const char *const *)self->words);
}

static void unfold(KftForwardList *self, GtkListBoxRow *row)
{
    KftGroupRow *group = g_hash_table_lookup(self->groups, get_key(self, row));

    if (group != NULL && kft_group_row_get_collapsed(group)) {
        set_group_collapsed(self, group, false);
        refilter(self);
    }
}

/* The rows may be new, with their places still to come: then it is scrolled when they have them. */
static void focus_row(KftForwardList *self, GtkListBoxRow *row)
{
    self->place = -1;
    self->shall_scroll = true;
    on_scrolled(self);
    gtk_widget_grab_focus(GTK_WIDGET(row));
}

void kft_forward_list_select(KftForwardList *self, const GPtrArray *items)
{
    GtkListBoxRow *first = NULL;

    if (self->recount_source != 0) {
        g_clear_handle_id(&self->recount_source, g_source_remove);
        (void)on_recount(self);
    }
    gtk_list_box_unselect_all(self->list);
    self->is_selecting = true;
    for (unsigned i = 0; i < items->len; i++) {
        GtkListBoxRow *row = g_hash_table_lookup(self->rows, items->pdata[i]);
        if (row == NULL)
            continue;
        unfold(self, row);
        gtk_list_box_select_row(self->list, row);
        if (first == NULL || compare_rows(row, first, self) < 0)
            first = row;
    }
    self->is_selecting = false;
    on_selected_rows_changed(self);
    if (first != NULL)
        focus_row(self, first);
}

void kft_forward_list_select_neighbour(KftForwardList *self)
{
    GtkListBoxRow *row = kft_forward_row_find_neighbour(self->list);
    g_autoptr(GPtrArray) items = g_ptr_array_new();

    if (row != NULL)
        g_ptr_array_add(items, kft_forward_row_get_item(KFT_FORWARD_ROW(row)));
    kft_forward_list_select(self, items);
}

void kft_forward_list_set_all_collapsed(KftForwardList *self, bool is_collapsed)
{
    GHashTableIter iter;
    gpointer row = NULL;

    g_hash_table_iter_init(&iter, self->groups);
    while (g_hash_table_iter_next(&iter, NULL, &row))
        set_group_collapsed(self, row, is_collapsed);
    store_collapsed(self);
    refilter(self);
}
