/* The engine by its public headers alone, against the scripted API server. */
#include "fixture.h"

#include <string.h>

#include "fds.h"

#define EVENT_MS 60000
/* Thirty tunnels at once may take longer than the usual 10 s. */
#define HOLD_MS 120000

void fixture_set_up(Fixture *self, gconstpointer world)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *script = kft_test_source_path("tests/fakes/apiserver.py");
    g_autofree char *text = g_strdelimit(g_strdup(world != NULL ? world : "{}"), "'", '"');

    self->folder = g_dir_make_tmp(NULL, NULL);
    self->kubeconfig = g_build_filename(self->folder, "kubeconfig", NULL);
    g_autofree char *world_file = g_build_filename(self->folder, "world.json", NULL);
    g_assert_true(g_file_set_contents(world_file, text, -1, NULL));
    const char *const argv[] = {script,    "--kubeconfig-out", self->kubeconfig,
                                "--world", world_file,         NULL};
    kft_test_child_start(&self->server, argv);
    self->n_fds = kft_test_count_fds();
    self->engine = kft_engine_start(&error);
    g_assert_no_error(error);
}

/* The next event of any kind; the test fails if none comes. */
static KftEvent *next_event(Fixture *self)
{
    KftEvent *event = NULL;
    while ((event = kft_engine_take_event(self->engine)) == NULL)
        g_assert_true(kft_engine_wait(self->engine, EVENT_MS));
    return event;
}

KftEvent *fixture_wait_event(Fixture *self, KftEventType type)
{
    for (;;) {
        KftEvent *event = next_event(self);
        if (event->type == type)
            return event;
        kft_event_free(event);
    }
}

KftForwardSpec *fixture_make_spec(Fixture *self, const char *target, const char *ports)
{
    KftForwardSpec *spec = kft_forward_spec_new();
    spec->kubeconfig = g_strdup(self->kubeconfig);
    spec->target = g_strdup(target);
    spec->ports = g_strsplit(ports, " ", -1);
    spec->addresses = g_strsplit("127.0.0.1", ",", -1);
    spec->hold_ms = HOLD_MS;
    return spec;
}

void fixture_start(Fixture *self, uint32_t id, KftForwardSpec *spec)
{
    g_assert_true(
        kft_engine_post(self->engine, kft_command_new_start_forward((KftForwardId){id}, spec)));
}

void fixture_wait_state(Fixture *self, KftForwardState state, unsigned n_forwards)
{
    while (n_forwards > 0) {
        g_autoptr(KftEvent) event = fixture_wait_event(self, KFT_EVENT_FORWARD_STATUS);
        if (event->status.state == KFT_FORWARD_STATE_FAILED)
            g_error("forward %u failed: %s", event->forward.v, event->status.error);
        if (event->status.state == state)
            n_forwards--;
    }
}

uint16_t fixture_wait_port(Fixture *self)
{
    g_autoptr(KftEvent) event = fixture_wait_event(self, KFT_EVENT_FORWARD_LISTENING);
    const char *colon = strrchr(event->listening.address, ':');
    return (uint16_t)g_ascii_strtoull(colon + 1, NULL, 10);
}

void fixture_shut_down(Fixture *self)
{
    g_assert_true(kft_engine_post(self->engine, kft_command_new(KFT_COMMAND_SHUTDOWN)));
    kft_event_free(fixture_wait_event(self, KFT_EVENT_STOPPED));
    g_assert_null(kft_engine_take_event(self->engine));
}

void fixture_tear_down(Fixture *self, gconstpointer world)
{
    (void)world;
    fixture_shut_down(self);
    g_assert_false(kft_engine_post(self->engine, kft_command_new(KFT_COMMAND_RETRY_ALL)));
    kft_engine_free(self->engine);
    kft_test_expect_fds(self->n_fds);
    g_free(kft_test_child_stop(&self->server));
    kft_test_remove_folder(self->folder);
    g_free(self->folder);
    g_free(self->kubeconfig);
}

void fixture_open_what_stays_open(void)
{
    Fixture fixture = {.engine = kft_engine_start(NULL)};
    fixture_shut_down(&fixture);
    kft_engine_free(fixture.engine);
}
