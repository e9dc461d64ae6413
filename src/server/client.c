/* The life of one connection:
 *
 *   HANDSHAKE  gateway: the client says what it wants      10 s
 *   RESOLVING, CONNECTING                                  CONNECT_TIMEOUT, together
 *   OPEN       KftPump or KftDatagrams carries             IDLE_TIMEOUT
 *   REFUSING   gateway: the refusal is on its way          2 s
 *   ENDED      handles close; the object goes with the last one
 *
 * Only set_state() changes the state, and with it the deadline. */
#include "server/client.h"

#include <string.h>

#include "base/fault.h"
#include "proto/socks5.h"
#include "server/datagrams.h"
#include "server/dial.h"
#include "server/log.h"
#include "server/pump.h"
#include "server/socket-option.h"

#define HANDSHAKE_MS 10000
/* So that the refusal arrives and is not overtaken by the reset of what the client sent behind its
 * request. */
#define REFUSING_MS 2000
/* A client that is gone altogether looks like one that only has no more to say, until something is
 * sent to it. What rests in that state for so long is taken to be gone. */
#define HALF_CLOSED_IDLE_MS (UINT64_C(3600) * 1000)

typedef enum {
    STATE_HANDSHAKE,
    STATE_RESOLVING,
    STATE_CONNECTING,
    STATE_OPEN,
    STATE_REFUSING,
    STATE_ENDED,
} State;

struct KftClient {
    KftContext *context;
    GQueue *clients; /* this one is in it until it ends */
    GList link;
    KftClientFunc on_gone;
    void *user_data;
    KftHandles handles;
    uv_tcp_t near;
    uv_timer_t timer;
    uv_shutdown_t shutdown;
    State state;
    uint64_t accepted_ms;
    char *peer;
    /* Gateway. */
    KftSocks5Decoder socks;
    KftBuf early; /* what came behind the request */
    bool is_for_datagrams;
    char *name; /* as asked for; NULL: an address */
    char *host;
    uint16_t port;
    KftLookup *lookup; /* nullable */
    KftDial *dial;     /* nullable */
    KftAddressList addresses;
    uv_tcp_t *far;       /* nullable; on the heap */
    char *target;        /* the address in use; nullable */
    const char *problem; /* static; nullable */
    KftTraffic traffic;
    bool has_pump;
    bool has_datagrams;
    KftPump pump;
    KftDatagrams datagrams;
};

static void on_timer(uv_timer_t *timer);

static bool is_gateway(const KftClient *self)
{
    return self->context->config->mode == KFT_SERVER_GATEWAY;
}

static uint64_t idle_limit_ms(const KftClient *self)
{
    uint64_t limit_ms = self->context->config->idle_timeout_ms;
    bool is_half_closed = self->has_pump && kft_pump_is_half_closed(&self->pump);
    if (is_half_closed && (limit_ms == 0 || limit_ms > HALF_CLOSED_IDLE_MS))
        return HALF_CLOSED_IDLE_MS;
    return limit_ms;
}

static void set_state(KftClient *self, State state)
{
    const KftServerConfig *config = self->context->config;
    uint64_t idle_ms = config->idle_timeout_ms;

    self->state = state;
    switch (state) {
    case STATE_HANDSHAKE:
        (void)uv_timer_start(&self->timer, on_timer, HANDSHAKE_MS, 0);
        return;
    case STATE_RESOLVING:
        (void)uv_timer_start(&self->timer, on_timer, config->connect_timeout_ms, 0);
        return;
    case STATE_CONNECTING:
        return; /* with the rest of that time */
    case STATE_OPEN:
        if (idle_ms == 0 || idle_ms > HALF_CLOSED_IDLE_MS)
            idle_ms = HALF_CLOSED_IDLE_MS;
        (void)uv_timer_start(&self->timer, on_timer, idle_ms, 0);
        return;
    case STATE_REFUSING:
        (void)uv_timer_start(&self->timer, on_timer, REFUSING_MS, 0);
        return;
    case STATE_ENDED:
        (void)uv_timer_stop(&self->timer);
        return;
    }
    g_assert_not_reached();
}

static void on_all_closed(void *user_data)
{
    KftClient *self = user_data;
    KftClientFunc on_gone = self->on_gone;
    void *gone_data = self->user_data;

    if (self->has_pump)
        kft_pump_clear(&self->pump);
    if (self->has_datagrams)
        kft_datagrams_clear(&self->datagrams);
    kft_buf_clear(&self->early);
    g_free(self->peer);
    g_free(self->name);
    g_free(self->host);
    g_free(self->target);
    g_free(self);
    on_gone(gone_data);
}

static void on_handle_closed(uv_handle_t *handle)
{
    KftClient *self = handle->data;
    kft_handles_closed(&self->handles);
}

static void on_far_closed(uv_handle_t *handle)
{
    KftClient *self = handle->data;
    g_free(handle);
    kft_handles_closed(&self->handles);
}

static void close_tcp(KftClient *self, uv_tcp_t *handle, bool is_reset, uv_close_cb on_closed)
{
    if (is_reset)
        kft_socket_option_set_reset(handle);
    handle->data = self;
    uv_close((uv_handle_t *)handle, on_closed);
}

static void log_end(const KftClient *self, KftEnding ending)
{
    /* UDP may have gone on to another address. */
    g_autofree char *datagram_target =
        self->has_datagrams && self->target != NULL
            ? kft_address_format(kft_datagrams_get_address(&self->datagrams))
            : NULL;
    g_autofree char *asked =
        self->host == NULL ? NULL : g_strdup_printf("%s:%u", self->host, self->port);
    char to_target[24];
    char to_client[24];
    char dropped[24];
    char ms[24];

    (void)g_snprintf(to_target, sizeof to_target, "%" G_GUINT64_FORMAT,
                     self->traffic.bytes_to_target);
    (void)g_snprintf(to_client, sizeof to_client, "%" G_GUINT64_FORMAT,
                     self->traffic.bytes_to_client);
    (void)g_snprintf(dropped, sizeof dropped, "%" G_GUINT64_FORMAT, self->traffic.n_dropped);
    (void)g_snprintf(ms, sizeof ms, "%" G_GUINT64_FORMAT,
                     uv_now(self->context->loop) - self->accepted_ms);
    kft_server_log(KFT_LOG_INFO, "connection", "client", self->peer, "asked", asked, "target",
                   datagram_target != NULL ? datagram_target : self->target, "carries",
                   asked == NULL ? NULL : (self->is_for_datagrams ? "udp" : "tcp"), "result",
                   kft_ending_name(ending), "problem", self->problem, "to_target", to_target,
                   "to_client", to_client, "dropped", self->is_for_datagrams ? dropped : NULL, "ms",
                   ms, NULL);
}

static bool is_orderly(KftEnding ending)
{
    return ending == KFT_ENDING_DONE || ending == KFT_ENDING_IDLE;
}

/* Nothing is left to do but closing. */
static void finish(KftClient *self, bool is_reset)
{
    set_state(self, STATE_ENDED);
    g_queue_unlink(self->clients, &self->link);
    if (self->lookup != NULL)
        kft_lookup_cancel(self->lookup);
    if (self->dial != NULL)
        kft_dial_cancel(self->dial);
    if (self->has_pump)
        kft_pump_stop(&self->pump);
    if (self->has_datagrams)
        kft_datagrams_stop(&self->datagrams);
    close_tcp(self, &self->near, is_reset, on_handle_closed);
    uv_close((uv_handle_t *)&self->timer, on_handle_closed);
    if (self->far != NULL)
        close_tcp(self, self->far, is_reset, on_far_closed);
}

static void note_end(KftClient *self, KftEnding ending)
{
    self->context->metrics.n_ended[ending]++;
    log_end(self, ending);
}

void kft_client_end(KftClient *self, KftEnding ending)
{
    if (self->state == STATE_ENDED)
        return;
    if (self->state != STATE_REFUSING)
        note_end(self, ending);
    finish(self, !is_orderly(ending) && self->state != STATE_REFUSING);
}

static void on_part_end(KftEnding ending, void *user_data)
{
    kft_client_end(user_data, ending);
}

/* ---- SOCKS answers ---- */

/* A new connection takes a few bytes at once; one that does not is of no use. */
static bool send_now(KftClient *self, const uint8_t *data, size_t size)
{
    uv_buf_t buffer = {.len = size};
    /* uv_buf_t has no const; libuv only reads. */
    memcpy(&buffer.base, &data, sizeof data);
    return !KFT_FAULT("uv_try_write") &&
           uv_try_write((uv_stream_t *)&self->near, &buffer, 1) == (int)size;
}

static bool send_reply(KftClient *self, KftSocks5Reply reply, const KftAddress *bound)
{
    uint8_t message[KFT_SOCKS5_MAX_BYTES];
    KftSocks5Address address = {.type = KFT_SOCKS5_IPV4};

    if (bound != NULL) {
        address.port = kft_address_get_port(bound);
        if (bound->base.sa_family == AF_INET6) {
            address.type = KFT_SOCKS5_IPV6;
            memcpy(address.bytes, &bound->v6.sin6_addr, 16);
        } else {
            memcpy(address.bytes, &bound->v4.sin_addr, 4);
        }
    }
    return send_now(self, message, kft_socks5_write_message(message, (uint8_t)reply, &address));
}

static void on_near_alloc(uv_handle_t *handle, size_t suggested_size, uv_buf_t *buffer)
{
    KftClient *self = handle->data;
    (void)suggested_size;
    *buffer = uv_buf_init((char *)self->context->scratch,
                          (unsigned)kft_fault_clip_read(KFT_SCRATCH_BYTES));
}

static void on_refused_read(uv_stream_t *stream, ssize_t n_bytes, const uv_buf_t *buffer)
{
    (void)buffer;
    if (n_bytes < 0)
        kft_client_end(stream->data, KFT_ENDING_DONE);
}

static void on_refused_shutdown(uv_shutdown_t *request, int status)
{
    /* The client's end, or the deadline, is what is waited for. */
    (void)request;
    (void)status;
}

/* Lets the last bytes arrive: a FIN behind them, and what the client still sends is thrown away. */
static void linger(KftClient *self)
{
    set_state(self, STATE_REFUSING);
    self->shutdown.data = self;
    if (uv_shutdown(&self->shutdown, (uv_stream_t *)&self->near, on_refused_shutdown) != 0 ||
        uv_read_start((uv_stream_t *)&self->near, on_near_alloc, on_refused_read) != 0)
        kft_client_end(self, KFT_ENDING_DONE);
}

static KftSocks5Reply reply_for(KftEnding ending)
{
    switch (ending) {
    case KFT_ENDING_DENIED:
        return KFT_SOCKS5_NOT_ALLOWED;
    case KFT_ENDING_NOT_FOUND:
    case KFT_ENDING_TIMEOUT:
        return KFT_SOCKS5_HOST_UNREACHABLE;
    case KFT_ENDING_REFUSED:
        return KFT_SOCKS5_REFUSED;
    case KFT_ENDING_UNREACHABLE:
        return KFT_SOCKS5_NETWORK_UNREACHABLE;
    default:
        return KFT_SOCKS5_FAILED;
    }
}

/* Ends a connection that has not become one: with a reply where there is a way to say it. */
static void refuse_with(KftClient *self, KftEnding ending, KftSocks5Reply reply)
{
    if (!is_gateway(self)) {
        kft_client_end(self, ending);
        return;
    }
    note_end(self, ending);
    (void)send_reply(self, reply, NULL);
    linger(self);
}

static void refuse(KftClient *self, KftEnding ending, const char *problem)
{
    self->problem = problem;
    refuse_with(self, ending, reply_for(ending));
}

static KftEnding ending_for(int status)
{
    switch (status) {
    case UV_ECONNREFUSED:
        return KFT_ENDING_REFUSED;
    case UV_ETIMEDOUT:
        return KFT_ENDING_TIMEOUT;
    case UV_ENETUNREACH:
    case UV_EHOSTUNREACH:
    case UV_EADDRNOTAVAIL:
    case UV_EAFNOSUPPORT:
    case UV_EACCES:
    case UV_EPERM:
        return KFT_ENDING_UNREACHABLE;
    default:
        return KFT_ENDING_FAILED;
    }
}

/* ---- The target ---- */

static void begin_carrying(KftClient *self)
{
    const uint8_t *early = kft_buf_data(&self->early);
    size_t n_early = kft_buf_size(&self->early);

    self->traffic.active_ms = uv_now(self->context->loop);
    set_state(self, STATE_OPEN);
    if (self->is_for_datagrams) {
        kft_datagrams_start(&self->datagrams, early, n_early, on_part_end, self);
    } else {
        kft_pump_init(&self->pump, &self->traffic, &self->near, self->far, on_part_end, self);
        self->has_pump = true;
        kft_pump_start(&self->pump, early, n_early);
    }
    if (self->state == STATE_OPEN)
        kft_buf_clear(&self->early);
}

/* The way to the target is there. @bound: our side of it. */
static void open_to_target(KftClient *self, const KftAddress *bound)
{
    if (is_gateway(self) && !send_reply(self, KFT_SOCKS5_SUCCEEDED, bound))
        kft_client_end(self, KFT_ENDING_CLIENT_GONE);
    else
        begin_carrying(self);
}

static void on_dialled(uv_tcp_t *handle, int status, void *user_data)
{
    KftClient *self = user_data;
    KftAddress address;
    int length = sizeof address;

    self->dial = NULL;
    if (handle == NULL) {
        refuse(self, ending_for(status), uv_strerror(status));
        return;
    }
    memset(&address, 0, sizeof address);
    handle->data = self;
    self->far = handle;
    kft_handles_opened(&self->handles);
    kft_socket_option_set_usual(handle);
    if (uv_tcp_getpeername(handle, &address.base, &length) == 0)
        self->target = kft_address_format(&address);
    length = sizeof address;
    memset(&address, 0, sizeof address);
    bool has_bound = uv_tcp_getsockname(handle, &address.base, &length) == 0;
    open_to_target(self, has_bound ? &address : NULL);
}

static void open_datagrams(KftClient *self)
{
    KftAddress address;
    int length = sizeof address;
    int status = kft_datagrams_init(&self->datagrams, &self->traffic, &self->handles, &self->near,
                                    &self->addresses);

    self->has_datagrams = true;
    if (status != 0) {
        refuse(self, ending_for(status), uv_strerror(status));
        return;
    }
    self->target = kft_address_format(kft_datagrams_get_address(&self->datagrams));
    memset(&address, 0, sizeof address);
    bool has_bound = uv_udp_getsockname(self->datagrams.socket, &address.base, &length) == 0;
    open_to_target(self, has_bound ? &address : NULL);
}

/* Leaves the addresses that the rules allow. */
static void filter_addresses(KftClient *self)
{
    const KftRules *rules = self->context->config->rules;
    unsigned n_kept = 0;

    for (unsigned i = 0; i < self->addresses.n_items; i++) {
        if (kft_rules_allow(rules, self->name, &self->addresses.items[i]))
            self->addresses.items[n_kept++] = self->addresses.items[i];
    }
    self->addresses.n_items = n_kept;
}

static void on_resolved(const KftAddressList *addresses, const char *problem, void *user_data)
{
    KftClient *self = user_data;

    self->lookup = NULL;
    if (addresses == NULL) {
        refuse(self, KFT_ENDING_NOT_FOUND, problem);
        return;
    }
    self->addresses = *addresses;
    if (is_gateway(self))
        filter_addresses(self);
    if (self->addresses.n_items == 0) {
        self->target = kft_address_format(&addresses->items[0]);
        refuse(self, KFT_ENDING_DENIED, "the rules do not allow the address");
        return;
    }
    set_state(self, STATE_CONNECTING);
    if (self->is_for_datagrams)
        open_datagrams(self);
    else
        self->dial = kft_dial_new(self->context->loop, &self->addresses, on_dialled, self);
}

static void begin_resolving(KftClient *self)
{
    set_state(self, STATE_RESOLVING);
    self->lookup = kft_dns_lookup(self->context->dns, self->host, self->port, on_resolved, self);
}

/* ---- The handshake ---- */

static void take_target(KftClient *self, const KftSocks5Address *address)
{
    KftAddress numeric;
    char text[INET6_ADDRSTRLEN] = "";

    self->port = address->port;
    if (address->type == KFT_SOCKS5_NAME)
        self->host = g_strdup(address->name);
    else if (uv_inet_ntop(address->type == KFT_SOCKS5_IPV4 ? AF_INET : AF_INET6, address->bytes,
                          text, sizeof text) == 0)
        self->host = g_strdup(text);
    else
        g_assert_not_reached();
    /* Programs send addresses as names, too. */
    if (!kft_address_parse(self->host, self->port, &numeric))
        self->name = g_strdup(self->host);
}

/* A whole request is here. */
static void take_request(KftClient *self)
{
    KftSocks5Address address;
    uint8_t command = kft_socks5_decoder_get_code(&self->socks);

    (void)uv_read_stop((uv_stream_t *)&self->near);
    kft_socks5_decoder_get_address(&self->socks, &address);
    take_target(self, &address);
    self->is_for_datagrams = command == KFT_SOCKS5_UDP_FRAMES;
    if (command != KFT_SOCKS5_CONNECT && command != KFT_SOCKS5_UDP_FRAMES) {
        self->problem = "a command that the gateway does not have";
        refuse_with(self, KFT_ENDING_BAD_CLIENT, KFT_SOCKS5_COMMAND_UNKNOWN);
    } else if (self->port == 0) {
        self->problem = "port 0";
        refuse_with(self, KFT_ENDING_BAD_CLIENT, KFT_SOCKS5_FAILED);
    } else if (self->name != NULL &&
               !kft_rules_may_resolve(self->context->config->rules, self->name, self->port)) {
        refuse(self, KFT_ENDING_DENIED, "the rules do not allow the name");
    } else {
        begin_resolving(self);
    }
}

/* A whole greeting is here. Returns false if that was the end. */
static bool take_greeting(KftClient *self)
{
    uint8_t choice[KFT_SOCKS5_CHOICE_BYTES];
    bool is_acceptable = kft_socks5_decoder_offers(&self->socks, KFT_SOCKS5_METHOD_NONE);

    kft_socks5_write_choice(choice,
                            is_acceptable ? KFT_SOCKS5_METHOD_NONE : KFT_SOCKS5_METHOD_REFUSED);
    if (!send_now(self, choice, sizeof choice)) {
        kft_client_end(self, KFT_ENDING_CLIENT_GONE);
        return false;
    }
    if (!is_acceptable) {
        self->problem = "the client wants authentication, which the gateway does not have";
        note_end(self, KFT_ENDING_BAD_CLIENT);
        linger(self);
        return false;
    }
    kft_socks5_decoder_init(&self->socks, KFT_SOCKS5_REQUEST);
    return true;
}

static void take_error(KftClient *self, KftResult result)
{
    self->problem = "the client does not speak SOCKS 5";
    if (self->socks.kind == KFT_SOCKS5_GREETING) {
        kft_client_end(self, KFT_ENDING_BAD_CLIENT);
    } else {
        self->problem = "a malformed request";
        refuse_with(self, KFT_ENDING_BAD_CLIENT,
                    result == KFT_R_INVALID ? KFT_SOCKS5_ADDRESS_UNKNOWN : KFT_SOCKS5_FAILED);
    }
}

static void shake_hands(KftClient *self, const uint8_t *input, size_t size)
{
    size_t at = 0;

    while (at < size) {
        size_t consumed = 0;
        KftResult result = kft_socks5_decoder_feed(&self->socks, input + at, size - at, &consumed);
        at += consumed;
        if (result == KFT_R_AGAIN)
            return;
        if (result != KFT_R_OK) {
            take_error(self, result);
            return;
        }
        if (self->socks.kind == KFT_SOCKS5_REQUEST) {
            /* The rest is for the target; it fits, as it came in one read. */
            (void)kft_buf_append(&self->early, input + at, size - at);
            take_request(self);
            return;
        }
        if (!take_greeting(self))
            return;
    }
}

static void on_handshake_read(uv_stream_t *stream, ssize_t n_bytes, const uv_buf_t *buffer)
{
    KftClient *self = stream->data;

    if (n_bytes > 0)
        shake_hands(self, (const uint8_t *)buffer->base, (size_t)n_bytes);
    else if (n_bytes < 0)
        kft_client_end(self, KFT_ENDING_CLIENT_GONE);
}

/* ---- Deadlines and birth ---- */

static void check_idle(KftClient *self)
{
    uint64_t limit_ms = idle_limit_ms(self);
    uint64_t rested_ms = uv_now(self->context->loop) - self->traffic.active_ms;

    if (limit_ms != 0 && rested_ms >= limit_ms) {
        kft_client_end(self, KFT_ENDING_IDLE);
        return;
    }
    if (limit_ms == 0 || limit_ms > HALF_CLOSED_IDLE_MS)
        limit_ms = HALF_CLOSED_IDLE_MS;
    uint64_t left_ms = limit_ms > rested_ms ? limit_ms - rested_ms : limit_ms;
    (void)uv_timer_start(&self->timer, on_timer, left_ms, 0);
}

static void on_timer(uv_timer_t *timer)
{
    KftClient *self = timer->data;

    switch (self->state) {
    case STATE_HANDSHAKE:
        self->problem = "the client did not say what it wants";
        kft_client_end(self, KFT_ENDING_BAD_CLIENT);
        return;
    case STATE_RESOLVING:
        kft_lookup_cancel(self->lookup);
        self->lookup = NULL;
        refuse(self, KFT_ENDING_TIMEOUT, "the name servers do not answer");
        return;
    case STATE_CONNECTING:
        kft_dial_cancel(self->dial);
        self->dial = NULL;
        refuse(self, KFT_ENDING_TIMEOUT, "the target does not answer");
        return;
    case STATE_OPEN:
        check_idle(self);
        return;
    case STATE_REFUSING:
        kft_client_end(self, KFT_ENDING_DONE);
        return;
    case STATE_ENDED:
        return;
    }
    g_assert_not_reached();
}

static void begin(KftClient *self)
{
    const KftServerConfig *config = self->context->config;

    if (!is_gateway(self)) {
        self->is_for_datagrams = config->mode == KFT_SERVER_UDP;
        self->host = g_strdup(config->remote_host);
        self->port = config->remote_port;
        begin_resolving(self);
        return;
    }
    kft_socks5_decoder_init(&self->socks, KFT_SOCKS5_GREETING);
    set_state(self, STATE_HANDSHAKE);
    if (KFT_FAULT("uv_read_start") ||
        uv_read_start((uv_stream_t *)&self->near, on_near_alloc, on_handshake_read) != 0)
        kft_client_end(self, KFT_ENDING_CLIENT_GONE);
}

static void note_peer(KftClient *self)
{
    KftAddress address;
    int length = sizeof address;

    memset(&address, 0, sizeof address);
    if (uv_tcp_getpeername(&self->near, &address.base, &length) == 0)
        self->peer = kft_address_format(&address);
}

void kft_client_accept(KftContext *context,
                       uv_stream_t *listener,
                       GQueue *clients,
                       KftClientFunc on_gone,
                       void *user_data)
{
    KftClient *self = g_new0(KftClient, 1);
    self->context = context;
    self->clients = clients;
    self->link.data = self;
    self->on_gone = on_gone;
    self->user_data = user_data;
    self->handles.on_all_closed = on_all_closed;
    self->handles.user_data = self;
    self->traffic.context = context;
    self->accepted_ms = uv_now(context->loop);
    kft_buf_init(&self->early, KFT_SCRATCH_BYTES);
    (void)uv_tcp_init(context->loop, &self->near);
    (void)uv_timer_init(context->loop, &self->timer);
    self->near.data = self;
    self->timer.data = self;
    kft_handles_opened(&self->handles);
    kft_handles_opened(&self->handles);
    g_queue_push_tail_link(clients, &self->link);
    int status = uv_accept(listener, (uv_stream_t *)&self->near);
    if (status != 0) {
        self->problem = uv_strerror(status);
        kft_client_end(self, KFT_ENDING_FAILED);
        return;
    }
    kft_socket_option_set_usual(&self->near);
    note_peer(self);
    begin(self);
}
