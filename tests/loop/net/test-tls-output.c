/* Records gathered below TLS: between two SSL objects of this process over a socket pair. */
#include <openssl/ssl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "child.h"
#include "net/tls-output.h"

/* NOLINTBEGIN(readability-function-size,readability-function-cognitive-complexity): each assertion
 * is a macro of several branches. */

#define RECORD_BYTES 16384

static char *certificates;

typedef struct {
    SSL_CTX *context;
    SSL *client;
    SSL *server;
    int fds[2]; /* client, server */
    KftTlsOutput *output;
    size_t n_written;
    size_t n_read;
} Fixture;

static uint8_t pattern_at(size_t index)
{
    return (uint8_t)(index % 251);
}

static void handshake(Fixture *fixture)
{
    int is_done = 0;
    while (is_done != 2) {
        is_done = SSL_do_handshake(fixture->client) == 1 ? 1 : 0;
        is_done += SSL_do_handshake(fixture->server) == 1 ? 1 : 0;
    }
}

/* @data: the TLS version. */
static void set_up(Fixture *fixture, gconstpointer data)
{
    g_autofree char *cert = g_build_filename(certificates, "server.crt", NULL);
    g_autofree char *key = g_build_filename(certificates, "server.key", NULL);
    int size = 1; /* the kernel takes its least */
    g_assert_cmpint(
        socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fixture->fds), ==, 0);
    fixture->context = SSL_CTX_new(TLS_method());
    (void)SSL_CTX_set_mode(fixture->context,
                           SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    g_assert_cmpint(SSL_CTX_set_max_proto_version(fixture->context, GPOINTER_TO_INT(data)), ==, 1);
    g_assert_cmpint(SSL_CTX_use_certificate_chain_file(fixture->context, cert), ==, 1);
    g_assert_cmpint(SSL_CTX_use_PrivateKey_file(fixture->context, key, SSL_FILETYPE_PEM), ==, 1);
    fixture->client = SSL_new(fixture->context);
    fixture->server = SSL_new(fixture->context);
    SSL_set_connect_state(fixture->client);
    SSL_set_accept_state(fixture->server);
    g_assert_cmpint(SSL_set_fd(fixture->client, fixture->fds[0]), ==, 1);
    g_assert_cmpint(SSL_set_fd(fixture->server, fixture->fds[1]), ==, 1);
    handshake(fixture);
    (void)setsockopt(fixture->fds[0], SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
    fixture->output = kft_tls_output_install(fixture->client, fixture->fds[0]);
    g_assert_nonnull(fixture->output);
}

static void tear_down(Fixture *fixture, gconstpointer data)
{
    (void)data;
    SSL_free(fixture->client);
    SSL_free(fixture->server);
    SSL_CTX_free(fixture->context);
    (void)close(fixture->fds[0]);
    if (fixture->fds[1] >= 0)
        (void)close(fixture->fds[1]);
}

/* Encrypts @size bytes of the pattern; all of it must be taken. */
static void seal(Fixture *fixture, size_t size)
{
    g_autofree uint8_t *data = g_malloc(size);
    size_t n_taken = 0;
    for (size_t i = 0; i < size; i++)
        data[i] = pattern_at(fixture->n_written + i);
    while (n_taken < size) {
        size_t n_bytes = 0;
        g_assert_cmpint(SSL_write_ex(fixture->client, data + n_taken, size - n_taken, &n_bytes), ==,
                        1);
        n_taken += n_bytes;
    }
    fixture->n_written += size;
}

/* Reads and checks what has arrived. */
static void read_all(Fixture *fixture)
{
    uint8_t data[RECORD_BYTES];
    size_t size = 0;
    while (SSL_read_ex(fixture->server, data, sizeof data, &size) == 1) {
        for (size_t i = 0; i < size; i++)
            g_assert_cmpuint(data[i], ==, pattern_at(fixture->n_read + i));
        fixture->n_read += size;
    }
}

static bool has_arrived(const Fixture *fixture)
{
    char byte = 0;
    return recv(fixture->fds[1], &byte, 1, MSG_PEEK) == 1;
}

static void test_gathers(Fixture *fixture, gconstpointer data)
{
    (void)data;
    kft_tls_output_begin(fixture->output);
    seal(fixture, 100);
    seal(fixture, 200);
    g_assert_false(has_arrived(fixture));
    g_assert_cmpint(kft_tls_output_flush(fixture->output), ==, KFT_R_OK);
    read_all(fixture);
    g_assert_cmpuint(fixture->n_read, ==, 300);
    /* Without begin at once, as for what TLS says of its own accord. */
    seal(fixture, 50);
    read_all(fixture);
    g_assert_cmpuint(fixture->n_read, ==, 350);
    g_assert_cmpint(kft_tls_output_flush(fixture->output), ==, KFT_R_OK);
}

/* The socket takes a part of the records: the rest waits, and comes in order. */
static void test_partial(Fixture *fixture, gconstpointer data)
{
    (void)data;
    for (unsigned round = 0; round < 3; round++) {
        kft_tls_output_begin(fixture->output);
        seal(fixture, KFT_TLS_OUTPUT_MAX_PLAIN_BYTES);
        KftResult result = kft_tls_output_flush(fixture->output);
        unsigned n_again = 0;
        for (; result == KFT_R_AGAIN; n_again++) {
            read_all(fixture);
            g_assert_cmpuint(fixture->n_read, <, fixture->n_written);
            result = kft_tls_output_flush(fixture->output);
        }
        g_assert_cmpint(result, ==, KFT_R_OK);
        g_assert_cmpuint(n_again, >, 1);
        read_all(fixture);
        g_assert_cmpuint(fixture->n_read, ==, fixture->n_written);
    }
}

/* What TLS says of its own accord does not overtake records that wait. */
static void test_alert_behind_rest(Fixture *fixture, gconstpointer data)
{
    (void)data;
    kft_tls_output_begin(fixture->output);
    seal(fixture, KFT_TLS_OUTPUT_MAX_PLAIN_BYTES);
    g_assert_cmpint(kft_tls_output_flush(fixture->output), ==, KFT_R_AGAIN);
    g_assert_cmpint(SSL_shutdown(fixture->client), ==, -1);
    g_assert_cmpint(SSL_want_write(fixture->client), ==, 1);
    while (SSL_shutdown(fixture->client) < 0) {
        g_assert_cmpint(SSL_get_shutdown(fixture->server), ==, 0);
        read_all(fixture);
    }
    read_all(fixture);
    g_assert_cmpuint(fixture->n_read, ==, fixture->n_written);
    g_assert_cmpint(SSL_get_shutdown(fixture->server), ==, SSL_RECEIVED_SHUTDOWN);
}

/* More than fits is refused, not lost: TLS offers the record again. */
static void test_limit(Fixture *fixture, gconstpointer data)
{
    static uint8_t block[RECORD_BYTES];
    size_t n_bytes = 0;
    size_t n_taken = 0;
    (void)data;
    kft_tls_output_begin(fixture->output);
    while (SSL_write_ex(fixture->client, block, sizeof block, &n_bytes) == 1)
        n_taken += n_bytes;
    g_assert_cmpint(SSL_want_write(fixture->client), ==, 1);
    g_assert_cmpuint(n_taken, >=, KFT_TLS_OUTPUT_MAX_PLAIN_BYTES);
    g_assert_cmpuint(n_taken, <, 2 * KFT_TLS_OUTPUT_MAX_PLAIN_BYTES);
    size_t n_read = 0;
    while (kft_tls_output_flush(fixture->output) == KFT_R_AGAIN ||
           SSL_write_ex(fixture->client, block, sizeof block, &n_bytes) != 1)
        while (SSL_read_ex(fixture->server, block, sizeof block, &n_bytes) == 1)
            n_read += n_bytes;
    while (SSL_read_ex(fixture->server, block, sizeof block, &n_bytes) == 1)
        n_read += n_bytes;
    g_assert_cmpuint(n_read, ==, n_taken + sizeof block);
}

static void test_peer_gone(Fixture *fixture, gconstpointer data)
{
    (void)data;
    kft_tls_output_begin(fixture->output);
    seal(fixture, 2 * (size_t)RECORD_BYTES);
    (void)close(fixture->fds[1]);
    fixture->fds[1] = -1;
    g_assert_cmpint(kft_tls_output_flush(fixture->output), ==, KFT_R_IO);
    kft_tls_output_begin(fixture->output);
    seal(fixture, 1);
    g_assert_cmpint(kft_tls_output_flush(fixture->output), ==, KFT_R_IO);
}

static void add(const char *name, void (*func)(Fixture *fixture, gconstpointer data))
{
    g_autofree char *with_1_2 = g_strdup_printf("/net/tls-output/%s-1.2", name);
    g_autofree char *with_1_3 = g_strdup_printf("/net/tls-output/%s-1.3", name);
    g_test_add(with_1_2, Fixture, GINT_TO_POINTER(TLS1_2_VERSION), set_up, func, tear_down);
    g_test_add(with_1_3, Fixture, GINT_TO_POINTER(TLS1_3_VERSION), set_up, func, tear_down);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    certificates = kft_test_make_certificates();
    add("gathers", test_gathers);
    add("partial", test_partial);
    add("alert-behind-rest", test_alert_behind_rest);
    add("limit", test_limit);
    add("peer-gone", test_peer_gone);
    int status = g_test_run();
    kft_test_remove_folder(certificates);
    g_free(certificates);
    return status;
}

/* NOLINTEND(readability-function-size,readability-function-cognitive-complexity) */
