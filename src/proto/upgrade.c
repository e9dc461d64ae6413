/* The HTTP upgrade of a port-forward request: the request's text, and what to do about the answer
 * (wire protocols, 1.2, 1.4 and 1.5). No I/O.
 *
 * Invariant: no value of the caller gets into the request if it could end its own line, and the
 * answer opens a connection only if every check of RFC 6455 4.1 passed. */
#include "proto/upgrade.h"

#include <json-c/json.h>
#include <string.h>

#include "base/random.h"
#include "base/redact.h"

/* RFC 6455 1.3. */
#define ACCEPT_GUID "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
#define KEY_BYTES 16
/* The protocol inside SPDY by POST. */
#define SPDY_STREAM_PROTOCOL "portforward.k8s.io"
/* A Status has a depth of 4; more is not one. */
#define MAX_JSON_DEPTH 16
/* Of a message that somebody will read. */
#define MAX_REASON_BYTES 1024

G_DEFINE_AUTOPTR_CLEANUP_FUNC(json_object, json_object_put)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(json_tokener, json_tokener_free)

const char *kft_carrier_name(KftCarrier carrier)
{
    switch (carrier) {
    case KFT_CARRIER_TUNNEL:
        return "tunnel";
    case KFT_CARRIER_WEBSOCKET:
        return "websocket";
    case KFT_CARRIER_SPDY:
        return "spdy";
    }
    g_assert_not_reached();
}

void kft_upgrade_make_key(char key[KFT_UPGRADE_KEY_CHARS + 1])
{
    uint8_t bytes[KEY_BYTES];
    kft_random_bytes(bytes, sizeof bytes);
    g_autofree char *text = g_base64_encode(bytes, sizeof bytes);
    (void)g_strlcpy(key, text, KFT_UPGRADE_KEY_CHARS + 1);
}

static bool is_web_socket(const KftUpgradeRequest *request)
{
    return request->offer_tunnel || request->offer_v4;
}

/* Whether the value stays within its line. */
static bool is_line_safe(const char *value)
{
    return value == NULL || strpbrk(value, "\r\n") == NULL;
}

static bool is_request_safe(const KftUpgradeRequest *request, const char *key)
{
    /* A blank would end the path within the request line. */
    if (!is_line_safe(request->path) || strpbrk(request->path, " \t") != NULL)
        return false;
    for (size_t i = 0; request->headers != NULL && request->headers[i] != NULL; i++) {
        if (!is_line_safe(request->headers[i]))
            return false;
    }
    return is_line_safe(request->host) && is_line_safe(request->user_agent) &&
           (!is_web_socket(request) || is_line_safe(key));
}

/* Room for the whole request, so that no credential stays behind in memory that was outgrown. */
static GString *new_request_text(const KftUpgradeRequest *request)
{
    gsize size = 512 + strlen(request->host) + strlen(request->path);
    if (request->user_agent != NULL)
        size += strlen(request->user_agent);
    for (size_t i = 0; request->headers != NULL && request->headers[i] != NULL; i++)
        size += strlen(request->headers[i]) + strlen("\r\n");
    return g_string_sized_new(size);
}

static void append_web_socket_lines(GString *out, const KftUpgradeRequest *request, const char *key)
{
    g_string_append(out, "Connection: Upgrade\r\n"
                         "Upgrade: websocket\r\n"
                         "Sec-WebSocket-Version: 13\r\n"
                         "Sec-WebSocket-Key: ");
    g_string_append(out, key);
    /* One line: the servers read only the first (1.2). */
    g_string_append(out, "\r\nSec-WebSocket-Protocol: ");
    if (request->offer_tunnel)
        g_string_append(out, KFT_UPGRADE_PROTOCOL_TUNNEL);
    if (request->offer_tunnel && request->offer_v4)
        g_string_append(out, ", ");
    if (request->offer_v4)
        g_string_append(out, KFT_UPGRADE_PROTOCOL_V4);
    g_string_append(out, "\r\n");
}

char *kft_upgrade_build(const KftUpgradeRequest *request, const char *key)
{
    if (!is_request_safe(request, key))
        return NULL;
    GString *out = new_request_text(request);
    if (is_web_socket(request))
        g_string_append_printf(out, "GET %s?ports=%u HTTP/1.1\r\n", request->path, request->port);
    else
        g_string_append_printf(out, "POST %s HTTP/1.1\r\n", request->path);
    g_string_append_printf(out, "Host: %s\r\n", request->host);
    if (is_web_socket(request))
        append_web_socket_lines(out, request, key);
    else
        g_string_append(out, "Connection: Upgrade\r\n"
                             "Upgrade: SPDY/3.1\r\n"
                             "X-Stream-Protocol-Version: " SPDY_STREAM_PROTOCOL "\r\n"
                             "Content-Length: 0\r\n");
    if (request->user_agent != NULL)
        g_string_append_printf(out, "User-Agent: %s\r\n", request->user_agent);
    for (size_t i = 0; request->headers != NULL && request->headers[i] != NULL; i++) {
        g_string_append(out, request->headers[i]);
        g_string_append(out, "\r\n");
    }
    g_string_append(out, "\r\n");
    return g_string_free(out, FALSE);
}

static bool is_accept_right(const KftHttpHead *head, const char *key)
{
    const char *accept = kft_http_head_get_field(head, "Sec-WebSocket-Accept");
    uint8_t digest[20];
    gsize digest_size = sizeof digest;

    if (accept == NULL)
        return false;
    g_autoptr(GChecksum) sum = g_checksum_new(G_CHECKSUM_SHA1);
    g_checksum_update(sum, (const guchar *)key, -1);
    g_checksum_update(sum, (const guchar *)ACCEPT_GUID, -1);
    g_checksum_get_digest(sum, digest, &digest_size);
    g_autofree char *wanted = g_base64_encode(digest, digest_size);
    return strcmp(accept, wanted) == 0;
}

/* Text of a peer, for a message. */
static char *clean(const char *text)
{
    g_autofree char *redacted = kft_redact(text);
    return kft_one_line(redacted, MAX_REASON_BYTES);
}

/* Returns: (transfer full) (nullable) what is wrong with this 101; NULL if nothing. */
static char *check_web_socket(const KftUpgradeRequest *offered,
                              const char *key,
                              const KftHttpHead *head,
                              KftCarrier *ret_carrier)
{
    const char *protocol = kft_http_head_get_field(head, "Sec-WebSocket-Protocol");
    const char *extensions = kft_http_head_get_field(head, "Sec-WebSocket-Extensions");

    if (!kft_http_head_has_token(head, "Upgrade", "websocket") ||
        !kft_http_head_has_token(head, "Connection", "upgrade"))
        return g_strdup("the server switched protocols, but not to WebSocket");
    if (!is_accept_right(head, key))
        return g_strdup("the server's Sec-WebSocket-Accept does not fit our key");
    /* RFC 6455 4.1: we offered none. */
    if (extensions != NULL && *extensions != '\0')
        return g_strdup("the server chose a WebSocket extension that was not offered");
    if (protocol == NULL || *protocol == '\0')
        return g_strdup("the server chose no WebSocket subprotocol");
    if (offered->offer_tunnel && strcmp(protocol, KFT_UPGRADE_PROTOCOL_TUNNEL) == 0) {
        *ret_carrier = KFT_CARRIER_TUNNEL;
        return NULL;
    }
    if (offered->offer_v4 && strcmp(protocol, KFT_UPGRADE_PROTOCOL_V4) == 0) {
        *ret_carrier = KFT_CARRIER_WEBSOCKET;
        return NULL;
    }
    g_autofree char *shown = clean(protocol);
    return g_strdup_printf(
        "the server chose the WebSocket subprotocol \"%s\", which was not offered", shown);
}

static char *check_spdy(const KftHttpHead *head, KftCarrier *ret_carrier)
{
    const char *protocol = kft_http_head_get_field(head, "X-Stream-Protocol-Version");

    if (!kft_http_head_has_token(head, "Upgrade", "SPDY/3.1") ||
        !kft_http_head_has_token(head, "Connection", "upgrade"))
        return g_strdup("the server switched protocols, but not to SPDY/3.1");
    if (protocol == NULL || strcmp(protocol, SPDY_STREAM_PROTOCOL) != 0)
        return g_strdup("the server did not choose the protocol " SPDY_STREAM_PROTOCOL);
    *ret_carrier = KFT_CARRIER_SPDY;
    return NULL;
}

/* Returns: (transfer full) (nullable) the message of a metav1.Status, "" if it has none; NULL if
 * the body is no Status. */
static char *read_status_message(const char *body, size_t size)
{
    if (body == NULL || size == 0 || size > G_MAXINT)
        return NULL;
    g_autoptr(json_tokener) tokener = json_tokener_new_ex(MAX_JSON_DEPTH);
    g_autoptr(json_object) root = json_tokener_parse_ex(tokener, body, (int)size);
    json_object *kind = NULL;
    json_object *message = NULL;

    if (!json_object_is_type(root, json_type_object) ||
        !json_object_object_get_ex(root, "kind", &kind) ||
        g_strcmp0(json_object_get_string(kind), "Status") != 0)
        return NULL;
    if (!json_object_object_get_ex(root, "message", &message) ||
        !json_object_is_type(message, json_type_string))
        return g_strdup("");
    return g_strdup(json_object_get_string(message));
}

/* An answer that did not open anything. */
typedef struct {
    unsigned status;
    gboolean is_status; /* the body is a metav1.Status */
    gboolean is_html;   /* and a page comes from a proxy, not from Kubernetes (1.4) */
    char *text;         /* the Status' message, or the body */
} Refusal;

static void refusal_init(Refusal *self, const KftHttpHead *head, const char *body, size_t body_size)
{
    const char *content_type = kft_http_head_get_field(head, "Content-Type");
    char *message = read_status_message(body, body_size);

    self->status = kft_http_head_get_status(head);
    self->is_status = message != NULL;
    self->text = message != NULL ? message : g_strndup(body == NULL ? "" : body, body_size);
    const char *start = self->text + strspn(self->text, " \t\r\n");
    self->is_html =
        !self->is_status &&
        ((content_type != NULL && g_ascii_strncasecmp(content_type, "text/html", 9) == 0) ||
         g_ascii_strncasecmp(start, "<html", 5) == 0 ||
         g_ascii_strncasecmp(start, "<!doctype", 9) == 0);
}

static void refusal_clear(Refusal *self)
{
    g_free(self->text);
}

static char *refusal_describe(const Refusal *self)
{
    if (self->is_html)
        return g_strdup_printf("the server, or a proxy before it, answered %u with a web page",
                               self->status);
    g_autofree char *text = clean(self->text);
    if (*text == '\0')
        return g_strdup_printf("the server answered %u without saying why", self->status);
    return g_strdup_printf("the server answered %u: %s", self->status, text);
}

/* What an API server says, in a Status, to a request for a port-forward without an Upgrade field.
 */
#define UPGRADE_IS_MISSING "Upgrade request required"

gboolean kft_upgrade_text_means_stripped(const char *text)
{
    return strstr(text, UPGRADE_IS_MISSING) != NULL;
}

/* The table of 1.4 for an ordinary answer to a WebSocket request. A page of HTML, or an answer that
 * only gateways give, comes from something on the way. */
static KftUpgradeVerdict judge_web_socket_refusal(const Refusal *refusal)
{
    const char *text = refusal->text;
    KftUpgradeVerdict by_whom =
        refusal->is_html ? KFT_UPGRADE_TRY_SPDY_BLOCKED : KFT_UPGRADE_TRY_SPDY;

    switch (refusal->status) {
    case 400:
        /* An old kubelet wants "port" where the API server takes "ports", so nobody translated. */
        if (strstr(text, "port") != NULL && strstr(text, "is required") != NULL)
            return by_whom;
        if (refusal->is_status && !kft_upgrade_text_means_stripped(text))
            return KFT_UPGRADE_FAILED;
        return KFT_UPGRADE_TRY_SPDY_BLOCKED;
    case 403:
        if (!refusal->is_status)
            return by_whom;
        /* Up to 1.34 GET needs the right to get, POST the right to create (1.3). */
        return strstr(text, "cannot get resource \"pods/portforward\"") != NULL
                   ? KFT_UPGRADE_TRY_SPDY_RIGHTS
                   : KFT_UPGRADE_FAILED;
    case 405:
    case 501:
        return by_whom;
    case 426:
        return KFT_UPGRADE_TRY_SPDY_BLOCKED;
    case 502:
    case 503:
    case 504:
        return refusal->is_status ? KFT_UPGRADE_FAILED : KFT_UPGRADE_TRY_SPDY_BLOCKED;
    default:
        /* Somebody answered the GET as if it were an ordinary one. */
        return refusal->status < 300 ? KFT_UPGRADE_TRY_SPDY_BLOCKED : KFT_UPGRADE_FAILED;
    }
}

KftUpgradeVerdict kft_upgrade_judge(const KftUpgradeRequest *offered,
                                    const char *key,
                                    const KftHttpHead *head,
                                    const char *body,
                                    size_t body_size,
                                    KftCarrier *ret_carrier,
                                    char **ret_reason)
{
    if (kft_http_head_get_status(head) == 101) {
        *ret_reason = is_web_socket(offered) ? check_web_socket(offered, key, head, ret_carrier)
                                             : check_spdy(head, ret_carrier);
        if (*ret_reason == NULL)
            return KFT_UPGRADE_OPEN;
        return is_web_socket(offered) ? KFT_UPGRADE_TRY_SPDY_BLOCKED : KFT_UPGRADE_FAILED;
    }

    Refusal refusal;
    refusal_init(&refusal, head, body, body_size);
    KftUpgradeVerdict verdict = KFT_UPGRADE_FAILED;
    if (refusal.status == 401)
        verdict = KFT_UPGRADE_UNAUTHORIZED;
    else if (refusal.status == 429)
        verdict = KFT_UPGRADE_THROTTLED;
    else if (is_web_socket(offered))
        verdict = judge_web_socket_refusal(&refusal);
    *ret_reason = refusal_describe(&refusal);
    refusal_clear(&refusal);
    return verdict;
}
