#ifndef KFT_NET_BIND_ERROR_H
#define KFT_NET_BIND_ERROR_H

#include <glib.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "net/port-holder.h"

/* Reads a numeric address. Errors: BAD_CONFIG. Thread: any. */
bool kft_bind_parse_address(const char *text,
                            uint16_t port,
                            struct sockaddr_storage *ret_address,
                            GError **error);
/* Says in one sentence why a local address could not be listened on. @status: of libuv. The error
 * is PORT_IN_USE. Thread: any. */
void kft_bind_explain(GError **error,
                      int status,
                      KftPortKind kind,
                      const struct sockaddr_storage *address);

#endif
