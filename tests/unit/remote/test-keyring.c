/* The Secret Service as a client, against GNOME's keyring in a session bus of its own. */
#include <gio/gio.h>
#include <kftray/keyring.h>

#define PROXY "proxy.test:3128"

static void
expect(const char *proxy, const char *user, const char *not_password, const KftLogin *login)
{
    g_auto(KftLogin) found = {0};
    g_autoptr(GError) error = NULL;
    bool is_found =
        kft_keyring_find(proxy, user, not_password, /* may_unlock */ false, &found, &error);

    g_assert_no_error(error);
    g_assert_cmpint(is_found, ==, login != NULL);
    g_assert_cmpstr(found.user, ==, login == NULL ? NULL : login->user);
    g_assert_cmpstr(found.password, ==, login == NULL ? NULL : login->password);
}

static void put(const char *proxy, const KftLogin *login)
{
    g_autoptr(GError) error = NULL;
    g_assert_true(kft_keyring_store(proxy, login, &error));
    g_assert_no_error(error);
}

static void test_store_and_find(void)
{
    char ann[] = "ann", bob[] = "bob", old[] = "f\xc3\xbcr @:/%", new[] = "new", six[] = "six";
    const KftLogin first = {ann, old}, second = {bob, new}, changed = {ann, new},
                   other = {ann, six};

    expect(PROXY, NULL, NULL, NULL);
    put(PROXY, &first);
    expect(PROXY, NULL, NULL, &first);
    expect(PROXY, "ann", NULL, &first);
    expect(PROXY, "bob", NULL, NULL);
    expect(PROXY, NULL, old, NULL);
    expect("proxy.test:3129", NULL, NULL, NULL);
    expect("other.test:3128", NULL, NULL, NULL);
    put(PROXY, &second);
    expect(PROXY, "bob", NULL, &second);
    expect(PROXY, NULL, new, &first);
    /* One entry for each user. */
    put(PROXY, &changed);
    expect(PROXY, "ann", NULL, &changed);
    expect(PROXY, "ann", new, NULL);
    put("[::1]:8080", &other);
    expect("[::1]:8080", NULL, NULL, &other);
}

static void test_bad_name(void)
{
    g_auto(KftLogin) found = {0};
    g_autoptr(GError) error = NULL;

    g_assert_false(kft_keyring_find("no-port", NULL, NULL, false, &found, &error));
    g_assert_error(error, KFT_ERROR, KFT_ERROR_INTERNAL);
}

/* Last: what is locked stays so, as there is nobody to type the password. */
static void test_locked(void)
{
    g_auto(KftLogin) found = {0};
    g_autoptr(GError) error = NULL;
    const char *const paths[] = {"/org/freedesktop/secrets/aliases/default", NULL};
    g_autoptr(GDBusConnection) bus = g_bus_get_sync(G_BUS_TYPE_SESSION, NULL, NULL);
    g_autoptr(GVariant) answer = g_dbus_connection_call_sync(
        bus, "org.freedesktop.secrets", "/org/freedesktop/secrets",
        "org.freedesktop.Secret.Service", "Lock", g_variant_new("(^ao)", paths), NULL,
        G_DBUS_CALL_FLAGS_NONE, -1, NULL, &error);

    g_assert_no_error(error);
    g_assert_nonnull(answer);
    g_assert_false(kft_keyring_find(PROXY, NULL, NULL, /* may_unlock */ false, &found, &error));
    g_assert_no_error(error);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/remote/keyring/store-and-find", test_store_and_find);
    g_test_add_func("/remote/keyring/bad-name", test_bad_name);
    g_test_add_func("/remote/keyring/locked", test_locked);
    return g_test_run();
}
