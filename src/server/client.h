#ifndef KFT_SERVER_CLIENT_H
#define KFT_SERVER_CLIENT_H

#include "server/context.h"

/* One connection of a client, from accept to its line in the log: what it wants (by the mode, or by
 * SOCKS), the look-up, the connection to the target, and what carries the bytes. Thread: the
 * loop's. */
typedef struct KftClient KftClient;

typedef void (*KftClientFunc)(void *user_data);

/* Takes the connection that waits at @listener. @clients: it stands there until it has ended.
 * @on_gone runs once, when all its handles are closed and it is freed; not inside this call. */
void kft_client_accept(KftContext *context,
                       uv_stream_t *listener,
                       GQueue *clients,
                       KftClientFunc on_gone,
                       void *user_data);
/* Ends it at once. */
void kft_client_end(KftClient *self, KftEnding ending);

#endif
