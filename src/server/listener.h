#ifndef KFT_SERVER_LISTENER_H
#define KFT_SERVER_LISTENER_H

#include <glib.h>
#include <stdbool.h>
#include <uv.h>

/* Opens a listening TCP socket. @handle: is initialised here; the caller closes it, after a
 * failure, too. @address: numeric; NULL: all addresses, of both families where the kernel has both.
 * @port: 0 lets the kernel choose. @ret_name: (transfer full) the address and port in use. Errors:
 * PORT_IN_USE, with one sentence. Thread: the loop's. */
bool kft_listener_open(uv_loop_t *loop,
                       uv_tcp_t *handle,
                       const char *address,
                       uint16_t port,
                       uv_connection_cb on_connection,
                       char **ret_name,
                       GError **error);

#endif
