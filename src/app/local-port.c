#include "local-port.h"

/* Below are ports that only root may use. */
#define FIRST_USER_PORT 1024

static uint16_t bind_port(const char *address, uint16_t port)
{
    g_autoptr(GInetAddress) inet =
        g_inet_address_new_from_string(address == NULL ? "127.0.0.1" : address);
    if (inet == NULL)
        return 0;
    g_autoptr(GSocket) socket = g_socket_new(g_inet_address_get_family(inet), G_SOCKET_TYPE_STREAM,
                                             G_SOCKET_PROTOCOL_TCP, NULL);
    g_autoptr(GSocketAddress) where = g_inet_socket_address_new(inet, port);
    if (socket == NULL || !g_socket_bind(socket, where, /* allow_reuse */ TRUE, NULL) ||
        !g_socket_listen(socket, NULL))
        return 0;
    g_autoptr(GSocketAddress) bound = g_socket_get_local_address(socket, NULL);
    return bound == NULL ? 0 : g_inet_socket_address_get_port(G_INET_SOCKET_ADDRESS(bound));
}

bool kft_local_port_is_free(const char *address, uint16_t port)
{
    return bind_port(address, port) != 0;
}

static bool is_usable(KftModel *model, const char *address, uint16_t port, int64_t except)
{
    return kft_model_find_port(model, address, port, except) == NULL &&
           kft_local_port_is_free(address, port);
}

uint16_t
kft_local_port_propose(KftModel *model, const char *address, uint16_t wanted, int64_t except)
{
    unsigned port = wanted;

    if (port > 0 && port < FIRST_USER_PORT)
        port += 8000;
    for (; port > 0 && port <= UINT16_MAX; port += 10000) {
        if (is_usable(model, address, (uint16_t)port, except))
            return (uint16_t)port;
    }
    return bind_port(address, 0);
}
