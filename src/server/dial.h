#ifndef KFT_SERVER_DIAL_H
#define KFT_SERVER_DIAL_H

#include <uv.h>

#include "server/address.h"

/* A TCP connection to the first of several addresses that answers. The next address is tried as
 * soon as one fails, or after 250 ms beside it (RFC 8305 section 5). Thread: the loop's. */
typedef struct KftDial KftDial;

/* @handle: (transfer full) connected, on the heap, to be closed and freed with g_free(); NULL: no
 * address answered, and @status says how (UV_ECONNREFUSED where one refused, else the last one). */
typedef void (*KftDialFunc)(uv_tcp_t *handle, int status, void *user_data);

/* @addresses: copied; at least one. @func runs once, in a later turn of the loop, unless the dial
 * is cancelled; the dial is gone then. No deadline of its own. Returns: (transfer none). */
KftDial *
kft_dial_new(uv_loop_t *loop, const KftAddressList *addresses, KftDialFunc func, void *user_data);
void kft_dial_cancel(KftDial *self);

#endif
