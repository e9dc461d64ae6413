/* A locked keyring: it is unlocked only for who may ask, and a question that is dismissed is an
 * answer. The argument says what the service of locked-keyring.py does. */
#include <kftray/keyring.h>
#include <string.h>

static void expect(bool may_unlock, bool is_there)
{
    g_auto(KftLogin) found = {0};
    g_autoptr(GError) error = NULL;
    bool is_found = kft_keyring_find("proxy.test:3128", NULL, NULL, may_unlock, &found, &error);

    g_assert_no_error(error);
    g_assert_cmpint(is_found, ==, is_there);
    g_assert_cmpstr(found.user, ==, is_there ? "ann" : NULL);
    g_assert_cmpstr(found.password, ==, is_there ? "geheim" : NULL);
}

static void test_unlocked(void)
{
    /* Had this asked, it would find something. */
    expect(/* may_unlock */ false, false);
    expect(/* may_unlock */ true, true);
    expect(/* may_unlock */ false, true);
}

static void test_dismissed(void)
{
    expect(/* may_unlock */ true, false);
    expect(/* may_unlock */ false, false);
}

int main(int argc, char **argv)
{
    const char *mode = argc > 1 ? argv[argc - 1] : "";

    g_test_init(&argc, &argv, NULL);
    if (strcmp(mode, "dismiss") == 0)
        g_test_add_func("/keyring/dismissed", test_dismissed);
    else
        g_test_add_func("/keyring/unlocked", test_unlocked);
    return g_test_run();
}
