#ifndef KFT_SERVER_SERVER_H
#define KFT_SERVER_SERVER_H

#include <uv.h>

#include "server/config.h"

/* The relay: listens, and takes care of its clients until it is told to end. Thread: the loop's. */
typedef struct KftServer KftServer;

/* @config: (transfer none), must outlive the server. Errors: PORT_IN_USE, INTERNAL. */
KftServer *kft_server_new(uv_loop_t *loop, const KftServerConfig *config, GError **error);
/* After the loop has returned, which it does when the server has ended. NULL is allowed. */
void kft_server_free(KftServer *self);

#endif
