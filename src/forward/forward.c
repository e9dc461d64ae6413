/* The forward's machine: resolver and backends report, set_state() is the only writer of the state,
 * and each state has one entry function that starts what the state is for.
 *
 * The listeners stay open from the first resolution until the end. Connections that arrive while no
 * pod is ready wait, unread, for at most their hold time; they are attached as soon as one is. A
 * forward that is READY stays so while it goes over to another pod: that takes a round trip or two,
 * and what was begun is carried on. */
#include <string.h>

#include "kftray/error.h"

#include "base/log.h"
#include "forward/forward-priv.h"
#include "proto/socks5.h"

/* The first retry is at once, then these (5.4 of the wire protocols, 4.3). */
#define BACKOFF_BASE_MS 200
#define BACKOFF_CAP_MS 30000
#define HEALTHY_AFTER_MS 60000
/* Servers refuse good credentials while they start, so the first refusals are not believed. After
 * that only a look from time to time: each may run a plugin that opens a browser. */
#define DOUBTED_REFUSALS 3
#define WAIT_FOR_USER_BASE_MS 60000
#define WAIT_FOR_USER_CAP_MS 900000
/* While the server is away, others find out when it is back; this is only for the case that they
 * do not. */
#define WAIT_FOR_SERVER_MS 120000
/* Shorter waits are not worth a status each. */
#define TELL_WAIT_MS 5000
/* Longest time until the first word of the resolver: a credential plugin has 60 s, a request 30 s.
 */
#define LOOKUP_MS 95000
static void set_state(KftForward *self, KftForwardState next);

/* --- state --- */

/* That it works by a detour is worth knowing: it costs something, and can be mended elsewhere. */
static const char *find_detour(const KftForward *self)
{
    bool is_spdy = kft_backends_get_transport(self->backends) == KFT_TRANSPORT_SPDY;
    return is_spdy && self->options->transport == KFT_TRANSPORT_AUTO
               ? kft_cluster_get_websocket_block(self->cluster)
               : NULL;
}

static void emit_status(KftForward *self)
{
    KftPod *pod = kft_backends_get_pod(self->backends);
    kft_forward_set_pod(&self->told_pod, pod);
    const KftForwardStatus status = {
        .state = self->state,
        .error = self->error,
        .waiting_for = self->waiting_for,
        .attempt = self->attempt,
        .next_try_ms = self->next_try_ms,
        .waits_for_user = self->waits_for_user,
        .pod = pod == NULL ? NULL : pod->name,
        .n_pods = (uint32_t)kft_backends_get_n_ready(self->backends),
        .transport = kft_backends_get_transport(self->backends),
        .detour = find_detour(self),
    };
    self->funcs.on_status(&status, self->user_data);
}

static void set_error(KftForward *self, const GError *error)
{
    GError *copy = error == NULL ? NULL : g_error_copy(error);
    g_clear_error(&self->error);
    self->error = copy;
}

static uint32_t deadline_of(const KftForward *self, KftForwardState state)
{
    uint32_t deadline_ms = kft_forward_state_deadline_ms(state);
    if (deadline_ms != UINT32_MAX)
        return deadline_ms;
    if (state == KFT_FORWARD_STATE_BACKOFF)
        return self->server != NULL || self->node != NULL ? WAIT_FOR_SERVER_MS : self->next_try_ms;
    return self->was_resolved ? self->options->pod_timeout_ms : LOOKUP_MS;
}

/* What the states themselves begin; what they react to is in the callbacks below. */
static void enter_state(KftForward *self)
{
    switch (self->state) {
    case KFT_FORWARD_STATE_RESOLVING:
        if (!kft_forward_need_relay(self))
            return;
        if (self->resolver == NULL)
            kft_forward_start_resolver(self);
        else
            kft_resolver_refresh(self->resolver);
        return;
    case KFT_FORWARD_STATE_CONNECTING:
        kft_backends_connect(self->backends);
        return;
    case KFT_FORWARD_STATE_READY:
        self->n_reconnects += self->was_ready ? 1 : 0;
        self->was_ready = true;
        self->ready_since_unix_ms = g_get_real_time() / 1000;
        self->n_refusals = 0;
        self->ready_since_ms = kft_loop_now_ms(self->loop);
        if (self->keepalive != NULL)
            kft_keepalive_start(self->keepalive);
        return;
    case KFT_FORWARD_STATE_IDLE:
    case KFT_FORWARD_STATE_BACKOFF:
    case KFT_FORWARD_STATE_STOPPING:
    case KFT_FORWARD_STATE_FAILED:
        return;
    }
}

static void end_waits(KftForward *self)
{
    g_clear_pointer(&self->server, kft_reach_watch_free);
    g_clear_pointer(&self->node, kft_node_wait_free);
    self->waits_for_user = false;
    self->next_try_ms = 0;
}

static void set_state(KftForward *self, KftForwardState next)
{
    g_assert(kft_forward_transition_allowed(self->state, next));
    kft_log(KFT_LOG_FORWARD, KFT_LEVEL_INFO, "%s: %s -> %s%s%s", self->options->label,
            kft_forward_state_name(self->state), kft_forward_state_name(next),
            self->error == NULL ? "" : ": ", self->error == NULL ? "" : self->error->message);
    self->state = next;
    self->ready_since_unix_ms = 0;
    if (next != KFT_FORWARD_STATE_BACKOFF)
        end_waits(self);
    uint32_t deadline_ms = deadline_of(self, next);
    kft_timer_stop(self->deadline);
    if (deadline_ms > 0)
        kft_timer_start(self->deadline, deadline_ms);
    emit_status(self);
    enter_state(self);
}

const KftVia *kft_forward_get_via(const KftForward *self, KftVia *via)
{
    bool is_udp = self->options->protocol == KFT_PROTOCOL_UDP;

    *via = (KftVia){
        .host = self->options->via_host,
        .port = self->options->via_port,
        .command = is_udp ? KFT_SOCKS5_UDP_FRAMES : KFT_SOCKS5_CONNECT,
    };
    return via->host == NULL ? NULL : via;
}

bool kft_forward_is_over(const KftForward *self)
{
    return self->state == KFT_FORWARD_STATE_STOPPING || self->state == KFT_FORWARD_STATE_FAILED ||
           self->state == KFT_FORWARD_STATE_IDLE;
}

/* --- ends and retries --- */

static void close_everything(KftForward *self)
{
    g_clear_pointer(&self->resolver, kft_resolver_free);
    /* Before the listeners, through which they answer. */
    kft_forward_remove_peers(self);
    g_clear_pointer(&self->bindings, kft_bindings_free);
    g_hash_table_remove_all(self->clients);
    g_clear_pointer(&self->keepalive, kft_keepalive_free);
    /* After the connections, whose pairs belong to pools of these. */
    kft_backends_drain(self->backends);
}

static void fail(KftForward *self, const GError *error)
{
    set_error(self, error);
    set_state(self, KFT_FORWARD_STATE_FAILED);
    close_everything(self);
    (void)kft_forward_remove_relay(self);
}

/* Whether a failure of the first start is worth another try: the server stumbled or asked to wait.
 * One that cannot be reached at all is told at once, as kubectl does. */
static bool is_stumble(const KftForward *self, const GError *error)
{
    uint64_t elapsed_ms = kft_loop_now_ms(self->loop) - self->started_ms;
    bool may_pass = g_error_matches(error, KFT_ERROR, KFT_ERROR_REFUSED) ||
                    g_error_matches(error, KFT_ERROR, KFT_ERROR_LIMIT) ||
                    (kft_backends_has_any(self->backends) &&
                     (g_error_matches(error, KFT_ERROR, KFT_ERROR_NOT_FOUND) ||
                      g_error_matches(error, KFT_ERROR, KFT_ERROR_TIMEOUT)));
    return may_pass && elapsed_ms < self->options->pod_timeout_ms;
}

/* After the first success nothing ends a forward but its user. */
void kft_forward_handle_failure(KftForward *self, const GError *error)
{
    bool may_retry =
        self->was_ready || is_stumble(self, error) ||
        (self->options->retries_start &&
         (!kft_error_needs_user(error) || g_error_matches(error, KFT_ERROR, KFT_ERROR_PROXY_AUTH)));
    if (may_retry)
        kft_forward_retry_later(self, error);
    else
        fail(self, error);
}

/* Only the user can mend these; a port in use does not come up once the listeners are open. */
static bool is_refusal(const GError *error)
{
    return g_error_matches(error, KFT_ERROR, KFT_ERROR_AUTH) ||
           g_error_matches(error, KFT_ERROR, KFT_ERROR_PROXY_AUTH) ||
           g_error_matches(error, KFT_ERROR, KFT_ERROR_BAD_CONFIG);
}

static uint32_t wait_for_user_ms(const KftForward *self)
{
    unsigned n_doublings = MIN(self->n_refusals - DOUBTED_REFUSALS - 1, 8);
    return MIN(WAIT_FOR_USER_BASE_MS << n_doublings, WAIT_FOR_USER_CAP_MS);
}

static void on_server_news(const GError *error, uint32_t next_ms, void *user_data)
{
    KftForward *self = user_data;

    if (error == NULL) {
        set_state(self, KFT_FORWARD_STATE_RESOLVING);
        return;
    }
    bool is_news = self->error == NULL || strcmp(self->error->message, error->message) != 0;
    self->attempt++;
    self->next_try_ms = next_ms;
    set_error(self, error);
    kft_timer_start(self->deadline, WAIT_FOR_SERVER_MS);
    if (is_news || next_ms >= TELL_WAIT_MS)
        emit_status(self);
}

static void on_node_turn(void *user_data)
{
    set_state(user_data, KFT_FORWARD_STATE_RESOLVING);
}

/* The pod's node refused, and may refuse other forwards as well: one of them tries for all. */
static bool wait_for_node(KftForward *self)
{
    const KftPod *pod = kft_backends_get_pod(self->backends);
    KftNodes *nodes = kft_cluster_get_nodes(self->cluster);
    /* Without tunnels it is not connecting that fails, but a connection. */
    bool has_tunnels = kft_backends_get_transport(self->backends) != KFT_TRANSPORT_WEBSOCKET;
    bool was_refused =
        self->attempt > 1 && (!has_tunnels || self->state == KFT_FORWARD_STATE_CONNECTING);

    if (!was_refused || pod == NULL || !kft_nodes_is_bad(nodes, pod->node))
        return false;
    self->node = kft_nodes_wait(nodes, pod->node, on_node_turn, self, &self->next_try_ms);
    return true;
}

static void choose_wait(KftForward *self, const GError *error)
{
    KftReach *reach = kft_cluster_get_reach(self->cluster);

    if (self->attempt > 1 && kft_reach_is_away(reach)) {
        self->server = kft_reach_watch_new(reach, on_server_news, self);
        self->next_try_ms = 1;
        return;
    }
    if (wait_for_node(self))
        return;
    self->n_refusals = is_refusal(error) ? self->n_refusals + 1 : 0;
    self->waits_for_user = self->n_refusals > DOUBTED_REFUSALS;
    if (self->waits_for_user)
        self->next_try_ms = wait_for_user_ms(self);
    else if (self->attempt == 1)
        self->next_try_ms = 1;
    else
        self->next_try_ms = kft_backoff_next_ms(&self->backoff);
}

void kft_forward_retry_later(KftForward *self, const GError *error)
{
    uint64_t now = kft_loop_now_ms(self->loop);

    if (self->ready_since_ms != 0 && now - self->ready_since_ms > HEALTHY_AFTER_MS) {
        self->attempt = 0;
        kft_backoff_reset(&self->backoff);
    }
    self->ready_since_ms = 0;
    self->attempt++;
    choose_wait(self, error);
    set_error(self, error);
    set_state(self, KFT_FORWARD_STATE_BACKOFF);
}

void kft_forward_leave_node(KftForward *self, const char *text)
{
    if (self->state != KFT_FORWARD_STATE_READY)
        return;
    g_autoptr(GError) error = g_error_new_literal(KFT_ERROR, KFT_ERROR_UNREACHABLE, text);
    kft_forward_retry_later(self, error);
}

/* --- backends --- */

static void tell_detour(KftForward *self)
{
    const char *why = find_detour(self);
    if (why == NULL || self->has_told_block)
        return;
    g_autofree char *text = g_strdup_printf(
        "WebSockets do not get through to this cluster (%s); SPDY by POST is used instead", why);
    self->has_told_block = true;
    self->funcs.on_notice(text, self->user_data);
}

static void on_backends_ready(void *user_data)
{
    KftForward *self = user_data;

    if (self->state == KFT_FORWARD_STATE_CONNECTING) {
        set_error(self, NULL);
        set_state(self, KFT_FORWARD_STATE_READY);
        tell_detour(self);
    } else if (self->state == KFT_FORWARD_STATE_READY &&
               self->told_pod != kft_backends_get_pod(self->backends)) {
        emit_status(self);
    }
    kft_forward_attach_waiting(self);
    kft_forward_attach_peers(self);
}

static void on_backends_failed(const GError *error, void *user_data)
{
    KftForward *self = user_data;
    if (!kft_forward_is_over(self) && self->state != KFT_FORWARD_STATE_BACKOFF)
        kft_forward_handle_failure(self, error);
}

static void on_backends_lost(const GError *error, void *user_data)
{
    KftForward *self = user_data;
    if (self->state == KFT_FORWARD_STATE_READY)
        kft_forward_retry_later(self, error);
}

void kft_forward_look_again(KftForward *self)
{
    if (self->state != KFT_FORWARD_STATE_READY)
        return;
    if (kft_backends_is_ready(self->backends))
        kft_resolver_refresh(self->resolver);
    else
        set_state(self, KFT_FORWARD_STATE_RESOLVING);
}

/* --- listeners --- */

static void on_binding_listening(size_t port_index, const char *address, void *user_data)
{
    KftForward *self = user_data;
    uint16_t port = kft_forward_shown_port(self, self->ports[port_index]);
    self->funcs.on_listening(address, port, self->user_data);
}

static void on_binding_notice(const char *text, void *user_data)
{
    KftForward *self = user_data;
    self->funcs.on_notice(text, self->user_data);
}

/* @local_numbers: what a name alone means as a local port. */
static bool open_listeners(KftForward *self, const uint16_t *local_numbers, GError **error)
{
    static const KftBindingsFuncs funcs = {
        .on_listening = on_binding_listening,
        .on_notice = on_binding_notice,
        .on_connection = kft_forward_add_client,
        .on_datagram = kft_forward_take_datagram,
        .on_lost = kft_forward_count_lost,
    };
    size_t n_ports = self->options->n_ports;

    if (self->bindings != NULL)
        return true;
    g_autofree uint16_t *local = g_new0(uint16_t, n_ports);
    for (size_t i = 0; i < n_ports; i++)
        local[i] = self->options->port_is_local_from_remote[i] ? local_numbers[i]
                                                               : self->options->ports[i].local;
    const KftBindingsOptions options = {
        .protocol = self->options->protocol,
        .addresses = (const char *const *)self->options->addresses,
        .ports = local,
        .n_ports = n_ports,
    };
    self->bindings = kft_bindings_new(self->loop, &options, &funcs, self, error);
    return self->bindings != NULL;
}

/* --- the resolver's news --- */

void kft_forward_set_waiting_for(KftForward *self, const char *reason)
{
    bool is_new = g_strcmp0(self->waiting_for, reason) != 0;
    char *copy = g_strdup(reason);
    g_free(self->waiting_for);
    self->waiting_for = copy;
    if (is_new && reason != NULL && self->state == KFT_FORWARD_STATE_RESOLVING)
        emit_status(self);
}

static void handle_no_candidate(KftForward *self, const char *reason)
{
    kft_backends_drain(self->backends);
    if (self->state == KFT_FORWARD_STATE_READY || self->state == KFT_FORWARD_STATE_CONNECTING)
        set_state(self, KFT_FORWARD_STATE_RESOLVING);
    kft_forward_set_waiting_for(self, reason);
    if (!self->was_resolved && self->state == KFT_FORWARD_STATE_RESOLVING)
        kft_timer_start(self->deadline, self->options->pod_timeout_ms);
    self->was_resolved = true;
}

/* Goes over to what was found, unless that is what is in use or being connected to anyway. */
static void handle_candidates(KftForward *self, const KftResolution *resolution)
{
    bool has_new = kft_backends_set_candidates(self->backends, resolution->candidates,
                                               resolution->n_candidates);
    kft_forward_set_waiting_for(self, NULL);
    switch (self->state) {
    case KFT_FORWARD_STATE_RESOLVING:
        set_state(self, KFT_FORWARD_STATE_CONNECTING);
        return;
    case KFT_FORWARD_STATE_CONNECTING:
        if (!has_new)
            return;
        /* Another pod while the first was being connected to: begin again. */
        kft_timer_start(self->deadline, kft_forward_state_deadline_ms(self->state));
        kft_backends_connect(self->backends);
        return;
    case KFT_FORWARD_STATE_READY:
        if (has_new)
            kft_backends_connect(self->backends);
        return;
    case KFT_FORWARD_STATE_BACKOFF:
        if (has_new)
            set_state(self, KFT_FORWARD_STATE_CONNECTING);
        return;
    case KFT_FORWARD_STATE_IDLE:
    case KFT_FORWARD_STATE_STOPPING:
    case KFT_FORWARD_STATE_FAILED:
        break;
    }
    g_assert_not_reached();
}

static void on_resolver_change(const KftResolution *resolution, void *user_data)
{
    KftForward *self = user_data;
    g_autoptr(GError) error = NULL;

    if (kft_forward_is_over(self))
        return;
    if (!kft_forward_check_relay(self, resolution))
        return;
    KftResolution usable = *resolution;
    usable.n_candidates = kft_forward_count_usable(self, resolution);
    if (usable.n_candidates == 0) {
        handle_no_candidate(self, kft_forward_describe_wait(self, resolution));
        return;
    }
    memcpy(self->ports, resolution->candidates[0].ports,
           self->options->n_ports * sizeof self->ports[0]);
    if (self->bindings == NULL && !open_listeners(self, resolution->local_numbers, &error)) {
        fail(self, error);
        return;
    }
    handle_candidates(self, &usable);
}

static void on_resolver_error(const GError *error, bool is_final, void *user_data)
{
    KftForward *self = user_data;

    if (kft_forward_is_over(self) || self->state == KFT_FORWARD_STATE_READY)
        return;
    kft_log(KFT_LOG_FORWARD, KFT_LEVEL_INFO, "%s: %s%s", self->options->label, error->message,
            is_final ? " (final)" : "");
    /* The resolver is at it. */
    if (!is_final && self->state == KFT_FORWARD_STATE_RESOLVING && is_stumble(self, error)) {
        kft_forward_set_waiting_for(self, error->message);
        return;
    }
    if (self->state == KFT_FORWARD_STATE_RESOLVING)
        kft_forward_handle_failure(self, error);
}

void kft_forward_start_resolver(KftForward *self)
{
    static const KftResolverFuncs funcs = {
        .on_change = on_resolver_change,
        .on_error = on_resolver_error,
    };
    self->resolver = kft_resolver_new(self->cluster, self->target, self->namespace_,
                                      self->options->ports, self->options->n_ports, &funcs, self);
}

/* --- deadlines --- */

static GError *resolving_timeout_error(const KftForward *self)
{
    bool is_relay = self->options->relay != NULL;
    g_autofree char *target =
        is_relay ? g_strdup("the relay") : kft_target_describe(self->options->target);

    if (!self->was_resolved)
        return g_error_new(KFT_ERROR, KFT_ERROR_TIMEOUT,
                           "%s could not be looked up within %u s%s%s", target, LOOKUP_MS / 1000,
                           self->waiting_for == NULL ? "" : ": ",
                           self->waiting_for == NULL ? "" : self->waiting_for);
    return g_error_new(KFT_ERROR, KFT_ERROR_TIMEOUT, "no running %s within %.3g s%s%s",
                       is_relay ? "relay" : "pod", self->options->pod_timeout_ms / 1e3,
                       self->waiting_for == NULL ? "" : ": ",
                       self->waiting_for == NULL ? "" : self->waiting_for);
}

static void on_deadline(void *user_data)
{
    KftForward *self = user_data;
    g_autoptr(GError) error = NULL;

    switch (self->state) {
    case KFT_FORWARD_STATE_RESOLVING:
        error = resolving_timeout_error(self);
        kft_forward_doubt_relay(self);
        kft_forward_handle_failure(self, error);
        return;
    case KFT_FORWARD_STATE_CONNECTING:
        error = g_error_new(KFT_ERROR, KFT_ERROR_TIMEOUT, "no connection to pod \"%s\" in time",
                            kft_backends_get_pod(self->backends)->name);
        kft_backends_drain(self->backends);
        kft_forward_handle_failure(self, error);
        return;
    case KFT_FORWARD_STATE_BACKOFF:
        /* Straight to the pod the first time, then by way of looking it up again (5.4). */
        set_state(self, kft_backends_has_any(self->backends) && self->attempt == 1
                            ? KFT_FORWARD_STATE_CONNECTING
                            : KFT_FORWARD_STATE_RESOLVING);
        return;
    case KFT_FORWARD_STATE_STOPPING:
        set_state(self, KFT_FORWARD_STATE_IDLE);
        return;
    case KFT_FORWARD_STATE_IDLE:
        set_state(self, KFT_FORWARD_STATE_RESOLVING);
        return;
    case KFT_FORWARD_STATE_READY:
    case KFT_FORWARD_STATE_FAILED:
        break;
    }
    g_assert_not_reached();
}

/* --- life --- */

KftForward *kft_forward_new(KftCluster *cluster,
                            KftForwardOptions *options,
                            const KftForwardFuncs *funcs,
                            void *user_data)
{
    static const KftBackendsFuncs backends_funcs = {
        .on_ready = on_backends_ready,
        .on_failed = on_backends_failed,
        .on_lost = on_backends_lost,
    };
    KftForward *self = g_new0(KftForward, 1);
    self->cluster = kft_cluster_ref(cluster);
    self->loop = kft_cluster_get_loop(cluster);
    self->options = options;
    self->funcs = *funcs;
    self->user_data = user_data;
    self->ports = g_new0(uint16_t, options->n_ports);
    self->has_answered = g_new0(bool, options->n_ports);
    self->backends = kft_backends_new(cluster, options->transport, options->balance,
                                      options->n_ports, &backends_funcs, self);
    kft_backoff_init(&self->backoff, BACKOFF_BASE_MS, BACKOFF_CAP_MS);
    self->started_ms = kft_loop_now_ms(self->loop);
    kft_forward_init_clients(self);
    kft_forward_init_time(self);
    kft_forward_init_peers(self);
    kft_forward_init_relay(self);
    self->deadline = kft_timer_new(self->loop, on_deadline, self);
    kft_timer_start(self->deadline, 0);
    return self;
}

void kft_forward_stop(KftForward *self)
{
    if (self->state == KFT_FORWARD_STATE_STOPPING)
        return;
    set_error(self, NULL);
    set_state(self, KFT_FORWARD_STATE_STOPPING);
    close_everything(self);
    if (!kft_forward_remove_relay(self))
        kft_forward_stopped(self);
}

void kft_forward_stopped(KftForward *self)
{
    if (self->state == KFT_FORWARD_STATE_STOPPING)
        kft_timer_start(self->deadline, 0);
}

void kft_forward_retry(KftForward *self)
{
    kft_reach_probe_for_user(kft_cluster_get_reach(self->cluster));
    if (self->state == KFT_FORWARD_STATE_BACKOFF) {
        kft_backoff_reset(&self->backoff);
        if (self->server != NULL)
            return;
        /* One refusal now is worth as much as the first ones. */
        self->n_refusals = MIN(self->n_refusals, DOUBTED_REFUSALS);
        kft_timer_start(self->deadline, 0);
    } else if (self->state == KFT_FORWARD_STATE_RESOLVING && self->resolver != NULL) {
        kft_resolver_refresh(self->resolver);
    }
}

void kft_forward_verify(KftForward *self, uint32_t limit_ms)
{
    kft_forward_check_time(self);
    switch (self->state) {
    case KFT_FORWARD_STATE_READY:
        kft_backends_verify(self->backends, limit_ms);
        kft_resolver_refresh(self->resolver);
        return;
    case KFT_FORWARD_STATE_CONNECTING:
        /* Perhaps into the void. */
        kft_backends_drain(self->backends);
        set_state(self, KFT_FORWARD_STATE_RESOLVING);
        return;
    case KFT_FORWARD_STATE_RESOLVING:
    case KFT_FORWARD_STATE_BACKOFF:
        kft_forward_retry(self);
        return;
    case KFT_FORWARD_STATE_IDLE:
    case KFT_FORWARD_STATE_STOPPING:
    case KFT_FORWARD_STATE_FAILED:
        return;
    }
    g_assert_not_reached();
}

void kft_forward_mend(KftForward *self)
{
    if (self->state == KFT_FORWARD_STATE_BACKOFF && self->n_refusals > 0)
        kft_forward_retry(self);
}

void kft_forward_move(KftForward *self)
{
    if (kft_forward_is_over(self) || self->state == KFT_FORWARD_STATE_IDLE)
        return;
    kft_backends_drain(self->backends);
    g_clear_pointer(&self->resolver, kft_resolver_free);
    self->n_refusals = 0;
    self->was_resolved = false;
    set_error(self, NULL);
    kft_forward_set_waiting_for(self, NULL);
    /* What it had deployed is on the server that is left. */
    kft_forward_clear_relay(self);
    kft_forward_init_relay(self);
    if (self->state != KFT_FORWARD_STATE_RESOLVING)
        set_state(self, KFT_FORWARD_STATE_RESOLVING);
    else if (kft_forward_need_relay(self))
        kft_forward_start_resolver(self);
}

/* The earlier one. */
static int64_t find_announced_end(const KftForward *self)
{
    if (self->idle_end_ms == 0 || self->time_end_ms == 0)
        return MAX(self->idle_end_ms, self->time_end_ms);
    return MIN(self->idle_end_ms, self->time_end_ms);
}

void kft_forward_get_statistics(const KftForward *self, KftForwardStatistics *ret_statistics)
{
    *ret_statistics = self->closed;
    ret_statistics->n_reconnects = self->n_reconnects;
    ret_statistics->ready_since_ms = self->ready_since_unix_ms;
    ret_statistics->closes_ms = find_announced_end(self);
    kft_backends_get_health(self->backends, &ret_statistics->health);
    kft_forward_count_clients(self, ret_statistics);
    kft_forward_count_peers(self, ret_statistics);
}

void kft_forward_free(KftForward *self)
{
    if (self == NULL)
        return;
    end_waits(self);
    close_everything(self);
    kft_timer_free(self->deadline);
    kft_forward_clear_clients(self);
    kft_forward_clear_time(self);
    kft_forward_clear_peers(self);
    kft_backends_free(self->backends);
    kft_forward_clear_relay(self);
    kft_pod_unref(self->told_pod);
    kft_forward_options_free(self->options);
    g_clear_error(&self->error);
    g_free(self->waiting_for);
    g_free(self->ports);
    g_free(self->has_answered);
    kft_cluster_unref(self->cluster);
    g_free(self);
}
