#include "settings-window.h"

#include <glib/gi18n.h>

#include "setting-row.h"

struct _KftSettingsWindow {
    GtkWindow parent;
    GtkStack *pages;
    GtkListBox *behaviour;
    GtkListBox *network;
    GtkListBox *defaults;
    GtkListBox *appearance;
    GtkLabel *data_dir;
    GtkLabel *version;
};

G_DEFINE_FINAL_TYPE(KftSettingsWindow, kft_settings_window, GTK_TYPE_WINDOW)

static const KftSettingWord group_words[] = {
    {"context", N_("Context")},
    {"group", N_("Group")},
    {NULL, NULL},
};
static const KftSettingWord appearance_words[] = {
    {"system", N_("As the desktop")},
    {"light", N_("Light")},
    {"dark", N_("Dark")},
    {NULL, NULL},
};
static const KftSettingWord relay_words[] = {
    {"auto", N_("Shared gateway if there is one")},
    {"own", N_("Own pods")},
    {"shared", N_("Shared gateway only")},
    {NULL, NULL},
};
static const KftSettingWord transport_words[] = {
    {"auto", N_("Automatic")},
    {"tunnel", N_("Tunnel (Kubernetes 1.31 and later)")},
    {"spdy", N_("SPDY")},
    {"websocket", N_("WebSocket")},
    {NULL, NULL},
};

typedef enum {
    PAGE_BEHAVIOUR,
    PAGE_NETWORK,
    PAGE_DEFAULTS,
    PAGE_APPEARANCE,
    N_PAGES
} Page;

static const struct {
    Page page;
    KftSetting setting;
    const char *title;
    const KftSettingWord *words;
} rows[] = {
    {PAGE_BEHAVIOUR, KFT_SETTING_RESTORE_AT_START, N_("Restore at start"), NULL},
    {PAGE_BEHAVIOUR, KFT_SETTING_AUTOSTART, N_("Start at login"), NULL},
    {PAGE_BEHAVIOUR, KFT_SETTING_START_HIDDEN, N_("Start hidden"), NULL},
    {PAGE_BEHAVIOUR, KFT_SETTING_NOTIFY, N_("Notifications"), NULL},
    {PAGE_NETWORK, KFT_SETTING_HOLD_SECONDS, N_("Hold connections"), NULL},
    {PAGE_NETWORK, KFT_SETTING_HALF_CLOSE_SECONDS, N_("Half-closed connections"), NULL},
    {PAGE_NETWORK, KFT_SETTING_DISCONNECT_TIMEOUT_MINUTES, N_("Stop when unused"), NULL},
    {PAGE_NETWORK, KFT_SETTING_PROXY, N_("Proxy"), NULL},
    {PAGE_NETWORK, KFT_SETTING_NO_PROXY, N_("No proxy for"), NULL},
    {PAGE_NETWORK, KFT_SETTING_CONTEXT_PROXIES, N_("Proxies of contexts"), NULL},
    {PAGE_NETWORK, KFT_SETTING_CA_BUNDLE, N_("Additional authorities"), NULL},
    {PAGE_NETWORK, KFT_SETTING_RELAY, N_("Relay"), relay_words},
    {PAGE_NETWORK, KFT_SETTING_RELAY_IMAGE, N_("Image of relay pods"), NULL},
    {PAGE_NETWORK, KFT_SETTING_RELAY_TEMPLATE, N_("Template of relay pods"), NULL},
    {PAGE_DEFAULTS, KFT_SETTING_DEFAULT_LOCAL_ADDRESS, N_("Local address"), NULL},
    {PAGE_DEFAULTS, KFT_SETTING_DEFAULT_TRANSPORT, N_("Transport"), transport_words},
    {PAGE_APPEARANCE, KFT_SETTING_APPEARANCE, N_("Colours"), appearance_words},
    {PAGE_APPEARANCE, KFT_SETTING_GROUP_BY, N_("Group the list by"), group_words},
};

static void on_open_data(KftSettingsWindow *self)
{
    g_autofree char *uri = g_filename_to_uri(gtk_label_get_text(self->data_dir), NULL, NULL);
    if (uri != NULL)
        (void)gtk_show_uri_on_window(GTK_WINDOW(self), uri, GDK_CURRENT_TIME, NULL);
}

static void show_next_page(KftSettingsWindow *self, bool is_back)
{
    g_autoptr(GList) pages = gtk_container_get_children(GTK_CONTAINER(self->pages));
    GList *now = g_list_find(pages, gtk_stack_get_visible_child(self->pages));
    GList *next = is_back ? now->prev : now->next;

    if (next != NULL)
        gtk_stack_set_visible_child(self->pages, next->data);
}

static gboolean kft_settings_window_key_press_event(GtkWidget *widget, GdkEventKey *event)
{
    if (GTK_WIDGET_CLASS(kft_settings_window_parent_class)->key_press_event(widget, event))
        return GDK_EVENT_STOP;
    if ((event->state & GDK_CONTROL_MASK) != 0 &&
        (event->keyval == GDK_KEY_Page_Up || event->keyval == GDK_KEY_Page_Down)) {
        show_next_page(KFT_SETTINGS_WINDOW(widget), event->keyval == GDK_KEY_Page_Up);
        return GDK_EVENT_STOP;
    }
    if (event->keyval != GDK_KEY_Escape)
        return GDK_EVENT_PROPAGATE;
    gtk_window_close(GTK_WINDOW(widget));
    return GDK_EVENT_STOP;
}

static void kft_settings_window_class_init(KftSettingsWindowClass *class)
{
    GtkWidgetClass *widget_class = GTK_WIDGET_CLASS(class);

    widget_class->key_press_event = kft_settings_window_key_press_event;
    gtk_widget_class_set_template_from_resource(widget_class,
                                                "/io/github/kftray/Kftray/settings-window.ui");
    gtk_widget_class_bind_template_child(widget_class, KftSettingsWindow, pages);
    gtk_widget_class_bind_template_child(widget_class, KftSettingsWindow, behaviour);
    gtk_widget_class_bind_template_child(widget_class, KftSettingsWindow, network);
    gtk_widget_class_bind_template_child(widget_class, KftSettingsWindow, defaults);
    gtk_widget_class_bind_template_child(widget_class, KftSettingsWindow, appearance);
    gtk_widget_class_bind_template_child(widget_class, KftSettingsWindow, data_dir);
    gtk_widget_class_bind_template_child(widget_class, KftSettingsWindow, version);
    gtk_widget_class_bind_template_callback(widget_class, on_open_data);
}

static void kft_settings_window_init(KftSettingsWindow *self)
{
    gtk_widget_init_template(GTK_WIDGET(self));
}

GtkWidget *kft_settings_window_new(KftCore *core, GtkWindow *parent)
{
    KftSettingsWindow *self = g_object_new(KFT_TYPE_SETTINGS_WINDOW, "transient-for", parent,
                                           "title", _("Settings"), NULL);
    GActionGroup *actions = G_ACTION_GROUP(g_application_get_default());
    GtkListBox *const pages[N_PAGES] = {
        [PAGE_BEHAVIOUR] = self->behaviour,
        [PAGE_NETWORK] = self->network,
        [PAGE_DEFAULTS] = self->defaults,
        [PAGE_APPEARANCE] = self->appearance,
    };
    g_autofree char *dir = kft_store_dup_default_dir();

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++)
        gtk_container_add(
            GTK_CONTAINER(pages[rows[i].page]),
            kft_setting_row_new(core, rows[i].setting, _(rows[i].title), rows[i].words));
    gtk_label_set_text(self->data_dir, dir);
    gtk_label_set_text(self->version, KFT_VERSION);
    gtk_widget_insert_action_group(GTK_WIDGET(self), "app", actions);
    return GTK_WIDGET(self);
}
