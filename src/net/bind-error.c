/* What may be wrong with a local address, of TCP and UDP alike. */
#include "net/bind-error.h"

#include <kftray/error.h>
#include <string.h>
#include <uv.h>

#include "net/socket-priv.h"

bool kft_bind_parse_address(const char *text,
                            uint16_t port,
                            struct sockaddr_storage *ret_address,
                            GError **error)
{
    memset(ret_address, 0, sizeof *ret_address);
    if (uv_ip4_addr(text, port, (struct sockaddr_in *)(void *)ret_address) == 0 ||
        uv_ip6_addr(text, port, (struct sockaddr_in6 *)(void *)ret_address) == 0)
        return true;
    g_set_error(error, KFT_ERROR, KFT_ERROR_BAD_CONFIG,
                "\"%s\" is not a numeric IPv4 or IPv6 address", text);
    return false;
}

void kft_bind_explain(GError **error,
                      int status,
                      KftPortKind kind,
                      const struct sockaddr_storage *address)
{
    g_autofree char *name = kft_socket_format_address(address);
    g_autofree char *holder = NULL;
    /* The port is at the same place for both families. */
    uint16_t port = ntohs(((const struct sockaddr_in *)(const void *)address)->sin_port);

    switch (status) {
    case UV_EADDRINUSE:
        holder = kft_port_holder_dup_name(kind, address);
        g_set_error(error, KFT_ERROR, KFT_ERROR_PORT_IN_USE, "%s is already in use by %s", name,
                    holder != NULL ? holder : "another program");
        break;
    case UV_EADDRNOTAVAIL:
        g_set_error(error, KFT_ERROR, KFT_ERROR_PORT_IN_USE,
                    "cannot listen on %s: the address does not belong to this machine", name);
        break;
    case UV_EACCES:
        g_set_error(error, KFT_ERROR, KFT_ERROR_PORT_IN_USE,
                    "cannot listen on %s: port %u needs a privilege; choose one from 1024 on", name,
                    port);
        break;
    default:
        g_set_error(error, KFT_ERROR, KFT_ERROR_PORT_IN_USE, "cannot listen on %s: %s", name,
                    uv_strerror(status));
    }
}
