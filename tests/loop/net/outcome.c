/* Requests of the tests. */
#include "outcome.h"

#include <kftray/error.h>

void kft_outcome_clear(KftOutcome *self)
{
    kft_http_call_free(self->call);
    g_free(self->content_type);
    if (self->body != NULL)
        (void)g_string_free(self->body, TRUE);
    g_clear_error(&self->error);
    *self = (KftOutcome){0};
}

void kft_outcome_on_done(const KftHttpResponse *response, const GError *error, void *user_data)
{
    KftOutcome *self = user_data;
    g_assert_true((response == NULL) != (error == NULL));
    self->is_done = true;
    self->n_done++;
    if (error != NULL) {
        self->error = g_error_copy(error);
        g_test_message("%s: %s", kft_error_code_name((KftErrorCode)error->code), error->message);
        return;
    }
    self->status = response->status;
    self->retry_after_s = response->retry_after_s;
    self->content_type = g_strdup(response->content_type);
    g_assert_cmpint(response->body[response->body_size], ==, '\0');
    if (self->body == NULL)
        self->body = g_string_new(NULL);
    g_string_append_len(self->body, response->body, (gssize)response->body_size);
}

void kft_outcome_fetch(KftOutcome *self,
                       KftTestLoop *test,
                       KftEndpoint *endpoint,
                       const KftHttpRequest *request,
                       const char *path)
{
    KftHttpRequest get = {.path = path};
    *self = (KftOutcome){0};
    self->call = kft_http_call_start(test->loop, endpoint, request != NULL ? request : &get, NULL,
                                     kft_outcome_on_done, self);
    g_assert_false(self->is_done);
    kft_test_loop_run_until_true(test, &self->is_done);
}

void kft_outcome_assert_error(const KftOutcome *self, int code, const char *pattern)
{
    g_assert_nonnull(self->error);
    g_assert_error(self->error, KFT_ERROR, code);
    if (!g_pattern_match_simple(pattern, self->error->message))
        g_error("\"%s\" does not match \"%s\"", self->error->message, pattern);
    g_assert_null(strchr(self->error->message, '\n'));
}

KftEndpoint *kft_test_endpoint(const char *scheme, const KftTestChild *server)
{
    g_autofree char *url = g_strdup_printf("%s://127.0.0.1:%u", scheme, server->port);
    return kft_endpoint_new(url);
}

void kft_test_server_start(KftTestChild *self, const char *const *arguments)
{
    g_autofree char *script = kft_test_source_path("tests/loop/net/server.py");
    const char *argv[8] = {script};
    for (size_t i = 0; arguments[i] != NULL; i++) {
        g_assert_cmpuint(i + 2, <, G_N_ELEMENTS(argv));
        argv[i + 1] = arguments[i];
    }
    kft_test_child_start(self, argv);
}
