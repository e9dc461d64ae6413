#ifndef KFT_PROTO_HTTP_HEAD_H
#define KFT_PROTO_HTTP_HEAD_H

#include <glib.h>
#include <stddef.h>
#include <stdint.h>

#include "base/result.h"

/* The head of one HTTP/1.1 response (RFC 9112), parsed from pieces of any size. Limits: 64 KiB for
 * the whole head with its interim answers, 200 fields. Interim 1xx answers other than 101 are
 * skipped. */
typedef struct KftHttpHead KftHttpHead;

KftHttpHead *kft_http_head_new(void);
/* NULL is allowed. */
void kft_http_head_free(KftHttpHead *self);

/* Takes bytes of the response. Sets @ret_consumed to how many belong to the head; the rest is the
 * body or, after a 101, the first bytes of the new protocol. Returns KFT_R_OK once the head is
 * complete, KFT_R_AGAIN if it is not, KFT_R_PROTOCOL if this is not HTTP/1.x, KFT_R_LIMIT if it is
 * too large. */
KftResult
kft_http_head_feed(KftHttpHead *self, const uint8_t *data, size_t size, size_t *ret_consumed);

/* The status code, 101..599; 0 before the head is complete. */
unsigned kft_http_head_get_status(const KftHttpHead *self);
/* The first field of that name, compared without case; (transfer none) (nullable). Repeated fields
 * after the first are joined with ", " (RFC 9110 5.3). */
const char *kft_http_head_get_field(const KftHttpHead *self, const char *name);
/* Whether a comma separated field holds @token, compared without case. */
gboolean kft_http_head_has_token(const KftHttpHead *self, const char *name, const char *token);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(KftHttpHead, kft_http_head_free)

#endif
