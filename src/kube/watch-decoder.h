#ifndef KFT_KUBE_WATCH_DECODER_H
#define KFT_KUBE_WATCH_DECODER_H

#include "base/json.h"

/* The body of a watch, cut anywhere, turned into events (wire protocols, 7.2). Private to src/kube.
 * Thread: loop. */

typedef enum {
    KFT_WATCH_ADDED,
    KFT_WATCH_MODIFIED,
    KFT_WATCH_DELETED,
    KFT_WATCH_BOOKMARK,
    KFT_WATCH_ERROR, /* the object is a metav1.Status */
} KftWatchType;

/* The most that one event may hold: objects end at 1.5 MB in etcd, JSON can be some times that. */
#define KFT_WATCH_MAX_EVENT_BYTES ((size_t)16 * 1024 * 1024)

typedef struct KftWatchDecoder KftWatchDecoder;

KftWatchDecoder *kft_watch_decoder_new(void);
/* NULL is allowed. */
void kft_watch_decoder_free(KftWatchDecoder *self);
/* Adds bytes; they are read by kft_watch_decoder_next() and must stay valid until it returns NULL.
 */
void kft_watch_decoder_feed(KftWatchDecoder *self, const void *data, size_t size);
/* The next whole event, (transfer full), or NULL if there is none yet or @error is set, which ends
 * the stream. Events of types that are not known are skipped. Errors: PROTOCOL, LIMIT. */
json_object *kft_watch_decoder_next(KftWatchDecoder *self, KftWatchType *ret_type, GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(KftWatchDecoder, kft_watch_decoder_free)

#endif
