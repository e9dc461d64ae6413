/* The fixture of the credential tests. */
#include "credential-fixture.h"

#include <string.h>

#include "kftray/error.h"

#include "child.h"

static int64_t get_now_s(void *user_data)
{
    const Fixture *self = user_data;
    return self->now_s;
}

static bool get_is_terminal(void *user_data)
{
    const Fixture *self = user_data;
    return self->is_terminal;
}

void fixture_init(Fixture *self)
{
    memset(self, 0, sizeof *self);
    self->dir = g_dir_make_tmp("kft-XXXXXX", NULL);
    self->now_s = START_S;
    self->hooks = (KftCredentialHooks){.now_s = get_now_s,
                                       .is_terminal = get_is_terminal,
                                       .user_data = self,
                                       .plugin_timeout_ms = 60000};
    kft_test_loop_init(&self->loop);
}

static void take_config(Fixture *self, KftKubeconfig *config)
{
    g_autoptr(GError) error = NULL;
    kft_credential_free(self->credential);
    kft_kubeconfig_unref(self->config);
    self->config = config;
    g_assert_true(kft_kubeconfig_select(self->config, NULL, &self->context, &error));
    g_assert_no_error(error);
    self->credential =
        kft_credential_new_with_hooks(self->loop.loop, self->config, &self->context, &self->hooks);
}

void fixture_use(Fixture *self, const char *server, const char *user)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *text = g_strdup_printf(
        "current-context: x\ncontexts: [{name: x, context: {cluster: c, user: me}}]\n"
        "clusters: [{name: c, cluster: {%s}}]\nusers: [{name: me, user: {%s}}]\n",
        server, user);
    KftKubeconfig *config = kft_kubeconfig_parse(text, strlen(text), "f", self->dir, &error);
    g_assert_no_error(error);
    take_config(self, config);
}

void fixture_load(Fixture *self)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *path = g_build_filename(self->dir, "config", NULL);
    KftKubeconfig *config = kft_kubeconfig_load(path, &error);
    g_assert_no_error(error);
    take_config(self, config);
}

void fixture_clear(Fixture *self)
{
    kft_credential_free(self->credential);
    kft_kubeconfig_unref(self->config);
    kft_test_loop_clear(&self->loop);
    kft_test_remove_folder(self->dir);
    g_free(self->dir);
}

void fixture_write_file(const Fixture *self, const char *name, const char *text)
{
    g_autofree char *path = g_build_filename(self->dir, name, NULL);
    g_assert_true(g_file_set_contents(path, text, -1, NULL));
}

void answer_on_credential(KftAuth *auth, const GError *error, void *user_data)
{
    Answer *answer = user_data;
    g_assert_false(answer->is_done);
    g_assert_true((auth == NULL) != (error == NULL));
    answer->is_done = true;
    answer->auth = auth == NULL ? NULL : kft_auth_ref(auth);
    answer->error = error == NULL ? NULL : g_error_copy(error);
    if (answer->free_credential != NULL)
        g_clear_pointer(answer->free_credential, kft_credential_free);
}

void answer_clear(Answer *answer)
{
    g_clear_pointer(&answer->auth, kft_auth_unref);
    g_clear_error(&answer->error);
    *answer = (Answer){0};
}

void fixture_ask(Fixture *self, Answer *answer)
{
    answer_clear(answer);
    (void)kft_credential_get(self->credential, answer_on_credential, answer);
    g_assert_false(answer->is_done);
    kft_test_loop_run_until_true(&self->loop, &answer->is_done);
}

void fixture_assert_authorization(Fixture *self, const char *expected)
{
    Answer answer = {0};
    fixture_ask(self, &answer);
    g_assert_no_error(answer.error);
    if (expected == NULL)
        g_assert_null(answer.auth->authorization);
    else
        g_assert_cmpstr(kft_secret_reveal(answer.auth->authorization), ==, expected);
    answer_clear(&answer);
}

void fixture_assert_error(Fixture *self, int code, const char *expected)
{
    Answer answer = {0};
    fixture_ask(self, &answer);
    g_assert_error(answer.error, KFT_ERROR, code);
    g_assert_null(strstr(answer.error->message, SECRET));
    g_assert_null(strchr(answer.error->message, '\n'));
    if (strstr(answer.error->message, expected) == NULL)
        g_error("\"%s\" is not in \"%s\"", expected, answer.error->message);
    answer_clear(&answer);
}
