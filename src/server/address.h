#ifndef KFT_SERVER_ADDRESS_H
#define KFT_SERVER_ADDRESS_H

#include <glib.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

/* Socket addresses and networks of both families. Thread: any. */

typedef union {
    struct sockaddr base;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
} KftAddress;

/* The most addresses of one name that are tried. */
#define KFT_MAX_ADDRESSES 16

typedef struct {
    KftAddress items[KFT_MAX_ADDRESSES];
    unsigned n_items;
} KftAddressList;

/* A numeric address; an IPv6 one may stand in brackets. */
bool kft_address_parse(const char *text, uint16_t port, KftAddress *ret_address);
uint16_t kft_address_get_port(const KftAddress *self);
void kft_address_set_port(KftAddress *self, uint16_t port);
/* "10.0.0.1:80" or "[fd00::1]:80". Returns: (transfer full). */
char *kft_address_format(const KftAddress *self);
/* Leaves @list in the order in which connections are tried: as it is, but with the families taking
 * turns (RFC 8305 section 4), so that a family that does not work costs one attempt. */
void kft_address_list_interleave(KftAddressList *list);

/* A network, "10.0.0.0/8" or "fd00::/8". An IPv4 address and its IPv4-mapped IPv6 form are the
 * same. */
typedef struct {
    uint8_t bytes[16];
    unsigned n_bits; /* 0..128, of the IPv6 form */
} KftNetwork;

/* @text: a network, or an address, which is a network of one. Bits behind the prefix must be 0. */
bool kft_network_parse(const char *text, KftNetwork *ret_network);
bool kft_network_contains(const KftNetwork *self, const KftAddress *address);

#endif
