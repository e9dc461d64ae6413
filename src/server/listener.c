#include "server/listener.h"

#include <kftray/error.h>
#include <string.h>

#include "base/fault.h"
#include "server/address.h"

#define BACKLOG 512

static int try_open(uv_loop_t *loop,
                    uv_tcp_t *handle,
                    const KftAddress *address,
                    uv_connection_cb on_connection)
{
    (void)uv_tcp_init(loop, handle);
    int status = KFT_FAULT("uv_tcp_bind") ? UV_EADDRINUSE : uv_tcp_bind(handle, &address->base, 0);
    if (status == 0)
        status = KFT_FAULT("uv_listen") ? UV_EADDRINUSE
                                        : uv_listen((uv_stream_t *)handle, BACKLOG, on_connection);
    return status;
}

static const char *explain(int status)
{
    switch (status) {
    case UV_EADDRINUSE:
        return "another program listens there";
    case UV_EADDRNOTAVAIL:
        return "the address does not belong to this machine";
    case UV_EACCES:
        return "ports below 1024 need a privilege; choose one from 1024 on";
    default:
        return uv_strerror(status);
    }
}

static void on_probe_closed(uv_handle_t *handle)
{
    g_free(handle);
}

static bool has_ipv6(uv_loop_t *loop)
{
    uv_tcp_t *probe = g_new0(uv_tcp_t, 1);
    KftAddress any;
    bool has = kft_address_parse("::", 0, &any) && uv_tcp_init(loop, probe) == 0 &&
               uv_tcp_bind(probe, &any.base, 0) == 0;
    uv_close((uv_handle_t *)probe, on_probe_closed);
    return has;
}

bool kft_listener_open(uv_loop_t *loop,
                       uv_tcp_t *handle,
                       const char *address,
                       uint16_t port,
                       uv_connection_cb on_connection,
                       char **ret_name,
                       GError **error)
{
    KftAddress parsed;
    int length = sizeof parsed;

    if (address == NULL)
        address = has_ipv6(loop) ? "::" : "0.0.0.0";
    /* The configuration let no other address pass. */
    bool is_numeric = kft_address_parse(address, port, &parsed);
    g_assert(is_numeric);
    int status = try_open(loop, handle, &parsed, on_connection);
    if (status != 0) {
        g_autofree char *name = kft_address_format(&parsed);
        g_set_error(error, KFT_ERROR, KFT_ERROR_PORT_IN_USE, "cannot listen on %s: %s", name,
                    explain(status));
        return false;
    }
    (void)uv_tcp_getsockname(handle, &parsed.base, &length);
    *ret_name = kft_address_format(&parsed);
    return true;
}
