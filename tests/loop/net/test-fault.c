/* Every fallible boundary of the module fails once, and then it and all after it, in a child
 * process that uses every object: each operation must end exactly once, and the loop clean. Only in
 * builds with fault injection. */
#include <glib/gstdio.h>
#include <string.h>

#include "base/number.h"
#include "net/http.h"
#include "net/listener.h"
#include "net/process.h"
#include "net/stream.h"
#include "net/timer.h"

#define LIMIT_MS 300
/* When what has not ended by then is stuck, also on a machine that is busy with other things. */
#define STUCK_MS 20000

static const char answer[] = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

typedef struct Scene Scene;

/* One accepted connection of the server side. */
typedef struct {
    Scene *scene;
    KftSocket *socket;
    uint8_t room[512];
} Peer;

struct Scene {
    KftLoop *loop;
    KftListener *listener;
    GPtrArray *peers;
    KftHttpCall *call;
    KftDial *dial;
    KftStream *stream;
    KftProcess *process;
    KftTimer *timer; /* ends the stream, and everything else a little later */
    unsigned n_calls;
    unsigned n_dials;
    unsigned n_processes;
};

static void on_socket_alloc(uint8_t **ret_data, size_t *ret_size, void *user_data)
{
    Peer *peer = user_data;
    *ret_data = peer->room;
    *ret_size = sizeof peer->room;
}

static void on_socket_read(size_t size, void *user_data)
{
    const Peer *peer = user_data;
    (void)size;
    (void)kft_socket_write(peer->socket, (const uint8_t *)answer, sizeof answer - 1);
}

static void on_socket_end(void *user_data)
{
    Peer *peer = user_data;
    kft_socket_shutdown(peer->socket);
}

static void on_socket_error(void *user_data)
{
    Peer *peer = user_data;
    kft_socket_abort(g_steal_pointer(&peer->socket));
}

static void on_listener_connection(KftSocket *socket, void *user_data)
{
    static const KftSocketFuncs funcs = {.on_alloc = on_socket_alloc,
                                         .on_read = on_socket_read,
                                         .on_eof = on_socket_end,
                                         .on_error = on_socket_error};
    Scene *scene = user_data;
    Peer *peer = g_new0(Peer, 1);
    peer->scene = scene;
    peer->socket = socket;
    g_ptr_array_add(scene->peers, peer);
    kft_socket_set_funcs(socket, &funcs, peer);
    kft_socket_set_reading(socket, true);
}

static void free_peer(gpointer data)
{
    Peer *peer = data;
    kft_socket_free(peer->socket);
    g_free(peer);
}

/* The rest, whatever it still waits for, ends soon after the three that must end by themselves. */
static void note_end(Scene *scene)
{
    if (scene->n_calls > 0 && scene->n_dials > 0 && scene->n_processes > 0)
        kft_timer_start(scene->timer, LIMIT_MS / 10);
}

static void on_call_done(const KftHttpResponse *response, const GError *error, void *user_data)
{
    Scene *scene = user_data;
    g_assert_true((response == NULL) != (error == NULL));
    scene->n_calls++;
    note_end(scene);
}

static void on_process_done(const char *output, size_t size, const GError *error, void *user_data)
{
    Scene *scene = user_data;
    (void)size;
    g_assert_true((output == NULL) != (error == NULL));
    scene->n_processes++;
    note_end(scene);
}

static void on_stream_readable(void *user_data)
{
    Scene *scene = user_data;
    uint8_t data[64];
    KftResult result = KFT_R_OK;
    while (result == KFT_R_OK) {
        size_t size = 0;
        result = kft_stream_read(scene->stream, data, sizeof data, &size);
    }
    if (result != KFT_R_AGAIN)
        kft_stream_free(g_steal_pointer(&scene->stream));
}

static void on_stream_writable(void *user_data)
{
    Scene *scene = user_data;
    size_t n_written = 0;
    KftResult result = kft_stream_write(scene->stream, (const uint8_t *)"hello", 5, &n_written);
    if (result == KFT_R_OK)
        kft_stream_set_interest(scene->stream, /* read */ true, /* write */ false);
    else if (result != KFT_R_AGAIN)
        kft_stream_free(g_steal_pointer(&scene->stream));
}

static void on_dial_done(KftStream *stream, const GError *error, void *user_data)
{
    static const KftStreamFuncs funcs = {.on_readable = on_stream_readable,
                                         .on_writable = on_stream_writable};
    Scene *scene = user_data;
    g_assert_true((stream == NULL) != (error == NULL));
    scene->n_dials++;
    note_end(scene);
    scene->stream = stream;
    if (stream == NULL)
        return;
    kft_stream_set_funcs(stream, &funcs, scene);
    kft_stream_set_interest(stream, /* read */ true, /* write */ true);
}

static void on_timer_end(void *user_data)
{
    Scene *scene = user_data;
    /* What has no limit of its own in this scene is over by now. */
    g_assert_cmpuint(scene->n_calls, ==, 1);
    g_assert_cmpuint(scene->n_dials, ==, 1);
    g_assert_cmpuint(scene->n_processes, ==, 1);
    kft_http_call_free(scene->call);
    kft_dial_free(scene->dial);
    kft_stream_free(scene->stream);
    kft_process_free(scene->process);
    kft_listener_free(scene->listener);
    g_ptr_array_set_size(scene->peers, 0);
    kft_timer_free(scene->timer);
}

static void start_scene(Scene *scene)
{
    static const char *const argv[] = {"sh", "-c", "echo hello; echo there >&2", NULL};
    static const char *const environment[] = {"PATH=/usr/bin:/bin", NULL};
    static const KftHttpRequest request = {.path = "/", .timeout_ms = LIMIT_MS};
    static const KftProcessSpec spec = {
        .argv = argv, .environment = environment, .timeout_ms = LIMIT_MS, .max_output_bytes = 100};
    g_autoptr(GError) error = NULL;
    scene->listener =
        kft_listener_new(scene->loop, "127.0.0.1", 0, on_listener_connection, scene, &error);
    g_assert_true((scene->listener == NULL) == (error != NULL));
    /* Without a listener they are refused, which must end them too. */
    unsigned port = scene->listener == NULL ? 1 : kft_listener_get_port(scene->listener);
    g_autofree char *url = g_strdup_printf("http://127.0.0.1:%u", port);
    g_autoptr(KftEndpoint) endpoint = kft_endpoint_new(url);
    scene->call = kft_http_call_start(scene->loop, endpoint, &request, NULL, on_call_done, scene);
    scene->dial = kft_dial_start(scene->loop, endpoint, LIMIT_MS, on_dial_done, scene);
    scene->process = kft_process_start(scene->loop, &spec, on_process_done, scene);
    scene->timer = kft_timer_new(scene->loop, on_timer_end, scene);
    kft_timer_start(scene->timer, STUCK_MS);
}

static int run_scene(void)
{
    g_autoptr(GError) error = NULL;
    Scene scene = {.loop = kft_loop_new(&error)};
    g_assert_true((scene.loop == NULL) == (error != NULL));
    if (scene.loop == NULL)
        return 0;
    scene.peers = g_ptr_array_new_with_free_func(free_peer);
    start_scene(&scene);
    kft_loop_run(scene.loop);
    g_ptr_array_free(scene.peers, TRUE);
    g_assert_true(kft_loop_free(scene.loop));
    return 0;
}

#ifdef KFT_FAULTS

static char *program;

/* Runs the scene with the @nth point failing; returns how many points it passed. */
static uint64_t run_child(uint64_t nth, const char *and_all_after)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *folder = g_dir_make_tmp("kft-test-XXXXXX", &error);
    g_autofree char *file = g_build_filename(folder, "count", NULL);
    g_autofree char *number = g_strdup_printf("%" G_GUINT64_FORMAT, nth);
    g_autofree char *text = NULL;
    g_autofree char *log = NULL;
    char *argv[] = {program, (char[]){"--scene"}, NULL};
    uint64_t n_passed = 0;
    int status = -1;
    char **environment = g_get_environ();
    environment = g_environ_setenv(environment, "KFT_FAULT_NTH", number, TRUE);
    environment = g_environ_setenv(environment, "KFT_FAULT_FROM", and_all_after, TRUE);
    environment = g_environ_setenv(environment, "KFT_FAULT_COUNT", file, TRUE);
    (void)g_spawn_sync(NULL, argv, environment, G_SPAWN_DEFAULT, NULL, NULL, NULL, &log, &status,
                       &error);
    g_strfreev(environment);
    g_assert_no_error(error);
    if (status != 0)
        g_error("point %s ends with status %d:\n%s", number, status, log);
    g_assert_true(g_file_get_contents(file, &text, NULL, &error));
    g_strchomp(text);
    g_assert_true(kft_parse_uint(text, 0, UINT32_MAX, &n_passed));
    (void)g_remove(file);
    (void)g_rmdir(folder);
    return n_passed;
}

static void test_each_point(gconstpointer and_all_after)
{
    uint64_t nth = 1;
    while (run_child(nth, and_all_after) >= nth)
        nth++;
    g_test_message("%u points", (unsigned)nth - 1);
    g_assert_cmpuint(nth, >, 10);
}

#else

static void test_scene(void)
{
    g_assert_cmpint(run_scene(), ==, 0);
}

#endif

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "--scene") == 0)
        return run_scene();
    g_test_init(&argc, &argv, NULL);
#ifdef KFT_FAULTS
    program = argv[0];
    g_test_add_data_func("/net/fault/once", "0", test_each_point);
    g_test_add_data_func("/net/fault/from-there-on", "1", test_each_point);
#else
    g_test_add_func("/net/fault/scene", test_scene);
#endif
    return g_test_run();
}
