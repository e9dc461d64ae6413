#ifndef KFT_CONFIG_PORT_CHECK_H
#define KFT_CONFIG_PORT_CHECK_H

#include "kftray/config.h"

/* Whether nothing is bound to @port on @address (NULL or a name = 127.0.0.1) now, and this user may
 * bind it. An address that is not this machine's says nothing about the port: true. Thread: any. */
bool kft_port_is_free(const char *address, KftProtocol protocol, uint16_t port);

#endif
