/* A chosen port is kept for good, so it should also be free tomorrow. Hence not the kernel's choice
 * (port 0): that is from the range of outgoing connections (ip_local_port_range, 32768 to 60999 by
 * default), and any of those may hold it when the forward wants to start. The search begins at a
 * random place, so that two users of one machine rarely choose the same. */
#include "store/free-port.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/random.h"

/* Above the ports that services are known by, below the outgoing ones. */
#define FIRST_PORT 20000
#define LAST_PORT 32767
/* If all of those are taken. */
#define FIRST_UNPRIVILEGED_PORT 1024

struct KftPortChooser {
    bool is_taken[UINT16_MAX + 1];
    uint16_t next;
};

KftPortChooser *kft_port_chooser_new(void)
{
    KftPortChooser *self = g_new0(KftPortChooser, 1);
    self->next = (uint16_t)(FIRST_PORT + kft_random_below(LAST_PORT - FIRST_PORT + 1));
    return self;
}

void kft_port_chooser_free(KftPortChooser *self)
{
    g_free(self);
}

void kft_port_chooser_take(KftPortChooser *self, uint16_t port)
{
    self->is_taken[port] = true;
}

static socklen_t make_address(const char *text, uint16_t port, struct sockaddr_storage *address)
{
    struct sockaddr_in *v4 = (struct sockaddr_in *)(void *)address;
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)(void *)address;
    memset(address, 0, sizeof *address);
    if (text != NULL && inet_pton(AF_INET6, text, &v6->sin6_addr) == 1) {
        v6->sin6_family = AF_INET6;
        v6->sin6_port = htons(port);
        return sizeof *v6;
    }
    /* A name, which only the local service of an EXPOSE can have, is not looked up. */
    if (text == NULL || inet_pton(AF_INET, text, &v4->sin_addr) != 1)
        v4->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    v4->sin_family = AF_INET;
    v4->sin_port = htons(port);
    return sizeof *v4;
}

/* An address that cannot be bound at all (it is not this machine's now) says nothing about the
 * port.
 */
static bool is_bound_by_others(const char *text, uint16_t port, KftProtocol protocol)
{
    struct sockaddr_storage address;
    socklen_t size = make_address(text, port, &address);
    int type = protocol == KFT_PROTOCOL_UDP ? SOCK_DGRAM : SOCK_STREAM;
    int fd = socket(address.ss_family, type | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return false;
    bool is_bound = bind(fd, (const struct sockaddr *)&address, size) != 0 && errno == EADDRINUSE;
    (void)close(fd);
    return is_bound;
}

static bool try_port(KftPortChooser *self, const char *address, KftProtocol protocol, uint16_t port)
{
    if (self->is_taken[port] || is_bound_by_others(address, port, protocol))
        return false;
    self->is_taken[port] = true;
    return true;
}

uint16_t kft_port_chooser_choose(KftPortChooser *self, const char *address, KftProtocol protocol)
{
    for (unsigned i = FIRST_PORT; i <= LAST_PORT; i++) {
        uint16_t port = self->next;
        self->next = port == LAST_PORT ? FIRST_PORT : (uint16_t)(port + 1);
        if (try_port(self, address, protocol, port))
            return port;
    }
    for (unsigned port = FIRST_UNPRIVILEGED_PORT; port <= UINT16_MAX; port++) {
        if (try_port(self, address, protocol, (uint16_t)port))
            return (uint16_t)port;
    }
    return 0;
}
