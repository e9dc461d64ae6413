#ifndef KFT_NET_LOOP_PRIV_H
#define KFT_NET_LOOP_PRIV_H

#include "net/curl-multi.h"
#include "net/loop.h"
#include "net/trust.h"

/* For the files of this module. An object is open from its creation until libuv has closed its last
 * handle; while one is open kft_loop_run() does not return. */
void kft_loop_object_opened(KftLoop *self);
void kft_loop_object_closed(KftLoop *self);

/* Requests have callbacks that run inside curl, dials have none. They are kept apart because curl
 * refuses curl_easy_send() on a handle whose multi is inside a callback, and because a request that
 * starts makes curl drop the connections of its multi that look idle and dead; the connection of a
 * finished CONNECT_ONLY transfer with a TLS session ticket to read looks like that. */
KftCurlMulti *kft_loop_get_requests(KftLoop *self);
KftCurlMulti *kft_loop_get_dials(KftLoop *self);
/* What the connections of both trust. */
KftTrust *kft_loop_get_trust(KftLoop *self);

#endif
