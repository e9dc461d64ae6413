#ifndef KFT_NET_NETLINK_H
#define KFT_NET_NETLINK_H

#include "net/loop.h"

/* Tells when links, addresses or routes of this machine change, as the kernel says. Thread: loop.
 */
typedef struct KftNetlink KftNetlink;

/* @on_change: a moment after a change, once for many that come together. Returns NULL if the kernel
 * does not let us listen: then nobody is told. */
KftNetlink *kft_netlink_new(KftLoop *loop, void (*on_change)(void *user_data), void *user_data);
/* NULL is allowed. */
void kft_netlink_free(KftNetlink *self);

#endif
