/* What programs tell the engine of the network while forwards run or wait. */
#include <kftray/engine.h>
#include <string.h>

#include "fixture.h"

static void set_proxy(Fixture *self, const char *url)
{
    /* Of the context, as that of all servers does not count for loopback. */
    g_autofree char *proxies = g_strdup_printf("fake=%s", url);
    const KftNetworkSettings settings = {.context_proxies = proxies};
    g_assert_true(kft_engine_post(self->engine, kft_command_new_set_network(&settings)));
}

static void start_waiting(Fixture *self)
{
    KftForwardSpec *spec = fixture_make_spec(self, "svc/web", ":8080");
    spec->retries_start = true;
    fixture_start(self, 1, spec);
}

/* A proxy that is not there, then none: what waited is there before its next try was due. */
static void test_settings(Fixture *self, gconstpointer data)
{
    (void)data;
    set_proxy(self, "http://127.0.0.1:1");
    start_waiting(self);
    fixture_wait_state(self, KFT_FORWARD_STATE_BACKOFF, 1);
    set_proxy(self, "none");
    fixture_wait_state(self, KFT_FORWARD_STATE_READY, 1);
}

static void expect_question(Fixture *self, const char *proxy, const char *user, bool is_refused)
{
    g_autoptr(KftEvent) event = fixture_wait_event(self, KFT_EVENT_PROXY_LOGIN);
    g_assert_cmpstr(event->proxy_login.proxy, ==, proxy);
    g_assert_cmpstr(event->proxy_login.user, ==, user);
    g_assert_cmpint(event->proxy_login.is_refused, ==, is_refused);
}

static void answer(Fixture *self, const char *proxy, const char *password)
{
    g_assert_true(
        kft_engine_post(self->engine, kft_command_new_set_proxy_login(proxy, "ann", password)));
}

/* Asked for, refused, asked for once more, right; and the error has a code of its own meanwhile. */
static void test_login(Fixture *self, gconstpointer data)
{
    g_autofree char *script = kft_test_source_path("tests/fakes/httpproxy.py");
    const char *const argv[] = {script, "--login", "ann:s3cret", NULL};
    KftTestChild child;

    (void)data;
    kft_test_child_start(&child, argv);
    g_autofree char *proxy = g_strdup_printf("127.0.0.1:%u", child.port);
    g_autofree char *url = g_strdup_printf("http://%s", proxy);
    set_proxy(self, url);
    start_waiting(self);
    expect_question(self, proxy, NULL, false);
    g_autoptr(KftEvent) event = NULL;
    do {
        g_clear_pointer(&event, kft_event_free);
        event = fixture_wait_event(self, KFT_EVENT_FORWARD_STATUS);
    } while (event->status.state != KFT_FORWARD_STATE_BACKOFF);
    g_assert_cmpint(event->status.error_code, ==, KFT_ERROR_PROXY_AUTH);
    answer(self, proxy, "wrong");
    expect_question(self, proxy, "ann", true);
    answer(self, proxy, "s3cret");
    fixture_wait_state(self, KFT_FORWARD_STATE_READY, 1);
    fixture_shut_down(self);
    kft_engine_free(self->engine);
    g_free(kft_test_child_stop(&child));
    /* For tear_down, which shuts one down, too. */
    self->engine = kft_engine_start(NULL);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    fixture_open_what_stays_open();
#define ADD(path, func) g_test_add(path, Fixture, NULL, fixture_set_up, func, fixture_tear_down)
    ADD("/engine/network/settings", test_settings);
    ADD("/engine/network/login", test_login);
    return g_test_run();
}
