/* The program's life: start, first window, tray or none, quitting; and what the "app." actions do.
 * It stays alive without a window (g_application_hold) until the engine has stopped. */
#include "application.h"

#include <glib-unix.h>
#include <glib/gi18n.h>
#include <unistd.h>

#include "actions.h"
#include "autostart.h"
#include "demo.h"
#include "dialogs.h"
#include "frame-log.h"
#include "machine.h"
#include "network-link.h"
#include "notify.h"
#include "proxy-logins.h"
#include "remote-control.h"
#include "tray.h"
#include "window.h"

/* At login the panel may come after this program. */
#define TRAY_GRACE_SECONDS 3
#define TRAY_GRACE_HIDDEN_SECONDS 15
/* An engine that does not stop must not hold up the end of the session. */
#define SHUTDOWN_SECONDS 5

struct _KftApplication {
    GtkApplication parent;
    KftCore *core;
    KftTray *tray;
    KftRemoteControl *remote; /* NULL without a session bus */
    KftNetworkLink *network;
    KftProxyLogins *logins;
    KftWindow *window;  /* NULL until it was shown */
    GPtrArray *to_open; /* paths of files to import once the store is read */
    char *appearance;   /* what GTK was told, as the setting has it */
    bool is_hidden;     /* started without a window */
    bool is_activated;
    bool is_quitting;
    bool is_asking; /* the question before quitting is open */
    unsigned tray_source;
    unsigned shutdown_source;
};

G_DEFINE_FINAL_TYPE(KftApplication, kft_application, GTK_TYPE_APPLICATION)

/* --- window --- */

static KftWindow *get_window(KftApplication *self)
{
    if (self->window == NULL) {
        self->window = kft_window_new(GTK_APPLICATION(self), self->core);
        kft_frame_log_watch(GTK_WIDGET(self->window));
        g_object_add_weak_pointer(G_OBJECT(self->window), (gpointer *)&self->window);
    }
    return self->window;
}

static void show_window(KftApplication *self)
{
    if (self->is_quitting)
        return;
    gtk_window_present_with_time(GTK_WINDOW(get_window(self)), gtk_get_current_event_time());
}

static bool is_watching(void)
{
    KftApplication *self = KFT_APPLICATION(g_application_get_default());
    return self->window != NULL && gtk_window_is_active(GTK_WINDOW(self->window));
}

static GtkWindow *get_parent(KftApplication *self)
{
    return self->window != NULL && gtk_widget_get_visible(GTK_WIDGET(self->window))
               ? GTK_WINDOW(self->window)
               : NULL;
}

static void on_core_error(KftCore *core, const char *title, const GError *error, gpointer user_data)
{
    KftApplication *self = user_data;
    (void)core;
    show_window(self);
    if (self->window != NULL)
        kft_window_show_error(self->window, title, error->message);
}

/* --- tray --- */

static gboolean on_tray_grace(gpointer user_data)
{
    KftApplication *self = user_data;

    self->tray_source = 0;
    if (!kft_tray_is_shown(self->tray)) {
        show_window(self);
        kft_window_set_tray_hint(get_window(self), true);
    }
    return G_SOURCE_REMOVE;
}

static void on_tray_shown_changed(KftTray *tray, KftApplication *self)
{
    bool is_shown = kft_tray_is_shown(tray);

    if (self->window != NULL)
        kft_window_set_tray_hint(self->window, !is_shown);
    if (is_shown)
        g_clear_handle_id(&self->tray_source, g_source_remove);
    else
        show_window(self); /* the panel went away, and with it the way back */
}

/* --- quitting --- */

static gboolean on_shutdown_timeout(gpointer user_data)
{
    (void)user_data;
    g_warning("the engine did not stop within %d s", SHUTDOWN_SECONDS);
    _exit(1);
}

static void shut_down(KftApplication *self, bool stays_wanted)
{
    if (self->is_quitting)
        return;
    self->is_quitting = true;
    self->shutdown_source = g_timeout_add_seconds(SHUTDOWN_SECONDS, on_shutdown_timeout, self);
    if (self->window != NULL)
        gtk_widget_hide(GTK_WIDGET(self->window));
    kft_core_shut_down(self->core, stays_wanted);
}

static void on_core_stopped(KftCore *core, KftApplication *self)
{
    (void)core;
    g_clear_handle_id(&self->shutdown_source, g_source_remove);
    g_application_release(G_APPLICATION(self));
    g_application_quit(G_APPLICATION(self));
}

static void on_quit_answer(KftQuitAnswer answer, gpointer user_data)
{
    KftApplication *self = user_data;
    self->is_asking = false;
    if (answer != KFT_QUIT_CANCEL)
        shut_down(self, answer == KFT_QUIT_KEEP);
}

static void on_quit(GSimpleAction *action, GVariant *parameter, gpointer user_data)
{
    KftApplication *self = user_data;
    KftSummary summary = kft_model_get_summary(kft_core_get_model(self->core));
    unsigned n_active = kft_summary_count_active(&summary);

    (void)action;
    (void)parameter;
    if (self->is_asking || self->is_quitting)
        return;
    if (n_active == 0) {
        shut_down(self, /* stays_wanted */ false);
        return;
    }
    self->is_asking = true;
    kft_dialogs_quit(get_parent(self), n_active, on_quit_answer, self);
}

/* The session ends or the program is told to: what runs is wanted next time, too. */
static gboolean on_terminate(gpointer user_data)
{
    shut_down(user_data, /* stays_wanted */ true);
    return G_SOURCE_CONTINUE;
}

/* --- actions --- */

static void on_show(GSimpleAction *action, GVariant *parameter, gpointer user_data)
{
    (void)action;
    (void)parameter;
    show_window(user_data);
}

static void on_close_window(GSimpleAction *action, GVariant *parameter, gpointer user_data)
{
    KftApplication *self = user_data;

    if (kft_tray_is_shown(self->tray))
        gtk_widget_hide(GTK_WIDGET(self->window));
    else
        on_quit(action, parameter, self);
}

static void on_add(GSimpleAction *action, GVariant *parameter, gpointer user_data)
{
    KftApplication *self = user_data;
    (void)action;
    (void)parameter;
    kft_dialogs_edit(self->core, get_parent(self), NULL);
}

static void on_import_kubeconfig(GSimpleAction *action, GVariant *parameter, gpointer user_data)
{
    KftApplication *self = user_data;
    (void)action;
    (void)parameter;
    kft_dialogs_import_kubeconfig(self->core, get_parent(self), NULL);
}

static void on_import_file(GSimpleAction *action, GVariant *parameter, gpointer user_data)
{
    KftApplication *self = user_data;
    (void)action;
    (void)parameter;
    kft_dialogs_import_file(self->core, get_parent(self));
}

static void on_import_upstream(GSimpleAction *action, GVariant *parameter, gpointer user_data)
{
    KftApplication *self = user_data;
    (void)action;
    (void)parameter;
    kft_dialogs_import_upstream(self->core, get_parent(self));
}

static void on_export(GSimpleAction *action, GVariant *parameter, gpointer user_data)
{
    KftApplication *self = user_data;
    (void)action;
    (void)parameter;
    kft_dialogs_export(self->core, get_parent(self), NULL);
}

static void on_try_demo(GSimpleAction *action, GVariant *parameter, gpointer user_data)
{
    (void)action;
    (void)parameter;
    kft_demo_start(KFT_APPLICATION(user_data)->core);
}

static void on_start_all(GSimpleAction *action, GVariant *parameter, gpointer user_data)
{
    (void)action;
    (void)parameter;
    kft_core_start_all(KFT_APPLICATION(user_data)->core);
}

static void on_stop_all(GSimpleAction *action, GVariant *parameter, gpointer user_data)
{
    (void)action;
    (void)parameter;
    kft_core_stop_all(KFT_APPLICATION(user_data)->core);
}

static void on_diagnose(GSimpleAction *action, GVariant *parameter, gpointer user_data)
{
    KftApplication *self = user_data;
    (void)action;
    (void)parameter;
    kft_dialogs_diagnose(self->core, get_parent(self), NULL);
}

static void on_log(GSimpleAction *action, GVariant *parameter, gpointer user_data)
{
    KftApplication *self = user_data;
    (void)action;
    (void)parameter;
    kft_dialogs_log(GTK_APPLICATION(self), self->core, NULL);
}

static void on_relays(GSimpleAction *action, GVariant *parameter, gpointer user_data)
{
    KftApplication *self = user_data;
    (void)action;
    (void)parameter;
    kft_dialogs_relays(self->core, get_parent(self));
}

static void on_run_forward(GSimpleAction *action, GVariant *parameter, gpointer user_data)
{
    KftCore *core = KFT_APPLICATION(user_data)->core;
    gint64 id = 0;
    gboolean shall_run = FALSE;

    (void)action;
    g_variant_get(parameter, "(xb)", &id, &shall_run);
    KftForwardItem *item = kft_model_find(kft_core_get_model(core), id);
    if (item == NULL)
        return;
    if (shall_run)
        kft_core_start(core, item);
    else
        kft_core_stop(core, item);
}

static void on_settings(GSimpleAction *action, GVariant *parameter, gpointer user_data)
{
    KftApplication *self = user_data;
    (void)action;
    (void)parameter;
    kft_dialogs_settings(self->core, get_parent(self));
}

static void on_shortcuts(GSimpleAction *action, GVariant *parameter, gpointer user_data)
{
    KftApplication *self = user_data;
    GtkWidget *window = kft_actions_make_shortcuts_window();

    (void)action;
    (void)parameter;
    gtk_window_set_transient_for(GTK_WINDOW(window), get_parent(self));
    gtk_window_present(GTK_WINDOW(window));
}

static void on_about(GSimpleAction *action, GVariant *parameter, gpointer user_data)
{
    (void)action;
    (void)parameter;
    kft_dialogs_about(get_parent(user_data));
}

static void on_reveal(GSimpleAction *action, GVariant *parameter, gpointer user_data)
{
    KftApplication *self = user_data;
    KftForwardItem *item =
        kft_model_find(kft_core_get_model(self->core), g_variant_get_int64(parameter));

    (void)action;
    show_window(self);
    if (item != NULL && self->window != NULL)
        kft_window_reveal(self->window, item);
}

static const GActionEntry entries[] = {
    {.name = "show", .activate = on_show},
    {.name = "close-window", .activate = on_close_window},
    {.name = "add", .activate = on_add},
    {.name = "import-kubeconfig", .activate = on_import_kubeconfig},
    {.name = "import-file", .activate = on_import_file},
    {.name = "import-upstream", .activate = on_import_upstream},
    {.name = "export", .activate = on_export},
    {.name = "try-demo", .activate = on_try_demo},
    {.name = "start-all", .activate = on_start_all},
    {.name = "stop-all", .activate = on_stop_all},
    {.name = "diagnose", .activate = on_diagnose},
    {.name = "log", .activate = on_log},
    {.name = "relays", .activate = on_relays},
    {.name = "run-forward", .parameter_type = "(xb)", .activate = on_run_forward},
    {.name = "settings", .activate = on_settings},
    {.name = "shortcuts", .activate = on_shortcuts},
    {.name = "about", .activate = on_about},
    {.name = "quit", .activate = on_quit},
    {.name = "reveal", .parameter_type = "x", .activate = on_reveal},
};

/* --- start --- */

static void apply_appearance(KftApplication *self)
{
    const char *wanted = kft_core_get_setting(self->core, KFT_SETTING_APPEARANCE);
    GtkSettings *settings = gtk_settings_get_default();

    /* Nothing is told to GTK that it knows: it would read the theme again. */
    if (g_strcmp0(wanted, self->appearance) == 0)
        return;
    g_free(self->appearance);
    self->appearance = g_strdup(wanted);
    if (g_strcmp0(wanted, "system") == 0)
        gtk_settings_reset_property(settings, "gtk-application-prefer-dark-theme");
    else
        g_object_set(settings, "gtk-application-prefer-dark-theme", g_strcmp0(wanted, "dark") == 0,
                     NULL);
}

static void on_setting_changed(KftCore *core, unsigned setting, KftApplication *self)
{
    g_autoptr(GError) error = NULL;

    if (setting == KFT_SETTING_APPEARANCE)
        apply_appearance(self);
    if (setting == KFT_SETTING_AUTOSTART &&
        !kft_autostart_set(kft_core_get_bool(core, KFT_SETTING_AUTOSTART), &error))
        on_core_error(core, _("The start at login could not be changed"), error, self);
}

static void open_files(KftApplication *self)
{
    if (self->to_open->len > 0)
        show_window(self);
    for (unsigned i = 0; i < self->to_open->len; i++)
        kft_dialogs_import_path(self->core, get_parent(self), self->to_open->pdata[i]);
    g_ptr_array_set_size(self->to_open, 0);
}

/* "kftray FILE": JSON or a kubeconfig to import. */
static void
kft_application_open(GApplication *application, GFile **files, int n_files, const char *hint)
{
    KftApplication *self = KFT_APPLICATION(application);

    (void)hint;
    for (int i = 0; i < n_files; i++) {
        char *path = g_file_get_path(files[i]);
        if (path != NULL)
            g_ptr_array_add(self->to_open, path);
    }
    if (kft_core_is_loaded(self->core))
        open_files(self);
}

static void on_core_loaded(KftCore *core, KftApplication *self)
{
    bool is_hidden = self->is_hidden || kft_core_get_bool(core, KFT_SETTING_START_HIDDEN);

    kft_frame_log_mark("loaded");
    if (self->is_activated && !is_hidden)
        show_window(self);
    open_files(self);
    self->is_hidden = false;
    self->tray_source = g_timeout_add_seconds(
        is_hidden ? TRAY_GRACE_HIDDEN_SECONDS : TRAY_GRACE_SECONDS, on_tray_grace, self);
}

static void load_style(void)
{
    g_autoptr(GtkCssProvider) provider = gtk_css_provider_new();
    gtk_css_provider_load_from_resource(provider, "/io/github/kftray/Kftray/style.css");
    gtk_style_context_add_provider_for_screen(gdk_screen_get_default(),
                                              GTK_STYLE_PROVIDER(provider),
                                              GTK_STYLE_PROVIDER_PRIORITY_APPLICATION);
}

static void connect_core(KftApplication *self)
{
    g_signal_connect(self->core, "error", G_CALLBACK(on_core_error), self);
    g_signal_connect(self->core, "loaded", G_CALLBACK(on_core_loaded), self);
    g_signal_connect(self->core, "stopped", G_CALLBACK(on_core_stopped), self);
    g_signal_connect(self->core, "setting-changed", G_CALLBACK(on_setting_changed), self);
    self->network = kft_network_link_new(self->core);
    self->logins = kft_proxy_logins_new(self->core);
    kft_notify_attach(self->core, G_APPLICATION(self), is_watching);
    kft_machine_watch(self->core);
}

static gboolean kft_application_dbus_register(GApplication *application,
                                              GDBusConnection *bus,
                                              const char *path,
                                              GError **error)
{
    KftApplication *self = KFT_APPLICATION(application);

    if (!G_APPLICATION_CLASS(kft_application_parent_class)
             ->dbus_register(application, bus, path, error))
        return FALSE;
    self->remote = kft_remote_control_new(bus, path, error);
    return self->remote != NULL;
}

static void
kft_application_dbus_unregister(GApplication *application, GDBusConnection *bus, const char *path)
{
    KftApplication *self = KFT_APPLICATION(application);

    g_clear_pointer(&self->remote, kft_remote_control_free);
    G_APPLICATION_CLASS(kft_application_parent_class)->dbus_unregister(application, bus, path);
}

static void kft_application_startup(GApplication *application)
{
    KftApplication *self = KFT_APPLICATION(application);
    g_autoptr(GError) error = NULL;

    G_APPLICATION_CLASS(kft_application_parent_class)->startup(application);
    gtk_window_set_default_icon_name(KFT_APPLICATION_ID);
    load_style();
    self->core = kft_core_new(/* dir */ NULL, &error);
    if (self->core == NULL)
        g_error("%s", error->message);
    connect_core(self);
    if (self->remote != NULL)
        kft_remote_control_set_core(self->remote, self->core);
    g_action_map_add_action_entries(G_ACTION_MAP(self), entries, G_N_ELEMENTS(entries), self);
    kft_actions_set_keys(GTK_APPLICATION(self));
    self->tray = kft_tray_new(self->core, G_ACTION_GROUP(self));
    g_signal_connect(self->tray, "shown-changed", G_CALLBACK(on_tray_shown_changed), self);
    (void)g_unix_signal_add(SIGTERM, on_terminate, self);
    (void)g_unix_signal_add(SIGINT, on_terminate, self);
    (void)g_unix_signal_add(SIGHUP, on_terminate, self);
    g_application_hold(application);
}

/* The first activation is the start itself: what is stored is not there yet. */
static void kft_application_activate(GApplication *application)
{
    KftApplication *self = KFT_APPLICATION(application);

    if (self->is_activated && !kft_core_is_loaded(self->core))
        self->is_hidden = false;
    if (kft_core_is_loaded(self->core))
        show_window(self);
    self->is_activated = true;
}

static int kft_application_handle_local_options(GApplication *application, GVariantDict *options)
{
    KftApplication *self = KFT_APPLICATION(application);
    g_autoptr(GError) error = NULL;

    if (g_variant_dict_contains(options, "version")) {
        g_print("kftray %s\n", KFT_VERSION);
        return 0;
    }
    if (!g_variant_dict_contains(options, "hidden"))
        return -1;
    self->is_hidden = true;
    if (!g_application_register(application, NULL, &error)) {
        g_printerr("error: %s\n", error->message);
        return 1;
    }
    /* It runs already; there is nothing to show. */
    return g_application_get_is_remote(application) ? 0 : -1;
}

static void kft_application_shutdown(GApplication *application)
{
    KftApplication *self = KFT_APPLICATION(application);

    g_clear_handle_id(&self->tray_source, g_source_remove);
    if (self->window != NULL)
        gtk_widget_destroy(GTK_WIDGET(self->window));
    g_clear_object(&self->tray);
    g_clear_pointer(&self->network, kft_network_link_free);
    if (self->logins != NULL)
        g_object_run_dispose(G_OBJECT(self->logins));
    g_clear_object(&self->logins);
    if (self->remote != NULL)
        kft_remote_control_set_core(self->remote, NULL);
    if (self->core != NULL)
        g_signal_handlers_disconnect_by_data(self->core, self);
    g_clear_object(&self->core);
    G_APPLICATION_CLASS(kft_application_parent_class)->shutdown(application);
}

static void kft_application_finalize(GObject *object)
{
    g_ptr_array_unref(KFT_APPLICATION(object)->to_open);
    g_free(KFT_APPLICATION(object)->appearance);
    G_OBJECT_CLASS(kft_application_parent_class)->finalize(object);
}

static void kft_application_class_init(KftApplicationClass *class)
{
    GApplicationClass *application_class = G_APPLICATION_CLASS(class);

    G_OBJECT_CLASS(class)->finalize = kft_application_finalize;
    application_class->open = kft_application_open;
    application_class->startup = kft_application_startup;
    application_class->activate = kft_application_activate;
    application_class->handle_local_options = kft_application_handle_local_options;
    application_class->dbus_register = kft_application_dbus_register;
    application_class->dbus_unregister = kft_application_dbus_unregister;
    application_class->shutdown = kft_application_shutdown;
}

static void kft_application_init(KftApplication *self)
{
    const GOptionEntry options[] = {
        {"hidden", 0, 0, G_OPTION_ARG_NONE, NULL, N_("Start in the tray, without a window"), NULL},
        {"version", 0, 0, G_OPTION_ARG_NONE, NULL, N_("Print the version"), NULL},
        {0},
    };
    self->to_open = g_ptr_array_new_with_free_func(g_free);
    self->appearance = g_strdup("system");
    g_application_add_main_option_entries(G_APPLICATION(self), options);
}

KftApplication *kft_application_new(void)
{
    return g_object_new(KFT_TYPE_APPLICATION, "application-id", KFT_APPLICATION_ID, "flags",
                        G_APPLICATION_HANDLES_OPEN, "resource-base-path",
                        "/io/github/kftray/Kftray", "register-session", TRUE, NULL);
}
