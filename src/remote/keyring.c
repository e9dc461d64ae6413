/* The client side of the Secret Service: OpenSession, SearchItems, Unlock, GetSecret, CreateItem.
 * Each call of this module has a connection state of its own, as it is made once in a while. */
#include <gio/gio.h>
#include <kftray/keyring.h>
#include <string.h>

#include "base/secret.h"

#define SERVICE "org.freedesktop.secrets"
#define ROOT "/org/freedesktop/secrets"
#define DEFAULT_COLLECTION ROOT "/aliases/default"
#define NETWORK_PASSWORD "org.gnome.keyring.NetworkPassword"
#define CALL_MS 3000
/* Somebody types a password. */
#define PROMPT_MS 120000
/* A search that finds more is none of ours. */
#define MAX_ITEMS 64

typedef struct {
    GDBusConnection *bus;
    char *session;
} Keyring;

static void keyring_clear(Keyring *self)
{
    g_clear_pointer(&self->session, g_free);
    g_clear_object(&self->bus);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Keyring, keyring_clear)

void kft_login_clear(KftLogin *self)
{
    g_clear_pointer(&self->user, g_free);
    g_clear_pointer(&self->password, kft_secret_wipe_string);
}

/* --- calls --- */

static void translate(const GError *fault, GError **error)
{
    bool is_missing = g_error_matches(fault, G_DBUS_ERROR, G_DBUS_ERROR_SERVICE_UNKNOWN) ||
                      g_error_matches(fault, G_DBUS_ERROR, G_DBUS_ERROR_NAME_HAS_NO_OWNER) ||
                      g_error_matches(fault, G_DBUS_ERROR, G_DBUS_ERROR_SPAWN_SERVICE_NOT_FOUND);
    bool is_timeout = g_error_matches(fault, G_IO_ERROR, G_IO_ERROR_TIMED_OUT) ||
                      g_error_matches(fault, G_DBUS_ERROR, G_DBUS_ERROR_NO_REPLY);

    if (is_missing) {
        g_set_error_literal(error, KFT_ERROR, KFT_ERROR_UNREACHABLE,
                            "there is no keyring in this session (org.freedesktop.secrets)");
        return;
    }
    g_autoptr(GError) plain = g_error_copy(fault);
    (void)g_dbus_error_strip_remote_error(plain);
    g_set_error(error, KFT_ERROR, is_timeout ? KFT_ERROR_TIMEOUT : KFT_ERROR_INTERNAL,
                "the keyring: %s", plain->message);
}

/* @type: of the answer. */
static GVariant *call(const Keyring *self,
                      const char *path,
                      const char *method,
                      GVariant *arguments,
                      const char *type,
                      GError **error)
{
    g_autoptr(GError) fault = NULL;
    const char *dot = strrchr(method, '.');
    g_autofree char *interface = g_strndup(method, (size_t)(dot - method));
    GVariant *answer = g_dbus_connection_call_sync(self->bus, SERVICE, path, interface, dot + 1,
                                                   arguments, G_VARIANT_TYPE(type),
                                                   G_DBUS_CALL_FLAGS_NONE, CALL_MS, NULL, &fault);
    if (answer == NULL)
        translate(fault, error);
    return answer;
}

static bool open_keyring(Keyring *self, GError **error)
{
    g_autoptr(GError) fault = NULL;

    self->bus = g_bus_get_sync(G_BUS_TYPE_SESSION, NULL, &fault);
    if (self->bus == NULL) {
        g_set_error(error, KFT_ERROR, KFT_ERROR_UNREACHABLE, "no session bus: %s", fault->message);
        return false;
    }
    g_autoptr(GVariant) answer =
        call(self, ROOT, "org.freedesktop.Secret.Service.OpenSession",
             g_variant_new("(sv)", "plain", g_variant_new_string("")), "(vo)", error);
    if (answer == NULL)
        return false;
    g_variant_get(answer, "(vo)", NULL, &self->session);
    return true;
}

/* --- prompts --- */

typedef struct {
    bool is_over;
    bool is_dismissed;
} Prompt;

static void on_completed(GDBusConnection *bus,
                         const char *sender,
                         const char *path,
                         const char *interface,
                         const char *signal,
                         GVariant *parameters,
                         gpointer user_data)
{
    Prompt *prompt = user_data;
    gboolean is_dismissed = TRUE;

    (void)bus, (void)sender, (void)path, (void)interface, (void)signal;
    if (g_variant_is_of_type(parameters, G_VARIANT_TYPE("(bv)")))
        g_variant_get(parameters, "(bv)", &is_dismissed, NULL);
    prompt->is_dismissed = is_dismissed;
    prompt->is_over = true;
}

static gboolean on_prompt_timeout(gpointer user_data)
{
    ((Prompt *)user_data)->is_over = true;
    return G_SOURCE_REMOVE;
}

/* The answer comes as a signal, for which this thread runs a main context of its own. @path: "/" =
 * nothing is to be asked. */
static bool run_prompt(const Keyring *self, const char *path)
{
    Prompt prompt = {.is_dismissed = true};

    if (strcmp(path, "/") == 0)
        return true;
    g_autoptr(GMainContext) context = g_main_context_new();
    g_main_context_push_thread_default(context);
    guint watch = g_dbus_connection_signal_subscribe(
        self->bus, SERVICE, "org.freedesktop.Secret.Prompt", "Completed", path, NULL,
        G_DBUS_SIGNAL_FLAGS_NONE, on_completed, &prompt, NULL);
    g_autoptr(GSource) timeout = g_timeout_source_new(PROMPT_MS);
    g_source_set_callback(timeout, on_prompt_timeout, &prompt, NULL);
    (void)g_source_attach(timeout, context);
    g_autoptr(GVariant) answer = call(self, path, "org.freedesktop.Secret.Prompt.Prompt",
                                      g_variant_new("(s)", ""), "()", NULL);
    while (answer != NULL && !prompt.is_over)
        (void)g_main_context_iteration(context, TRUE);
    g_source_destroy(timeout);
    g_dbus_connection_signal_unsubscribe(self->bus, watch);
    /* What is still on its way to the handler must not find this frame gone. */
    while (g_main_context_iteration(context, FALSE))
        continue;
    g_main_context_pop_thread_default(context);
    return !prompt.is_dismissed;
}

static bool unlock(const Keyring *self, const char *path)
{
    const char *const paths[] = {path, NULL};
    g_autofree char *prompt = NULL;
    g_autoptr(GVariant) answer = call(self, ROOT, "org.freedesktop.Secret.Service.Unlock",
                                      g_variant_new("(^ao)", paths), "(aoo)", NULL);
    if (answer == NULL)
        return false;
    g_variant_get(answer, "(aoo)", NULL, &prompt);
    return run_prompt(self, prompt);
}

/* --- finding --- */

/* "host:port", IPv6 in brackets. */
static bool split_proxy(const char *proxy, char **ret_host, char **ret_port, GError **error)
{
    const char *colon = strrchr(proxy, ':');
    bool is_ipv6 = proxy[0] == '[' && colon != NULL && colon > proxy && colon[-1] == ']';

    if (colon == NULL || colon == proxy) {
        g_set_error(error, KFT_ERROR, KFT_ERROR_INTERNAL, "\"%s\" is no host:port", proxy);
        return false;
    }
    *ret_host = is_ipv6 ? g_strndup(proxy + 1, (size_t)(colon - proxy) - 2)
                        : g_strndup(proxy, (size_t)(colon - proxy));
    *ret_port = g_strdup(colon + 1);
    return true;
}

/* The attribute @name of @item; NULL if it has none. (transfer full). */
static char *dup_attribute(GVariant *attributes, const char *name)
{
    char *value = NULL;
    (void)g_variant_lookup(attributes, name, "s", &value);
    return value;
}

static GVariant *read_attributes(const Keyring *self, const char *item)
{
    g_autoptr(GVariant) answer =
        call(self, item, "org.freedesktop.DBus.Properties.Get",
             g_variant_new("(ss)", "org.freedesktop.Secret.Item", "Attributes"), "(v)", NULL);
    g_autoptr(GVariant) inner = NULL;
    if (answer == NULL)
        return NULL;
    g_variant_get(answer, "(v)", &inner);
    return g_variant_is_of_type(inner, G_VARIANT_TYPE("a{ss}")) ? g_steal_pointer(&inner) : NULL;
}

/* Secrets are bytes; one that is no text is none of ours. */
static char *read_secret(const Keyring *self, const char *item)
{
    g_autoptr(GVariant) answer = call(self, item, "org.freedesktop.Secret.Item.GetSecret",
                                      g_variant_new("(o)", self->session), "((oayays))", NULL);
    if (answer == NULL)
        return NULL;
    g_autoptr(GVariant) secret = g_variant_get_child_value(answer, 0);
    g_autoptr(GVariant) value = g_variant_get_child_value(secret, 2);
    gsize size = 0;
    const char *bytes = g_variant_get_fixed_array(value, &size, 1);
    return size > 0 && g_utf8_validate(bytes, (gssize)size, NULL) ? g_strndup(bytes, size) : NULL;
}

typedef struct {
    const char *port;
    const char *user;         /* nullable */
    const char *not_password; /* nullable */
    bool may_unlock;
} Wanted;

static bool take_item(
    const Keyring *self, const char *item, const Wanted *wanted, bool is_locked, KftLogin *login)
{
    g_autoptr(GVariant) attributes = read_attributes(self, item);
    if (attributes == NULL)
        return false;
    g_autofree char *port = dup_attribute(attributes, "port");
    g_autofree char *user = dup_attribute(attributes, "user");

    if (user == NULL || (wanted->user != NULL && strcmp(user, wanted->user) != 0) ||
        (port != NULL && strcmp(port, wanted->port) != 0) ||
        (is_locked && (!wanted->may_unlock || !unlock(self, item))))
        return false;
    char *password = read_secret(self, item);
    if (password == NULL || g_strcmp0(password, wanted->not_password) == 0) {
        kft_secret_wipe_string(password);
        return false;
    }
    login->user = g_steal_pointer(&user);
    login->password = password;
    return true;
}

static bool
take_first(const Keyring *self, char **items, const Wanted *wanted, bool is_locked, KftLogin *login)
{
    for (size_t i = 0; items[i] != NULL && i < MAX_ITEMS; i++) {
        if (take_item(self, items[i], wanted, is_locked, login))
            return true;
    }
    return false;
}

bool kft_keyring_find(const char *proxy,
                      const char *user,
                      const char *not_password,
                      bool may_unlock,
                      KftLogin *ret_login,
                      GError **error)
{
    g_auto(Keyring) keyring = {0};
    g_autofree char *host = NULL;
    g_autofree char *port = NULL;
    g_auto(GVariantBuilder) attributes = G_VARIANT_BUILDER_INIT(G_VARIANT_TYPE("a{ss}"));
    g_auto(GStrv) unlocked = NULL;
    g_auto(GStrv) locked = NULL;

    if (!split_proxy(proxy, &host, &port, error) || !open_keyring(&keyring, error))
        return false;
    g_variant_builder_add(&attributes, "{ss}", "server", host);
    g_variant_builder_add(&attributes, "{ss}", "protocol", "http");
    g_autoptr(GVariant) answer = call(&keyring, ROOT, "org.freedesktop.Secret.Service.SearchItems",
                                      g_variant_new("(a{ss})", &attributes), "(aoao)", error);
    if (answer == NULL)
        return false;
    g_variant_get(answer, "(^ao^ao)", &unlocked, &locked);
    const Wanted wanted = {port, user, not_password, may_unlock};
    return take_first(&keyring, unlocked, &wanted, /* is_locked */ false, ret_login) ||
           take_first(&keyring, locked, &wanted, /* is_locked */ true, ret_login);
}

/* --- storing --- */

static GVariant *
make_properties(const char *host, const char *port, const char *proxy, const KftLogin *login)
{
    g_auto(GVariantBuilder) attributes = G_VARIANT_BUILDER_INIT(G_VARIANT_TYPE("a{ss}"));
    g_auto(GVariantBuilder) properties = G_VARIANT_BUILDER_INIT(G_VARIANT_TYPE("a{sv}"));
    g_autofree char *label = g_strdup_printf("%s@%s", login->user, proxy);

    g_variant_builder_add(&attributes, "{ss}", "xdg:schema", NETWORK_PASSWORD);
    g_variant_builder_add(&attributes, "{ss}", "protocol", "http");
    g_variant_builder_add(&attributes, "{ss}", "server", host);
    g_variant_builder_add(&attributes, "{ss}", "port", port);
    g_variant_builder_add(&attributes, "{ss}", "user", login->user);
    g_variant_builder_add(&properties, "{sv}", "org.freedesktop.Secret.Item.Label",
                          g_variant_new_string(label));
    g_variant_builder_add(&properties, "{sv}", "org.freedesktop.Secret.Item.Attributes",
                          g_variant_builder_end(&attributes));
    return g_variant_builder_end(&properties);
}

bool kft_keyring_store(const char *proxy, const KftLogin *login, GError **error)
{
    g_auto(Keyring) keyring = {0};
    g_autofree char *host = NULL;
    g_autofree char *port = NULL;
    g_autofree char *prompt = NULL;

    if (!split_proxy(proxy, &host, &port, error) || !open_keyring(&keyring, error))
        return false;
    if (!unlock(&keyring, DEFAULT_COLLECTION)) {
        g_set_error_literal(error, KFT_ERROR, KFT_ERROR_AUTH, "the keyring was not unlocked");
        return false;
    }
    GVariant *secret = g_variant_new(
        "(o@ay@ays)", keyring.session, g_variant_new_fixed_array(G_VARIANT_TYPE_BYTE, "", 0, 1),
        g_variant_new_fixed_array(G_VARIANT_TYPE_BYTE, login->password, strlen(login->password), 1),
        "text/plain");
    g_autoptr(GVariant) answer =
        call(&keyring, DEFAULT_COLLECTION, "org.freedesktop.Secret.Collection.CreateItem",
             g_variant_new("(@a{sv}@(oayays)b)", make_properties(host, port, proxy, login), secret,
                           /* replace */ TRUE),
             "(oo)", error);
    if (answer == NULL)
        return false;
    g_variant_get(answer, "(oo)", NULL, &prompt);
    if (run_prompt(&keyring, prompt))
        return true;
    g_set_error_literal(error, KFT_ERROR, KFT_ERROR_AUTH, "the keyring was not unlocked");
    return false;
}
