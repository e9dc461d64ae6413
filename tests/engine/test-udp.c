/* UDP through the engine by its public headers alone: the scripted API server, behind it a relay
 * (kftray-server, or the lock-step one), behind that an application (udp-relay.py). */
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "client.h"
#include "fixture.h"

#define N_PEERS 64
#define MAX_DATAGRAM 65507

typedef struct {
    Fixture base;
    KftTestChild relay;
    char *world;
    uint16_t port;
} UdpFixture;

static void start_relay(UdpFixture *self, const char *option)
{
    g_autofree char *script = kft_test_source_path("tests/engine/udp-relay.py");
    const char *const ours[] = {script, "--server", g_getenv("KFT_SERVER"), option, NULL};
    const char *const lockstep[] = {script, "--lockstep", NULL};
    kft_test_child_start(&self->relay, g_strcmp0(option, "--lockstep") == 0 ? lockstep : ours);
}

/* @data: further members of the world, or an option of the relay; nullable. */
static void set_up(UdpFixture *self, gconstpointer data)
{
    bool is_option = data != NULL && g_str_has_prefix(data, "--");
    const char *members = is_option ? NULL : data;
    start_relay(self, is_option ? data : NULL);
    self->world = g_strdup_printf(
        "{'pods': [{'name': 'relay', 'ports': {'frames': 9000}, 'apps': {'9000': "
        "'tcp:127.0.0.1:%u'}}]%s%s}",
        self->relay.port, members == NULL ? "" : ", ", members == NULL ? "" : members);
    fixture_set_up(&self->base, self->world);
}

/* The shared gateway of the cluster. @data: "--small" or NULL. */
static void set_up_gateway(UdpFixture *self, gconstpointer data)
{
    g_autofree char *script = kft_test_source_path("tests/engine/udp-relay.py");
    const char *const argv[] = {script,      "--server", g_getenv("KFT_SERVER"),
                                "--gateway", data,       NULL};
    kft_test_child_start(&self->relay, argv);
    self->world = g_strdup_printf(
        "{'namespaces': ['default', 'kftray-system'], 'pods': [{'name': 'gw', 'namespace': "
        "'kftray-system', 'labels': {'app.kubernetes.io/name': 'kftray-server'}, 'ports': "
        "{'socks': 8080}, 'apps': {'8080': 'tcp:127.0.0.1:%u'}}]}",
        self->relay.port);
    fixture_set_up(&self->base, self->world);
}

static void tear_down(UdpFixture *self, gconstpointer data)
{
    fixture_tear_down(&self->base, data);
    g_free(kft_test_child_stop(&self->relay));
    g_free(self->world);
}

static KftForwardSpec *make_spec(UdpFixture *self)
{
    KftForwardSpec *spec = fixture_make_spec(&self->base, "pod/relay", ":9000");
    spec->protocol = KFT_PROTOCOL_UDP;
    spec->relay = KFT_RELAY_USE_NONE;
    return spec;
}

/* @spec: (transfer full). */
static void start(UdpFixture *self, KftForwardSpec *spec)
{
    fixture_start(&self->base, 1, spec);
    self->port = fixture_wait_port(&self->base);
    fixture_wait_state(&self->base, KFT_FORWARD_STATE_READY, 1);
}

static void assert_answer(char *answer, const char *expected)
{
    g_assert_cmpstr(answer, ==, expected);
    g_free(answer);
}

static void send_bytes(int fd, const void *data, size_t size)
{
    g_assert_cmpint(send(fd, data, size, 0), ==, (gssize)size);
}

/* Statistics until @is_right says so. */
static KftForwardStatisticsEvent
wait_statistics(UdpFixture *self, bool (*is_right)(const KftForwardStatisticsEvent *now))
{
    for (;;) {
        g_autoptr(KftEvent) event = fixture_wait_event(&self->base, KFT_EVENT_FORWARD_STATISTICS);
        if (is_right(&event->statistics))
            return event->statistics;
    }
}

static bool has_two_answers(const KftForwardStatisticsEvent *now)
{
    return now->packets_down == 2;
}

static void test_round_trip(UdpFixture *self, gconstpointer data)
{
    (void)data;
    start(self, make_spec(self));
    int fd = kft_test_udp_connect(self->port);
    assert_answer(kft_test_udp_ask(fd, "hello"), "hello");
    assert_answer(kft_test_udp_ask(fd, "again"), "again");
    KftForwardStatisticsEvent now = wait_statistics(self, has_two_answers);
    g_assert_cmpuint(now.packets_up, ==, 2);
    g_assert_cmpuint(now.bytes_up, ==, 10);
    g_assert_cmpuint(now.bytes_down, ==, 10);
    g_assert_cmpuint(now.packets_dropped, ==, 0);
    g_assert_cmpuint(now.health.n_open, ==, 1);
    g_assert_cmpuint(now.n_connections, ==, 1);
    kft_test_close(fd);
}

/* All ask before the first reads: every answer must reach who asked for it. */
static void test_many_peers(UdpFixture *self, gconstpointer data)
{
    (void)data;
    int fds[N_PEERS];
    start(self, make_spec(self));
    for (unsigned i = 0; i < N_PEERS; i++)
        fds[i] = kft_test_udp_connect(self->port);
    for (unsigned round = 0; round < 10; round++) {
        for (unsigned i = 0; i < N_PEERS; i++) {
            g_autofree char *text = g_strdup_printf("round %u of %u", round, i);
            kft_test_send(fds[i], text);
        }
        for (unsigned i = 0; i < N_PEERS; i++) {
            g_autofree char *text = g_strdup_printf("round %u of %u", round, i);
            assert_answer(kft_test_udp_receive(fds[i]), text);
        }
    }
    for (unsigned i = 0; i < N_PEERS; i++)
        kft_test_close(fds[i]);
}

/* The largest datagram that there is, again and again. */
static void test_large(UdpFixture *self, gconstpointer data)
{
    (void)data;
    g_autofree char *text = g_strnfill(MAX_DATAGRAM, 'x');
    start(self, make_spec(self));
    int fd = kft_test_udp_connect(self->port);
    for (unsigned i = 0; i < 20; i++) {
        text[i] = 'y';
        assert_answer(kft_test_udp_ask(fd, text), text);
    }
    kft_test_close(fd);
}

/* An empty datagram goes up as one. What comes down empty may be a lock-step relay's "no answer"
 * and is nobody's: the next answer is the next. */
static void test_empty(UdpFixture *self, gconstpointer data)
{
    (void)data;
    start(self, make_spec(self));
    int fd = kft_test_udp_connect(self->port);
    send_bytes(fd, "", 0);
    kft_test_send(fd, "empty");
    assert_answer(kft_test_udp_ask(fd, "next"), "next");
    kft_test_close(fd);
}

/* Several answers to one question, and what nobody asked for. */
static void test_unsolicited(UdpFixture *self, gconstpointer data)
{
    (void)data;
    start(self, make_spec(self));
    int fd = kft_test_udp_connect(self->port);
    int other = kft_test_udp_connect(self->port);
    kft_test_send(fd, "push 5");
    assert_answer(kft_test_udp_ask(other, "mine"), "mine");
    for (unsigned i = 0; i < 5; i++) {
        g_autofree char *text = g_strdup_printf("pushed %u", i);
        assert_answer(kft_test_udp_receive(fd), text);
    }
    kft_test_send(fd, "many 50");
    for (unsigned i = 0; i < 50; i++) {
        g_autofree char *text = g_strdup_printf("answer %u", i);
        assert_answer(kft_test_udp_receive(fd), text);
    }
    kft_test_close(fd);
    kft_test_close(other);
}

/* A lock-step relay says "no answer" with an empty frame, which is nothing; what follows works. */
static void test_no_answer(UdpFixture *self, gconstpointer data)
{
    (void)data;
    start(self, make_spec(self));
    int fd = kft_test_udp_connect(self->port);
    kft_test_send(fd, "silent");
    assert_answer(kft_test_udp_ask(fd, "hello"), "hello");
    kft_test_close(fd);
}

static bool has_dropped(const KftForwardStatisticsEvent *now)
{
    return now->packets_dropped > 0;
}

/* The server stops reading: datagrams are dropped, oldest first, and counted, and no more is kept
 * than may be. The forward can be stopped in the middle of it. */
static void test_flood(UdpFixture *self, gconstpointer data)
{
    (void)data;
    g_autofree char *block = g_strnfill(60000, 'z');
    start(self, make_spec(self));
    int fd = kft_test_udp_connect(self->port);
    bool is_done = false;
    while (!is_done) {
        for (unsigned i = 0; i < 200; i++)
            send_bytes(fd, block, 60000);
        KftForwardStatisticsEvent now = wait_statistics(self, has_dropped);
        is_done = now.packets_dropped > 100;
    }
    g_assert_true(
        kft_engine_post(self->base.engine, kft_command_new_stop_forward((KftForwardId){1})));
    fixture_wait_state(&self->base, KFT_FORWARD_STATE_IDLE, 1);
    kft_test_close(fd);
}

static bool is_empty(const KftForwardStatisticsEvent *now)
{
    return now->health.n_open == 0 && now->n_connections > 0;
}

/* A peer that is silent is forgotten, and served when it comes back, by another connection. */
static void test_idle(UdpFixture *self, gconstpointer data)
{
    (void)data;
    KftForwardSpec *spec = make_spec(self);
    spec->udp_idle_ms = 5000; /* an answer may take that long */
    start(self, spec);
    int fd = kft_test_udp_connect(self->port);
    g_autofree char *first = kft_test_udp_ask(fd, "source");
    (void)wait_statistics(self, is_empty);
    g_autofree char *second = kft_test_udp_ask(fd, "source");
    g_assert_cmpstr(first, !=, second);
    kft_test_close(fd);
}

/* The tunnel breaks after the first answer; a datagram of before that is lost as datagrams may be,
 * one that comes after it waits for the next tunnel. */
static void test_reconnect(UdpFixture *self, gconstpointer data)
{
    (void)data;
    g_autofree char *large = g_strnfill(30000, 'x');
    start(self, make_spec(self));
    int fd = kft_test_udp_connect(self->port);
    assert_answer(kft_test_udp_ask(fd, "hello"), "hello");
    kft_test_send(fd, large);
    fixture_wait_state(&self->base, KFT_FORWARD_STATE_BACKOFF, 1);
    assert_answer(kft_test_udp_ask(fd, "held"), "held");
    fixture_wait_state(&self->base, KFT_FORWARD_STATE_READY, 1);
    kft_test_close(fd);
}

static bool is_full(const KftForwardStatisticsEvent *now)
{
    return now->n_connections == 1000 && now->packets_dropped == 1;
}

static void wait_peers(UdpFixture *self, unsigned n)
{
    uint64_t n_known = 0;
    while (n_known < n) {
        g_autoptr(KftEvent) event = fixture_wait_event(&self->base, KFT_EVENT_FORWARD_STATISTICS);
        n_known = event->statistics.n_connections;
    }
}

/* One peer more than there may be: it is refused, those that are there are not disturbed. */
static void test_table_full(UdpFixture *self, gconstpointer data)
{
    (void)data;
    int fds[1001];
    start(self, make_spec(self));
    for (unsigned i = 0; i < G_N_ELEMENTS(fds); i++) {
        fds[i] = kft_test_udp_connect(self->port);
        kft_test_send(fds[i], "silent");
        /* No more at once than the kernel keeps for a forward that does not get to run. */
        if (i % 200 == 199)
            wait_peers(self, i + 1);
    }
    (void)wait_statistics(self, is_full);
    assert_answer(kft_test_udp_ask(fds[999], "hello"), "hello");
    for (unsigned i = 0; i < G_N_ELEMENTS(fds); i++)
        kft_test_close(fds[i]);
}

/* Who holds the port is said, as for TCP; a TCP listener on the same number is not in the way. */
static void test_port_in_use(UdpFixture *self, gconstpointer data)
{
    (void)data;
    start(self, make_spec(self));
    int tcp = kft_test_listen(&(uint16_t){0});
    KftForwardSpec *spec = make_spec(self);
    g_strfreev(spec->ports);
    g_autofree char *ports = g_strdup_printf("%u:9000", self->port);
    spec->ports = g_strsplit(ports, " ", -1);
    fixture_start(&self->base, 2, spec);
    for (;;) {
        g_autoptr(KftEvent) event = fixture_wait_event(&self->base, KFT_EVENT_FORWARD_STATUS);
        if (event->status.state != KFT_FORWARD_STATE_FAILED)
            continue;
        g_assert_cmpint(event->status.error_code, ==, KFT_ERROR_PORT_IN_USE);
        g_assert_nonnull(strstr(event->status.error, "in use by test-udp (pid"));
        break;
    }
    kft_test_close(tcp);
}

static KftForwardSpec *make_gateway_spec(UdpFixture *self, const char *host, KftProtocol protocol)
{
    g_autofree char *ports = g_strdup_printf(":%u", self->relay.port);
    KftForwardSpec *spec = fixture_make_spec(&self->base, NULL, ports);
    spec->remote_address = g_strdup(host);
    spec->protocol = protocol;
    spec->relay = KFT_RELAY_USE_SHARED;
    return spec;
}

/* A relay that has as many connections as it takes closes another one at once. Who asked there is
 * answered as soon as it takes one. */
static void ask_full_relay(UdpFixture *self)
{
    int fds[] = {kft_test_udp_connect(self->port), kft_test_udp_connect(self->port)};
    assert_answer(kft_test_udp_ask(fds[0], "first"), "first");
    assert_answer(kft_test_udp_ask(fds[1], "second"), "second");
    kft_test_close(fds[0]);
    kft_test_close(fds[1]);
}

static void test_relay_full(UdpFixture *self, gconstpointer data)
{
    (void)data;
    start(self, make_spec(self));
    ask_full_relay(self);
}

static void test_gateway_full(UdpFixture *self, gconstpointer data)
{
    (void)data;
    start(self, make_gateway_spec(self, "127.0.0.2", KFT_PROTOCOL_UDP));
    ask_full_relay(self);
}

static void assert_line(UdpFixture *self, const char *expected)
{
    g_autofree char *line = kft_test_child_read_line(&self->relay);
    g_assert_cmpstr(line, ==, expected);
}

/* Not every application answers: what a relay took, and then ended for its silence, was sent on. */
static void test_one_way(UdpFixture *self, gconstpointer data)
{
    (void)data;
    start(self, make_spec(self));
    int fds[] = {kft_test_udp_connect(self->port), kft_test_udp_connect(self->port)};
    kft_test_send(fds[0], "note one");
    assert_line(self, "note one");
    assert_line(self, "ended");
    /* More than a second, in which nothing is sent again. */
    kft_test_send(fds[1], "push 60");
    for (unsigned i = 0; i < 60; i++)
        g_free(kft_test_udp_receive(fds[1]));
    kft_test_send(fds[1], "note two");
    assert_line(self, "note two");
    kft_test_close(fds[0]);
    kft_test_close(fds[1]);
}

/* Through a gateway an empty datagram can only be one. */
static void test_gateway_udp(UdpFixture *self, gconstpointer data)
{
    (void)data;
    start(self, make_gateway_spec(self, "127.0.0.2", KFT_PROTOCOL_UDP));
    int fd = kft_test_udp_connect(self->port);
    assert_answer(kft_test_udp_ask(fd, "hello"), "hello");
    assert_answer(kft_test_udp_ask(fd, "empty"), "");
    assert_answer(kft_test_udp_ask(fd, "again"), "again");
    kft_test_close(fd);
}

static void test_gateway_tcp(UdpFixture *self, gconstpointer data)
{
    (void)data;
    g_autofree char *text = g_strnfill(60000, 'x');
    start(self, make_gateway_spec(self, "127.0.0.2", KFT_PROTOCOL_TCP));
    for (unsigned i = 0; i < 5; i++) {
        int fd = kft_test_connect(self->port);
        kft_test_send(fd, text);
        g_autofree char *answer = g_malloc0(60001);
        g_assert_cmpint(recv(fd, answer, 60000, MSG_WAITALL), ==, 60000);
        g_assert_cmpstr(answer, ==, text);
        kft_test_close(fd);
    }
}

static void wait_refusal(UdpFixture *self)
{
    g_autoptr(KftEvent) event = fixture_wait_event(&self->base, KFT_EVENT_FORWARD_CONNECTION_ERROR);
    g_assert_nonnull(strstr(event->connection.text, "the gateway did not connect to 127.0.0.3"));
    g_assert_nonnull(strstr(event->connection.text, "not allowed by the rules"));
}

static void test_gateway_refuses(UdpFixture *self, gconstpointer data)
{
    (void)data;
    start(self, make_gateway_spec(self, "127.0.0.3", KFT_PROTOCOL_UDP));
    int fd = kft_test_udp_connect(self->port);
    kft_test_send(fd, "hello");
    wait_refusal(self);
    kft_test_close(fd);
}

static void test_gateway_refuses_tcp(UdpFixture *self, gconstpointer data)
{
    (void)data;
    start(self, make_gateway_spec(self, "127.0.0.3", KFT_PROTOCOL_TCP));
    int fd = kft_test_connect(self->port);
    /* The refusal may be faster. */
    (void)send(fd, "hello", 5, MSG_NOSIGNAL);
    wait_refusal(self);
    g_assert_null(kft_test_read_all(fd));
    kft_test_close(fd);
}

static const char breaks[] =
    "'faults': [{'on': 'session', 'do': 'cut', 'up': 20000, 'how': 'reset', 'times': 1}]";
static const char stalls[] = "'faults': [{'on': 'session', 'do': 'stall-reader', 'after': 200000}]";

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    fixture_open_what_stays_open();
#define ADD(path, world, func) g_test_add(path, UdpFixture, world, set_up, func, tear_down)
    ADD("/udp/round-trip", NULL, test_round_trip);
    ADD("/udp/many-peers", NULL, test_many_peers);
    ADD("/udp/large", NULL, test_large);
    ADD("/udp/empty", NULL, test_empty);
    ADD("/udp/unsolicited", NULL, test_unsolicited);
    ADD("/udp/flood", stalls, test_flood);
    ADD("/udp/idle", NULL, test_idle);
    ADD("/udp/reconnect", breaks, test_reconnect);
    ADD("/udp/table-full", NULL, test_table_full);
    ADD("/udp/relay-full", "--small", test_relay_full);
    ADD("/udp/one-way", "--impatient", test_one_way);
    ADD("/udp/port-in-use", NULL, test_port_in_use);
    ADD("/udp/lockstep/round-trip", "--lockstep", test_round_trip);
    ADD("/udp/lockstep/many-peers", "--lockstep", test_many_peers);
    ADD("/udp/lockstep/large", "--lockstep", test_large);
    ADD("/udp/lockstep/empty", "--lockstep", test_empty);
    ADD("/udp/lockstep/no-answer", "--lockstep", test_no_answer);
#define ADD_GATEWAY(path, func) g_test_add(path, UdpFixture, NULL, set_up_gateway, func, tear_down)
    ADD_GATEWAY("/udp/gateway/udp", test_gateway_udp);
    ADD_GATEWAY("/udp/gateway/tcp", test_gateway_tcp);
    ADD_GATEWAY("/udp/gateway/refuses", test_gateway_refuses);
    ADD_GATEWAY("/udp/gateway/refuses-tcp", test_gateway_refuses_tcp);
    g_test_add("/udp/gateway/full", UdpFixture, "--small", set_up_gateway, test_gateway_full,
               tear_down);
    return g_test_run();
}
