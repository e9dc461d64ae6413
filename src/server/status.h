#ifndef KFT_SERVER_STATUS_H
#define KFT_SERVER_STATUS_H

#include "server/context.h"

/* The second port: GET /healthz, /metrics and /keepalive, one request per connection. Thread: the
 * loop's. */
typedef struct KftStatus KftStatus;

/* The client says that it is still there. */
typedef void (*KftStatusKeepaliveFunc)(void *user_data);

/* Listens where the configuration says. Errors: PORT_IN_USE. */
KftStatus *kft_status_new(KftContext *context,
                          KftStatusKeepaliveFunc on_keepalive,
                          void *user_data,
                          GError **error);
/* "0.0.0.0:8090". (transfer none). */
const char *kft_status_get_name(const KftStatus *self);
/* Closes the port and all connections. NULL is allowed. */
void kft_status_free(KftStatus *self);

#endif
