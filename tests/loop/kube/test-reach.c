/* Many who want something of a server that is there, that is away, and that comes back. The server
 * counts connections: that is what an outage costs it. */
#include "kftray/error.h"

#include "kube/reach.h"
#include "net/listener.h"
#include "test-loop.h"

#define N_MANY 50
#define N_PROBES 5

static const char answer[] = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
                             "Content-Length: 2\r\nConnection: close\r\n\r\n{}";

typedef struct {
    KftTestLoop test;
    KftListener *listener;
    KftReach *reach;
    bool answers;
    bool hangs;
    GPtrArray *hanging; /* KftSocket */
    unsigned n_connections;
    unsigned n_granted;
    unsigned n_expected;
    unsigned n_failed;
    unsigned n_news;
    unsigned n_back;
    KftTurn *turns[N_MANY];
    KftReachWatch *watches[N_MANY];
    bool is_done;
} Fixture;

static void on_alloc(uint8_t **ret_data, size_t *ret_size, void *user_data)
{
    static uint8_t dropped[1000];
    (void)user_data;
    *ret_data = dropped;
    *ret_size = sizeof dropped;
}

/* The request is there: answers it. */
static void on_read(size_t size, void *user_data)
{
    (void)size;
    (void)kft_socket_write(user_data, (const uint8_t *)answer, sizeof answer - 1);
    kft_socket_shutdown(user_data);
}

static void on_end(void *user_data)
{
    kft_socket_free(user_data);
}

static void on_connection(KftSocket *socket, void *user_data)
{
    static const KftSocketFuncs funcs = {
        .on_alloc = on_alloc,
        .on_read = on_read,
        .on_eof = on_end,
        .on_error = on_end,
    };
    Fixture *self = user_data;
    self->n_connections++;
    if (self->hangs) {
        g_ptr_array_add(self->hanging, socket);
        return;
    }
    if (!self->answers) {
        kft_socket_abort(socket);
        return;
    }
    kft_socket_set_funcs(socket, &funcs, socket);
    kft_socket_set_reading(socket, true);
}

static void set_up(Fixture *self, gconstpointer data)
{
    g_autoptr(GError) error = NULL;
    (void)data;
    kft_test_loop_init(&self->test);
    self->hanging = g_ptr_array_new_with_free_func((GDestroyNotify)kft_socket_free);
    self->listener = kft_listener_new(self->test.loop, "127.0.0.1", 0, on_connection, self, &error);
    g_assert_no_error(error);
    g_autofree char *url =
        g_strdup_printf("http://127.0.0.1:%u", kft_listener_get_port(self->listener));
    g_autoptr(KftEndpoint) endpoint = kft_endpoint_new(url);
    endpoint->proxy_url = kft_secret_new("");
    self->reach = kft_reach_new(self->test.loop, endpoint);
}

static void tear_down(Fixture *self, gconstpointer data)
{
    (void)data;
    for (size_t i = 0; i < N_MANY; i++) {
        kft_turn_cancel(self->turns[i]);
        kft_reach_watch_free(self->watches[i]);
    }
    kft_reach_free(self->reach);
    g_ptr_array_unref(self->hanging);
    kft_listener_free(self->listener);
    kft_test_loop_clear(&self->test);
}

static void on_turn(const GError *error, void *user_data)
{
    Fixture *self = user_data;
    if (error == NULL)
        self->n_granted++;
    else
        self->n_failed++;
    self->is_done = self->n_failed == N_MANY;
}

static bool is_granted(void *user_data)
{
    const Fixture *self = user_data;
    return self->n_granted == self->n_expected;
}

/* @n turns were given out, and no more in some further turns of the loop. */
static void await_granted(Fixture *self, unsigned n)
{
    self->n_expected = n;
    kft_test_loop_run_until(&self->test, is_granted, self);
    kft_test_loop_run_for(&self->test, 20);
    g_assert_cmpuint(self->n_granted, ==, n);
}

static void enter_all(Fixture *self)
{
    for (size_t i = 0; i < N_MANY; i++)
        self->turns[i] = kft_reach_enter(self->reach, on_turn, self);
}

/* The turn with index 0 finds that the server is away. */
static void go_away(Fixture *self)
{
    g_autoptr(GError) error = g_error_new_literal(KFT_ERROR, KFT_ERROR_UNREACHABLE, "no way");
    self->turns[0] = kft_reach_enter(self->reach, on_turn, self);
    await_granted(self, 1);
    kft_turn_end_failed(g_steal_pointer(&self->turns[0]), error);
    g_assert_true(kft_reach_is_away(self->reach));
}

/* A dozen at a time, the next ones as others end, in order. */
static void test_turns(Fixture *self, gconstpointer data)
{
    (void)data;
    enter_all(self);
    g_assert_cmpuint(self->n_granted, ==, 0);
    await_granted(self, 12);
    kft_turn_end_answered(g_steal_pointer(&self->turns[3]));
    kft_turn_cancel(g_steal_pointer(&self->turns[N_MANY - 1]));
    await_granted(self, 13);
    for (size_t i = 0; i < N_MANY; i++) {
        kft_turn_end_answered(g_steal_pointer(&self->turns[i]));
        kft_test_loop_run_for(&self->test, 2);
    }
    await_granted(self, N_MANY - 1);
    g_assert_cmpuint(self->n_connections, ==, 0);
}

static void on_news(const GError *error, uint32_t next_ms, void *user_data)
{
    Fixture *self = user_data;
    self->n_news++;
    if (error != NULL)
        g_assert_cmpuint(next_ms, >=, 200);
    else
        self->n_back++;
    self->is_done = self->n_back == N_MANY;
}

static bool has_news(void *user_data)
{
    const Fixture *self = user_data;
    return self->n_news >= N_PROBES * N_MANY;
}

/* However many wait, the server sees one probe at a time, and all hear at once when it is back. */
static void test_outage(Fixture *self, gconstpointer data)
{
    (void)data;
    go_away(self);
    for (size_t i = 0; i < N_MANY; i++)
        self->watches[i] = kft_reach_watch_new(self->reach, on_news, self);
    kft_test_loop_run_until(&self->test, has_news, self);
    g_assert_cmpuint(self->n_news, ==, N_PROBES * N_MANY);
    g_assert_cmpuint(self->n_back, ==, 0);
    g_assert_cmpuint(self->n_connections, ==, N_PROBES);
    self->answers = true;
    kft_test_loop_run_until_true(&self->test, &self->is_done);
    g_assert_false(kft_reach_is_away(self->reach));
    g_assert_null(kft_reach_get_error(self->reach));
}

/* Turns that are asked for meanwhile are answered by the next probe. */
static void test_turns_in_outage(Fixture *self, gconstpointer data)
{
    (void)data;
    go_away(self);
    enter_all(self);
    kft_test_loop_run_until_true(&self->test, &self->is_done);
    g_assert_cmpuint(self->n_granted, ==, 1);
    for (size_t i = 0; i < N_MANY; i++)
        self->turns[i] = NULL; /* gone with their error */
    self->answers = true;
    kft_reach_probe_now(self->reach);
    enter_all(self);
    await_granted(self, 1 + 12);
}

/* Nobody waits: nobody asks. */
static void test_nobody(Fixture *self, gconstpointer data)
{
    (void)data;
    go_away(self);
    kft_test_loop_run_for(&self->test, 1000);
    g_assert_cmpuint(self->n_connections, ==, 0);
}

static bool has_answered(void *user_data)
{
    const Fixture *self = user_data;
    return kft_reach_get_answered_ms(self->reach) != 0;
}

static void on_first_news(const GError *error, uint32_t next_ms, void *user_data)
{
    Fixture *self = user_data;
    (void)next_ms;
    g_assert_nonnull(error);
    self->is_done = true;
}

/* A server in doubt is asked, once for all who doubt it, and if it does not answer, those who wait
 * for it hear that it is away. */
static void test_doubt(Fixture *self, gconstpointer data)
{
    (void)data;
    self->answers = true;
    g_assert_cmpuint(kft_reach_get_answered_ms(self->reach), ==, 0);
    kft_reach_doubt(self->reach);
    kft_reach_doubt(self->reach);
    kft_test_loop_run_until(&self->test, has_answered, self);
    g_assert_cmpuint(self->n_connections, ==, 1);
    g_assert_false(kft_reach_is_away(self->reach));

    self->answers = false;
    self->watches[0] = kft_reach_watch_new(self->reach, on_first_news, self);
    kft_reach_doubt(self->reach);
    kft_test_loop_run_until_true(&self->test, &self->is_done);
    g_assert_true(kft_reach_is_away(self->reach));
}

static bool is_asked_thrice(void *user_data)
{
    Fixture *self = user_data;
    kft_reach_probe_for_connection(self->reach);
    kft_reach_probe_for_user(self->reach);
    return self->n_connections == 3;
}

/* Whoever comes is a reason to ask at once, but so many that come one after the other cost a probe
 * a second. Nothing else asks here. */
static void test_asked(Fixture *self, gconstpointer data)
{
    (void)data;
    go_away(self);
    uint64_t since_ms = kft_loop_now_ms(self->test.loop);
    kft_test_loop_run_until(&self->test, is_asked_thrice, self);
    g_assert_cmpuint(kft_loop_now_ms(self->test.loop) - since_ms, >=, 2000);
    self->answers = true;
    kft_reach_probe_for_connection(self->reach);
    kft_test_loop_run_until(&self->test, has_answered, self);
    g_assert_false(kft_reach_is_away(self->reach));
    g_assert_cmpuint(self->n_connections, ==, 4);
}

static bool hangs(void *user_data)
{
    const Fixture *self = user_data;
    return self->hanging->len > 0;
}

static void on_back(const GError *error, uint32_t next_ms, void *user_data)
{
    Fixture *self = user_data;
    (void)next_ms;
    if (g_error_matches(error, KFT_ERROR, KFT_ERROR_TIMEOUT))
        self->n_failed++;
    self->is_done = error == NULL;
}

/* A probe that went into the void is not waited for to its end by who comes later. */
static void test_asked_in_the_void(Fixture *self, gconstpointer data)
{
    (void)data;
    go_away(self);
    self->hangs = true;
    self->watches[0] = kft_reach_watch_new(self->reach, on_back, self);
    kft_test_loop_run_until(&self->test, hangs, self);
    self->hangs = false;
    self->answers = true;
    kft_reach_probe_for_connection(self->reach);
    kft_test_loop_run_until_true(&self->test, &self->is_done);
    g_assert_cmpuint(self->n_failed, ==, 0);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
#define ADD(path, func) g_test_add(path, Fixture, NULL, set_up, func, tear_down)
    ADD("/kube/reach/turns", test_turns);
    ADD("/kube/reach/outage", test_outage);
    ADD("/kube/reach/turns-in-outage", test_turns_in_outage);
    ADD("/kube/reach/nobody", test_nobody);
    ADD("/kube/reach/doubt", test_doubt);
    ADD("/kube/reach/asked", test_asked);
    ADD("/kube/reach/asked-in-the-void", test_asked_in_the_void);
    return g_test_run();
}
