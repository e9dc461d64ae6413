#ifndef KFT_NET_LISTENER_H
#define KFT_NET_LISTENER_H

#include "net/socket.h"

/* A listening TCP socket on a local address. Thread: loop. */
typedef struct KftListener KftListener;

/* @socket: (transfer full), reading is off, funcs not set. */
typedef void (*KftListenerFunc)(KftSocket *socket, void *user_data);

/* @address: a numeric IPv4 or IPv6 address. @port: 0 lets the kernel choose. IPv6 sockets are v6
 * only. Errors: PORT_IN_USE, with one sentence: the address and port, and which process holds it
 * when /proc shows that; also for an address that is not this machine's and for a port that needs a
 * privilege. BAD_CONFIG: not a numeric address. */
KftListener *kft_listener_new(KftLoop *loop,
                              const char *address,
                              uint16_t port,
                              KftListenerFunc on_connection,
                              void *user_data,
                              GError **error);
/* The port in use, host order. */
uint16_t kft_listener_get_port(const KftListener *self);
/* "127.0.0.1:8080" or "[::1]:8080". (transfer none). */
const char *kft_listener_get_name(const KftListener *self);
/* Closes and frees; connections that were accepted go on. NULL is allowed. */
void kft_listener_free(KftListener *self);

#endif
