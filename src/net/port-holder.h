#ifndef KFT_NET_PORT_HOLDER_H
#define KFT_NET_PORT_HOLDER_H

#include <glib.h>
#include <sys/socket.h>

typedef enum {
    KFT_PORT_TCP, /* that is listened on */
    KFT_PORT_UDP, /* that is bound, and not connected */
} KftPortKind;

/* Which process holds a local address: "nginx (pid 123)", or NULL if /proc does not tell (it
 * belongs to another user, or is not listening). Reads /proc, for messages only. Returns: (transfer
 * full). Thread: any. */
char *kft_port_holder_dup_name(KftPortKind kind, const struct sockaddr_storage *address);

#endif
