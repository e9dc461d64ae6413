#ifndef KFT_NET_UDP_LISTENER_H
#define KFT_NET_UDP_LISTENER_H

#include "net/loop.h"

/* A local UDP port. Datagrams are taken and sent many at a time. Answers leave from the very
 * address that the peer sent to, also when the port is open on all addresses: a connected socket
 * takes no other. Thread: loop. */
typedef struct KftUdpListener KftUdpListener;

/* The largest payload of UDP over IPv4, and the largest that is taken: 65,535 less the heads of IP
 * and UDP. */
#define KFT_UDP_MAX_BYTES 65507

/* Who sent a datagram, and to which of our addresses. Without padding: may be compared and hashed
 * as bytes. embeddable. */
typedef struct {
    uint16_t family; /* AF_INET or AF_INET6 */
    uint16_t port;   /* of the peer, network order */
    uint32_t scope;  /* of a link-local IPv6 address, else 0 */
    uint8_t from[16];
    uint8_t to[16];
} KftUdpAddress;

/* "127.0.0.1:5353" or "[::1]:5353", the peer's. Returns: (transfer full). Thread: any. */
char *kft_udp_address_format(const KftUdpAddress *self);

typedef struct {
    const uint8_t *data;
    size_t size; /* 0..KFT_UDP_MAX_BYTES */
} KftUdpDatagram;

typedef struct {
    /* Valid during the call. */
    void (*on_datagram)(const KftUdpAddress *peer, KftUdpDatagram datagram, void *user_data);
    /* @n datagrams came that could not be taken: the kernel's queue was full, or they are larger
     * than KFT_UDP_MAX_BYTES. */
    void (*on_lost)(uint32_t n, void *user_data);
} KftUdpListenerFuncs;

/* @address, @port, errors: as of kft_listener_new(). */
KftUdpListener *kft_udp_listener_new(KftLoop *loop,
                                     const char *address,
                                     uint16_t port,
                                     const KftUdpListenerFuncs *funcs,
                                     void *user_data,
                                     GError **error);
/* Returns how many of the @n datagrams the kernel took; the others are lost. That nobody receives
 * them is not told. */
size_t kft_udp_listener_send(KftUdpListener *self,
                             const KftUdpAddress *to,
                             const KftUdpDatagram *datagrams,
                             size_t n);
/* The port in use, host order. */
uint16_t kft_udp_listener_get_port(const KftUdpListener *self);
/* "127.0.0.1:5353" or "[::1]:5353". (transfer none). */
const char *kft_udp_listener_get_name(const KftUdpListener *self);
/* Closes and frees. NULL is allowed. */
void kft_udp_listener_free(KftUdpListener *self);

#endif
