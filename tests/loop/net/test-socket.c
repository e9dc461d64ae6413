/* Listeners and the sockets that they accept, against blocking clients of the same process. */
#include <arpa/inet.h>
#include <errno.h>
#include <kftray/error.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "net/listener.h"
#include "net/socket.h"
#include "test-loop.h"

/* NOLINTBEGIN(readability-function-size,readability-function-cognitive-complexity): each assertion
 * is a macro of several branches. */

typedef struct {
    KftTestLoop test;
    KftListener *listener;
    KftSocket *socket;
    int client;
    GByteArray *received;
    uint8_t room[1000];
    size_t n_room;
    unsigned n_eof;
    unsigned n_errors;
    unsigned n_drained;
    unsigned n_flushed;
    size_t queued_at_drain;
    bool echoes;
    bool is_done;
    GThread *thread;
    size_t n_client_bytes;
} Fixture;

static void on_socket_alloc(uint8_t **ret_data, size_t *ret_size, void *user_data)
{
    Fixture *fixture = user_data;
    *ret_data = fixture->room;
    *ret_size = fixture->n_room;
}

static void on_socket_read(size_t size, void *user_data)
{
    Fixture *fixture = user_data;
    if (fixture->echoes)
        g_assert_cmpint(kft_socket_write(fixture->socket, fixture->room, size), ==, KFT_R_OK);
    g_byte_array_append(fixture->received, fixture->room, (guint)size);
    fixture->is_done = true;
}

static void on_socket_eof(void *user_data)
{
    Fixture *fixture = user_data;
    fixture->n_eof++;
    fixture->is_done = true;
}

static void on_socket_error(void *user_data)
{
    Fixture *fixture = user_data;
    fixture->n_errors++;
    fixture->is_done = true;
}

static void on_socket_drained(void *user_data)
{
    Fixture *fixture = user_data;
    fixture->n_drained++;
    if (fixture->n_drained == 1)
        fixture->queued_at_drain = kft_socket_get_queued(fixture->socket);
}

static void on_socket_flushed(void *user_data)
{
    Fixture *fixture = user_data;
    fixture->n_flushed++;
    fixture->is_done = true;
}

static const KftSocketFuncs funcs = {.on_alloc = on_socket_alloc,
                                     .on_read = on_socket_read,
                                     .on_eof = on_socket_eof,
                                     .on_error = on_socket_error,
                                     .on_drained = on_socket_drained,
                                     .on_flushed = on_socket_flushed};

static void on_listener_connection(KftSocket *socket, void *user_data)
{
    Fixture *fixture = user_data;
    g_assert_null(fixture->socket);
    fixture->socket = socket;
    kft_socket_set_funcs(socket, &funcs, fixture);
    fixture->is_done = true;
}

static int connect_to(uint16_t port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    g_assert_cmpint(connect(fd, (struct sockaddr *)&address, sizeof address), ==, 0);
    return fd;
}

static void wait_done(Fixture *fixture)
{
    kft_test_loop_run_until_true(&fixture->test, &fixture->is_done);
    fixture->is_done = false;
}

static void set_up(Fixture *fixture, gconstpointer data)
{
    g_autoptr(GError) error = NULL;
    (void)data;
    kft_test_loop_init(&fixture->test);
    fixture->received = g_byte_array_new();
    fixture->n_room = sizeof fixture->room;
    fixture->listener = kft_listener_new(fixture->test.loop, "127.0.0.1", 0, on_listener_connection,
                                         fixture, &error);
    g_assert_no_error(error);
    fixture->client = connect_to(kft_listener_get_port(fixture->listener));
    wait_done(fixture);
}

static void tear_down(Fixture *fixture, gconstpointer data)
{
    (void)data;
    if (fixture->client >= 0)
        (void)close(fixture->client);
    kft_socket_free(fixture->socket);
    kft_listener_free(fixture->listener);
    (void)g_byte_array_free(fixture->received, TRUE);
    kft_test_loop_clear(&fixture->test);
}

static void client_send(const Fixture *fixture, const char *text)
{
    g_assert_cmpint(send(fixture->client, text, strlen(text), 0), ==, (ssize_t)strlen(text));
}

static void test_read_and_write(Fixture *fixture, gconstpointer data)
{
    char answer[16] = "";
    (void)data;
    g_assert_true(g_str_has_prefix(kft_socket_get_peer(fixture->socket), "127.0.0.1:"));
    client_send(fixture, "hello");
    kft_test_loop_run_for(&fixture->test, 20);
    g_assert_cmpuint(fixture->received->len, ==, 0);
    fixture->echoes = true;
    kft_socket_set_reading(fixture->socket, true);
    wait_done(fixture);
    g_assert_cmpint(recv(fixture->client, answer, sizeof answer, 0), ==, 5);
    g_assert_cmpstr(answer, ==, "hello");
    g_assert_cmpuint(kft_socket_get_queued(fixture->socket), ==, 0);
}

static void test_no_room_stops_reading(Fixture *fixture, gconstpointer data)
{
    (void)data;
    fixture->n_room = 0;
    client_send(fixture, "hello");
    kft_socket_set_reading(fixture->socket, true);
    kft_test_loop_run_for(&fixture->test, 20);
    g_assert_cmpuint(fixture->received->len, ==, 0);
    fixture->n_room = 2;
    kft_socket_set_reading(fixture->socket, true);
    while (fixture->received->len < 5)
        wait_done(fixture);
    g_assert_cmpmem(fixture->received->data, fixture->received->len, "hello", 5);
}

static void test_half_close_by_client(Fixture *fixture, gconstpointer data)
{
    char answer[16] = "";
    (void)data;
    kft_socket_set_reading(fixture->socket, true);
    client_send(fixture, "question");
    g_assert_cmpint(shutdown(fixture->client, SHUT_WR), ==, 0);
    while (fixture->n_eof == 0)
        wait_done(fixture);
    g_assert_cmpuint(fixture->received->len, ==, 8);
    g_assert_cmpint(kft_socket_write(fixture->socket, (const uint8_t *)"answer", 6), ==, KFT_R_OK);
    g_assert_cmpint(recv(fixture->client, answer, sizeof answer, 0), ==, 6);
    kft_socket_shutdown(fixture->socket);
    while (fixture->n_flushed == 0)
        wait_done(fixture);
    g_assert_cmpint(recv(fixture->client, answer, sizeof answer, 0), ==, 0);
    g_assert_cmpuint(fixture->n_eof, ==, 1);
    g_assert_cmpuint(fixture->n_errors, ==, 0);
}

static void test_half_close_by_us(Fixture *fixture, gconstpointer data)
{
    char answer[16] = "";
    (void)data;
    kft_socket_shutdown(fixture->socket);
    kft_socket_shutdown(fixture->socket);
    while (fixture->n_flushed == 0)
        wait_done(fixture);
    g_assert_cmpint(recv(fixture->client, answer, sizeof answer, 0), ==, 0);
    kft_socket_set_reading(fixture->socket, true);
    client_send(fixture, "still here");
    wait_done(fixture);
    g_assert_cmpuint(fixture->received->len, ==, 10);
}

static gpointer on_thread_drain(gpointer user_data)
{
    Fixture *fixture = user_data;
    static uint8_t chunk[65536];
    ssize_t n_bytes = 0;
    while ((n_bytes = recv(fixture->client, chunk, sizeof chunk, 0)) > 0) {
        for (ssize_t i = 0; i < n_bytes; i++)
            g_assert_cmpuint(chunk[i], ==, (uint8_t)((fixture->n_client_bytes + (size_t)i) % 251));
        fixture->n_client_bytes += (size_t)n_bytes;
    }
    return NULL;
}

static gpointer on_thread_skip(gpointer user_data)
{
    const Fixture *fixture = user_data;
    static uint8_t chunk[65536];
    while (recv(fixture->client, chunk, sizeof chunk, 0) > 0)
        continue;
    return NULL;
}

static bool is_all_flushed(void *user_data)
{
    const Fixture *fixture = user_data;
    return fixture->n_flushed > 0;
}

static void test_backpressure(Fixture *fixture, gconstpointer data)
{
    static uint8_t block[KFT_SOCKET_MAX_QUEUE_BYTES / 2];
    (void)data;
    /* The queue plus what the kernel's buffers take. */
    size_t n_written = 0;
    KftResult result = KFT_R_OK;
    while (result == KFT_R_OK) {
        for (size_t i = 0; i < sizeof block; i++)
            block[i] = (uint8_t)((n_written + i) % 251);
        result = kft_socket_write(fixture->socket, block, sizeof block);
        n_written += result == KFT_R_OK ? sizeof block : 0;
    }
    g_assert_cmpint(result, ==, KFT_R_LIMIT);
    g_assert_cmpuint(kft_socket_get_queued(fixture->socket), <=, KFT_SOCKET_MAX_QUEUE_BYTES);
    g_assert_cmpuint(kft_socket_get_queued(fixture->socket), >, KFT_SOCKET_DRAINED_BYTES);
    kft_test_loop_run_for(&fixture->test, 20);
    g_assert_cmpuint(fixture->n_drained, ==, 0);
    fixture->thread = g_thread_new("drain", on_thread_drain, fixture);
    kft_socket_shutdown(fixture->socket);
    kft_test_loop_run_until(&fixture->test, is_all_flushed, fixture);
    g_thread_join(fixture->thread);
    g_assert_cmpuint(fixture->n_client_bytes, ==, n_written);
    /* Once at the mark, once when empty. */
    g_assert_cmpuint(fixture->n_drained, ==, 2);
    g_assert_cmpuint(fixture->queued_at_drain, <=, KFT_SOCKET_DRAINED_BYTES);
    g_assert_cmpuint(fixture->queued_at_drain, >, 0);
    g_assert_cmpuint(fixture->n_flushed, ==, 1);
}

/* Pieces of memory that is used again right after the flush, more of them than one call writes. */
static void test_lent_pieces(Fixture *fixture, gconstpointer data)
{
    static uint8_t block[100 * 1000];
    size_t n_written = 0;
    (void)data;
    while (n_written < 2 * KFT_SOCKET_MAX_QUEUE_BYTES / 3) {
        for (size_t i = 0; i < sizeof block; i++)
            block[i] = (uint8_t)((n_written + i) % 251);
        for (size_t at = 0; at < sizeof block; at += 1000)
            g_assert_cmpint(kft_socket_lend(fixture->socket, block + at, 1000), ==, KFT_R_OK);
        g_assert_cmpint(kft_socket_lend(fixture->socket, block, 0), ==, KFT_R_OK);
        g_assert_cmpint(kft_socket_flush(fixture->socket), ==, KFT_R_OK);
        g_assert_cmpint(kft_socket_flush(fixture->socket), ==, KFT_R_OK);
        n_written += sizeof block;
    }
    memset(block, 0xff, sizeof block);
    /* The kernel took a part, in the middle of a piece or not. */
    g_assert_cmpuint(kft_socket_get_queued(fixture->socket), >, KFT_SOCKET_DRAINED_BYTES);
    fixture->thread = g_thread_new("drain", on_thread_drain, fixture);
    kft_socket_shutdown(fixture->socket);
    kft_test_loop_run_until(&fixture->test, is_all_flushed, fixture);
    g_thread_join(fixture->thread);
    g_assert_cmpuint(fixture->n_client_bytes, ==, n_written);
}

/* Nothing leaves before the flush, a shutdown and a write come behind what was lent, and the limit
 * counts it. */
static void test_lent_order(Fixture *fixture, gconstpointer data)
{
    static const uint8_t block[KFT_SOCKET_MAX_QUEUE_BYTES];
    char answer[16] = "";
    (void)data;
    g_assert_cmpint(kft_socket_lend(fixture->socket, (const uint8_t *)"one", 3), ==, KFT_R_OK);
    g_assert_cmpuint(kft_socket_get_queued(fixture->socket), ==, 3);
    g_assert_cmpint(recv(fixture->client, answer, sizeof answer, MSG_DONTWAIT), ==, -1);
    g_assert_cmpint(kft_socket_lend(fixture->socket, block, sizeof block), ==, KFT_R_LIMIT);
    g_assert_cmpint(kft_socket_write(fixture->socket, (const uint8_t *)"two", 3), ==, KFT_R_OK);
    g_assert_cmpint(kft_socket_lend(fixture->socket, (const uint8_t *)"three", 5), ==, KFT_R_OK);
    kft_socket_shutdown(fixture->socket);
    g_assert_cmpint(recv(fixture->client, answer, 11, MSG_WAITALL), ==, 11);
    g_assert_cmpstr(answer, ==, "onetwothree");
}

static void test_lent_to_broken(Fixture *fixture, gconstpointer data)
{
    struct linger linger = {.l_onoff = 1, .l_linger = 0};
    (void)data;
    g_assert_cmpint(kft_socket_lend(fixture->socket, (const uint8_t *)"x", 1), ==, KFT_R_OK);
    (void)setsockopt(fixture->client, SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
    (void)close(fixture->client);
    fixture->client = -1;
    while (kft_socket_flush(fixture->socket) == KFT_R_OK)
        (void)kft_socket_lend(fixture->socket, (const uint8_t *)"x", 1);
    g_assert_cmpint(kft_socket_lend(fixture->socket, (const uint8_t *)"x", 1), ==, KFT_R_IO);
    g_assert_cmpuint(kft_socket_get_queued(fixture->socket), ==, 0);
    while (fixture->n_errors == 0)
        wait_done(fixture);
    g_assert_cmpuint(fixture->n_errors, ==, 1);
}

static void test_abort(Fixture *fixture, gconstpointer data)
{
    char answer[16] = "";
    (void)data;
    kft_socket_abort(g_steal_pointer(&fixture->socket));
    g_assert_cmpint(recv(fixture->client, answer, sizeof answer, 0), ==, -1);
    g_assert_cmpint(errno, ==, ECONNRESET);
}

static void test_abort_with_queue_and_shutdown(Fixture *fixture, gconstpointer data)
{
    static const uint8_t block[KFT_SOCKET_MAX_QUEUE_BYTES];
    struct pollfd wanted = {.fd = fixture->client, .events = POLLRDHUP};
    (void)data;
    g_assert_cmpint(kft_socket_write(fixture->socket, block, sizeof block), ==, KFT_R_OK);
    kft_socket_shutdown(fixture->socket);
    kft_socket_abort(g_steal_pointer(&fixture->socket));
    g_assert_cmpint(poll(&wanted, 1, 60000), ==, 1);
    g_assert_cmpint(wanted.revents & POLLERR, !=, 0);
}

static void test_client_resets(Fixture *fixture, gconstpointer data)
{
    struct linger linger = {.l_onoff = 1, .l_linger = 0};
    (void)data;
    kft_socket_set_reading(fixture->socket, true);
    (void)setsockopt(fixture->client, SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
    (void)close(fixture->client);
    fixture->client = -1;
    while (fixture->n_errors == 0)
        wait_done(fixture);
    g_assert_cmpint(kft_socket_write(fixture->socket, (const uint8_t *)"x", 1), ==, KFT_R_IO);
    kft_socket_set_reading(fixture->socket, true);
    kft_socket_shutdown(fixture->socket);
    kft_test_loop_run_for(&fixture->test, 20);
    g_assert_cmpuint(fixture->n_errors, ==, 1);
    g_assert_cmpuint(fixture->n_eof, ==, 0);
}

static void test_write_error_comes_later(Fixture *fixture, gconstpointer data)
{
    struct linger linger = {.l_onoff = 1, .l_linger = 0};
    (void)data;
    (void)setsockopt(fixture->client, SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
    (void)close(fixture->client);
    fixture->client = -1;
    KftResult result = KFT_R_OK;
    while (result == KFT_R_OK)
        result = kft_socket_write(fixture->socket, (const uint8_t *)"x", 1);
    g_assert_cmpint(result, ==, KFT_R_IO);
    g_assert_cmpuint(fixture->n_errors, ==, 0);
    while (fixture->n_errors == 0)
        wait_done(fixture);
    g_assert_cmpuint(fixture->n_errors, ==, 1);
}

static void on_any_free(void *user_data)
{
    Fixture *fixture = user_data;
    kft_socket_free(g_steal_pointer(&fixture->socket));
    fixture->is_done = true;
}

static void on_read_free(size_t size, void *user_data)
{
    (void)size;
    on_any_free(user_data);
}

static void on_alloc_free(uint8_t **ret_data, size_t *ret_size, void *user_data)
{
    on_socket_alloc(ret_data, ret_size, user_data);
    on_any_free(user_data);
}

/* @data: a letter for the callback in which the socket is freed. */
static void test_free_in_callback(Fixture *fixture, gconstpointer data)
{
    static const uint8_t block[KFT_SOCKET_MAX_QUEUE_BYTES];
    KftSocketFuncs freeing = funcs;
    const char *where = data;
    struct linger linger = {.l_onoff = 1, .l_linger = 0};
    if (strcmp(where, "alloc") == 0)
        freeing.on_alloc = on_alloc_free;
    else if (strcmp(where, "read") == 0)
        freeing.on_read = on_read_free;
    else if (strcmp(where, "eof") == 0)
        freeing.on_eof = on_any_free;
    else if (strcmp(where, "flushed") == 0)
        freeing.on_flushed = on_any_free;
    else if (strcmp(where, "drained") == 0)
        freeing.on_drained = on_any_free;
    else
        freeing.on_error = on_any_free;
    kft_socket_set_funcs(fixture->socket, &freeing, fixture);
    kft_socket_set_reading(fixture->socket, true);
    client_send(fixture, "hello");
    if (strcmp(where, "flushed") == 0)
        kft_socket_shutdown(fixture->socket);
    if (strcmp(where, "drained") == 0) {
        g_assert_cmpint(kft_socket_write(fixture->socket, block, sizeof block), ==, KFT_R_OK);
        fixture->thread = g_thread_new("drain", on_thread_skip, fixture);
    }
    if (strcmp(where, "error") == 0)
        (void)setsockopt(fixture->client, SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
    if (strcmp(where, "eof") == 0 || strcmp(where, "error") == 0) {
        (void)close(fixture->client);
        fixture->client = -1;
    }
    while (fixture->socket != NULL)
        wait_done(fixture);
    kft_test_loop_run_for(&fixture->test, 10);
    if (fixture->thread != NULL)
        g_thread_join(fixture->thread);
}

static void test_listener_freed_first(Fixture *fixture, gconstpointer data)
{
    (void)data;
    kft_listener_free(g_steal_pointer(&fixture->listener));
    kft_socket_set_reading(fixture->socket, true);
    client_send(fixture, "hello");
    wait_done(fixture);
    g_assert_cmpuint(fixture->received->len, ==, 5);
    kft_listener_free(NULL);
    kft_socket_free(NULL);
}

static void on_connection_free_listener(KftSocket *socket, void *user_data)
{
    Fixture *fixture = user_data;
    kft_socket_free(socket);
    kft_listener_free(g_steal_pointer(&fixture->listener));
    fixture->is_done = true;
}

static void test_listener_freed_in_connection(void)
{
    Fixture fixture = {0};
    kft_test_loop_init(&fixture.test);
    fixture.listener = kft_listener_new(fixture.test.loop, "127.0.0.1", 0,
                                        on_connection_free_listener, &fixture, NULL);
    int first = connect_to(kft_listener_get_port(fixture.listener));
    int second = connect_to(kft_listener_get_port(fixture.listener));
    wait_done(&fixture);
    kft_test_loop_run_for(&fixture.test, 10);
    (void)close(first);
    (void)close(second);
    kft_test_loop_clear(&fixture.test);
}

static void test_ipv6(void)
{
    Fixture fixture = {0};
    struct sockaddr_in6 address = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
    g_autoptr(GError) error = NULL;
    kft_test_loop_init(&fixture.test);
    fixture.received = g_byte_array_new();
    fixture.listener =
        kft_listener_new(fixture.test.loop, "::1", 0, on_listener_connection, &fixture, &error);
    g_assert_no_error(error);
    g_autofree char *name = g_strdup_printf("[::1]:%u", kft_listener_get_port(fixture.listener));
    g_assert_cmpstr(kft_listener_get_name(fixture.listener), ==, name);
    address.sin6_port = htons(kft_listener_get_port(fixture.listener));
    fixture.client = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
    g_assert_cmpint(connect(fixture.client, (struct sockaddr *)&address, sizeof address), ==, 0);
    wait_done(&fixture);
    g_assert_true(g_str_has_prefix(kft_socket_get_peer(fixture.socket), "[::1]:"));
    tear_down(&fixture, NULL);
}

static void assert_refused(Fixture *fixture, const char *address, int code, const char *pattern)
{
    g_autoptr(GError) error = NULL;
    uint16_t port = kft_listener_get_port(fixture->listener);
    KftListener *second = kft_listener_new(fixture->test.loop, address, port,
                                           on_listener_connection, fixture, &error);
    g_assert_null(second);
    g_assert_error(error, KFT_ERROR, code);
    g_test_message("%s", error->message);
    if (!g_pattern_match_simple(pattern, error->message))
        g_error("\"%s\" does not match \"%s\"", error->message, pattern);
}

static void test_port_in_use(Fixture *fixture, gconstpointer data)
{
    g_autofree char *here =
        g_strdup_printf("127.0.0.1:* is already in use by test-net-socket (pid %d)", (int)getpid());
    g_autofree char *any =
        g_strdup_printf("0.0.0.0:* is already in use by test-net-socket (pid %d)", (int)getpid());
    (void)data;
    assert_refused(fixture, "127.0.0.1", KFT_ERROR_PORT_IN_USE, here);
    assert_refused(fixture, "0.0.0.0", KFT_ERROR_PORT_IN_USE, any);
}

static void test_bad_addresses(Fixture *fixture, gconstpointer data)
{
    (void)data;
    assert_refused(fixture, "192.0.2.1", KFT_ERROR_PORT_IN_USE,
                   "cannot listen on 192.0.2.1:*: the address does not belong to this machine");
    assert_refused(fixture, "localhost", KFT_ERROR_BAD_CONFIG, "\"localhost\" is not a numeric*");
    assert_refused(fixture, "127.0.0.1 ", KFT_ERROR_BAD_CONFIG, "*is not a numeric*");
}

/* Runs as nobody, who may not have low ports. */
static void test_low_port(void)
{
    g_autofree char *first = NULL;
    g_assert_true(
        g_file_get_contents("/proc/sys/net/ipv4/ip_unprivileged_port_start", &first, NULL, NULL));
    if (geteuid() == 0 && g_ascii_strtoull(first, NULL, 10) <= 81) {
        g_test_skip("low ports are free to all here");
        return;
    }
    if (g_test_subprocess()) {
        g_autoptr(GError) error = NULL;
        KftLoop *loop = kft_loop_new(NULL);
        g_assert_true(geteuid() != 0 || setresuid(65534, 65534, 65534) == 0);
        g_assert_null(
            kft_listener_new(loop, "127.0.0.1", 81, on_listener_connection, NULL, &error));
        g_printerr("%s\n", error->message);
        kft_loop_run(loop);
        g_assert_true(kft_loop_free(loop));
        return;
    }
    g_test_trap_subprocess(NULL, 0, 0);
    g_test_trap_assert_passed();
    g_test_trap_assert_stderr("*cannot listen on 127.0.0.1:81: port 81 needs a privilege*");
}

#define ADD(name, func) g_test_add("/net/socket/" name, Fixture, NULL, set_up, func, tear_down)

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    ADD("read-and-write", test_read_and_write);
    ADD("no-room-stops-reading", test_no_room_stops_reading);
    ADD("half-close-by-client", test_half_close_by_client);
    ADD("half-close-by-us", test_half_close_by_us);
    ADD("backpressure", test_backpressure);
    ADD("lent-pieces", test_lent_pieces);
    ADD("lent-order", test_lent_order);
    ADD("lent-to-broken", test_lent_to_broken);
    ADD("abort", test_abort);
    ADD("abort-with-queue-and-shutdown", test_abort_with_queue_and_shutdown);
    ADD("client-resets", test_client_resets);
    ADD("write-error-comes-later", test_write_error_comes_later);
    static const char *const callbacks[] = {"alloc", "read", "eof", "error", "drained", "flushed"};
    for (size_t i = 0; i < G_N_ELEMENTS(callbacks); i++) {
        g_autofree char *name = g_strdup_printf("/net/socket/free-in-on-%s", callbacks[i]);
        g_test_add(name, Fixture, callbacks[i], set_up, test_free_in_callback, tear_down);
    }
    ADD("listener-freed-first", test_listener_freed_first);
    ADD("port-in-use", test_port_in_use);
    ADD("bad-addresses", test_bad_addresses);
    g_test_add_func("/net/socket/listener-freed-in-connection", test_listener_freed_in_connection);
    g_test_add_func("/net/socket/ipv6", test_ipv6);
    g_test_add_func("/net/socket/low-port", test_low_port);
    return g_test_run();
}

/* NOLINTEND(readability-function-size,readability-function-cognitive-complexity) */
