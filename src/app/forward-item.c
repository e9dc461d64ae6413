/* Ticks measure the traffic, and go on only until the curve is flat again: an idle forward costs
 * nothing. What a run has carried is added to the totals of earlier ones when it ends. */
#include "forward-item.h"

#include <string.h>

#include "search-words.h"

struct _KftForwardItem {
    GObject parent;
    KftConfig *config;
    char *target;
    char *local;
    char *haystack; /* what the search looks at, in lower case; NULL = make it anew */
    KftItemStatus status;
    KftItemTraffic traffic;
    uint64_t ticked_up; /* totals at the last tick */
    uint64_t ticked_down;
    gint64 ticked_us;
    float rates[KFT_ITEM_N_RATES];
    unsigned n_moving; /* ticks until the curve is flat again */
    GQueue log;
    unsigned n_repeats; /* of its last line */
    gint64 repeated_s;  /* the last of them */
};

G_DEFINE_FINAL_TYPE(KftForwardItem, kft_forward_item, G_TYPE_OBJECT)

static unsigned changed_signal;

static void emit_changed(KftForwardItem *self, unsigned what)
{
    g_signal_emit(self, changed_signal, 0, what);
}

static void log_line_free(gpointer data)
{
    KftLogLine *line = data;
    g_free(line->text);
    g_free(line);
}

static void status_clear(KftItemStatus *status)
{
    g_free(status->error);
    g_free(status->waiting_for);
    g_free(status->pod);
    g_free(status->address);
    g_free(status->detour);
    *status = (KftItemStatus){0};
}

/* --- object --- */

static void kft_forward_item_finalize(GObject *object)
{
    KftForwardItem *self = KFT_FORWARD_ITEM(object);
    kft_config_free(self->config);
    g_free(self->target);
    g_free(self->local);
    g_free(self->haystack);
    status_clear(&self->status);
    g_queue_clear_full(&self->log, log_line_free);
    G_OBJECT_CLASS(kft_forward_item_parent_class)->finalize(object);
}

static void kft_forward_item_class_init(KftForwardItemClass *class)
{
    G_OBJECT_CLASS(class)->finalize = kft_forward_item_finalize;
    changed_signal = g_signal_new("changed", KFT_TYPE_FORWARD_ITEM, G_SIGNAL_RUN_LAST, 0, NULL,
                                  NULL, NULL, G_TYPE_NONE, 1, G_TYPE_UINT);
}

static void kft_forward_item_init(KftForwardItem *self)
{
    g_queue_init(&self->log);
}

static void take_config(KftForwardItem *self, KftConfig *config)
{
    kft_config_free(self->config);
    g_free(self->target);
    g_free(self->local);
    self->config = config;
    self->target = kft_config_describe_target(config);
    self->local = kft_config_describe_local(config);
    g_clear_pointer(&self->haystack, g_free);
}

KftForwardItem *kft_forward_item_new(KftConfig *config)
{
    KftForwardItem *self = g_object_new(KFT_TYPE_FORWARD_ITEM, NULL);
    take_config(self, config);
    return self;
}

void kft_forward_item_set_config(KftForwardItem *self, KftConfig *config)
{
    bool is_equal = kft_config_equal(self->config, config);
    take_config(self, config);
    if (!is_equal)
        emit_changed(self, KFT_ITEM_CONFIG);
}

/* --- reading --- */

const KftConfig *kft_forward_item_get_config(KftForwardItem *self)
{
    return self->config;
}

int64_t kft_forward_item_get_id(KftForwardItem *self)
{
    return self->config->id.v;
}

const KftItemStatus *kft_forward_item_get_status(KftForwardItem *self)
{
    return &self->status;
}

const KftItemTraffic *kft_forward_item_get_traffic(KftForwardItem *self)
{
    return &self->traffic;
}

GQueue *kft_forward_item_get_log(KftForwardItem *self)
{
    return &self->log;
}

const float *kft_forward_item_get_rates(KftForwardItem *self)
{
    return self->rates;
}

const char *kft_forward_item_get_target(KftForwardItem *self)
{
    return self->target;
}

const char *kft_forward_item_get_address(KftForwardItem *self)
{
    return self->status.address != NULL ? self->status.address : self->local;
}

const char *kft_forward_item_get_group(KftForwardItem *self, bool by_group)
{
    const char *name = by_group ? self->config->group : self->config->context;
    return name == NULL ? "" : name;
}

bool kft_forward_item_is_active(KftForwardItem *self)
{
    switch (self->status.state) {
    case KFT_ITEM_STARTING:
    case KFT_ITEM_RUNNING:
    case KFT_ITEM_RECONNECTING:
        return true;
    case KFT_ITEM_STOPPED:
    case KFT_ITEM_FAILED:
    case KFT_ITEM_STOPPING:
    case KFT_ITEM_ELSEWHERE:
        return false;
    }
    g_assert_not_reached();
}

bool kft_forward_item_is_on(KftForwardItem *self)
{
    return kft_forward_item_is_active(self) || self->status.state == KFT_ITEM_ELSEWHERE;
}

bool kft_forward_item_is_running(KftForwardItem *self)
{
    return self->status.state == KFT_ITEM_RUNNING || self->status.state == KFT_ITEM_ELSEWHERE;
}

gint64 kft_forward_item_get_end_us(KftForwardItem *self)
{
    gint64 idle_us = self->status.idle_end_us;
    gint64 time_us = self->status.time_end_us;

    return idle_us == 0 || time_us == 0 ? MAX(idle_us, time_us) : MIN(idle_us, time_us);
}

bool kft_forward_item_is_moving(KftForwardItem *self)
{
    return self->n_moving > 0 || self->traffic.n_open > 0;
}

int64_t kft_forward_item_get_last_used_s(KftForwardItem *self)
{
    return self->traffic.stored.last_used_s;
}

static void append_word(GString *out, const char *text)
{
    if (text == NULL)
        return;
    g_autofree char *lower = g_utf8_strdown(text, -1);
    g_string_append(out, lower);
    g_string_append_c(out, '\n');
}

static void make_haystack(KftForwardItem *self)
{
    const KftConfig *config = self->config;
    GString *out = g_string_new(NULL);

    append_word(out, config->alias);
    append_word(out, config->context);
    append_word(out, self->target);
    append_word(out, self->local);
    append_word(out, config->group);
    append_word(out, config->note);
    append_word(out, config->object);
    append_word(out, self->status.pod);
    self->haystack = g_string_free(out, FALSE);
}

bool kft_forward_item_matches(KftForwardItem *self, const char *const *words)
{
    if (self->haystack == NULL)
        make_haystack(self);
    return kft_search_words_occur(words, self->haystack);
}

/* --- log --- */

static void push_line(KftForwardItem *self, bool is_error, const char *text)
{
    KftLogLine *line = g_new0(KftLogLine, 1);
    line->time_s = g_get_real_time() / G_USEC_PER_SEC;
    line->is_error = is_error;
    line->text = g_strdup(text);
    g_queue_push_tail(&self->log, line);
    if (g_queue_get_length(&self->log) > KFT_ITEM_MAX_LOG)
        log_line_free(g_queue_pop_head(&self->log));
    emit_changed(self, KFT_ITEM_LOG);
}

/* What repeats itself is told when something else happens. */
static void push_repeats(KftForwardItem *self, bool is_error)
{
    g_autoptr(GDateTime) time = g_date_time_new_from_unix_local(self->repeated_s);
    g_autofree char *clock = g_date_time_format(time, "%H:%M:%S");
    g_autofree char *text =
        g_strdup_printf("the same %u more time%s, the last at %s", self->n_repeats,
                        self->n_repeats == 1 ? "" : "s", clock);

    self->n_repeats = 0;
    push_line(self, is_error, text);
}

void kft_forward_item_log(KftForwardItem *self, bool is_error, const char *text)
{
    const KftLogLine *last = g_queue_peek_tail(&self->log);

    if (last != NULL && last->is_error == is_error && strcmp(last->text, text) == 0) {
        self->n_repeats++;
        self->repeated_s = g_get_real_time() / G_USEC_PER_SEC;
        return;
    }
    if (last != NULL && self->n_repeats > 0)
        push_repeats(self, last->is_error);
    push_line(self, is_error, text);
}

static void G_GNUC_PRINTF(3, 4)
    log_format(KftForwardItem *self, bool is_error, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    g_autofree char *text = g_strdup_vprintf(format, args);
    va_end(args);
    kft_forward_item_log(self, is_error, text);
}

/* --- traffic --- */

/* Totals of the run that ended go to the totals of earlier ones. */
static void keep_traffic(KftForwardItem *self)
{
    KftItemTraffic *traffic = &self->traffic;
    traffic->stored.bytes_up += traffic->bytes_up;
    traffic->stored.bytes_down += traffic->bytes_down;
    traffic->stored.n_connections += traffic->n_connections;
    traffic->bytes_up = traffic->bytes_down = traffic->n_connections = 0;
    traffic->n_open = 0;
    self->ticked_up = self->ticked_down = 0;
    emit_changed(self, KFT_ITEM_TRAFFIC);
}

static void take_statistics(KftForwardItem *self, const KftForwardStatisticsEvent *statistics)
{
    /* A ping's answer is no traffic. */
    if (statistics->bytes_up != self->traffic.bytes_up ||
        statistics->bytes_down != self->traffic.bytes_down ||
        statistics->health.n_open != self->traffic.n_open)
        self->n_moving = KFT_ITEM_N_RATES;
    self->traffic.bytes_up = statistics->bytes_up;
    self->traffic.bytes_down = statistics->bytes_down;
    self->traffic.n_connections = statistics->n_connections;
    self->traffic.n_open = statistics->health.n_open;
    emit_changed(self, KFT_ITEM_TRAFFIC);
}

void kft_forward_item_rest(KftForwardItem *self)
{
    KftItemTraffic *traffic = &self->traffic;

    self->ticked_up = traffic->bytes_up;
    self->ticked_down = traffic->bytes_down;
    self->ticked_us = g_get_monotonic_time();
    traffic->rate_up = traffic->rate_down = 0;
    memset(self->rates, 0, sizeof self->rates);
    emit_changed(self, KFT_ITEM_TRAFFIC);
}

bool kft_forward_item_tick(KftForwardItem *self)
{
    gint64 now_us = g_get_monotonic_time();
    double seconds = (double)(now_us - self->ticked_us) / G_USEC_PER_SEC;
    KftItemTraffic *traffic = &self->traffic;

    if (self->n_moving == 0)
        return false;
    if (seconds < 0.2)
        return true;
    /* The first tick after a rest has no beginning to measure from. */
    seconds = MIN(seconds, 1.5);
    traffic->rate_up = (double)(traffic->bytes_up - self->ticked_up) / seconds;
    traffic->rate_down = (double)(traffic->bytes_down - self->ticked_down) / seconds;
    self->ticked_up = traffic->bytes_up;
    self->ticked_down = traffic->bytes_down;
    self->ticked_us = now_us;
    memmove(self->rates, self->rates + 1, sizeof self->rates - sizeof self->rates[0]);
    self->rates[KFT_ITEM_N_RATES - 1] = (float)(traffic->rate_up + traffic->rate_down);
    if (traffic->rate_up + traffic->rate_down > 0)
        self->n_moving = KFT_ITEM_N_RATES;
    else if (self->n_moving > 0)
        self->n_moving--;
    emit_changed(self, KFT_ITEM_TRAFFIC);
    return true;
}

void kft_forward_item_set_stored_traffic(KftForwardItem *self, const KftTraffic *traffic)
{
    if (memcmp(&self->traffic.stored, traffic, sizeof *traffic) == 0)
        return;
    self->traffic.stored = *traffic;
    emit_changed(self, KFT_ITEM_TRAFFIC);
}

/* --- status --- */

void kft_forward_item_begin(KftForwardItem *self)
{
    status_clear(&self->status);
    self->status.state = KFT_ITEM_STARTING;
    self->traffic.stored.last_used_s = g_get_real_time() / G_USEC_PER_SEC;
    kft_forward_item_log(self, /* is_error */ false, "started");
    emit_changed(self, KFT_ITEM_STATUS);
}

static KftItemState to_item_state(KftForwardItem *self, KftForwardState state)
{
    switch (state) {
    case KFT_FORWARD_STATE_READY:
        return KFT_ITEM_RUNNING;
    case KFT_FORWARD_STATE_BACKOFF:
        return KFT_ITEM_RECONNECTING;
    case KFT_FORWARD_STATE_RESOLVING:
    case KFT_FORWARD_STATE_CONNECTING:
        /* Between two failed tries it stays "reconnecting", so that the row does not flicker. */
        return self->status.state == KFT_ITEM_RUNNING || self->status.state == KFT_ITEM_RECONNECTING
                   ? KFT_ITEM_RECONNECTING
                   : KFT_ITEM_STARTING;
    case KFT_FORWARD_STATE_FAILED:
        return KFT_ITEM_FAILED;
    case KFT_FORWARD_STATE_STOPPING:
        return KFT_ITEM_STOPPING;
    case KFT_FORWARD_STATE_IDLE:
        return KFT_ITEM_STOPPED;
    }
    g_assert_not_reached();
}

static void log_status(KftForwardItem *self, const KftForwardStatusEvent *status)
{
    if (status->state == KFT_FORWARD_STATE_READY)
        log_format(self, false, "ready: pod %s, %s", status->pod == NULL ? "?" : status->pod,
                   kft_transport_name(status->transport));
    else if (status->error != NULL)
        log_format(self, true, "%s", status->error);
    else if (status->waiting_for != NULL &&
             g_strcmp0(status->waiting_for, self->status.waiting_for))
        log_format(self, false, "waiting: %s", status->waiting_for);
}

static void set_ready(KftForwardItem *self)
{
    if (self->status.state == KFT_ITEM_RECONNECTING)
        self->status.n_reconnects++;
    self->status.ready_since_us = g_get_monotonic_time();
}

static void take_status(KftForwardItem *self, const KftForwardStatusEvent *event)
{
    KftItemStatus *status = &self->status;
    KftItemState next = to_item_state(self, event->state);

    log_status(self, event);
    if (next == KFT_ITEM_RUNNING && status->state != KFT_ITEM_RUNNING)
        set_ready(self);
    if (next != KFT_ITEM_RUNNING)
        status->ready_since_us = 0;
    if (event->error != NULL || next == KFT_ITEM_RUNNING) {
        g_free(status->error);
        status->error = g_strdup(event->error);
        status->error_code = event->error_code;
    }
    g_free(status->waiting_for);
    status->waiting_for = g_strdup(event->waiting_for);
    if (g_strcmp0(status->pod, event->pod) != 0) {
        g_free(status->pod);
        status->pod = g_strdup(event->pod);
        g_clear_pointer(&self->haystack, g_free);
    }
    status->attempt = event->attempt;
    status->next_try_us = event->state == KFT_FORWARD_STATE_BACKOFF
                              ? g_get_monotonic_time() + (gint64)event->next_try_ms * 1000
                              : 0;
    if (event->transport != KFT_TRANSPORT_AUTO) {
        status->transport = event->transport;
        g_free(status->detour);
        status->detour = g_strdup(event->detour);
    }
    status->state = next;
    emit_changed(self, KFT_ITEM_STATUS);
}

static void take_closing(KftForwardItem *self, uint32_t in_ms, bool is_at_time)
{
    gint64 end_us = in_ms == 0 ? 0 : g_get_monotonic_time() + (gint64)in_ms * 1000;

    if (is_at_time)
        self->status.time_end_us = end_us;
    else
        self->status.idle_end_us = end_us;
    if (in_ms > 0)
        log_format(self, false, "%s: it ends in %u s", is_at_time ? "almost time" : "no traffic",
                   in_ms / 1000);
    emit_changed(self, KFT_ITEM_STATUS);
}

void kft_forward_item_take_event(KftForwardItem *self, const KftEvent *event)
{
    switch (event->type) {
    case KFT_EVENT_FORWARD_STATUS:
        take_status(self, &event->status);
        return;
    case KFT_EVENT_FORWARD_LISTENING:
        /* Of several addresses the first one is shown. */
        if (self->status.address == NULL)
            self->status.address = g_strdup(event->listening.address);
        log_format(self, false, "listening on %s", event->listening.address);
        emit_changed(self, KFT_ITEM_STATUS);
        return;
    case KFT_EVENT_FORWARD_NOTICE:
        kft_forward_item_log(self, false, event->notice.text);
        return;
    case KFT_EVENT_FORWARD_CONNECTION:
        return;
    case KFT_EVENT_FORWARD_CONNECTION_ERROR:
        log_format(self, true, "connection: %s", event->connection.text);
        return;
    case KFT_EVENT_FORWARD_STATISTICS:
        take_statistics(self, &event->statistics);
        return;
    case KFT_EVENT_FORWARD_CLOSING:
        take_closing(self, event->closing.in_ms, event->closing.is_at_time);
        return;
    case KFT_EVENT_DIAGNOSE_STEP:
    case KFT_EVENT_DIAGNOSE_DONE:
    case KFT_EVENT_PROXY_LOGIN:
    case KFT_EVENT_ANSWER:
    case KFT_EVENT_STOPPED:
        return;
    }
}

void kft_forward_item_set_stopping(KftForwardItem *self)
{
    self->status.state = KFT_ITEM_STOPPING;
    self->status.ready_since_us = 0;
    self->status.next_try_us = 0;
    self->status.idle_end_us = 0;
    self->status.time_end_us = 0;
    emit_changed(self, KFT_ITEM_STATUS);
}

void kft_forward_item_set_stopped(KftForwardItem *self)
{
    keep_traffic(self);
    status_clear(&self->status);
    g_clear_pointer(&self->haystack, g_free);
    kft_forward_item_log(self, false, "stopped");
    emit_changed(self, KFT_ITEM_STATUS);
}

void kft_forward_item_set_failed(KftForwardItem *self, KftErrorCode code, const char *text)
{
    keep_traffic(self);
    status_clear(&self->status);
    g_clear_pointer(&self->haystack, g_free);
    self->status.state = KFT_ITEM_FAILED;
    self->status.error = g_strdup(text);
    self->status.error_code = code;
    emit_changed(self, KFT_ITEM_STATUS);
}

void kft_forward_item_set_elsewhere(KftForwardItem *self, int64_t pid, const char *address)
{
    if (pid == self->status.other_pid &&
        (pid == 0 || g_strcmp0(address, self->status.address) == 0))
        return;
    if (pid == 0 && self->status.state != KFT_ITEM_ELSEWHERE)
        return;
    status_clear(&self->status);
    self->status.other_pid = pid;
    self->status.address = g_strdup(address);
    self->status.state = pid == 0 ? KFT_ITEM_STOPPED : KFT_ITEM_ELSEWHERE;
    emit_changed(self, KFT_ITEM_STATUS);
}
