#ifndef KFT_SERVER_SOCKET_OPTION_H
#define KFT_SERVER_SOCKET_OPTION_H

#include <uv.h>

/* What every TCP connection gets: no delay, and keepalive after 60 s, every 10 s, three times.
 * Thread: the loop's. */
void kft_socket_option_set_usual(uv_tcp_t *handle);
/* Makes the close that follows send a RST, so that the peer learns that data is missing. Not
 * uv_tcp_close_reset(): it refuses while a shutdown is under way. */
void kft_socket_option_set_reset(uv_tcp_t *handle);
/* The error that the kernel still has for the socket, as a libuv status; 0 if none. libuv reports a
 * reset that comes together with the last data as an ordinary end. */
int kft_socket_option_take_error(const uv_handle_t *handle);

#endif
