/* The main window: puts the parts together and keeps its own state (size, search, messages). What
 * its actions do is in window-actions.c. */
#include <glib/gi18n.h>
#include <string.h>

#include "dialogs.h"
#include "text.h"
#include "welcome-page.h"
#include "window-priv.h"

#define TOAST_SECONDS 4
/* Longer than the core waits with a removal that can be undone; it takes the message away. */
#define UNDO_TOAST_SECONDS 60

G_DEFINE_FINAL_TYPE(KftWindow, kft_window, GTK_TYPE_APPLICATION_WINDOW)

/* --- messages --- */

static void hide_toast(KftWindow *self)
{
    g_clear_handle_id(&self->toast_source, g_source_remove);
    gtk_revealer_set_reveal_child(self->toast, FALSE);
}

static gboolean on_toast_timeout(gpointer user_data)
{
    KftWindow *self = user_data;
    self->toast_source = 0;
    gtk_revealer_set_reveal_child(self->toast, FALSE);
    return G_SOURCE_REMOVE;
}

static void show_toast(KftWindow *self, const char *text, bool has_undo)
{
    hide_toast(self);
    gtk_label_set_text(self->toast_label, text);
    gtk_widget_set_visible(self->toast_undo, has_undo);
    gtk_revealer_set_reveal_child(self->toast, TRUE);
    self->toast_source = g_timeout_add_seconds(has_undo ? UNDO_TOAST_SECONDS : TOAST_SECONDS,
                                               on_toast_timeout, self);
}

void kft_window_toast(KftWindow *self, const char *text)
{
    show_toast(self, text, /* has_undo */ false);
}

static void on_toast_close(KftWindow *self)
{
    if (kft_core_get_n_removed(self->core) > 0)
        kft_core_finish_removal(self->core);
    hide_toast(self);
}

static void on_removal_changed(KftCore *core, KftWindow *self)
{
    unsigned n = kft_core_get_n_removed(core);

    if (n == 0) {
        if (gtk_widget_get_visible(self->toast_undo))
            hide_toast(self);
    } else {
        g_autofree char *text =
            g_strdup_printf(ngettext("%u forward deleted", "%u forwards deleted", n), n);
        show_toast(self, text, /* has_undo */ true);
    }
    kft_window_update_actions(self);
}

/* GTK makes the button and gives it no name. */
static void name_close_button(GtkWidget *widget, gpointer user_data)
{
    if (GTK_IS_BUTTON(widget))
        atk_object_set_name(gtk_widget_get_accessible(widget), _("Close the message"));
    else if (GTK_IS_CONTAINER(widget))
        gtk_container_forall(GTK_CONTAINER(widget), name_close_button, user_data);
}

static void on_bar_response(GtkInfoBar *bar)
{
    gtk_widget_hide(GTK_WIDGET(bar));
}

void kft_window_show_error(KftWindow *self, const char *title, const char *text)
{
    gtk_label_set_text(self->error_title, title);
    gtk_label_set_text(self->error_text, text);
    gtk_widget_show(GTK_WIDGET(self->error_bar));
}

void kft_window_set_tray_hint(KftWindow *self, bool is_shown)
{
    gtk_widget_set_visible(GTK_WIDGET(self->tray_bar), is_shown);
}

/* --- what is shown --- */

static void update_page(KftWindow *self)
{
    KftSummary summary = kft_model_get_summary(kft_core_get_model(self->core));
    bool is_loading = !kft_core_is_loaded(self->core);
    const char *page = "list";

    if (is_loading)
        page = "loading";
    else if (summary.n_total == 0)
        page = "welcome";
    else if (kft_forward_list_get_n_matching(self->list) == 0 &&
             gtk_entry_get_text_length(self->search_entry) > 0)
        page = "nothing";
    g_object_set(self->spinner, "active", is_loading, NULL);
    /* What is hidden gets no styles when the focus comes or goes. */
    gtk_widget_set_visible(self->welcome, g_str_equal(page, "welcome"));
    gtk_stack_set_visible_child_name(self->stack, page);
    gtk_widget_set_visible(self->list_buttons, summary.n_total > 0);
}

static void on_summary_changed(KftModel *model, KftWindow *self)
{
    KftSummary summary = kft_model_get_summary(model);
    g_autofree char *text = kft_text_summary(&summary);

    gtk_header_bar_set_subtitle(self->header, summary.n_total == 0 ? NULL : text);
    update_page(self);
    kft_window_update_actions(self);
}

static void on_search_changed(KftWindow *self)
{
    kft_forward_list_set_search(self->list, gtk_entry_get_text(self->search_entry));
}

void kft_window_update_details(KftWindow *self)
{
    g_autoptr(GPtrArray) items = kft_forward_list_get_selection(self->list);
    bool is_shown = self->shows_details && items->len == 1;

    kft_details_pane_set_item(self->details, is_shown ? items->pdata[0] : NULL);
    gtk_widget_set_visible(GTK_WIDGET(self->details), is_shown);
}

static void on_selection_changed(KftWindow *self)
{
    g_autoptr(GPtrArray) items = kft_forward_list_get_selection(self->list);
    g_autofree char *text =
        g_strdup_printf(ngettext("%u selected", "%u selected", items->len), items->len);

    /* Each letter of a search comes here; a label that is set has the window laid out. */
    if (g_strcmp0(gtk_label_get_text(self->selection_label), text) != 0)
        gtk_label_set_text(self->selection_label, text);
    gtk_revealer_set_reveal_child(self->selection_revealer, items->len > 1);
    kft_window_update_details(self);
    kft_window_update_actions(self);
}

static void on_menu_requested(KftWindow *self, GtkWidget *where, GdkEvent *event)
{
    GtkWidget *popover = gtk_popover_new_from_model(where, self->row_menu);

    if (event != NULL) {
        GdkRectangle point = {(int)event->button.x, (int)event->button.y, 1, 1};
        gtk_popover_set_pointing_to(GTK_POPOVER(popover), &point);
    }
    /* It destroys itself only after the chosen action ran. */
    g_signal_connect(popover, "unmap", G_CALLBACK(gtk_widget_destroy), NULL);
    gtk_popover_popup(GTK_POPOVER(popover));
}

static void on_edit_requested(KftWindow *self)
{
    g_action_group_activate_action(G_ACTION_GROUP(self), "edit", NULL);
}

static void on_copied(KftWindow *self, const char *text)
{
    g_autofree char *message = g_strdup_printf(_("Copied %s"), text);
    kft_window_toast(self, message);
}

void kft_window_reveal(KftWindow *self, KftForwardItem *item)
{
    g_autoptr(GPtrArray) items = g_ptr_array_new();

    g_ptr_array_add(items, item);
    gtk_entry_set_text(self->search_entry, "");
    kft_forward_list_set_search(self->list, "");
    kft_forward_list_select(self->list, items);
}

/* What is new is selected, unless all of it is. */
static void on_added(KftCore *core, const GArray *ids, KftWindow *self)
{
    KftModel *model = kft_core_get_model(core);
    g_autoptr(GPtrArray) items = g_ptr_array_new();
    bool is_hidden = false;

    for (unsigned i = 0; i < ids->len; i++) {
        KftForwardItem *item = kft_model_find(model, g_array_index(ids, int64_t, i));
        if (item == NULL)
            continue;
        g_ptr_array_add(items, item);
        is_hidden |= !kft_forward_list_matches(self->list, item);
    }
    if (items->len == 0 || (items->len > 1 && items->len == kft_model_get_summary(model).n_total))
        return;
    if (is_hidden) {
        gtk_entry_set_text(self->search_entry, "");
        kft_forward_list_set_search(self->list, "");
    }
    kft_forward_list_select(self->list, items);
}

static void on_setting_changed(KftCore *core, unsigned setting, KftWindow *self)
{
    if (setting == KFT_SETTING_GROUP_BY)
        g_action_group_change_action_state(
            G_ACTION_GROUP(self), "group-by",
            g_variant_new_string(kft_core_get_setting(core, KFT_SETTING_GROUP_BY)));
    if (setting == KFT_SETTING_WINDOW_WIDTH || setting == KFT_SETTING_WINDOW_HEIGHT) {
        if (!kft_core_is_loaded(core))
            gtk_window_resize(GTK_WINDOW(self),
                              (int)kft_core_get_uint(core, KFT_SETTING_WINDOW_WIDTH),
                              (int)kft_core_get_uint(core, KFT_SETTING_WINDOW_HEIGHT));
    }
}

/* --- its own input --- */

/* From the search into what was found. */
static void on_search_activated(KftWindow *self)
{
    /* The last letters may not have been searched for yet. */
    on_search_changed(self);
    g_autoptr(GPtrArray) items = kft_forward_list_get_selection(self->list);
    KftForwardItem *first = kft_forward_list_get_first(self->list);
    if (items->len == 0 && first != NULL)
        g_ptr_array_add(items, g_object_ref(first));
    if (items->len > 0)
        kft_forward_list_select(self->list, items);
}

/* Ends the search, or else the selection of many. */
static bool leave_mode(KftWindow *self)
{
    g_autoptr(GPtrArray) items = kft_forward_list_get_selection(self->list);

    if (gtk_search_bar_get_search_mode(self->search_bar)) {
        gtk_search_bar_set_search_mode(self->search_bar, FALSE);
        return true;
    }
    if (items->len > 1)
        kft_forward_list_unselect_all(self->list);
    return items->len > 1;
}

static gboolean kft_window_key_press_event(GtkWidget *widget, GdkEventKey *event)
{
    KftWindow *self = KFT_WINDOW(widget);
    GtkWidget *focus = gtk_window_get_focus(GTK_WINDOW(self));

    /* Text fields first: Ctrl+C in them copies text, not an address. */
    if ((GTK_IS_EDITABLE(focus) || GTK_IS_TEXT_VIEW(focus)) &&
        gtk_window_propagate_key_event(GTK_WINDOW(self), event))
        return GDK_EVENT_STOP;
    if (GTK_WIDGET_CLASS(kft_window_parent_class)->key_press_event(widget, event))
        return GDK_EVENT_STOP;
    if (event->keyval == GDK_KEY_Escape && leave_mode(self))
        return GDK_EVENT_STOP;
    if (g_strcmp0(gtk_stack_get_visible_child_name(self->stack), "welcome") == 0)
        return GDK_EVENT_PROPAGATE;
    return gtk_search_bar_handle_event(self->search_bar, (GdkEvent *)event);
}

static void remember_size(KftWindow *self)
{
    bool is_maximized = gtk_window_is_maximized(GTK_WINDOW(self));
    int width = 0;
    int height = 0;

    kft_core_set_setting(self->core, KFT_SETTING_WINDOW_MAXIMIZED, is_maximized ? "true" : "false");
    if (is_maximized || !gtk_widget_get_realized(GTK_WIDGET(self)))
        return;
    gtk_window_get_size(GTK_WINDOW(self), &width, &height);
    g_autofree char *width_text = g_strdup_printf("%d", width);
    g_autofree char *height_text = g_strdup_printf("%d", height);
    kft_core_set_setting(self->core, KFT_SETTING_WINDOW_WIDTH, width_text);
    kft_core_set_setting(self->core, KFT_SETTING_WINDOW_HEIGHT, height_text);
}

static gboolean kft_window_delete_event(GtkWidget *widget, GdkEventAny *event)
{
    GtkApplication *application = gtk_window_get_application(GTK_WINDOW(widget));

    (void)event;
    /* Without a tray there is no way back to a hidden window, so the application decides. */
    g_action_group_activate_action(G_ACTION_GROUP(application), "close-window", NULL);
    return GDK_EVENT_STOP;
}

/* GTK gives the focus to the first thing that takes it, and the list selects what has it. Nothing
 * that the user did not select shall be selected. */
static void kft_window_show(GtkWidget *widget)
{
    KftWindow *self = KFT_WINDOW(widget);
    g_autoptr(GPtrArray) before = kft_forward_list_get_selection(self->list);

    GTK_WIDGET_CLASS(kft_window_parent_class)->show(widget);
    if (before->len > 0)
        return;
    gtk_window_set_focus(GTK_WINDOW(widget), NULL);
    kft_forward_list_unselect_all(self->list);
    /* The first page has nothing else to do. */
    if (gtk_widget_get_visible(self->welcome))
        (void)gtk_widget_child_focus(self->welcome, GTK_DIR_TAB_FORWARD);
}

static void kft_window_hide(GtkWidget *widget)
{
    if (KFT_WINDOW(widget)->core != NULL && kft_core_is_loaded(KFT_WINDOW(widget)->core))
        remember_size(KFT_WINDOW(widget));
    GTK_WIDGET_CLASS(kft_window_parent_class)->hide(widget);
}

/* Nobody sees a window that is closed to the tray or iconified. */
static void update_watched(KftWindow *self)
{
    GdkWindow *window = gtk_widget_get_window(GTK_WIDGET(self));
    bool is_shown = gtk_widget_get_mapped(GTK_WIDGET(self)) &&
                    (gdk_window_get_state(window) & GDK_WINDOW_STATE_ICONIFIED) == 0;

    if (self->core != NULL)
        kft_core_set_watched(self->core, is_shown);
}

static void kft_window_map(GtkWidget *widget)
{
    GTK_WIDGET_CLASS(kft_window_parent_class)->map(widget);
    update_watched(KFT_WINDOW(widget));
}

static void kft_window_unmap(GtkWidget *widget)
{
    GTK_WIDGET_CLASS(kft_window_parent_class)->unmap(widget);
    update_watched(KFT_WINDOW(widget));
}

static gboolean kft_window_window_state_event(GtkWidget *widget, GdkEventWindowState *event)
{
    gboolean is_done = GTK_WIDGET_CLASS(kft_window_parent_class)->window_state_event(widget, event);

    update_watched(KFT_WINDOW(widget));
    return is_done;
}

static void kft_window_drag_data_received(GtkWidget *widget,
                                          GdkDragContext *context,
                                          int x,
                                          int y,
                                          GtkSelectionData *data,
                                          unsigned info,
                                          unsigned time)
{
    KftWindow *self = KFT_WINDOW(widget);
    g_auto(GStrv) uris = gtk_selection_data_get_uris(data);

    (void)x;
    (void)y;
    (void)info;
    for (size_t i = 0; uris != NULL && uris[i] != NULL; i++) {
        g_autofree char *path = g_filename_from_uri(uris[i], NULL, NULL);
        if (path != NULL)
            kft_dialogs_import_path(self->core, GTK_WINDOW(self), path);
    }
    gtk_drag_finish(context, uris != NULL, FALSE, time);
}

/* --- object --- */

static void kft_window_dispose(GObject *object)
{
    KftWindow *self = KFT_WINDOW(object);

    g_clear_handle_id(&self->toast_source, g_source_remove);
    if (self->core != NULL) {
        g_signal_handlers_disconnect_by_data(kft_core_get_model(self->core), self);
        g_signal_handlers_disconnect_by_data(self->core, self);
    }
    g_clear_object(&self->core);
    G_OBJECT_CLASS(kft_window_parent_class)->dispose(object);
}

static void bind_children(GtkWidgetClass *class)
{
#define BIND(child) gtk_widget_class_bind_template_child(class, KftWindow, child)
    BIND(header);
    BIND(menu_button);
    BIND(list_buttons);
    BIND(tray_bar);
    BIND(error_bar);
    BIND(error_title);
    BIND(error_text);
    BIND(search_bar);
    BIND(search_entry);
    BIND(stack);
    BIND(spinner);
    BIND(welcome);
    BIND(list);
    BIND(details);
    BIND(selection_revealer);
    BIND(selection_label);
    BIND(toast);
    BIND(toast_label);
    BIND(toast_undo);
    BIND(row_menu);
#undef BIND
    gtk_widget_class_bind_template_callback(class, on_toast_close);
    gtk_widget_class_bind_template_callback(class, on_bar_response);
    gtk_widget_class_bind_template_callback(class, on_search_changed);
    gtk_widget_class_bind_template_callback(class, on_search_activated);
    gtk_widget_class_bind_template_callback(class, on_selection_changed);
    gtk_widget_class_bind_template_callback(class, on_menu_requested);
    gtk_widget_class_bind_template_callback(class, on_edit_requested);
    gtk_widget_class_bind_template_callback(class, on_copied);
}

static void kft_window_class_init(KftWindowClass *class)
{
    GtkWidgetClass *widget_class = GTK_WIDGET_CLASS(class);

    G_OBJECT_CLASS(class)->dispose = kft_window_dispose;
    widget_class->key_press_event = kft_window_key_press_event;
    widget_class->delete_event = kft_window_delete_event;
    widget_class->show = kft_window_show;
    widget_class->hide = kft_window_hide;
    widget_class->map = kft_window_map;
    widget_class->unmap = kft_window_unmap;
    widget_class->window_state_event = kft_window_window_state_event;
    widget_class->drag_data_received = kft_window_drag_data_received;
    g_type_ensure(KFT_TYPE_FORWARD_LIST);
    g_type_ensure(KFT_TYPE_DETAILS_PANE);
    g_type_ensure(KFT_TYPE_WELCOME_PAGE);
    gtk_widget_class_set_template_from_resource(widget_class, "/io/github/kftray/Kftray/window.ui");
    bind_children(widget_class);
}

static void kft_window_init(KftWindow *self)
{
    self->shows_details = true;
    gtk_widget_init_template(GTK_WIDGET(self));
    name_close_button(GTK_WIDGET(self->tray_bar), NULL);
    name_close_button(GTK_WIDGET(self->error_bar), NULL);
    gtk_search_bar_connect_entry(self->search_bar, self->search_entry);
    gtk_drag_dest_set(GTK_WIDGET(self), GTK_DEST_DEFAULT_ALL, NULL, 0, GDK_ACTION_COPY);
    gtk_drag_dest_add_uri_targets(GTK_WIDGET(self));
}

KftWindow *kft_window_new(GtkApplication *application, KftCore *core)
{
    KftWindow *self = g_object_new(KFT_TYPE_WINDOW, "application", application, NULL);

    self->core = g_object_ref(core);
    gtk_window_set_default_size(GTK_WINDOW(self),
                                (int)kft_core_get_uint(core, KFT_SETTING_WINDOW_WIDTH),
                                (int)kft_core_get_uint(core, KFT_SETTING_WINDOW_HEIGHT));
    if (kft_core_get_bool(core, KFT_SETTING_WINDOW_MAXIMIZED))
        gtk_window_maximize(GTK_WINDOW(self));
    kft_window_add_actions(self);
    kft_forward_list_set_core(self->list, core);
    g_signal_connect_swapped(self->list, "shown-changed", G_CALLBACK(update_page), self);
    g_signal_connect_swapped(core, "loaded", G_CALLBACK(update_page), self);
    g_signal_connect(core, "added", G_CALLBACK(on_added), self);
    g_signal_connect(core, "removal-changed", G_CALLBACK(on_removal_changed), self);
    g_signal_connect(core, "setting-changed", G_CALLBACK(on_setting_changed), self);
    g_signal_connect(kft_core_get_model(core), "summary-changed", G_CALLBACK(on_summary_changed),
                     self);
    on_summary_changed(kft_core_get_model(core), self);
    return self;
}
