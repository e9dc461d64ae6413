/* A chosen port is kept for good, so it should also be free tomorrow. Hence not the kernel's choice
 * (port 0): that is from the range of outgoing connections (ip_local_port_range, 32768 to 60999 by
 * default), and any of those may hold it when the forward wants to start. The search begins at a
 * random place, so that two users of one machine rarely choose the same. */
#include "store/free-port.h"

#include "base/random.h"
#include "config/port-check.h"

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

static bool try_port(KftPortChooser *self, const char *address, KftProtocol protocol, uint16_t port)
{
    if (self->is_taken[port] || !kft_port_is_free(address, protocol, port))
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
