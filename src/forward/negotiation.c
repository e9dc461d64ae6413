/* One attempt is: turn → credential → dial → request → head of the answer (→ body, if refused) →
 * verdict. A verdict may lead to one more attempt: with a fresh credential after a 401, as SPDY by
 * POST, each once, or after a wait that the server asked for. One timer bounds them all; it stands
 * still while a turn is awaited or a credential obtained: somebody may have to log in. */
#include "forward/negotiation.h"

#include <string.h>

#include "kftray/error.h"

#include "base/buf.h"
#include "base/log.h"
#include "base/number.h"
#include "base/redact.h"
#include "base/text.h"
#include "kube/status.h"
#include "net/timer.h"

/* The apiserver gives no answer before the node's is there (wire protocols, 4.2). */
#define DEADLINE_MS 30000
/* Of an answer that is not a 101 (1.5). */
#define MAX_BODY_BYTES ((size_t)64 * 1024)
#define READ_BYTES ((size_t)16 * 1024)
/* A 429 is waited for as it says, up to this, and so many times; a node says 60 s when it has given
 * out all its tokens (4.3), which is more than a caller would wait. */
#define MAX_RETRY_AFTER_S 15
#define MAX_THROTTLED 3
/* How long the rest of a refusal's body is awaited. */
#define BODY_GRACE_MS 2000

struct KftNegotiation {
    KftCluster *cluster;
    KftLoop *loop;
    char *namespace_;
    char *pod;
    uint16_t port;
    KftOffer offer;
    KftNegotiationFunc on_done;
    void *user_data;

    bool uses_spdy;    /* this attempt goes by POST */
    bool was_rejected; /* a 401 was answered by a fresh credential */
    unsigned n_throttled;
    bool may_use_websocket;
    char *first_text;   /* of the answer that led to the POST, if it is worth telling */
    char *block_reason; /* what does not let WebSockets through */
    unsigned status;    /* of the last answer; 0 = none came */
    char *refusal;      /* of the last answer; nullable */
    KftTurn *turn;      /* until the head of the answer came */
    KftCredentialRequest *credential_request;
    KftAuth *auth;
    KftDial *dial;
    KftStream *stream;
    char *request; /* head; holds credentials */
    size_t request_size;
    size_t request_sent;
    char key[KFT_UPGRADE_KEY_CHARS + 1];
    KftHttpHead *head;
    bool has_head;
    KftBuf body;
    uint64_t running_since_ms; /* while the deadline runs */
    uint64_t spent_ms;         /* of the deadline, before that */
    KftTimer *deadline;
    KftTimer *body_grace;
    KftTimer *throttle;
};

static void start_attempt(KftNegotiation *self);

static void end_attempt(KftNegotiation *self)
{
    kft_turn_cancel(g_steal_pointer(&self->turn));
    if (self->credential_request != NULL)
        kft_credential_request_cancel(g_steal_pointer(&self->credential_request));
    g_clear_pointer(&self->auth, kft_auth_unref);
    g_clear_pointer(&self->dial, kft_dial_free);
    g_clear_pointer(&self->stream, kft_stream_free);
    kft_secret_wipe_string(g_steal_pointer(&self->request));
    g_clear_pointer(&self->head, kft_http_head_free);
    kft_timer_stop(self->body_grace);
    kft_buf_clear(&self->body);
    self->has_head = false;
    self->request_sent = 0;
}

void kft_negotiation_free(KftNegotiation *self)
{
    if (self == NULL)
        return;
    end_attempt(self);
    kft_timer_free(self->deadline);
    kft_timer_free(self->body_grace);
    kft_timer_free(self->throttle);
    g_free(self->first_text);
    g_free(self->block_reason);
    g_free(self->refusal);
    g_free(self->namespace_);
    g_free(self->pod);
    kft_cluster_unref(self->cluster);
    g_free(self);
}

static void fail(KftNegotiation *self, GError *error)
{
    g_autoptr(GError) owned = error;
    kft_timer_stop(self->deadline);
    /* Who is told of the failure may ask whether the server is away. */
    if (self->auth != NULL)
        kft_turn_end_failed(g_steal_pointer(&self->turn), owned);
    end_attempt(self);
    self->on_done(NULL, owned, self->user_data);
}

static void fail_with(KftNegotiation *self, KftErrorCode code, const char *text)
{
    fail(self, g_error_new(KFT_ERROR, code, "pod \"%s\": %s", self->pod, text));
}

static void succeed(KftNegotiation *self, KftCarrier carrier)
{
    KftStream *stream = g_steal_pointer(&self->stream);
    g_autoptr(GBytes) early = g_bytes_new(kft_buf_data(&self->body), kft_buf_size(&self->body));
    const KftNegotiated result = {.carrier = carrier, .stream = stream, .early = early};

    kft_log(KFT_LOG_TUNNEL, KFT_LEVEL_INFO, "pod=%s/%s port=%u transport=%s", self->namespace_,
            self->pod, self->port, kft_carrier_name(carrier));
    kft_stream_set_interest(stream, false, false);
    kft_timer_stop(self->deadline);
    /* A transport that the user asked for is no news about the cluster. */
    if (self->offer.tunnel && self->offer.spdy)
        kft_cluster_set_carrier(self->cluster, carrier);
    if (self->block_reason != NULL)
        kft_cluster_set_websocket_block(self->cluster, self->block_reason);
    end_attempt(self);
    self->on_done(&result, NULL, self->user_data);
}

static KftUpgradeRequest
describe_request(KftNegotiation *self, const char *host, const char *path, char **headers)
{
    return (KftUpgradeRequest){
        .host = host,
        .path = path,
        .port = self->port,
        .offer_tunnel = !self->uses_spdy && self->offer.tunnel,
        .offer_v4 = !self->uses_spdy && self->offer.websocket,
        .headers = (const char *const *)headers,
        .user_agent = "kftray/" KFT_VERSION,
    };
}

/* The plain text of an answer that is neither a Status nor what 1.4 has a verdict for. */
static GError *refusal_error(KftNegotiation *self, const char *body, size_t body_size)
{
    g_autofree char *text = g_strndup(body == NULL ? "" : body, body_size);
    if (kft_http_head_get_status(self->head) == 400 && kft_upgrade_text_means_stripped(text))
        return g_error_new(KFT_ERROR, KFT_ERROR_PROTOCOL,
                           "pod \"%s\": the request reached the server without its Upgrade header: "
                           "a proxy or gateway before it takes it out and must be told to pass "
                           "WebSockets on",
                           self->pod);
    g_autofree char *what =
        g_strdup_printf("forward to pod \"%s\" in namespace \"%s\"", self->pod, self->namespace_);
    return kft_status_to_error(kft_http_head_get_status(self->head),
                               kft_http_head_get_field(self->head, "Content-Type"), body, body_size,
                               what);
}

static void retry_as_spdy(KftNegotiation *self)
{
    end_attempt(self);
    self->uses_spdy = true;
    start_attempt(self);
}

static void handle_unauthorized(KftNegotiation *self, GError *error)
{
    bool can_renew = !self->was_rejected &&
                     kft_credential_reject(kft_cluster_get_credential(self->cluster), self->auth);
    if (!can_renew) {
        fail(self, error);
        return;
    }
    g_error_free(error);
    self->was_rejected = true;
    end_attempt(self);
    start_attempt(self);
}

/* A node without tunnels refuses the WebSocket itself: 400 for a missing port, 403 without a Status
 * (1.4); a proxy or the server's rules would say something else. */
static bool is_answer_of_node(const KftNegotiation *self, KftUpgradeVerdict verdict)
{
    unsigned status = kft_http_head_get_status(self->head);
    return verdict == KFT_UPGRADE_TRY_SPDY && (status == 400 || status == 403);
}

bool kft_negotiation_may_use_websocket(const KftNegotiation *self)
{
    return self->may_use_websocket && !self->offer.websocket;
}

unsigned kft_negotiation_get_status(const KftNegotiation *self)
{
    return self->status;
}

const char *kft_negotiation_get_refusal(const KftNegotiation *self)
{
    return self->refusal;
}

static void on_throttle_end(void *user_data)
{
    start_attempt(user_data);
}

/* Without the time in which credentials were obtained. */
static uint64_t get_elapsed_ms(const KftNegotiation *self)
{
    bool is_running = kft_timer_is_active(self->deadline);
    return self->spent_ms + (is_running ? kft_loop_now_ms(self->loop) - self->running_since_ms : 0);
}

/* Waits as the answer's Retry-After says; returns false if that is too often, or longer than the
 * deadline allows: the caller then says why, and has a backoff of its own. */
static bool wait_for_turn(KftNegotiation *self)
{
    const char *field = kft_http_head_get_field(self->head, "Retry-After");
    uint64_t seconds = 1;
    uint64_t elapsed_ms = get_elapsed_ms(self);

    if (field != NULL && !kft_parse_uint(field, 0, MAX_RETRY_AFTER_S, &seconds))
        return false;
    if (++self->n_throttled > MAX_THROTTLED || elapsed_ms + seconds * 1000 >= DEADLINE_MS)
        return false;
    kft_log(KFT_LOG_TUNNEL, KFT_LEVEL_INFO, "the server asks to wait %u s", (unsigned)seconds);
    end_attempt(self);
    kft_timer_start(self->throttle, seconds * 1000);
    return true;
}

/* What is to be told about the first answer if the second is no good either. */
static void take_first_text(KftNegotiation *self,
                            KftUpgradeVerdict verdict,
                            const char *reason,
                            const char *message)
{
    if (verdict == KFT_UPGRADE_TRY_SPDY_RIGHTS)
        self->first_text = g_strdup(message);
    if (verdict != KFT_UPGRADE_TRY_SPDY_BLOCKED)
        return;
    self->first_text = g_strdup_printf("WebSockets do not get through (%s)", reason);
    self->block_reason = g_strdup(reason);
}

/* What to say when the only transport that may be used is none that the server speaks. */
static GError *forced_error(const KftNegotiation *self, const char *reason)
{
    KftCarrier carrier = self->offer.tunnel ? KFT_CARRIER_TUNNEL : KFT_CARRIER_WEBSOCKET;
    return g_error_new(KFT_ERROR, KFT_ERROR_BAD_CONFIG,
                       "the server does not speak the transport \"%s\" (%s): use \"auto\"",
                       kft_carrier_name(carrier), reason);
}

static void
handle_verdict(KftNegotiation *self, KftUpgradeVerdict verdict, const char *reason, GError *error)
{
    switch (verdict) {
    case KFT_UPGRADE_OPEN:
        g_assert_not_reached();
    case KFT_UPGRADE_TRY_SPDY_RIGHTS:
    case KFT_UPGRADE_TRY_SPDY_BLOCKED:
    case KFT_UPGRADE_TRY_SPDY:
        self->may_use_websocket = is_answer_of_node(self, verdict);
        if (self->offer.spdy && !self->uses_spdy) {
            kft_log(KFT_LOG_TUNNEL, KFT_LEVEL_INFO, "no WebSocket here (%s): trying SPDY", reason);
            take_first_text(self, verdict, reason, error->message);
            g_error_free(error);
            retry_as_spdy(self);
            return;
        }
        if (verdict != KFT_UPGRADE_TRY_SPDY_RIGHTS && !self->uses_spdy) {
            g_error_free(error);
            error = forced_error(self, reason);
        }
        break;
    case KFT_UPGRADE_UNAUTHORIZED:
        handle_unauthorized(self, error);
        return;
    case KFT_UPGRADE_THROTTLED:
        if (wait_for_turn(self)) {
            g_error_free(error);
            return;
        }
        break;
    case KFT_UPGRADE_FAILED:
        break;
    }
    if (self->first_text != NULL) {
        g_autofree char *both =
            g_strdup_printf("%s; by POST: %s", self->first_text, error->message);
        g_free(error->message);
        error->message = g_steal_pointer(&both);
    }
    fail(self, error);
}

static void judge(KftNegotiation *self)
{
    g_autofree char *host = kft_endpoint_dup_authority(self->auth->endpoint);
    KftUpgradeRequest request = describe_request(self, host, "", NULL);
    bool is_open = kft_http_head_get_status(self->head) == 101;
    const char *body = is_open ? NULL : (const char *)kft_buf_data(&self->body);
    size_t body_size = is_open ? 0 : kft_buf_size(&self->body);
    KftCarrier carrier = KFT_CARRIER_SPDY;
    g_autofree char *reason = NULL;

    KftUpgradeVerdict verdict =
        kft_upgrade_judge(&request, self->key, self->head, body, body_size, &carrier, &reason);
    if (verdict == KFT_UPGRADE_OPEN) {
        succeed(self, carrier);
        return;
    }
    g_free(self->refusal);
    self->refusal = g_strdup(reason);
    GError *error = is_open ? g_error_new(KFT_ERROR, KFT_ERROR_PROTOCOL,
                                          "pod \"%s\": the server's upgrade answer is wrong: %s",
                                          self->pod, reason)
                            : refusal_error(self, body, body_size);
    handle_verdict(self, verdict, reason, error);
}

static void on_body_grace(void *user_data)
{
    judge(user_data);
}

/* Whether the refusal's body is all there: by its length, or because a body this long is enough. */
static bool is_body_complete(const KftNegotiation *self)
{
    const char *length = kft_http_head_get_field(self->head, "Content-Length");
    size_t size = kft_buf_size(&self->body);
    if (size >= MAX_BODY_BYTES)
        return true;
    return length != NULL && size >= g_ascii_strtoull(length, NULL, 10);
}

/* Takes bytes of the answer. Returns false when the attempt is over. */
static bool take_answer(KftNegotiation *self, const uint8_t *data, size_t size)
{
    if (!self->has_head) {
        size_t consumed = 0;
        KftResult result = kft_http_head_feed(self->head, data, size, &consumed);
        if (result == KFT_R_AGAIN)
            return true;
        if (result != KFT_R_OK) {
            fail_with(self, KFT_ERROR_PROTOCOL,
                      "the server's answer is not HTTP: is the address in the kubeconfig right?");
            return false;
        }
        self->has_head = true;
        self->status = kft_http_head_get_status(self->head);
        kft_turn_end_answered(g_steal_pointer(&self->turn));
        data += consumed;
        size -= consumed;
        kft_timer_start(self->body_grace, BODY_GRACE_MS);
    }
    (void)kft_buf_append(&self->body, data, MIN(size, kft_buf_room(&self->body)));
    if (kft_http_head_get_status(self->head) == 101 || is_body_complete(self)) {
        judge(self);
        return false;
    }
    return true;
}

static void on_stream_readable(void *user_data)
{
    KftNegotiation *self = user_data;
    uint8_t data[READ_BYTES];

    for (;;) {
        size_t size = 0;
        KftResult result = kft_stream_read(self->stream, data, sizeof data, &size);
        if (result == KFT_R_OK) {
            if (!take_answer(self, data, size))
                return;
            continue;
        }
        if (result == KFT_R_AGAIN)
            return;
        if (self->has_head)
            judge(self);
        else
            fail_with(self, KFT_ERROR_UNREACHABLE,
                      result == KFT_R_EOF ? "the server closed the connection without an answer"
                                          : kft_stream_get_error(self->stream));
        return;
    }
}

static void send_request(KftNegotiation *self)
{
    while (self->request_sent < self->request_size) {
        size_t written = 0;
        const uint8_t *rest = (const uint8_t *)self->request + self->request_sent;
        KftResult result =
            kft_stream_write(self->stream, rest, self->request_size - self->request_sent, &written);
        if (result == KFT_R_AGAIN)
            break;
        if (result != KFT_R_OK) {
            fail_with(self, KFT_ERROR_UNREACHABLE, kft_stream_get_error(self->stream));
            return;
        }
        self->request_sent += written;
    }
    kft_stream_set_interest(self->stream, true, self->request_sent < self->request_size);
}

static void on_stream_writable(void *user_data)
{
    send_request(user_data);
}

static bool build_request(KftNegotiation *self)
{
    g_autofree char *host = kft_endpoint_dup_authority(self->auth->endpoint);
    g_autofree char *prefix = kft_endpoint_dup_prefix(self->auth->endpoint);
    GString *path = g_string_new(prefix);
    char **headers = kft_auth_dup_lines(self->auth);

    g_string_append(path, "/api/v1/namespaces/");
    kft_text_append_percent_encoded(path, self->namespace_);
    g_string_append(path, "/pods/");
    kft_text_append_percent_encoded(path, self->pod);
    g_string_append(path, "/portforward");
    KftUpgradeRequest request = describe_request(self, host, path->str, headers);
    kft_upgrade_make_key(self->key);
    self->request = kft_upgrade_build(&request, self->key);
    kft_auth_free_lines(headers);
    g_string_free(path, TRUE);
    if (self->request == NULL)
        return false;
    self->request_size = strlen(self->request);
    return true;
}

static void on_dial_done(KftStream *stream, const GError *error, void *user_data)
{
    static const KftStreamFuncs funcs = {
        .on_readable = on_stream_readable,
        .on_writable = on_stream_writable,
    };
    KftNegotiation *self = user_data;

    if (error != NULL) {
        fail(self, g_error_copy(error));
        return;
    }
    self->stream = stream;
    kft_stream_set_funcs(stream, &funcs, self);
    if (!build_request(self)) {
        fail_with(self, KFT_ERROR_BAD_CONFIG,
                  "a credential or impersonation value holds a line break");
        return;
    }
    self->head = kft_http_head_new();
    send_request(self);
}

static void on_credential(KftAuth *auth, const GError *error, void *user_data)
{
    KftNegotiation *self = user_data;
    self->credential_request = NULL;
    if (error != NULL) {
        fail(self, g_error_copy(error));
        return;
    }
    self->auth = kft_auth_ref(auth);
    self->running_since_ms = kft_loop_now_ms(self->loop);
    kft_timer_start(self->deadline, DEADLINE_MS - MIN(self->spent_ms, DEADLINE_MS));
    self->dial = kft_dial_start(self->loop, auth->endpoint, 0, on_dial_done, self);
}

static void on_turn(const GError *error, void *user_data)
{
    KftNegotiation *self = user_data;

    if (error != NULL) {
        self->turn = NULL;
        fail(self, g_error_copy(error));
        return;
    }
    self->credential_request =
        kft_credential_get(kft_cluster_get_credential(self->cluster), on_credential, self);
}

static void start_attempt(KftNegotiation *self)
{
    self->status = 0;
    self->spent_ms = get_elapsed_ms(self);
    kft_timer_stop(self->deadline);
    self->turn = kft_reach_enter(kft_cluster_get_reach(self->cluster), on_turn, self);
}

static void on_deadline(void *user_data)
{
    KftNegotiation *self = user_data;
    bool was_asked = self->stream != NULL;
    fail_with(self, KFT_ERROR_TIMEOUT,
              was_asked ? "the server did not answer the port-forward request within 30 s"
                        : "no connection to the server within 30 s");
}

KftNegotiation *kft_negotiation_start(KftCluster *cluster,
                                      const char *namespace_,
                                      const char *pod,
                                      uint16_t port,
                                      KftOffer offer,
                                      KftNegotiationFunc on_done,
                                      void *user_data)
{
    g_assert(offer.tunnel || offer.websocket || offer.spdy);
    KftNegotiation *self = g_new0(KftNegotiation, 1);
    self->cluster = kft_cluster_ref(cluster);
    self->loop = kft_cluster_get_loop(cluster);
    self->namespace_ = g_strdup(namespace_);
    self->pod = g_strdup(pod);
    self->port = port;
    self->offer = offer;
    self->on_done = on_done;
    self->user_data = user_data;
    self->uses_spdy = !offer.tunnel && !offer.websocket;
    kft_buf_init(&self->body, MAX_BODY_BYTES);
    self->deadline = kft_timer_new(self->loop, on_deadline, self);
    self->body_grace = kft_timer_new(self->loop, on_body_grace, self);
    self->throttle = kft_timer_new(self->loop, on_throttle_end, self);
    start_attempt(self);
    return self;
}
