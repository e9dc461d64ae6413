/* Port 0 where many numbers are taken on one of the two loopback addresses: in a network of its
 * own, in which the kernel has few to give. */
#include <arpa/inet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "forward/bindings.h"
#include "namespaces.h"
#include "test-loop.h"

#define FIRST_PORT 40000
#define N_PORTS 64
#define N_HELD 6
#define N_ROUNDS 30

/* False: not possible here. */
static bool make_network(void)
{
    struct ifreq loopback = {.ifr_name = "lo", .ifr_flags = IFF_UP};
    g_autofree char *range = g_strdup_printf("%u %u", FIRST_PORT, FIRST_PORT + N_PORTS - 1);

    if (!kft_test_unshare(CLONE_NEWNET))
        return false;
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    bool is_up = fd >= 0 && ioctl(fd, SIOCSIFFLAGS, &loopback) == 0;
    if (fd >= 0)
        (void)close(fd);
    return is_up && kft_test_write_line("/proc/sys/net/ipv4/ip_local_port_range", range);
}

static int hold(uint16_t port)
{
    const struct sockaddr_in6 address = {
        .sin6_family = AF_INET6,
        .sin6_port = htons(port),
        .sin6_addr = IN6ADDR_LOOPBACK_INIT,
    };
    int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (bind(fd, (const struct sockaddr *)(const void *)&address, sizeof address) == 0 &&
        listen(fd, 1) == 0)
        return fd;
    (void)close(fd);
    return -1;
}

static void on_listening(size_t port_index, const char *address, void *user_data)
{
    unsigned *n_listening = user_data;
    (void)port_index;
    (void)address;
    (*n_listening)++;
}

static void on_notice(const char *text, void *user_data)
{
    (void)user_data;
    g_error("%s", text);
}

static void on_connection(size_t port_index, KftSocket *socket, void *user_data)
{
    (void)port_index;
    (void)socket;
    (void)user_data;
    g_assert_not_reached();
}

/* Both addresses have it, and nobody is told of the numbers that were tried. */
static void bind_all(KftTestLoop *test)
{
    static const KftBindingsFuncs funcs = {
        .on_listening = on_listening, .on_notice = on_notice, .on_connection = on_connection};
    const uint16_t ports[] = {0, 0};
    const KftBindingsOptions options = {
        .protocol = KFT_PROTOCOL_TCP,
        .addresses = (const char *const[]){"localhost", NULL},
        .ports = ports,
        .n_ports = G_N_ELEMENTS(ports),
    };

    for (unsigned i = 0; i < N_ROUNDS; i++) {
        unsigned n_listening = 0;
        g_autoptr(GError) error = NULL;
        KftBindings *bindings =
            kft_bindings_new(test->loop, &options, &funcs, &n_listening, &error);
        g_assert_no_error(error);
        g_assert_cmpuint(n_listening, ==, 4);
        g_assert_cmpuint(kft_bindings_get_port(bindings, 0), !=,
                         kft_bindings_get_port(bindings, 1));
        kft_bindings_free(bindings);
        kft_test_loop_run_for(test, 0);
    }
}

static void test_any_port(void)
{
    KftTestLoop test = {0};
    int held[N_HELD];

    for (unsigned i = 0; i < N_HELD; i++)
        held[i] = hold((uint16_t)(FIRST_PORT + i));
    if (held[0] < 0) {
        g_test_skip("no IPv6 here");
        return;
    }
    kft_test_loop_init(&test);
    bind_all(&test);
    kft_test_loop_clear(&test);
    for (unsigned i = 0; i < N_HELD; i++)
        (void)close(held[i]);
}

static void test_nowhere(void)
{
    g_test_skip("no network namespaces here");
}

int main(int argc, char **argv)
{
    /* Before there is a thread. */
    bool has_network = make_network();
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/forward/bindings/any-port", has_network ? test_any_port : test_nowhere);
    return g_test_run();
}
