/* The forward's machine: resolver and backends report, set_state() is the only writer of the state,
 * and each state has one entry function that starts what the state is for.
 *
 * The listeners stay open from the first resolution until the end. Connections that arrive while no
 * pod is ready wait, unread, for at most their hold time; they are attached as soon as one is. A
 * forward that is READY stays so while it goes over to another pod: that takes a round trip or two,
 * and what was begun is carried on. */
#include "forward/forward.h"

#include <string.h>

#include "kftray/error.h"

#include "base/backoff.h"
#include "base/log.h"
#include "forward/backends.h"
#include "forward/bindings.h"
#include "net/timer.h"

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
/* An end for want of traffic is announced so long before, or at half of the time. */
#define ANNOUNCE_MS 60000
/* Pause before connections that could not be carried are tried again on a pod that seems healthy.
 */
#define ATTACH_AGAIN_MS 200

typedef struct {
    KftForward *owner;
    KftConnection *connection;
    size_t port_index;
    uint16_t remote_port; /* of the pod it was attached to */
    KftPod *pod;          /* that one; nullable */
    GPtrArray *tried;     /* uids of pods that refused it; nullable */
} Client;

struct KftForward {
    KftCluster *cluster;
    KftLoop *loop;
    KftForwardOptions *options;
    KftForwardFuncs funcs;
    void *user_data;

    KftForwardState state;
    KftTimer *deadline; /* of the state */
    KftTimer *attach_again;
    uint64_t started_ms;
    bool was_resolved; /* the target was read at least once */
    GError *error;
    char *waiting_for;
    uint32_t next_try_ms;
    bool waits_for_user;
    KftReachWatch *server; /* BACKOFF: until the server is back; nullable */
    unsigned n_refusals;   /* of our credentials or configuration, in a row */
    unsigned attempt;
    uint64_t ready_since_ms;
    bool was_ready;
    uint32_t n_reconnects;
    int64_t ready_since_unix_ms;
    KftTimer *auto_close;     /* nullable */
    uint64_t last_traffic_ms; /* of connections that ended */
    bool is_announced;
    bool has_told_block;
    KftBackoff backoff;

    KftResolver *resolver;
    KftBindings *bindings;
    KftBackends *backends;
    KftPod *told_pod;            /* the last one in a status; nullable */
    uint16_t *ports;             /* of the best pod, per port of the options */
    GHashTable *clients;         /* Client, owned */
    KftForwardStatistics closed; /* of connections that ended */
};

static void set_state(KftForward *self, KftForwardState next);
static void start_resolver(KftForward *self);
static void retry_later(KftForward *self, const GError *error);

/* --- options --- */

KftForwardOptions *kft_forward_options_new(void)
{
    return g_new0(KftForwardOptions, 1);
}

void kft_forward_options_free(KftForwardOptions *self)
{
    if (self == NULL)
        return;
    for (size_t i = 0; i < self->n_ports; i++)
        kft_port_spec_clear(&self->ports[i]);
    g_free(self->ports);
    g_free(self->port_is_local_from_remote);
    kft_target_free(self->target);
    g_free(self->label);
    g_free(self->namespace_);
    g_strfreev(self->addresses);
    g_free(self);
}

/* --- state --- */

static void set_pod(KftPod **slot, KftPod *pod)
{
    KftPod *old = *slot;
    *slot = pod == NULL ? NULL : kft_pod_ref(pod);
    kft_pod_unref(old);
}

static void emit_status(KftForward *self)
{
    KftPod *pod = kft_backends_get_pod(self->backends);
    set_pod(&self->told_pod, pod);
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
        return self->server != NULL ? WAIT_FOR_SERVER_MS : self->next_try_ms;
    return self->was_resolved ? self->options->pod_timeout_ms : LOOKUP_MS;
}

/* What the states themselves begin; what they react to is in the callbacks below. */
static void enter_state(KftForward *self)
{
    switch (self->state) {
    case KFT_FORWARD_STATE_RESOLVING:
        if (self->resolver == NULL)
            start_resolver(self);
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

static bool is_over(const KftForward *self)
{
    return self->state == KFT_FORWARD_STATE_STOPPING || self->state == KFT_FORWARD_STATE_FAILED ||
           self->state == KFT_FORWARD_STATE_IDLE;
}

/* --- ends and retries --- */

static void close_everything(KftForward *self)
{
    g_clear_pointer(&self->resolver, kft_resolver_free);
    g_clear_pointer(&self->bindings, kft_bindings_free);
    g_hash_table_remove_all(self->clients);
    /* After the connections, whose pairs belong to pools of these. */
    kft_backends_drain(self->backends);
}

static void fail(KftForward *self, const GError *error)
{
    set_error(self, error);
    set_state(self, KFT_FORWARD_STATE_FAILED);
    close_everything(self);
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
static void handle_failure(KftForward *self, const GError *error)
{
    bool may_retry = self->was_ready || is_stumble(self, error) ||
                     (self->options->retries_start && !kft_error_needs_user(error));
    if (may_retry)
        retry_later(self, error);
    else
        fail(self, error);
}

/* Only the user can mend these; a port in use does not come up once the listeners are open. */
static bool is_refusal(const GError *error)
{
    return g_error_matches(error, KFT_ERROR, KFT_ERROR_AUTH) ||
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

static void choose_wait(KftForward *self, const GError *error)
{
    KftReach *reach = kft_cluster_get_reach(self->cluster);

    if (self->attempt > 1 && kft_reach_is_away(reach)) {
        self->server = kft_reach_watch_new(reach, on_server_news, self);
        self->next_try_ms = 1;
        return;
    }
    self->n_refusals = is_refusal(error) ? self->n_refusals + 1 : 0;
    self->waits_for_user = self->n_refusals > DOUBTED_REFUSALS;
    if (self->waits_for_user)
        self->next_try_ms = wait_for_user_ms(self);
    else if (self->attempt == 1)
        self->next_try_ms = 1;
    else
        self->next_try_ms = kft_backoff_next_ms(&self->backoff);
}

static void retry_later(KftForward *self, const GError *error)
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

/* --- backends --- */

static void attach_waiting(KftForward *self);

/* That it works by a detour is worth knowing: it costs something, and can be mended elsewhere. */
static void tell_block(KftForward *self)
{
    const char *why = kft_cluster_get_websocket_block(self->cluster);
    if (why == NULL || self->has_told_block ||
        kft_backends_get_transport(self->backends) != KFT_TRANSPORT_SPDY ||
        self->options->transport != KFT_TRANSPORT_AUTO)
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
        tell_block(self);
    } else if (self->state == KFT_FORWARD_STATE_READY &&
               self->told_pod != kft_backends_get_pod(self->backends)) {
        emit_status(self);
    }
    attach_waiting(self);
}

static void on_backends_failed(const GError *error, void *user_data)
{
    KftForward *self = user_data;
    if (!is_over(self) && self->state != KFT_FORWARD_STATE_BACKOFF)
        handle_failure(self, error);
}

static void on_backends_lost(const GError *error, void *user_data)
{
    KftForward *self = user_data;
    if (self->state == KFT_FORWARD_STATE_READY)
        retry_later(self, error);
}

/* --- the end for want of traffic --- */

static uint64_t find_last_traffic_ms(const KftForward *self)
{
    uint64_t last = self->last_traffic_ms;
    GHashTableIter iter;
    gpointer key = NULL;
    g_hash_table_iter_init(&iter, self->clients);
    while (g_hash_table_iter_next(&iter, &key, NULL))
        last = MAX(last, kft_connection_get_last_traffic_ms(((Client *)key)->connection));
    return last;
}

/* Runs when the forward may have been idle for long enough for an announcement, or for the end. */
static void on_auto_close(void *user_data)
{
    KftForward *self = user_data;
    uint32_t limit_ms = self->options->auto_close_ms;
    uint32_t ahead_ms = MIN(ANNOUNCE_MS, limit_ms / 2);
    uint64_t idle_ms = kft_loop_now_ms(self->loop) - find_last_traffic_ms(self);

    if (is_over(self) && self->state != KFT_FORWARD_STATE_IDLE)
        return;
    if (idle_ms >= limit_ms) {
        bool is_long = limit_ms >= 60000;
        g_autofree char *text =
            g_strdup_printf("closed after %.4g %s without traffic",
                            limit_ms / (is_long ? 60e3 : 1e3), is_long ? "min" : "s");
        self->funcs.on_notice(text, self->user_data);
        kft_forward_stop(self);
        return;
    }
    bool is_near = idle_ms >= limit_ms - ahead_ms;
    if (is_near != self->is_announced)
        self->funcs.on_closing(is_near ? (uint32_t)(limit_ms - idle_ms) : 0, self->user_data);
    self->is_announced = is_near;
    kft_timer_start(self->auto_close, is_near ? limit_ms - idle_ms : limit_ms - ahead_ms - idle_ms);
}

/* Called with each new connection. */
static void note_traffic(KftForward *self)
{
    self->last_traffic_ms = kft_loop_now_ms(self->loop);
    if (self->is_announced)
        on_auto_close(self);
}

/* --- local connections --- */

static void client_free(void *data)
{
    Client *client = data;

    if (client->connection != NULL) {
        /* Cut off, it is not reported closed, but what it carried counts. */
        client->owner->closed.bytes_up += kft_connection_get_bytes_up(client->connection);
        client->owner->closed.bytes_down += kft_connection_get_bytes_down(client->connection);
        kft_connection_free(client->connection);
    }
    g_clear_pointer(&client->tried, g_ptr_array_unref);
    kft_pod_unref(client->pod);
    g_free(client);
}

static void attach_client(KftForward *self, Client *client)
{
    KftPod *pod = kft_backends_attach(self->backends, client->connection, client->port_index,
                                      client->tried, &client->remote_port);
    if (pod != NULL)
        set_pod(&client->pod, pod);
    else if (kft_backends_is_ready(self->backends) && !kft_timer_is_active(self->attach_again))
        /* A tunnel may be full without any other being opened: look again until the hold time is
         * over. */
        kft_timer_start(self->attach_again, ATTACH_AGAIN_MS);
}

static void attach_waiting(KftForward *self)
{
    GHashTableIter iter;
    gpointer key = NULL;
    g_hash_table_iter_init(&iter, self->clients);
    while (g_hash_table_iter_next(&iter, &key, NULL)) {
        Client *client = key;
        if (kft_connection_is_waiting(client->connection))
            attach_client(self, client);
    }
}

static void on_attach_again(void *user_data)
{
    attach_waiting(user_data);
}

/* The pod is gone although no watch said so yet: look again before the next connection suffers. */
static void suspect_pod(KftForward *self, const Client *client, KftPairEnd end)
{
    if (end != KFT_PAIR_END_NO_POD || client->pod == NULL)
        return;
    kft_backends_suspect(self->backends, client->pod);
    if (self->state != KFT_FORWARD_STATE_READY)
        return;
    if (kft_backends_is_ready(self->backends))
        kft_resolver_refresh(self->resolver);
    else
        set_state(self, KFT_FORWARD_STATE_RESOLVING);
}

static void note_refusal(Client *client)
{
    if (client->tried == NULL)
        client->tried = g_ptr_array_new_with_free_func(g_free);
    g_ptr_array_add(client->tried, g_strdup(client->pod->uid));
}

static bool has_other(KftConnection *connection, void *user_data)
{
    Client *client = user_data;
    (void)connection;
    note_refusal(client);
    return kft_backends_has_other(client->owner->backends, client->tried);
}

static void
on_client_waiting(KftConnection *connection, KftPairEnd why, const char *text, void *user_data)
{
    Client *client = user_data;
    (void)connection;
    (void)text;
    suspect_pod(client->owner, client, why);
    if (client->owner->state == KFT_FORWARD_STATE_READY)
        kft_timer_start(client->owner->attach_again,
                        why == KFT_PAIR_END_REFUSED ? 0 : ATTACH_AGAIN_MS);
}

static void report_error(KftForward *self, const Client *client, const KftConnectionReport *report)
{
    if (report->end == KFT_PAIR_END_CLEAN || report->text == NULL)
        return;
    g_autofree char *text = kft_pair_text_simplify(report->text, client->remote_port);
    uint16_t local = kft_bindings_get_port(self->bindings, client->port_index);
    self->funcs.on_connection_error(local, client->remote_port, text, self->user_data);
}

static void
on_client_closed(KftConnection *connection, const KftConnectionReport *report, void *user_data)
{
    Client *client = user_data;
    KftForward *self = client->owner;

    self->last_traffic_ms =
        MAX(self->last_traffic_ms, kft_connection_get_last_traffic_ms(connection));
    self->closed.bytes_up += report->bytes_up;
    self->closed.bytes_down += report->bytes_down;
    report_error(self, client, report);
    suspect_pod(self, client, report->end);
    g_hash_table_steal(self->clients, client);
    client->connection = NULL; /* it frees itself */
    client_free(client);
}

static void on_binding_connection(size_t port_index, KftSocket *socket, void *user_data)
{
    static const KftConnectionFuncs funcs = {
        .has_other = has_other,
        .on_waiting = on_client_waiting,
        .on_closed = on_client_closed,
    };
    KftForward *self = user_data;

    if (g_hash_table_size(self->clients) >= KFT_FORWARD_MAX_CONNECTIONS) {
        self->funcs.on_notice("too many connections at once: one was refused", self->user_data);
        kft_socket_abort(socket);
        return;
    }
    Client *client = g_new0(Client, 1);
    client->owner = self;
    client->port_index = port_index;
    client->remote_port = self->ports[port_index];
    client->connection =
        kft_connection_new(self->loop, socket, &self->options->limits, &funcs, client);
    g_hash_table_add(self->clients, client);
    self->closed.n_connections++;
    note_traffic(self);
    self->funcs.on_connection(kft_bindings_get_port(self->bindings, port_index), self->user_data);
    attach_client(self, client);
}

/* --- listeners --- */

static void on_binding_listening(size_t port_index, const char *address, void *user_data)
{
    KftForward *self = user_data;
    self->funcs.on_listening(address, self->ports[port_index], self->user_data);
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
        .on_connection = on_binding_connection,
    };
    size_t n_ports = self->options->n_ports;
    g_autofree uint16_t *local = g_new0(uint16_t, n_ports);

    for (size_t i = 0; i < n_ports; i++)
        local[i] = self->options->port_is_local_from_remote[i] ? local_numbers[i]
                                                               : self->options->ports[i].local;
    self->bindings = kft_bindings_new(self->loop, (const char *const *)self->options->addresses,
                                      local, n_ports, &funcs, self, error);
    return self->bindings != NULL;
}

/* --- the resolver's news --- */

static void set_waiting_for(KftForward *self, const char *reason)
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
    set_waiting_for(self, reason);
    if (!self->was_resolved && self->state == KFT_FORWARD_STATE_RESOLVING)
        kft_timer_start(self->deadline, self->options->pod_timeout_ms);
    self->was_resolved = true;
}

/* Goes over to what was found, unless that is what is in use or being connected to anyway. */
static void handle_candidates(KftForward *self, const KftResolution *resolution)
{
    bool has_new = kft_backends_set_candidates(self->backends, resolution->candidates,
                                               resolution->n_candidates);
    set_waiting_for(self, NULL);
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

    if (is_over(self))
        return;
    if (resolution->n_candidates == 0) {
        handle_no_candidate(self, resolution->waiting_reason);
        return;
    }
    memcpy(self->ports, resolution->candidates[0].ports,
           self->options->n_ports * sizeof self->ports[0]);
    if (self->bindings == NULL && !open_listeners(self, resolution->local_numbers, &error)) {
        fail(self, error);
        return;
    }
    handle_candidates(self, resolution);
}

static void on_resolver_error(const GError *error, bool is_final, void *user_data)
{
    KftForward *self = user_data;

    if (is_over(self) || self->state == KFT_FORWARD_STATE_READY)
        return;
    kft_log(KFT_LOG_FORWARD, KFT_LEVEL_INFO, "%s: %s%s", self->options->label, error->message,
            is_final ? " (final)" : "");
    /* The resolver is at it. */
    if (!is_final && self->state == KFT_FORWARD_STATE_RESOLVING && is_stumble(self, error)) {
        set_waiting_for(self, error->message);
        return;
    }
    if (self->state == KFT_FORWARD_STATE_RESOLVING)
        handle_failure(self, error);
}

static void start_resolver(KftForward *self)
{
    static const KftResolverFuncs funcs = {
        .on_change = on_resolver_change,
        .on_error = on_resolver_error,
    };
    self->resolver =
        kft_resolver_new(self->cluster, self->options->target, self->options->namespace_,
                         self->options->ports, self->options->n_ports, &funcs, self);
}

/* --- deadlines --- */

static GError *resolving_timeout_error(const KftForward *self)
{
    g_autofree char *target = kft_target_describe(self->options->target);

    if (!self->was_resolved)
        return g_error_new(KFT_ERROR, KFT_ERROR_TIMEOUT,
                           "%s could not be looked up within %u s%s%s", target, LOOKUP_MS / 1000,
                           self->waiting_for == NULL ? "" : ": ",
                           self->waiting_for == NULL ? "" : self->waiting_for);
    return g_error_new(KFT_ERROR, KFT_ERROR_TIMEOUT, "no running pod within %.3g s%s%s",
                       self->options->pod_timeout_ms / 1e3, self->waiting_for == NULL ? "" : ": ",
                       self->waiting_for == NULL ? "" : self->waiting_for);
}

static void on_deadline(void *user_data)
{
    KftForward *self = user_data;
    g_autoptr(GError) error = NULL;

    switch (self->state) {
    case KFT_FORWARD_STATE_RESOLVING:
        error = resolving_timeout_error(self);
        handle_failure(self, error);
        return;
    case KFT_FORWARD_STATE_CONNECTING:
        error = g_error_new(KFT_ERROR, KFT_ERROR_TIMEOUT, "no connection to pod \"%s\" in time",
                            kft_backends_get_pod(self->backends)->name);
        kft_backends_drain(self->backends);
        handle_failure(self, error);
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
    self->backends = kft_backends_new(cluster, options->transport, options->balance,
                                      options->n_ports, &backends_funcs, self);
    self->clients = g_hash_table_new_full(g_direct_hash, g_direct_equal, client_free, NULL);
    kft_backoff_init(&self->backoff, BACKOFF_BASE_MS, BACKOFF_CAP_MS);
    self->started_ms = kft_loop_now_ms(self->loop);
    self->attach_again = kft_timer_new(self->loop, on_attach_again, self);
    self->deadline = kft_timer_new(self->loop, on_deadline, self);
    kft_timer_start(self->deadline, 0);
    self->last_traffic_ms = self->started_ms;
    if (options->auto_close_ms > 0) {
        self->auto_close = kft_timer_new(self->loop, on_auto_close, self);
        kft_timer_start(self->auto_close,
                        options->auto_close_ms - MIN(ANNOUNCE_MS, options->auto_close_ms / 2));
    }
    return self;
}

void kft_forward_stop(KftForward *self)
{
    if (self->state == KFT_FORWARD_STATE_STOPPING)
        return;
    set_error(self, NULL);
    set_state(self, KFT_FORWARD_STATE_STOPPING);
    close_everything(self);
    kft_timer_start(self->deadline, 0);
}

void kft_forward_retry(KftForward *self)
{
    if (self->state == KFT_FORWARD_STATE_BACKOFF) {
        kft_backoff_reset(&self->backoff);
        if (self->server != NULL) {
            kft_reach_probe_now(kft_cluster_get_reach(self->cluster));
            return;
        }
        /* One refusal now is worth as much as the first ones. */
        self->n_refusals = MIN(self->n_refusals, DOUBTED_REFUSALS);
        kft_timer_start(self->deadline, 0);
    } else if (self->state == KFT_FORWARD_STATE_RESOLVING) {
        kft_resolver_refresh(self->resolver);
    }
}

void kft_forward_verify(KftForward *self, uint32_t limit_ms)
{
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
    if (is_over(self) || self->state == KFT_FORWARD_STATE_IDLE)
        return;
    kft_backends_drain(self->backends);
    g_clear_pointer(&self->resolver, kft_resolver_free);
    self->n_refusals = 0;
    self->was_resolved = false;
    set_error(self, NULL);
    set_waiting_for(self, NULL);
    if (self->state == KFT_FORWARD_STATE_RESOLVING)
        start_resolver(self);
    else
        set_state(self, KFT_FORWARD_STATE_RESOLVING);
}

void kft_forward_get_statistics(const KftForward *self, KftForwardStatistics *ret_statistics)
{
    GHashTableIter iter;
    gpointer key = NULL;

    *ret_statistics = self->closed;
    ret_statistics->n_reconnects = self->n_reconnects;
    ret_statistics->ready_since_ms = self->ready_since_unix_ms;
    kft_backends_get_health(self->backends, &ret_statistics->health);
    ret_statistics->n_open = g_hash_table_size(self->clients);
    g_hash_table_iter_init(&iter, self->clients);
    while (g_hash_table_iter_next(&iter, &key, NULL)) {
        const Client *client = key;
        ret_statistics->bytes_up += kft_connection_get_bytes_up(client->connection);
        ret_statistics->bytes_down += kft_connection_get_bytes_down(client->connection);
    }
}

void kft_forward_free(KftForward *self)
{
    if (self == NULL)
        return;
    end_waits(self);
    close_everything(self);
    kft_timer_free(self->deadline);
    kft_timer_free(self->attach_again);
    kft_timer_free(self->auto_close);
    g_hash_table_unref(self->clients);
    kft_backends_free(self->backends);
    kft_pod_unref(self->told_pod);
    kft_forward_options_free(self->options);
    g_clear_error(&self->error);
    g_free(self->waiting_for);
    g_free(self->ports);
    kft_cluster_unref(self->cluster);
    g_free(self);
}
