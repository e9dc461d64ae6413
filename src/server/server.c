/* The server's life: SERVING, then DRAINING after the first SIGTERM or SIGINT (no new clients,
 * those that are there may finish), then CLOSING (after DRAIN_TIMEOUT, a second signal, or the last
 * client). When the last handle is closed, the loop has nothing left and returns. */
#include "server/server.h"

#include <signal.h>
#include <string.h>

#include "server/client.h"
#include "server/datagrams.h"
#include "server/listener.h"
#include "server/log.h"
#include "server/status.h"

typedef enum {
    STATE_SERVING,
    STATE_DRAINING,
    STATE_CLOSING,
} State;

enum {
    SIGNAL_TERM,
    SIGNAL_INT,
    N_SIGNALS
};

struct KftServer {
    KftContext context;
    State state;
    uv_tcp_t listener;
    bool is_listening; /* the handle is to be closed */
    uv_signal_t signals[N_SIGNALS];
    uv_timer_t drain;
    uv_timer_t unused;
    uv_check_t after_poll;
    bool has_handles;  /* those four are to be closed */
    KftStatus *status; /* nullable */
    GQueue clients;
    uint64_t used_ms; /* when somebody was there last */
};

static const struct timespec *wall_clock(struct timespec *now)
{
    (void)clock_gettime(CLOCK_REALTIME, now);
    return now;
}

static void stop_listening(KftServer *self)
{
    if (!self->is_listening)
        return;
    self->is_listening = false;
    uv_close((uv_handle_t *)&self->listener, NULL);
}

static void close_all(KftServer *self)
{
    if (self->state == STATE_CLOSING)
        return;
    self->state = STATE_CLOSING;
    stop_listening(self);
    kft_status_free(g_steal_pointer(&self->status));
    /* Still caught, so that another signal changes nothing any more. */
    for (size_t i = 0; i < N_SIGNALS; i++)
        uv_unref((uv_handle_t *)&self->signals[i]);
    uv_close((uv_handle_t *)&self->drain, NULL);
    uv_close((uv_handle_t *)&self->unused, NULL);
    uv_close((uv_handle_t *)&self->after_poll, NULL);
    kft_dns_free(g_steal_pointer(&self->context.dns));
}

static void end_clients(KftServer *self)
{
    GList *link = NULL;
    while ((link = self->clients.head) != NULL)
        kft_client_end(link->data, KFT_ENDING_DRAINED);
}

static char *n_clients_text(const KftServer *self)
{
    return g_strdup_printf("%u", self->context.metrics.n_open);
}

/* Ends clients that are still there. */
static void end_now(KftServer *self, const char *why)
{
    g_autofree char *n_clients = n_clients_text(self);
    if (self->state == STATE_CLOSING)
        return;
    kft_server_log(KFT_LOG_INFO, "ending", "because", why, "connections", n_clients, NULL);
    end_clients(self);
    close_all(self);
}

static void on_drain_timer(uv_timer_t *timer)
{
    end_now(timer->data, "the time to drain is over");
}

static void on_signal(uv_signal_t *handle, int number)
{
    KftServer *self = handle->data;
    g_autofree char *n_clients = n_clients_text(self);

    if (self->state != STATE_SERVING) {
        end_now(self, "a second signal came");
        return;
    }
    self->state = STATE_DRAINING;
    self->context.metrics.is_draining = 1;
    kft_server_log(KFT_LOG_INFO, "draining", "signal", number == SIGTERM ? "SIGTERM" : "SIGINT",
                   "connections", n_clients, NULL);
    stop_listening(self);
    (void)uv_timer_stop(&self->unused);
    if (self->context.metrics.n_open == 0)
        end_now(self, "no connection is left");
    else
        (void)uv_timer_start(&self->drain, on_drain_timer, self->context.config->drain_timeout_ms,
                             0);
}

static void note_use(KftServer *self)
{
    self->used_ms = uv_now(self->context.loop);
}

static void on_keepalive(void *user_data)
{
    note_use(user_data);
}

static void on_unused_timer(uv_timer_t *timer)
{
    KftServer *self = timer->data;
    uint64_t limit_ms = self->context.config->unused_timeout_ms;
    uint64_t rested_ms = uv_now(self->context.loop) - self->used_ms;

    if (self->context.metrics.n_open > 0)
        note_use(self);
    else if (rested_ms >= limit_ms)
        end_now(self, "nobody has used the server for UNUSED_TIMEOUT");
    if (self->state == STATE_CLOSING)
        return;
    rested_ms = uv_now(self->context.loop) - self->used_ms;
    (void)uv_timer_start(&self->unused, on_unused_timer, limit_ms - rested_ms, 0);
}

static void on_client_gone(void *user_data)
{
    KftServer *self = user_data;

    self->context.metrics.n_open--;
    note_use(self);
    if (self->state == STATE_DRAINING && self->context.metrics.n_open == 0)
        end_now(self, "no connection is left");
}

static void on_turned_away_closed(uv_handle_t *handle)
{
    g_free(handle);
}

/* Accepts and closes: left in the queue of the kernel, it would hang. */
static void turn_away(KftServer *self)
{
    uv_tcp_t *handle = g_new0(uv_tcp_t, 1);
    self->context.metrics.n_turned_away++;
    (void)uv_tcp_init(self->context.loop, handle);
    (void)uv_accept((uv_stream_t *)&self->listener, (uv_stream_t *)handle);
    uv_close((uv_handle_t *)handle, on_turned_away_closed);
    kft_server_log(KFT_LOG_WARNING, "turned-away", "because", "MAX_CONNECTIONS are open", NULL);
}

static void on_connection(uv_stream_t *listener, int status)
{
    KftServer *self = listener->data;
    KftMetrics *metrics = &self->context.metrics;

    if (status != 0) {
        kft_server_log(KFT_LOG_WARNING, "cannot-accept", "problem", uv_strerror(status), NULL);
        return;
    }
    if (metrics->n_open >= self->context.config->max_connections) {
        turn_away(self);
        return;
    }
    metrics->n_accepted++;
    metrics->n_open++;
    note_use(self);
    kft_client_accept(&self->context, listener, &self->clients, on_client_gone, self);
}

static void on_after_poll(uv_check_t *check)
{
    KftServer *self = check->data;
    kft_datagrams_flush_all(&self->context);
}

static bool open_ports(KftServer *self, GError **error)
{
    const KftServerConfig *config = self->context.config;
    g_autofree char *name = NULL;
    g_autofree char *target =
        config->remote_host == NULL
            ? NULL
            : g_strdup_printf("%s:%u", config->remote_host, config->remote_port);

    self->is_listening = true;
    self->listener.data = self;
    if (!kft_listener_open(self->context.loop, &self->listener, config->listen_address,
                           config->local_port, on_connection, &name, error))
        return false;
    if (config->has_status) {
        self->status = kft_status_new(&self->context, on_keepalive, self, error);
        if (self->status == NULL)
            return false;
    }
    kft_server_log(KFT_LOG_INFO, "listening", "version", KFT_VERSION, "mode",
                   kft_server_mode_name(config->mode), "address", name, "status",
                   self->status == NULL ? "off" : kft_status_get_name(self->status), "target",
                   target, NULL);
    return true;
}

static void open_handles(KftServer *self)
{
    static const int numbers[N_SIGNALS] = {[SIGNAL_TERM] = SIGTERM, [SIGNAL_INT] = SIGINT};
    uv_loop_t *loop = self->context.loop;
    uint64_t unused_ms = self->context.config->unused_timeout_ms;

    for (size_t i = 0; i < N_SIGNALS; i++) {
        (void)uv_signal_init(loop, &self->signals[i]);
        self->signals[i].data = self;
        (void)uv_signal_start(&self->signals[i], on_signal, numbers[i]);
    }
    (void)uv_timer_init(loop, &self->drain);
    (void)uv_timer_init(loop, &self->unused);
    (void)uv_check_init(loop, &self->after_poll);
    self->drain.data = self;
    self->unused.data = self;
    self->after_poll.data = self;
    (void)uv_check_start(&self->after_poll, on_after_poll);
    note_use(self);
    if (unused_ms > 0)
        (void)uv_timer_start(&self->unused, on_unused_timer, unused_ms, 0);
}

KftServer *kft_server_new(uv_loop_t *loop, const KftServerConfig *config, GError **error)
{
    struct timespec now;
    KftServer *self = g_new0(KftServer, 1);
    self->context.loop = loop;
    self->context.config = config;
    self->context.scratch = g_new(uint8_t, KFT_SCRATCH_BYTES);
    self->context.metrics.started_unix_s = (uint64_t)wall_clock(&now)->tv_sec;
    /* Before anybody can see that the server is there, and tell it to end. */
    open_handles(self);
    self->context.dns = kft_dns_new(loop, error);
    if (self->context.dns != NULL && open_ports(self, error))
        return self;
    close_all(self);
    (void)uv_run(loop, UV_RUN_DEFAULT);
    kft_server_free(self);
    return NULL;
}

void kft_server_free(KftServer *self)
{
    if (self == NULL)
        return;
    g_assert(self->state == STATE_CLOSING && self->context.metrics.n_open == 0);
    for (size_t i = 0; i < N_SIGNALS; i++)
        uv_close((uv_handle_t *)&self->signals[i], NULL);
    (void)uv_run(self->context.loop, UV_RUN_DEFAULT);
    g_free(self->context.scratch);
    g_free(self);
}
