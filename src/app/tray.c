/* Each change of the indicator and of its menu is a message on the session bus, so that all changes
 * of one turn of the main loop are drawn once. */
#include "tray.h"

/* The library's header uses GTK API that GTK has deprecated since. */
G_GNUC_BEGIN_IGNORE_DEPRECATIONS
#include <libayatana-appindicator/app-indicator.h>
G_GNUC_END_IGNORE_DEPRECATIONS

#include "paths.h"
#include "text.h"
#include "tray-menu.h"

/* Without a StatusNotifier host the library falls back to an icon of the X11 system tray. That
 * reads beyond the end of the icon theme's path list when a path of one's own is set (0.5.92), and
 * GTK leaks in it; the window is there for who has no tray, so it is left out. */
typedef struct {
    AppIndicator parent;
} KftIndicator;
typedef struct {
    AppIndicatorClass parent;
} KftIndicatorClass;

static GType kft_indicator_get_type(void);
G_DEFINE_TYPE(KftIndicator, kft_indicator, APP_INDICATOR_TYPE)

static GtkStatusIcon *kft_indicator_fallback(AppIndicator *indicator)
{
    (void)indicator;
    return NULL;
}

static void kft_indicator_unfallback(AppIndicator *indicator, GtkStatusIcon *icon)
{
    (void)indicator;
    (void)icon;
}

static void kft_indicator_class_init(KftIndicatorClass *class)
{
    APP_INDICATOR_CLASS(class)->fallback = kft_indicator_fallback;
    APP_INDICATOR_CLASS(class)->unfallback = kft_indicator_unfallback;
}

static void kft_indicator_init(KftIndicator *self)
{
    (void)self;
}

struct _KftTray {
    GObject parent;
    KftCore *core;
    AppIndicator *indicator;
    KftTrayMenu *menu;
    unsigned update_source;
    bool is_shown;
};

G_DEFINE_FINAL_TYPE(KftTray, kft_tray, G_TYPE_OBJECT)

static unsigned shown_changed_signal;

static gboolean on_update(gpointer user_data)
{
    KftTray *self = user_data;
    KftSummary summary = kft_model_get_summary(kft_core_get_model(self->core));
    g_autofree char *text = kft_text_summary(&summary);
    g_autofree char *title = g_strdup_printf("kftray: %s", text);

    app_indicator_set_icon_full(self->indicator, kft_text_tray_icon(&summary), text);
    app_indicator_set_title(self->indicator, title);
    self->update_source = 0;
    kft_tray_menu_update(self->menu);
    return G_SOURCE_REMOVE;
}

/* Once for all changes of this turn: each one is a message to the panel. */
static void update_soon(KftTray *self)
{
    if (self->update_source == 0)
        self->update_source = g_idle_add_full(G_PRIORITY_DEFAULT_IDLE, on_update, self, NULL);
}

static void on_item_changed(KftForwardItem *item, unsigned what, KftTray *self)
{
    (void)item;
    if ((what & (KFT_ITEM_CONFIG | KFT_ITEM_STATUS)) != 0)
        update_soon(self);
}

static void on_items_changed(
    GListModel *list, unsigned position, unsigned n_removed, unsigned n_added, KftTray *self)
{
    (void)n_removed;
    for (unsigned i = position; i < position + n_added; i++) {
        g_autoptr(KftForwardItem) item = g_list_model_get_item(list, i);
        /* An item that only moved is connected already. */
        g_signal_handlers_disconnect_by_data(item, self);
        g_signal_connect_object(item, "changed", G_CALLBACK(on_item_changed), self, 0);
    }
    update_soon(self);
}

static void on_connection_changed(AppIndicator *indicator, gboolean is_connected, KftTray *self)
{
    (void)indicator;
    if (self->is_shown == is_connected)
        return;
    self->is_shown = is_connected;
    g_signal_emit(self, shown_changed_signal, 0);
}

static void kft_tray_dispose(GObject *object)
{
    KftTray *self = KFT_TRAY(object);

    g_clear_handle_id(&self->update_source, g_source_remove);
    if (self->core != NULL)
        g_signal_handlers_disconnect_by_data(kft_model_get_list(kft_core_get_model(self->core)),
                                             self);
    if (self->indicator != NULL)
        g_signal_handlers_disconnect_by_data(self->indicator, self);
    g_clear_object(&self->indicator);
    g_clear_pointer(&self->menu, kft_tray_menu_free);
    g_clear_object(&self->core);
    G_OBJECT_CLASS(kft_tray_parent_class)->dispose(object);
}

static void kft_tray_class_init(KftTrayClass *class)
{
    G_OBJECT_CLASS(class)->dispose = kft_tray_dispose;
    shown_changed_signal = g_signal_new("shown-changed", KFT_TYPE_TRAY, G_SIGNAL_RUN_LAST, 0, NULL,
                                        NULL, NULL, G_TYPE_NONE, 0);
}

static void kft_tray_init(KftTray *self)
{
    (void)self;
}

KftTray *kft_tray_new(KftCore *core, GActionGroup *app_actions)
{
    KftTray *self = g_object_new(KFT_TYPE_TRAY, NULL);
    GListModel *list = kft_model_get_list(kft_core_get_model(core));
    g_autofree char *icons = kft_paths_dup_data("icons");

    self->core = g_object_ref(core);
    self->menu = kft_tray_menu_new(core, app_actions);
    self->indicator =
        g_object_new(kft_indicator_get_type(), "id", "kftray", "category", "Communications",
                     "icon-name", "kftray-tray-idle-symbolic", "icon-theme-path", icons, NULL);
    app_indicator_set_menu(self->indicator, kft_tray_menu_get_widget(self->menu));
    app_indicator_set_status(self->indicator, APP_INDICATOR_STATUS_ACTIVE);
    g_signal_connect(self->indicator, "connection-changed", G_CALLBACK(on_connection_changed),
                     self);
    g_signal_connect(list, "items-changed", G_CALLBACK(on_items_changed), self);
    on_items_changed(list, 0, 0, g_list_model_get_n_items(list), self);
    return self;
}

bool kft_tray_is_shown(KftTray *self)
{
    return self->is_shown;
}
