/* The client side of packaging/dbus/io.github.kftray.Kftray1.xml. A module of its own, because the
 * session bus is GIO's, which the engine and the command line do without. */
#include <gio/gio.h>
#include <kftray/remote.h>

#define NAME "io.github.kftray.Kftray"
#define PATH "/io/github/kftray/Kftray"
#define INTERFACE "io.github.kftray.Kftray1"
#define TIMEOUT_MS 25000

static GVariant *make_arguments(const KftConfigId *ids, size_t n_ids)
{
    g_auto(GVariantBuilder) list = G_VARIANT_BUILDER_INIT(G_VARIANT_TYPE("ax"));
    for (size_t i = 0; i < n_ids; i++)
        g_variant_builder_add(&list, "x", ids[i].v);
    return g_variant_new("(ax)", &list);
}

/* What the bus says in the words of the program. */
static void translate(const GError *fault, GError **error)
{
    g_autofree char *remote = g_dbus_error_get_remote_error(fault);

    if (g_error_matches(fault, G_DBUS_ERROR, G_DBUS_ERROR_SERVICE_UNKNOWN) ||
        g_error_matches(fault, G_DBUS_ERROR, G_DBUS_ERROR_SPAWN_SERVICE_NOT_FOUND)) {
        g_set_error(error, KFT_ERROR, KFT_ERROR_NOT_FOUND,
                    "kftray does not run in this session; start it, or use \"kftrayctl run\"");
        return;
    }
    bool is_timeout = g_error_matches(fault, G_IO_ERROR, G_IO_ERROR_TIMED_OUT) ||
                      g_error_matches(fault, G_DBUS_ERROR, G_DBUS_ERROR_NO_REPLY);
    g_autoptr(GError) plain = g_error_copy(fault);
    (void)g_dbus_error_strip_remote_error(plain);
    g_set_error(error, KFT_ERROR,
                is_timeout ? KFT_ERROR_TIMEOUT
                : g_error_matches(fault, G_IO_ERROR, G_IO_ERROR_NOT_FOUND) || remote != NULL
                    ? KFT_ERROR_NOT_FOUND
                    : KFT_ERROR_INTERNAL,
                "kftray: %s", plain->message);
}

bool kft_remote_ask(KftRemoteVerb verb, const KftConfigId *ids, size_t n_ids, GError **error)
{
    static const char *const methods[] = {
        [KFT_REMOTE_START] = "Start", [KFT_REMOTE_STOP] = "Stop", [KFT_REMOTE_TOGGLE] = "Toggle"};
    g_autoptr(GError) fault = NULL;
    g_autoptr(GDBusConnection) bus = g_bus_get_sync(G_BUS_TYPE_SESSION, NULL, &fault);

    if (bus == NULL) {
        g_set_error(error, KFT_ERROR, KFT_ERROR_UNREACHABLE, "no session bus: %s", fault->message);
        return false;
    }
    g_autoptr(GVariant) answer = g_dbus_connection_call_sync(
        bus, NAME, PATH, INTERFACE, methods[verb], make_arguments(ids, n_ids), NULL,
        G_DBUS_CALL_FLAGS_NONE, TIMEOUT_MS, NULL, &fault);
    if (answer == NULL)
        translate(fault, error);
    return answer != NULL;
}
