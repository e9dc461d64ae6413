#ifndef KFT_NET_SOCKET_PRIV_H
#define KFT_NET_SOCKET_PRIV_H

#include "net/socket.h"

/* Accepts the connection that waits at @server. Returns NULL (and logs) if that failed. */
KftSocket *kft_socket_accept(KftLoop *loop, uv_stream_t *server);
/* "127.0.0.1:8080" or "[::1]:8080"; (transfer full). @address: an IPv4 or IPv6 address. */
char *kft_socket_format_address(const struct sockaddr_storage *address);

#endif
