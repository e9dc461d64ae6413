/* What the window's actions do. They work on the selection; the labels and keys of all of them are
 * in actions.c. */
#include <glib/gi18n.h>
#include <string.h>

#include "actions.h"
#include "dialogs.h"
#include "text.h"
#include "window-priv.h"

/* --- helpers --- */

static void for_selection(KftWindow *self, void (*func)(KftCore *core, KftForwardItem *item))
{
    g_autoptr(GPtrArray) items = kft_forward_list_get_selection(self->list);
    for (unsigned i = 0; i < items->len; i++)
        func(self->core, items->pdata[i]);
}

static KftForwardItem *get_single(KftWindow *self)
{
    g_autoptr(GPtrArray) items = kft_forward_list_get_selection(self->list);
    return items->len == 1 ? g_object_ref(items->pdata[0]) : NULL;
}

static void copy(KftWindow *self, const char *text)
{
    g_autofree char *message = g_strdup_printf(_("Copied %s"), text);
    gtk_clipboard_set_text(gtk_clipboard_get(GDK_SELECTION_CLIPBOARD), text, -1);
    kft_window_toast(self, message);
}

/* --- running --- */

static void on_start(GSimpleAction *action, GVariant *parameter, gpointer user_data)
{
    (void)action;
    (void)parameter;
    for_selection(user_data, kft_core_start);
}

static void on_stop(GSimpleAction *action, GVariant *parameter, gpointer user_data)
{
    (void)action;
    (void)parameter;
    for_selection(user_data, kft_core_stop);
}

/* --- changing --- */

static void on_edit(GSimpleAction *action, GVariant *parameter, gpointer user_data)
{
    KftWindow *self = user_data;
    g_autoptr(KftForwardItem) item = get_single(self);

    (void)action;
    (void)parameter;
    if (item != NULL)
        kft_dialogs_edit(self->core, GTK_WINDOW(self), kft_forward_item_get_config(item));
}

/* The copy gets a port of its own: two forwards cannot listen on the same one. */
static KftConfig *make_duplicate(const KftConfig *config)
{
    KftConfig *copy_ = kft_config_copy(config);

    copy_->id.v = 0;
    copy_->local_port = 0;
    g_free(copy_->alias);
    /* Translators: name of a duplicated forward: "web copy" */
    copy_->alias = g_strdup_printf(_("%s copy"), config->alias);
    return copy_;
}

static void on_duplicate(GSimpleAction *action, GVariant *parameter, gpointer user_data)
{
    KftWindow *self = user_data;
    g_autoptr(GPtrArray) items = kft_forward_list_get_selection(self->list);
    GPtrArray *copies = g_ptr_array_new_with_free_func((GDestroyNotify)kft_config_free);

    (void)action;
    (void)parameter;
    for (unsigned i = 0; i < items->len; i++)
        g_ptr_array_add(copies, make_duplicate(kft_forward_item_get_config(items->pdata[i])));
    kft_core_put_configs(self->core, copies, NULL, G_OBJECT(self));
}

static void on_diagnose(GSimpleAction *action, GVariant *parameter, gpointer user_data)
{
    KftWindow *self = user_data;
    g_autoptr(KftForwardItem) item = get_single(self);

    (void)action;
    (void)parameter;
    if (item != NULL)
        kft_dialogs_diagnose(self->core, GTK_WINDOW(self), item);
}

static void on_log(GSimpleAction *action, GVariant *parameter, gpointer user_data)
{
    KftWindow *self = user_data;
    g_autoptr(KftForwardItem) item = get_single(self);

    (void)action;
    (void)parameter;
    if (item != NULL)
        kft_dialogs_log(gtk_window_get_application(GTK_WINDOW(self)), self->core, item);
}

static void on_set_group(GSimpleAction *action, GVariant *parameter, gpointer user_data)
{
    KftWindow *self = user_data;
    g_autoptr(GPtrArray) items = kft_forward_list_get_selection(self->list);

    (void)action;
    (void)parameter;
    if (items->len > 0)
        kft_dialogs_set_group(self->core, GTK_WINDOW(self), items);
}

static void on_remove(GSimpleAction *action, GVariant *parameter, gpointer user_data)
{
    KftWindow *self = user_data;
    g_autoptr(GPtrArray) items = kft_forward_list_get_selection(self->list);

    (void)action;
    (void)parameter;
    kft_forward_list_select_neighbour(self->list);
    kft_core_remove(self->core, items);
}

static void on_undo(GSimpleAction *action, GVariant *parameter, gpointer user_data)
{
    (void)action;
    (void)parameter;
    kft_core_undo_removal(KFT_WINDOW(user_data)->core);
}

/* --- copying and opening --- */

static void on_copy_address(GSimpleAction *action, GVariant *parameter, gpointer user_data)
{
    KftWindow *self = user_data;
    g_autoptr(KftForwardItem) item = get_single(self);

    (void)action;
    (void)parameter;
    if (item != NULL)
        copy(self, kft_forward_item_get_address(item));
}

static void on_copy_connection(GSimpleAction *action, GVariant *parameter, gpointer user_data)
{
    KftWindow *self = user_data;
    g_autoptr(KftForwardItem) item = get_single(self);

    (void)action;
    (void)parameter;
    if (item == NULL)
        return;
    g_autofree char *text = kft_text_connection(item);
    copy(self, text);
}

static void on_copy_kubectl(GSimpleAction *action, GVariant *parameter, gpointer user_data)
{
    KftWindow *self = user_data;
    g_autoptr(KftForwardItem) item = get_single(self);

    (void)action;
    (void)parameter;
    if (item == NULL)
        return;
    g_autofree char *text = kft_text_kubectl(kft_forward_item_get_config(item));
    if (text != NULL)
        copy(self, text);
    else
        kft_window_toast(self, _("kubectl cannot do this forward"));
}

static void on_open(GSimpleAction *action, GVariant *parameter, gpointer user_data)
{
    KftWindow *self = user_data;
    g_autoptr(KftForwardItem) item = get_single(self);
    g_autoptr(GError) error = NULL;

    (void)action;
    (void)parameter;
    if (item == NULL)
        return;
    g_autofree char *uri = kft_text_browser_uri(item);
    if (!gtk_show_uri_on_window(GTK_WINDOW(self), uri, GDK_CURRENT_TIME, &error))
        kft_window_show_error(self, _("The browser could not be opened"), error->message);
}

/* --- the list --- */

static void on_search_state(GSimpleAction *action, GVariant *state, gpointer user_data)
{
    KftWindow *self = user_data;

    g_simple_action_set_state(action, state);
    gtk_search_bar_set_search_mode(self->search_bar, g_variant_get_boolean(state));
    if (g_variant_get_boolean(state))
        gtk_widget_grab_focus(GTK_WIDGET(self->search_entry));
}

static void on_search_mode(GtkSearchBar *bar, GParamSpec *spec, KftWindow *self)
{
    GAction *action = g_action_map_lookup_action(G_ACTION_MAP(self), "search");
    (void)spec;
    g_simple_action_set_state(G_SIMPLE_ACTION(action),
                              g_variant_new_boolean(gtk_search_bar_get_search_mode(bar)));
}

static void on_details_state(GSimpleAction *action, GVariant *state, gpointer user_data)
{
    KftWindow *self = user_data;

    g_simple_action_set_state(action, state);
    self->shows_details = g_variant_get_boolean(state);
    kft_window_update_details(self);
}

static void on_group_by_state(GSimpleAction *action, GVariant *state, gpointer user_data)
{
    KftWindow *self = user_data;

    g_simple_action_set_state(action, state);
    kft_core_set_setting(self->core, KFT_SETTING_GROUP_BY, g_variant_get_string(state, NULL));
}

static void on_select_all(GSimpleAction *action, GVariant *parameter, gpointer user_data)
{
    (void)action;
    (void)parameter;
    kft_forward_list_select_all(KFT_WINDOW(user_data)->list);
}

static void on_expand_all(GSimpleAction *action, GVariant *parameter, gpointer user_data)
{
    (void)action;
    (void)parameter;
    kft_forward_list_set_all_collapsed(KFT_WINDOW(user_data)->list, false);
}

static void on_collapse_all(GSimpleAction *action, GVariant *parameter, gpointer user_data)
{
    (void)action;
    (void)parameter;
    kft_forward_list_set_all_collapsed(KFT_WINDOW(user_data)->list, true);
}

static void on_menu(GSimpleAction *action, GVariant *parameter, gpointer user_data)
{
    (void)action;
    (void)parameter;
    gtk_button_clicked(KFT_WINDOW(user_data)->menu_button);
}

static void on_close(GSimpleAction *action, GVariant *parameter, gpointer user_data)
{
    (void)action;
    (void)parameter;
    gtk_window_close(GTK_WINDOW(user_data));
}

/* --- the table's other half --- */

static const GActionEntry entries[] = {
    {.name = "start", .activate = on_start},
    {.name = "stop", .activate = on_stop},
    {.name = "edit", .activate = on_edit},
    {.name = "duplicate", .activate = on_duplicate},
    {.name = "diagnose", .activate = on_diagnose},
    {.name = "log", .activate = on_log},
    {.name = "set-group", .activate = on_set_group},
    {.name = "remove", .activate = on_remove},
    {.name = "undo", .activate = on_undo},
    {.name = "open", .activate = on_open},
    {.name = "copy-address", .activate = on_copy_address},
    {.name = "copy-connection", .activate = on_copy_connection},
    {.name = "copy-kubectl", .activate = on_copy_kubectl},
    {.name = "select-all", .activate = on_select_all},
    {.name = "expand-all", .activate = on_expand_all},
    {.name = "collapse-all", .activate = on_collapse_all},
    {.name = "menu", .activate = on_menu},
    {.name = "close", .activate = on_close},
    {.name = "search", .state = "false", .change_state = on_search_state},
    {.name = "details", .state = "true", .change_state = on_details_state},
    {.name = "group-by",
     .parameter_type = "s",
     .state = "'context'",
     .change_state = on_group_by_state},
};

void kft_window_add_actions(KftWindow *self)
{
    g_action_map_add_action_entries(G_ACTION_MAP(self), entries, G_N_ELEMENTS(entries), self);
    g_simple_action_set_state(
        G_SIMPLE_ACTION(g_action_map_lookup_action(G_ACTION_MAP(self), "group-by")),
        g_variant_new_string(kft_core_get_setting(self->core, KFT_SETTING_GROUP_BY)));
    g_signal_connect(self->search_bar, "notify::search-mode-enabled", G_CALLBACK(on_search_mode),
                     self);
    kft_window_update_actions(self);
}

static void set_enabled(KftWindow *self, const char *name, bool is_enabled)
{
    GAction *action = g_action_map_lookup_action(G_ACTION_MAP(self), name);
    g_simple_action_set_enabled(G_SIMPLE_ACTION(action), is_enabled);
}

void kft_window_update_actions(KftWindow *self)
{
    g_autoptr(GPtrArray) items = kft_forward_list_get_selection(self->list);
    size_t n = 0;
    const KftActionInfo *infos = kft_actions_list(&n);
    unsigned n_active = 0;

    for (unsigned i = 0; i < items->len; i++)
        n_active += kft_forward_item_is_active(items->pdata[i]) ? 1 : 0;
    for (size_t i = 0; i < n; i++) {
        if (infos[i].need == KFT_ACTION_ONE)
            set_enabled(self, infos[i].name + strlen("win."), items->len == 1);
        else if (infos[i].need == KFT_ACTION_SOME)
            set_enabled(self, infos[i].name + strlen("win."), items->len > 0);
    }
    set_enabled(self, "start", n_active < items->len);
    set_enabled(self, "stop", n_active > 0);
    set_enabled(self, "undo", kft_core_get_n_removed(self->core) > 0);
}
