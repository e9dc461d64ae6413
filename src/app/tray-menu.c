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
/* Data of a submenu's item: somebody looked into it, so it is filled. */
#define WAS_OPENED "kft-opened"

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
    char *key;            /* what makes it the same entry: kind and id or name */
    char *label;          /* NULL with FORWARD, whose item has it */
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

static int compare_heads(gconstpointer a, gconstpointer b)
{
    return g_utf8_collate((*(Entry *const *)a)->key, (*(Entry *const *)b)->key);
}

/* A submenu entry for each group, in order, with its forwards as children. */
static GPtrArray *make_groups(KftTrayMenu *self, const GPtrArray *items)
{
    bool by_group = is_by_group(self);
    GPtrArray *heads = g_ptr_array_new_with_free_func(entry_free);
    g_autoptr(GHashTable) by_name = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);

    for (unsigned i = 0; i < items->len; i++) {
        const char *group = kft_forward_item_get_group(items->pdata[i], by_group);
        Entry *head = g_hash_table_lookup(by_name, group);
        if (head == NULL) {
            head = add_entry(heads, ENTRY_SUBMENU, group);
            head->label = g_strdup(kft_text_group(group, by_group));
            head->children = g_ptr_array_new_with_free_func(entry_free);
            g_hash_table_insert(by_name, g_strdup(group), head);
        }
        add_forward(head->children, items->pdata[i]);
    }
    g_ptr_array_sort(heads, compare_heads);
    return heads;
}

/* The same with heads and forwards one below the other. @groups: (transfer full). */
static GPtrArray *flatten(GPtrArray *groups)
{
    GPtrArray *list = g_ptr_array_new_with_free_func(entry_free);

    g_ptr_array_set_free_func(groups, NULL);
    for (unsigned i = 0; i < groups->len; i++) {
        Entry *head = groups->pdata[i];
        g_autoptr(GPtrArray) children = g_steal_pointer(&head->children);
        head->kind = ENTRY_HEADING;
        g_ptr_array_add(list, head);
        g_ptr_array_extend_and_steal(list, g_steal_pointer(&children));
    }
    g_ptr_array_unref(groups);
    return list;
}

static GPtrArray *make_entries(KftTrayMenu *self)
{
    g_autoptr(GPtrArray) items = list_items(self);
    GPtrArray *groups = make_groups(self, items);

    if (items->len <= MAX_FLAT)
        return flatten(groups);
    GPtrArray *list = g_ptr_array_new_with_free_func(entry_free);
    g_ptr_array_sort(items, compare_use);
    add_entry(list, ENTRY_HEADING, "recent")->label = g_strdup(_("Recently used"));
    for (unsigned i = 0; i < N_RECENT; i++)
        add_forward(list, items->pdata[i]);
    add_entry(list, ENTRY_HEADING, "all")->label = g_strdup(_("All forwards"));
    g_ptr_array_extend_and_steal(list, groups);
    return list;
}

/* --- bringing the menu there --- */

static char *get_key(GtkWidget *widget)
{
    return g_object_get_data(G_OBJECT(widget), "kft-key");
}

static void set_key(GtkWidget *widget, const char *key)
{
    g_object_set_data_full(G_OBJECT(widget), "kft-key", g_strdup(key), g_free);
}

static void set_label(GtkMenuItem *item, const char *label)
{
    if (g_strcmp0(gtk_menu_item_get_label(item), label) != 0)
        gtk_menu_item_set_label(item, label);
}

/* Each change is a message to the panel. */
static void show_forward(GtkCheckMenuItem *widget, KftForwardItem *item)
{
    g_autofree char *label = kft_text_tray_label(item);

    set_label(GTK_MENU_ITEM(widget), label);
    g_signal_handlers_block_matched(widget, G_SIGNAL_MATCH_DATA, 0, 0, NULL, NULL, item);
    gtk_check_menu_item_set_active(widget, kft_forward_item_is_on(item));
    g_signal_handlers_unblock_matched(widget, G_SIGNAL_MATCH_DATA, 0, 0, NULL, NULL, item);
    gtk_widget_set_sensitive(GTK_WIDGET(widget),
                             kft_forward_item_get_status(item)->state != KFT_ITEM_ELSEWHERE);
}

static void on_forward_toggled(GtkCheckMenuItem *widget, KftForwardItem *item)
{
    kft_actions_run_forward(item, gtk_check_menu_item_get_active(widget));
    show_forward(widget, item);
}

/* A panel tells before it shows a submenu, and GTK's copy of it is activated then. Until that it
 * has one item only: of a menu with a thousand the panel would read all again with each change. */
static void on_submenu_opened(GtkWidget *widget, KftTrayMenu *self)
{
    if (g_object_get_data(G_OBJECT(widget), WAS_OPENED) != NULL)
        return;
    g_object_set_data(G_OBJECT(widget), WAS_OPENED, widget);
    kft_tray_menu_update(self);
}

static void add_submenu(KftTrayMenu *self, GtkWidget *widget)
{
    GtkWidget *menu = gtk_menu_new();
    GtkWidget *nothing = gtk_menu_item_new_with_label("…");

    gtk_widget_set_sensitive(nothing, FALSE);
    gtk_widget_show(nothing);
    gtk_menu_shell_append(GTK_MENU_SHELL(menu), nothing);
    set_key(nothing, "nothing");
    gtk_menu_item_set_submenu(GTK_MENU_ITEM(widget), menu);
    g_signal_connect(widget, "activate", G_CALLBACK(on_submenu_opened), self);
}

static GtkWidget *make_widget(KftTrayMenu *self, const Entry *entry)
{
    GtkWidget *widget =
        entry->kind == ENTRY_FORWARD ? gtk_check_menu_item_new() : gtk_menu_item_new();

    if (entry->kind == ENTRY_FORWARD) {
        g_signal_connect_object(widget, "toggled", G_CALLBACK(on_forward_toggled), entry->item, 0);
        show_forward(GTK_CHECK_MENU_ITEM(widget), entry->item);
    } else {
        gtk_widget_set_sensitive(widget, entry->kind == ENTRY_SUBMENU);
        if (entry->kind == ENTRY_SUBMENU)
            add_submenu(self, widget);
    }
    set_key(widget, entry->key);
    gtk_widget_show(widget);
    return widget;
}

/* Takes out what is no longer wanted. Returns: what stays and has a key, by that. */
static GHashTable *drop_others(GtkMenuShell *menu, const GPtrArray *entries)
{
    g_autoptr(GHashTable) wanted = g_hash_table_new(g_str_hash, g_str_equal);
    g_autoptr(GList) widgets = gtk_container_get_children(GTK_CONTAINER(menu));
    GHashTable *stay = g_hash_table_new(g_str_hash, g_str_equal);

    for (unsigned i = 0; i < entries->len; i++)
        (void)g_hash_table_add(wanted, ((Entry *)entries->pdata[i])->key);
    for (GList *link = widgets; link != NULL; link = link->next) {
        char *key = get_key(link->data);
        if (key == NULL)
            continue;
        if (g_hash_table_contains(wanted, key))
            g_hash_table_insert(stay, key, link->data);
        else
            gtk_widget_destroy(link->data);
    }
    return stay;
}

static void fill_menu(KftTrayMenu *self, GtkMenuShell *menu, const GPtrArray *entries, int first);

static void show_entry(KftTrayMenu *self, GtkWidget *widget, const Entry *entry)
{
    if (entry->kind == ENTRY_FORWARD)
        show_forward(GTK_CHECK_MENU_ITEM(widget), entry->item);
    else
        set_label(GTK_MENU_ITEM(widget), entry->label);
    if (entry->kind == ENTRY_SUBMENU && g_object_get_data(G_OBJECT(widget), WAS_OPENED) != NULL)
        fill_menu(self, GTK_MENU_SHELL(gtk_menu_item_get_submenu(GTK_MENU_ITEM(widget))),
                  entry->children, 0);
}

/* Puts @entries from position @first on; items without a key are not its own and stay. */
static void fill_menu(KftTrayMenu *self, GtkMenuShell *menu, const GPtrArray *entries, int first)
{
    g_autoptr(GHashTable) stay = drop_others(menu, entries);
    g_autoptr(GList) widgets = gtk_container_get_children(GTK_CONTAINER(menu));
    GList *next = g_list_nth(widgets, (unsigned)first);

    for (unsigned i = 0; i < entries->len; i++) {
        const Entry *entry = entries->pdata[i];
        GtkWidget *there = next == NULL ? NULL : next->data;

        if (there != NULL && g_strcmp0(get_key(there), entry->key) == 0) {
            next = next->next;
        } else {
            /* One that stands further down is taken out: the panel is not told of moves. */
            GtkWidget *moved = g_hash_table_lookup(stay, entry->key);
            if (moved != NULL) {
                widgets = g_list_remove(widgets, moved);
                gtk_widget_destroy(moved);
            }
            there = make_widget(self, entry);
            gtk_menu_shell_insert(menu, there, first + (int)i);
        }
        show_entry(self, there, entry);
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
    fill_menu(self, GTK_MENU_SHELL(self->menu), entries, 2);
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
