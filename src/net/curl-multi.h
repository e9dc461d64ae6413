#ifndef KFT_NET_CURL_MULTI_H
#define KFT_NET_CURL_MULTI_H

#include "net/loop.h"

/* One curl multi handle driven by the loop. embeddable. Thread: loop. */
typedef struct {
    KftLoop *loop;
    CURLM *multi;
    uv_timer_t timer;
    unsigned depth; /* > 0 while curl runs */
    bool has_begun; /* a transfer was added */
} KftCurlMulti;

/* Errors: KFT_ERROR_INTERNAL. */
bool kft_curl_multi_init(KftCurlMulti *self, KftLoop *loop, GError **error);
/* Only when it has no transfers; the timer handle is closed in a later turn. */
void kft_curl_multi_clear(KftCurlMulti *self);

typedef void (*KftCurlDoneFunc)(CURL *easy, CURLcode result, void *user_data);
/* Adds an easy handle; @func runs once, outside of curl, when its transfer is done. Uses
 * CURLOPT_PRIVATE. */
void kft_curl_multi_add(KftCurlMulti *self, CURL *easy, KftCurlDoneFunc func, void *user_data);
/* Removes and cleans up an easy handle, done or not; in a later turn if curl runs now. @func does
 * not run any more. A handle that was never added is cleaned up. */
void kft_curl_multi_drop(KftCurlMulti *self, CURL *easy);
/* Whether the caller was called by curl, so that handles must not be touched. */
bool kft_curl_multi_is_running(const KftCurlMulti *self);

#endif
