#include "machine.h"

#include <gio/gio.h>

#define LOGIN_NAME "org.freedesktop.login1"
#define LOGIN_PATH "/org/freedesktop/login1"
#define LOGIN_INTERFACE "org.freedesktop.login1.Manager"

typedef struct {
    KftCore *core; /* borrowed: it owns this */
    GCancellable *cancellable;
    GDBusConnection *bus; /* the system's; NULL until it is there */
    unsigned subscription;
    GNetworkMonitor *monitor; /* NULL until the core is loaded */
} Machine;

static void machine_free(gpointer data)
{
    Machine *self = data;

    g_cancellable_cancel(self->cancellable);
    g_object_unref(self->cancellable);
    if (self->bus != NULL)
        g_dbus_connection_signal_unsubscribe(self->bus, self->subscription);
    g_clear_object(&self->bus);
    if (self->monitor != NULL)
        g_signal_handlers_disconnect_by_data(self->monitor, self);
    g_clear_object(&self->monitor);
    g_free(self);
}

static void on_network_changed(Machine *self)
{
    g_debug("the network changed");
    kft_core_hint(self->core, KFT_COMMAND_NETWORK_CHANGED);
}

/* GIO decides on the parameters. */
/* NOLINTNEXTLINE(readability-function-size) */
static void on_prepare_for_sleep(GDBusConnection *bus,
                                 const char *sender,
                                 const char *path,
                                 const char *interface,
                                 const char *signal,
                                 GVariant *parameters,
                                 gpointer user_data)
{
    Machine *self = user_data;
    gboolean is_before = FALSE;

    (void)bus;
    (void)sender;
    (void)path;
    (void)interface;
    (void)signal;
    if (!g_variant_is_of_type(parameters, G_VARIANT_TYPE("(b)")))
        return;
    g_variant_get(parameters, "(b)", &is_before);
    g_debug("%s", is_before ? "the machine is about to sleep" : "the machine woke up");
    kft_core_hint(self->core, is_before ? KFT_COMMAND_SLEEP : KFT_COMMAND_WAKE);
}

static void on_system_bus(GObject *source, GAsyncResult *result, gpointer user_data)
{
    g_autoptr(GError) error = NULL;
    GDBusConnection *bus = g_bus_get_finish(result, &error);

    (void)source;
    if (bus == NULL) {
        /* Cancelled: the machine is gone. */
        g_debug("no system bus: %s", error->message);
        return;
    }
    Machine *self = user_data;
    self->bus = bus;
    /* That bus may be restarted; the program goes on without it. */
    g_dbus_connection_set_exit_on_close(bus, FALSE);
    self->subscription = g_dbus_connection_signal_subscribe(
        bus, LOGIN_NAME, LOGIN_INTERFACE, "PrepareForSleep", LOGIN_PATH, NULL,
        G_DBUS_SIGNAL_FLAGS_NONE, on_prepare_for_sleep, self, NULL);
}

/* Not before: the list is to be on the screen first. */
static void on_loaded(KftCore *core, Machine *self)
{
    (void)core;
    self->monitor = g_object_ref(g_network_monitor_get_default());
    g_signal_connect_swapped(self->monitor, "network-changed", G_CALLBACK(on_network_changed),
                             self);
    /* NetworkManager's part of GIO tells of a portal that was passed by this alone. */
    g_signal_connect_swapped(self->monitor, "notify::connectivity", G_CALLBACK(on_network_changed),
                             self);
    g_bus_get(G_BUS_TYPE_SYSTEM, self->cancellable, on_system_bus, self);
}

void kft_machine_watch(KftCore *core)
{
    Machine *self = g_new0(Machine, 1);

    self->core = core;
    self->cancellable = g_cancellable_new();
    g_object_set_data_full(G_OBJECT(core), "kft-machine", self, machine_free);
    g_signal_connect(core, "loaded", G_CALLBACK(on_loaded), self);
}
