/* The menu is a fixed head and tail with the forwards between them. What should be there is made as
 * a list of entries; then the list is compared with the items that are there, and only the
 * difference is done. */
#include "tray-menu.h"

#include <glib/gi18n.h>

#include "actions.h"
#include "text.h"

/* More than these are not shown one below the other: the recently used ones are, and all of them in
 * a submenu for each group. */
#define MAX_FLAT 20
#define N_RECENT 10

struct KftTrayMenu {
    KftCore *core;
    GtkMenu *menu;
    GtkMenuItem *status;
    GtkMenuItem *tail; /* the separator below the forwards */
    GtkMenuItem *start_all;
    GtkMenuItem *stop_all;
};

typedef enum {
    ENTRY_HEADING,
    ENTRY_FORWARD,
    ENTRY_SUBMENU
} EntryKind;

typedef struct {
    EntryKind kind;
    char *key; /* what makes it the same entry: kind and id or name */
    char *label;
    KftForwardItem *item; /* FORWARD, borrowed */
    GPtrArray *children;  /* SUBMENU: of Entry */
} Entry;

static void entry_free(gpointer data)
{
    Entry *self = data;
    g_free(self->key);
    g_free(self->label);
    if (self->children != NULL)
        g_ptr_array_unref(self->children);
    g_free(self);
}

static Entry *add_entry(GPtrArray *list, EntryKind kind, const char *name)
{
    Entry *entry = g_new0(Entry, 1);
    entry->kind = kind;
    entry->key = g_strdup_printf("%d %s", (int)kind, name);
    g_ptr_array_add(list, entry);
    return entry;
}

static void add_forward(GPtrArray *list, KftForwardItem *item)
{
    g_autofree char *id = g_strdup_printf("%" G_GINT64_FORMAT, kft_forward_item_get_id(item));
    Entry *entry = add_entry(list, ENTRY_FORWARD, id);
    entry->item = item;
    entry->label = kft_text_tray_label(item);
}

/* --- what should be there --- */

static bool is_by_group(KftTrayMenu *self)
{
    return g_strcmp0(kft_core_get_setting(self->core, KFT_SETTING_GROUP_BY), "group") == 0;
}

static GPtrArray *list_items(KftTrayMenu *self)
{
    GListModel *list = kft_model_get_list(kft_core_get_model(self->core));
    GPtrArray *items = g_ptr_array_new_with_free_func(g_object_unref);
    unsigned n = g_list_model_get_n_items(list);

    for (unsigned i = 0; i < n; i++)
        g_ptr_array_add(items, g_list_model_get_item(list, i));
    return items;
}

static int compare_groups(gconstpointer a, gconstpointer b, gpointer user_data)
{
    bool by_group = GPOINTER_TO_INT(user_data);
    return g_utf8_collate(kft_forward_item_get_group(*(KftForwardItem *const *)a, by_group),
                          kft_forward_item_get_group(*(KftForwardItem *const *)b, by_group));
}

static int compare_use(gconstpointer a, gconstpointer b)
{
    KftForwardItem *item_a = *(KftForwardItem *const *)a;
    KftForwardItem *item_b = *(KftForwardItem *const *)b;
    int active_a = kft_forward_item_is_active(item_a);
    int active_b = kft_forward_item_is_active(item_b);
    int64_t used_a = kft_forward_item_get_last_used_s(item_a);
    int64_t used_b = kft_forward_item_get_last_used_s(item_b);

    if (active_a != active_b)
        return active_b - active_a;
    return used_a > used_b ? -1 : used_a < used_b;
}

/* Heads and forwards one below the other, or a submenu for each head. */
static void add_groups(KftTrayMenu *self, GPtrArray *list, GPtrArray *items, bool as_submenus)
{
    bool by_group = is_by_group(self);
    const char *last = NULL;
    GPtrArray *target = list;

    g_ptr_array_sort_with_data(items, compare_groups, GINT_TO_POINTER(by_group));
    for (unsigned i = 0; i < items->len; i++) {
        const char *group = kft_forward_item_get_group(items->pdata[i], by_group);
        if (last == NULL || g_strcmp0(group, last) != 0) {
            Entry *head = add_entry(list, as_submenus ? ENTRY_SUBMENU : ENTRY_HEADING, group);
            head->label = g_strdup(kft_text_group(group, by_group));
            if (as_submenus)
                target = head->children = g_ptr_array_new_with_free_func(entry_free);
            last = group;
        }
        add_forward(target, items->pdata[i]);
    }
}

static GPtrArray *make_entries(KftTrayMenu *self)
{
    g_autoptr(GPtrArray) items = list_items(self);
    GPtrArray *list = g_ptr_array_new_with_free_func(entry_free);

    if (items->len <= MAX_FLAT) {
        add_groups(self, list, items, /* as_submenus */ false);
        return list;
    }
    g_ptr_array_sort(items, compare_use);
    add_entry(list, ENTRY_HEADING, "recent")->label = g_strdup(_("Recently used"));
    for (unsigned i = 0; i < N_RECENT; i++)
        add_forward(list, items->pdata[i]);
    add_entry(list, ENTRY_HEADING, "all")->label = g_strdup(_("All forwards"));
    add_groups(self, list, items, /* as_submenus */ true);
    return list;
}

/* --- bringing the menu there --- */

static const char *get_key(GtkWidget *widget)
{
    return g_object_get_data(G_OBJECT(widget), "kft-key");
}

static GtkWidget *make_widget(const Entry *entry)
{
    GtkWidget *widget = NULL;

    if (entry->kind == ENTRY_FORWARD) {
        g_autofree char *action =
            g_strdup_printf("forward.%" G_GINT64_FORMAT, kft_forward_item_get_id(entry->item));
        widget = gtk_check_menu_item_new();
        gtk_actionable_set_action_name(GTK_ACTIONABLE(widget), action);
    } else {
        widget = gtk_menu_item_new();
        gtk_widget_set_sensitive(widget, entry->kind == ENTRY_SUBMENU);
        if (entry->kind == ENTRY_SUBMENU)
            gtk_menu_item_set_submenu(GTK_MENU_ITEM(widget), gtk_menu_new());
    }
    g_object_set_data_full(G_OBJECT(widget), "kft-key", g_strdup(entry->key), g_free);
    gtk_widget_show(widget);
    return widget;
}

static void set_label(GtkMenuItem *item, const char *label)
{
    if (g_strcmp0(gtk_menu_item_get_label(item), label) != 0)
        gtk_menu_item_set_label(item, label);
}

static GtkWidget *find_widget(const GList *widgets, const char *key)
{
    for (; widgets != NULL; widgets = widgets->next) {
        if (g_strcmp0(get_key(widgets->data), key) == 0)
            return widgets->data;
    }
    return NULL;
}

static void drop_others(GtkMenuShell *menu, const GPtrArray *entries)
{
    g_autoptr(GHashTable) wanted = g_hash_table_new(g_str_hash, g_str_equal);
    g_autoptr(GList) widgets = gtk_container_get_children(GTK_CONTAINER(menu));

    for (unsigned i = 0; i < entries->len; i++)
        (void)g_hash_table_add(wanted, ((Entry *)entries->pdata[i])->key);
    for (GList *link = widgets; link != NULL; link = link->next) {
        const char *key = get_key(link->data);
        if (key != NULL && !g_hash_table_contains(wanted, key))
            gtk_widget_destroy(link->data);
    }
}

/* Puts @entries from position @first on; items without a key are not its own and stay. */
static void fill_menu(GtkMenuShell *menu, const GPtrArray *entries, int first)
{
    drop_others(menu, entries);
    for (unsigned i = 0; i < entries->len; i++) {
        const Entry *entry = entries->pdata[i];
        int position = first + (int)i;
        g_autoptr(GList) widgets = gtk_container_get_children(GTK_CONTAINER(menu));
        GtkWidget *there = g_list_nth_data(widgets, (unsigned)position);

        if (there == NULL || g_strcmp0(get_key(there), entry->key) != 0) {
            /* One that stands further down is taken out: the panel is not told of moves. */
            GtkWidget *moved = find_widget(widgets, entry->key);
            if (moved != NULL)
                gtk_widget_destroy(moved);
            there = make_widget(entry);
            gtk_menu_shell_insert(menu, there, position);
        }
        set_label(GTK_MENU_ITEM(there), entry->label);
        if (entry->kind == ENTRY_SUBMENU)
            fill_menu(GTK_MENU_SHELL(gtk_menu_item_get_submenu(GTK_MENU_ITEM(there))),
                      entry->children, 0);
    }
}

void kft_tray_menu_update(KftTrayMenu *self)
{
    g_autoptr(GPtrArray) entries = make_entries(self);
    KftSummary summary = kft_model_get_summary(kft_core_get_model(self->core));
    g_autofree char *text = kft_text_summary(&summary);
    unsigned n_active = kft_summary_count_active(&summary);

    set_label(self->status, text);
    gtk_widget_set_sensitive(GTK_WIDGET(self->start_all), n_active < summary.n_total);
    gtk_widget_set_sensitive(GTK_WIDGET(self->stop_all), n_active > 0);
    gtk_widget_set_visible(GTK_WIDGET(self->tail), entries->len > 0);
    /* After the status and its separator. */
    fill_menu(GTK_MENU_SHELL(self->menu), entries, 2);
}

/* --- the fixed part --- */

static GtkMenuItem *append(KftTrayMenu *self, GtkWidget *widget)
{
    gtk_widget_show(widget);
    gtk_menu_shell_append(GTK_MENU_SHELL(self->menu), widget);
    return GTK_MENU_ITEM(widget);
}

static GtkMenuItem *append_action(KftTrayMenu *self, const char *name)
{
    GtkWidget *widget =
        gtk_menu_item_new_with_mnemonic(kft_action_get_label(kft_actions_find(name)));
    gtk_actionable_set_action_name(GTK_ACTIONABLE(widget), name);
    return append(self, widget);
}

KftTrayMenu *kft_tray_menu_new(KftCore *core, GActionGroup *app_actions)
{
    KftTrayMenu *self = g_new0(KftTrayMenu, 1);

    self->core = g_object_ref(core);
    self->menu = GTK_MENU(g_object_ref_sink(gtk_menu_new()));
    gtk_widget_insert_action_group(GTK_WIDGET(self->menu), "app", app_actions);
    gtk_widget_insert_action_group(GTK_WIDGET(self->menu), "forward",
                                   kft_core_get_forward_actions(core));
    self->status = append(self, gtk_menu_item_new_with_label(""));
    gtk_widget_set_sensitive(GTK_WIDGET(self->status), FALSE);
    (void)append(self, gtk_separator_menu_item_new());
    self->tail = append(self, gtk_separator_menu_item_new());
    self->start_all = append_action(self, "app.start-all");
    self->stop_all = append_action(self, "app.stop-all");
    (void)append(self, gtk_separator_menu_item_new());
    (void)append_action(self, "app.show");
    (void)append_action(self, "app.settings");
    (void)append_action(self, "app.diagnose");
    (void)append_action(self, "app.quit");
    kft_tray_menu_update(self);
    return self;
}

GtkMenu *kft_tray_menu_get_widget(KftTrayMenu *self)
{
    return self->menu;
}

void kft_tray_menu_free(KftTrayMenu *self)
{
    if (self == NULL)
        return;
    gtk_widget_destroy(GTK_WIDGET(self->menu));
    g_object_unref(self->menu);
    g_object_unref(self->core);
    g_free(self);
}
