/* Name look-ups and TCP probes: what the doctor looks at one by one. */
#include <arpa/inet.h>
#include <kftray/error.h>
#include <string.h>

#include "net/name-lookup.h"
#include "net/tcp-probe.h"
#include "outcome.h"

typedef struct {
    KftTestLoop test;
    KftTestChild server;
    struct sockaddr_storage addresses[16];
    size_t n_addresses;
    GError *error;
    bool is_done;
    int statuses[2];
} Fixture;

/* @data: not NULL for a test with a server. */
static void set_up(Fixture *fixture, gconstpointer data)
{
    if (data != NULL)
        kft_test_server_start(&fixture->server, (const char *const[]){data, NULL});
    kft_test_loop_init(&fixture->test);
}

static void tear_down(Fixture *fixture, gconstpointer data)
{
    g_clear_error(&fixture->error);
    kft_test_loop_clear(&fixture->test);
    if (data != NULL)
        g_free(kft_test_child_stop(&fixture->server));
}

static void on_lookup_done(const struct sockaddr_storage *addresses,
                           size_t n_addresses,
                           const GError *error,
                           void *user_data)
{
    Fixture *fixture = user_data;
    g_assert_true((addresses == NULL) == (error != NULL));
    if (error != NULL)
        fixture->error = g_error_copy(error);
    else
        memcpy(fixture->addresses, addresses, n_addresses * sizeof *addresses);
    fixture->n_addresses = error == NULL ? n_addresses : 0;
    fixture->is_done = true;
}

static void look_up(Fixture *fixture, const char *host)
{
    fixture->is_done = false;
    KftNameLookup *lookup =
        kft_name_lookup_start(fixture->test.loop, host, 80, on_lookup_done, fixture);
    kft_test_loop_run_until_true(&fixture->test, &fixture->is_done);
    kft_name_lookup_free(lookup);
}

static void test_numeric(Fixture *fixture, gconstpointer data)
{
    (void)data;
    look_up(fixture, "127.0.0.1");
    g_assert_no_error(fixture->error);
    g_assert_cmpuint(fixture->n_addresses, ==, 1);
    const struct sockaddr_in *v4 = (const struct sockaddr_in *)&fixture->addresses[0];
    g_assert_cmpuint(ntohs(v4->sin_port), ==, 80);
    look_up(fixture, "::1");
    g_assert_cmpint(fixture->addresses[0].ss_family, ==, AF_INET6);
}

static void test_hosts_file(Fixture *fixture, gconstpointer data)
{
    g_autofree char *resolver = kft_name_lookup_dup_resolver("localhost");
    (void)data;
    look_up(fixture, "localhost");
    g_assert_no_error(fixture->error);
    g_assert_cmpstr(resolver, ==, "/etc/hosts");
}

static void test_no_such_name(Fixture *fixture, gconstpointer data)
{
    (void)data;
    look_up(fixture, "no such name");
    g_assert_error(fixture->error, KFT_ERROR, KFT_ERROR_UNREACHABLE);
    g_assert_nonnull(strstr(fixture->error->message, "\"no such name\""));
}

/* The thread is left behind; nothing of the loop is. */
static void test_cancelled(Fixture *fixture, gconstpointer data)
{
    (void)data;
    /* A numeric address: whatever files a look-up opens would be counted at the end. */
    for (int i = 0; i < 20; i++)
        kft_name_lookup_free(
            kft_name_lookup_start(fixture->test.loop, "127.0.0.1", 80, on_lookup_done, fixture));
    kft_test_loop_run_for(&fixture->test, 20);
    g_assert_false(fixture->is_done);
}

static void on_probe_done(const KftTcpProbeResult *results, size_t n_results, void *user_data)
{
    Fixture *fixture = user_data;
    for (size_t i = 0; i < n_results; i++)
        fixture->statuses[i] = results[i].status;
    fixture->is_done = true;
}

static void set_address(struct sockaddr_storage *storage, const char *address, uint16_t port)
{
    struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons(port)};
    g_assert_cmpint(inet_pton(AF_INET, address, &v4.sin_addr), ==, 1);
    memcpy(storage, &v4, sizeof v4);
}

static void test_probe(Fixture *fixture, gconstpointer data)
{
    (void)data;
    set_address(&fixture->addresses[0], "127.0.0.1", 1);
    set_address(&fixture->addresses[1], "127.0.0.1", fixture->server.port);
    KftTcpProbe *probe =
        kft_tcp_probe_start(fixture->test.loop, fixture->addresses, 2, on_probe_done, fixture);
    kft_test_loop_run_until_true(&fixture->test, &fixture->is_done);
    g_assert_cmpint(fixture->statuses[1], ==, 0);
    kft_tcp_probe_free(probe);
}

static void test_probe_refused(Fixture *fixture, gconstpointer data)
{
    (void)data;
    set_address(&fixture->addresses[0], "127.0.0.1", 1);
    set_address(&fixture->addresses[1], "127.0.0.2", 1);
    KftTcpProbe *probe =
        kft_tcp_probe_start(fixture->test.loop, fixture->addresses, 2, on_probe_done, fixture);
    kft_test_loop_run_until_true(&fixture->test, &fixture->is_done);
    g_assert_cmpint(fixture->statuses[0], ==, UV_ECONNREFUSED);
    g_assert_cmpint(fixture->statuses[1], ==, UV_ECONNREFUSED);
    kft_tcp_probe_free(probe);
    kft_tcp_probe_free(
        kft_tcp_probe_start(fixture->test.loop, fixture->addresses, 2, on_probe_done, fixture));
}

#define ADD(name, server, func)                                                                    \
    g_test_add("/net/probe/" name, Fixture, server, set_up, func, tear_down)

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    ADD("numeric", NULL, test_numeric);
    ADD("hosts-file", NULL, test_hosts_file);
    ADD("no-such-name", NULL, test_no_such_name);
    ADD("cancelled", NULL, test_cancelled);
    ADD("tcp", "silent", test_probe);
    ADD("tcp-refused", NULL, test_probe_refused);
    return g_test_run();
}
