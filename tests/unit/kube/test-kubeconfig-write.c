/* Tokens written back: only the two values change, whatever the style of the file. */
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "kftray/error.h"

#include "kube/id-token.h"
#include "kube/kubeconfig-priv.h"

static char *edit(const char *text, const char *id_token, const char *refresh_token, GError **error)
{
    g_autoptr(KftSecret) id = kft_secret_new(id_token);
    g_autoptr(KftSecret) refresh = refresh_token == NULL ? NULL : kft_secret_new(refresh_token);
    return kft_kubeconfig_edit_tokens(text, strlen(text), "u", id, refresh, error);
}

static void test_edit(void)
{
    static const struct {
        const char *before;
        const char *refresh;
        const char *after;
    } cases[] = {
        /* Block style with comments, other users, characters of several bytes before. */
        {"# \xC3\xA4\xE2\x82\xAC comment\nusers:\n- name: v\n  user: {auth-provider: {config: "
         "{id-token: a}}}\n"
         "- name: u   # me\n  user:\n    auth-provider:\n      config:\n        id-token: "
         "old.id.token # x\n"
         "        refresh-token: \"old\"\n      name: oidc\nother: [1,  2]\n",
         "1//new",
         "# \xC3\xA4\xE2\x82\xAC comment\nusers:\n- name: v\n  user: {auth-provider: {config: "
         "{id-token: a}}}\n"
         "- name: u   # me\n  user:\n    auth-provider:\n      config:\n        id-token: "
         "eyJhbGci.new.id # x\n"
         "        refresh-token: \"1//new\"\n      name: oidc\nother: [1,  2]\n"},
        /* No id-token yet, and a refresh token that stays. */
        {"users:\n- user:\n    auth-provider:\n      config:\n        refresh-token: keep\n  name: "
         "u\n",
         NULL,
         "users:\n- user:\n    auth-provider:\n      config:\n        id-token: "
         "\"eyJhbGci.new.id\"\n"
         "        refresh-token: keep\n  name: u\n"},
        /* Line ends of Windows, a byte order mark, an empty value. */
        {"\xEF\xBB\xBFusers:\r\n- name: u\r\n  user:\r\n    auth-provider:\r\n      config:\r\n"
         "        id-token:\r\n        idp: x\r\n",
         "re\"fresh",
         "\xEF\xBB\xBFusers:\r\n- name: u\r\n  user:\r\n    auth-provider:\r\n      config:\r\n"
         "        refresh-token: \"re\\\"fresh\"\r\n        id-token: eyJhbGci.new.id\r\n        "
         "idp: x\r\n"},
        /* Block scalars. */
        {"users:\n- name: u\n  user:\n    auth-provider:\n      config:\n        id-token: >-\n"
         "          old\n        refresh-token: |\n          old\n",
         "new",
         "users:\n- name: u\n  user:\n    auth-provider:\n      config:\n"
         "        id-token: \"eyJhbGci.new.id\"\n        refresh-token: \"new\"\n"},
        /* JSON, one key missing. */
        {"{\"users\":[{\"name\":\"u\",\"user\":{\"auth-provider\":{\"config\":{\"id-token\":\"a\","
         "\"x\":1}}}}]}",
         "r",
         "{\"users\":[{\"name\":\"u\",\"user\":{\"auth-provider\":{\"config\":{\"refresh-token\": "
         "\"r\", "
         "\"id-token\":\"eyJhbGci.new.id\",\"x\":1}}}}]}"},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(GError) error = NULL;
        g_autofree char *after = edit(cases[i].before, "eyJhbGci.new.id", cases[i].refresh, &error);
        g_assert_no_error(error);
        g_assert_cmpstr(after, ==, cases[i].after);
    }
}

static void test_refused(void)
{
    static const char *const cases[][2] = {
        {"users: []", "user \"u\" with an auth-provider is not in the file any more"},
        {"users:\n- name: u\n  user: {token: x}\n", "is not in the file any more"},
        {"t: &t a\nusers:\n- name: u\n  user: {auth-provider: {config: {id-token: *t}}}\n",
         "is written in a way that cannot be changed safely"},
        {"users:\n- name: u\n  user: {auth-provider: {config: {}}}\n", "cannot be changed safely"},
        {"users: [", "kubeconfig:2:1: not YAML"},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(GError) error = NULL;
        g_assert_null(edit(cases[i][0], "eyJhbGci.new.id", NULL, &error));
        if (error == NULL || strstr(error->message, cases[i][1]) == NULL)
            g_error("\"%s\" is not in \"%s\"", cases[i][1], error == NULL ? "" : error->message);
    }
}

static void test_file(void)
{
    static const char text[] =
        "users:\n- name: u\n  user: {auth-provider: {name: oidc, config: {id-token: a, "
        "refresh-token: b}}}\n";
    g_autoptr(GError) error = NULL;
    g_autofree char *dir = g_dir_make_tmp("kft-XXXXXX", NULL);
    g_autofree char *path = g_build_filename(dir, "real", NULL);
    g_autofree char *link = g_build_filename(dir, "config", NULL);
    g_autofree char *lock = g_build_filename(dir, "config.lock", NULL);
    g_autoptr(KftSecret) id = kft_secret_new("new-id-token");
    g_autoptr(KftSecret) refresh = kft_secret_new("new-refresh");
    g_assert_true(g_file_set_contents(path, text, -1, NULL));
    g_assert_cmpint(g_chmod(path, 0640), ==, 0);
    g_assert_cmpint(symlink("real", link), ==, 0);

    g_assert_true(kft_kubeconfig_write_tokens(link, "u", id, refresh, &error));
    g_assert_no_error(error);
    struct stat info;
    g_assert_cmpint(lstat(link, &info), ==, 0);
    g_assert_true(S_ISLNK(info.st_mode));
    g_assert_cmpint(stat(path, &info), ==, 0);
    g_assert_cmpint(info.st_mode & 07777, ==, 0640);
    g_assert_false(g_file_test(lock, G_FILE_TEST_EXISTS));

    KftSecret *read_id = NULL;
    KftSecret *read_refresh = NULL;
    g_assert_true(kft_kubeconfig_read_tokens(link, "u", &read_id, &read_refresh, &error));
    g_assert_true(kft_secret_equal(id, read_id));
    g_assert_true(kft_secret_equal(refresh, read_refresh));
    kft_secret_free(read_id);
    kft_secret_free(read_refresh);

    /* kubectl's lock is respected. */
    g_assert_true(g_file_set_contents(lock, "", 0, NULL));
    g_assert_false(kft_kubeconfig_write_tokens(link, "u", id, refresh, &error));
    g_assert_error(error, KFT_ERROR, KFT_ERROR_STORAGE);
    g_assert_true(g_file_test(lock, G_FILE_TEST_EXISTS));
    (void)g_remove(lock);
    (void)g_remove(link);
    (void)g_remove(path);
    /* Nothing else was left behind. */
    g_assert_cmpint(g_rmdir(dir), ==, 0);
}

static void test_expiry(void)
{
    static const struct {
        const char *payload;
        int64_t expires_s;
    } cases[] = {
        {"{\"exp\":1795428000}", 1795428000},
        {"{\"exp\":1795428000.9,\"a\":1}", 1795428000},
        {"{\"exp\":\"1795428000\"}", 0},
        {"{\"exp\":-5}", 0},
        {"{\"exp\":1e300}", 0},
        {"{}", 0},
        {"[]", 0},
        {"nonsense", 0},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        const char *payload = cases[i].payload;
        g_autofree char *base64 = g_base64_encode((const guchar *)payload, strlen(payload));
        base64[strcspn(base64, "=")] = '\0';
        g_autofree char *text = g_strdup_printf("e30.%s.c2ln", base64);
        g_autoptr(KftSecret) token = kft_secret_new(text);
        int64_t expires_s = 0;
        g_assert_cmpint(kft_id_token_get_expiry(token, &expires_s), ==, cases[i].expires_s != 0);
        g_assert_cmpint(expires_s, ==, cases[i].expires_s);
    }
    static const char *const bad[] = {"", "a", "a.b", "a.!.c", "a.e30", "..", "a.e.c"};
    for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
        int64_t expires_s = 0;
        g_autoptr(KftSecret) token = kft_secret_new(bad[i]);
        g_assert_false(kft_id_token_get_expiry(token, &expires_s));
    }
    g_assert_false(kft_id_token_get_expiry(NULL, NULL));
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/kubeconfig-write/edit", test_edit);
    g_test_add_func("/kubeconfig-write/refused", test_refused);
    g_test_add_func("/kubeconfig-write/file", test_file);
    g_test_add_func("/kubeconfig-write/id-token-expiry", test_expiry);
    return g_test_run();
}
