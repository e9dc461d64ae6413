#ifndef KFT_NET_LOOP_H
#define KFT_NET_LOOP_H

#include <curl/curl.h>
#include <glib.h>
#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "net/network.h"

/* The loop thread's libuv loop with curl's multi handles driven by it and a curl share (DNS and TLS
 * sessions). The process must ignore SIGPIPE. All objects of this module belong to one loop and are
 * used only in its thread.
 *
 * Life of this module's objects: kft_x_new()/start() … kft_x_free(). After free() no callback of
 * that object runs; what libuv still has to close is freed by the module itself in a later turn of
 * the loop. Callbacks never run inside the call that starts the operation. An object may be freed
 * inside its own callbacks. */
typedef struct KftLoop KftLoop;

/* Errors: KFT_ERROR_INTERNAL. Thread: the thread that will run it, or one that hands it over. */
KftLoop *kft_loop_new(GError **error);
/* Runs until no object of the loop is open and nothing is deferred. The calling thread becomes the
 * loop thread. */
void kft_loop_run(KftLoop *self);
/* Frees the loop; everything opened on it must have been freed before and kft_loop_run() have
 * returned. Returns false (and logs the handles) if handles were still open: a defect that tests
 * check for. */
bool kft_loop_free(KftLoop *self);

uv_loop_t *kft_loop_get_uv(KftLoop *self);
CURLSH *kft_loop_get_share(KftLoop *self);
/* What counts for new connections; (transfer none), may be changed. */
KftNetwork *kft_loop_get_network(KftLoop *self);
/* Monotonic milliseconds, as cached by the loop for this turn. */
uint64_t kft_loop_now_ms(KftLoop *self);
/* Connections that are kept open for further requests may be dead: the network changed, or the
 * machine slept. Requests open new ones for as long as curl would keep the old. Before the first
 * request there are none, and nothing happens. */
void kft_loop_distrust_idle(KftLoop *self);
bool kft_loop_is_distrusting(KftLoop *self);
/* Whether the caller runs in the loop thread (true before the first run). */
bool kft_loop_is_current(const KftLoop *self);

#define KFT_ASSERT_LOOP_THREAD(loop) g_assert(kft_loop_is_current(loop))

/* Runs @func once in the next turn, before I/O is polled. Order is kept. */
typedef struct KftDeferred KftDeferred;
KftDeferred *kft_loop_defer(KftLoop *self, void (*func)(void *user_data), void *user_data);
/* Only before it has run. */
void kft_deferred_cancel(KftDeferred *deferred);

#endif
