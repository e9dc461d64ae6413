#ifndef KFT_PROTO_UPGRADE_H
#define KFT_PROTO_UPGRADE_H

#include <glib.h>

#include "proto/http-head.h"

/* The HTTP upgrade of a port-forward request: building it, and judging the answer (wire protocols,
 * section 1). Thread: any. */

/* How a connection carries port-forward streams. */
typedef enum {
    KFT_CARRIER_TUNNEL,    /* SPDY/3.1 inside a WebSocket, "SPDY/3.1+portforward.k8s.io" */
    KFT_CARRIER_WEBSOCKET, /* v4.channel.k8s.io: one local connection per WebSocket */
    KFT_CARRIER_SPDY,      /* plain SPDY/3.1 by POST */
} KftCarrier;

/* "tunnel", "websocket" or "spdy". */
const char *kft_carrier_name(KftCarrier carrier);

#define KFT_UPGRADE_PROTOCOL_TUNNEL "SPDY/3.1+portforward.k8s.io"
#define KFT_UPGRADE_PROTOCOL_V4 "v4.channel.k8s.io"

/* What the request offers. */
typedef struct {
    const char *host; /* value of the Host field: host[:port] of the server */
    const char *path; /* with the server's path prefix, already percent-encoded, without query */
    uint16_t port;    /* remote port; goes to "?ports=" for WebSocket requests */
    gboolean offer_tunnel; /* WebSocket subprotocols; neither: SPDY by POST */
    gboolean offer_v4;
    const char *const *headers; /* (nullable) further "Name: value" lines, NULL ended */
    const char *user_agent;     /* (nullable) */
} KftUpgradeRequest;

/* The key of RFC 6455 4.1: 24 characters of base64. */
#define KFT_UPGRADE_KEY_CHARS 24
void kft_upgrade_make_key(char key[KFT_UPGRADE_KEY_CHARS + 1]);

/* Returns: (transfer full) the whole request head; holds credentials, wipe it with
 * kft_secret_wipe_string(). NULL if a value holds a CR or LF, or the path a blank. @key is ignored
 * for SPDY by POST. */
char *kft_upgrade_build(const KftUpgradeRequest *request, const char *key);

/* What to do about the answer, the table of 1.4. */
typedef enum {
    KFT_UPGRADE_OPEN,             /* 101 and all checks passed: *ret_carrier is set */
    KFT_UPGRADE_TRY_SPDY,         /* this server does not do WebSockets here: POST once */
    KFT_UPGRADE_TRY_SPDY_BLOCKED, /* the same, but it is something on the way that does not let them
                                     through */
    KFT_UPGRADE_TRY_SPDY_RIGHTS,  /* 403 for verb "get" only: POST needs "create"; the Status is
                                     worth telling if that fails too */
    KFT_UPGRADE_UNAUTHORIZED,     /* 401: refresh the credential, once */
    KFT_UPGRADE_THROTTLED,        /* 429: wait as Retry-After says */
    KFT_UPGRADE_FAILED,           /* the server said no: tell its message */
} KftUpgradeVerdict;

/* @offered: the request that was answered. @body, @body_size: the answer's body, complete or cut at
 * a limit of the caller; may be NULL. For SPDY by POST the TRY_SPDY verdicts never come. A 101 with
 * a wrong Sec-WebSocket-Accept, Upgrade, Connection or protocol is TRY_SPDY_BLOCKED after a
 * WebSocket request and FAILED after a POST.
 * @ret_reason: (transfer full) one line of what was wrong, NULL for OPEN. */
KftUpgradeVerdict kft_upgrade_judge(const KftUpgradeRequest *offered,
                                    const char *key,
                                    const KftHttpHead *head,
                                    const char *body,
                                    size_t body_size,
                                    KftCarrier *ret_carrier,
                                    char **ret_reason);

/* Whether a refusal's text says that the request came without its Upgrade field: a proxy or gateway
 * on the way took it out. */
gboolean kft_upgrade_text_means_stripped(const char *text);

#endif
