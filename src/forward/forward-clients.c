/* The local connections of a forward: each is carried by a pod as soon as there is one, sent on to
 * another while no pod has taken a byte of it, and counted. Without any for long enough the forward
 * ends by itself, if the user wants that. */
#include <string.h>

#include "forward/forward-priv.h"

/* A connection is sent on to so many pods that refuse it. */
#define MAX_TRIED 3
/* How long a port that has answered before may refuse: its program is being started again, or ends
 * with its pod and the watch that says so is still on its way. */
#define REFUSED_PATIENCE_MS 5000

typedef struct {
    KftForward *owner;
    KftConnection *connection;
    size_t port_index;
    uint16_t remote_port; /* of the pod it was attached to */
    KftPod *pod;          /* that one; nullable */
    GPtrArray *tried;     /* uids of pods that refused it; nullable */
    uint64_t refused_ms;  /* when the first one did, with no other to try; 0 = did not */
} Client;

/* --- the end for want of traffic --- */

static uint64_t find_last_traffic_ms(const KftForward *self)
{
    uint64_t last = MAX(self->last_traffic_ms, kft_forward_get_last_datagram_ms(self));
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
    uint32_t ahead_ms = MIN(KFT_ANNOUNCE_MS, limit_ms / 2);
    uint64_t idle_ms = kft_loop_now_ms(self->loop) - find_last_traffic_ms(self);

    if (kft_forward_is_over(self) && self->state != KFT_FORWARD_STATE_IDLE)
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
    bool was_near = self->idle_end_ms != 0;
    uint32_t left_ms = (uint32_t)(limit_ms - idle_ms);
    self->idle_end_ms = is_near ? g_get_real_time() / 1000 + left_ms : 0;
    if (is_near != was_near)
        self->funcs.on_closing(is_near ? left_ms : 0, /* is_at_time */ false, self->user_data);
    kft_timer_start(self->auto_close, is_near ? left_ms : left_ms - ahead_ms);
}

void kft_forward_note_traffic(KftForward *self)
{
    self->last_traffic_ms = kft_loop_now_ms(self->loop);
    if (self->idle_end_ms != 0)
        on_auto_close(self);
}

/* --- carrying --- */

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

void kft_forward_attach_later(KftForward *self)
{
    bool may_be_soon =
        kft_backends_is_ready(self->backends) || self->state == KFT_FORWARD_STATE_READY;
    kft_reach_probe_for_connection(kft_cluster_get_reach(self->cluster));
    if (may_be_soon && !kft_timer_is_active(self->attach_again))
        kft_timer_start(self->attach_again, KFT_ATTACH_AGAIN_MS);
}

static bool attach_connection(void *carried, KftPool *pool, uint16_t port)
{
    const Client *client = carried;
    KftVia via;
    return kft_connection_attach(client->connection, pool, port,
                                 kft_forward_get_via(client->owner, &via));
}

static void attach_client(KftForward *self, Client *client)
{
    if (self->state == KFT_FORWARD_STATE_BACKOFF && self->node != NULL)
        return;
    KftPod *pod = kft_backends_attach(self->backends, attach_connection, client, client->port_index,
                                      client->tried, &client->remote_port);
    if (pod != NULL)
        kft_forward_set_pod(&client->pod, pod);
    else
        kft_forward_attach_later(self);
}

void kft_forward_attach_waiting(KftForward *self)
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
    KftForward *self = user_data;

    /* Without tunnels nothing tells that the server went away, and when it is back. */
    if (!kft_backends_is_ready(self->backends))
        kft_forward_look_again(self);
    kft_forward_attach_waiting(self);
    kft_forward_attach_peers(self);
}

void kft_forward_suspect_pod(KftForward *self, const KftPod *pod, KftPairEnd end)
{
    if (end != KFT_PAIR_END_NO_POD || pod == NULL)
        return;
    kft_backends_suspect(self->backends, pod);
    kft_forward_look_again(self);
}

static void note_refusal(Client *client)
{
    if (client->tried == NULL)
        client->tried = g_ptr_array_new_with_free_func(g_free);
    g_ptr_array_add(client->tried, g_strdup(client->pod->uid));
}

static bool has_other(Client *client)
{
    note_refusal(client);
    return kft_backends_has_other(client->owner->backends, client->tried);
}

/* Whether the pods that refused may soon be others, or listen again. */
static bool is_patient(Client *client)
{
    KftForward *self = client->owner;
    uint64_t now = kft_loop_now_ms(self->loop);
    bool *has_answered = &self->has_answered[client->port_index];

    if (!kft_backends_is_listed(self->backends, client->pod))
        return true;
    if (client->refused_ms == 0)
        client->refused_ms = now;
    else if (now - client->refused_ms >= REFUSED_PATIENCE_MS)
        *has_answered = false; /* others need not wait for it as well */
    return *has_answered;
}

static bool may_wait(KftConnection *connection, void *user_data)
{
    Client *client = user_data;
    (void)connection;

    if (has_other(client) && client->tried->len < MAX_TRIED)
        return true;
    g_clear_pointer(&client->tried, g_ptr_array_unref);
    return is_patient(client);
}

static void on_client_answer(KftConnection *connection, void *user_data)
{
    const Client *client = user_data;
    (void)connection;
    client->owner->has_answered[client->port_index] = true;
}

static void
on_client_waiting(KftConnection *connection, KftPairEnd why, const char *text, void *user_data)
{
    Client *client = user_data;
    KftForward *self = client->owner;
    (void)connection;

    if (why == KFT_PAIR_END_NODE && !has_other(client)) {
        g_clear_pointer(&client->tried, g_ptr_array_unref);
        kft_forward_leave_node(self, text);
        return;
    }
    kft_forward_suspect_pod(self, client->pod, why);
    if (self->state != KFT_FORWARD_STATE_READY)
        return;
    /* There is another pod for it, or it is later. */
    if (client->tried != NULL)
        kft_timer_start(self->attach_again, 0);
    else if (!kft_timer_is_active(self->attach_again))
        kft_timer_start(self->attach_again, KFT_ATTACH_AGAIN_MS);
}

static void report_error(KftForward *self, const Client *client, const KftConnectionReport *report)
{
    if (report->end == KFT_PAIR_END_CLEAN || report->text == NULL)
        return;
    uint16_t remote = kft_forward_shown_port(self, client->remote_port);
    g_autofree char *text = kft_pair_text_simplify(report->text, remote);
    uint16_t local = kft_bindings_get_port(self->bindings, client->port_index);
    self->funcs.on_connection_error(local, remote, text, self->user_data);
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
    kft_forward_suspect_pod(self, client->pod, report->end);
    g_hash_table_steal(self->clients, client);
    client->connection = NULL; /* it frees itself */
    client_free(client);
}

void kft_forward_add_client(size_t port_index, KftSocket *socket, void *user_data)
{
    static const KftConnectionFuncs funcs = {
        .on_answer = on_client_answer,
        .may_wait = may_wait,
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
    kft_forward_note_traffic(self);
    self->funcs.on_connection(kft_bindings_get_port(self->bindings, port_index), self->user_data);
    attach_client(self, client);
}

void kft_forward_count_clients(const KftForward *self, KftForwardStatistics *statistics)
{
    GHashTableIter iter;
    gpointer key = NULL;

    statistics->n_open = g_hash_table_size(self->clients);
    g_hash_table_iter_init(&iter, self->clients);
    while (g_hash_table_iter_next(&iter, &key, NULL)) {
        const Client *client = key;
        statistics->bytes_up += kft_connection_get_bytes_up(client->connection);
        statistics->bytes_down += kft_connection_get_bytes_down(client->connection);
    }
}

void kft_forward_init_clients(KftForward *self)
{
    uint32_t limit_ms = self->options->auto_close_ms;

    self->clients = g_hash_table_new_full(g_direct_hash, g_direct_equal, client_free, NULL);
    self->attach_again = kft_timer_new(self->loop, on_attach_again, self);
    self->last_traffic_ms = self->started_ms;
    if (limit_ms == 0)
        return;
    self->auto_close = kft_timer_new(self->loop, on_auto_close, self);
    kft_timer_start(self->auto_close, limit_ms - MIN(KFT_ANNOUNCE_MS, limit_ms / 2));
}

void kft_forward_clear_clients(KftForward *self)
{
    kft_timer_free(self->attach_again);
    kft_timer_free(self->auto_close);
    g_hash_table_unref(self->clients);
}
