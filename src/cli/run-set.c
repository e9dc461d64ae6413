/* An entry outlives its forwards: an edited config stops, and starts anew under another number of
 * the engine's when it has stopped, so that late events of the old forward find nobody. Counters of
 * a forward begin at zero, those of an entry do not (before). */
#include "run-set.h"

#include <string.h>

#include "output.h"
#include "runner.h"
#include "select.h"

/* How often traffic and health are stored while they change. */
#define TRAFFIC_MS 2000
/* How often the store is looked at where the kernel does not tell of changes. */
#define LOOK_MS 2000
/* Over how long a rate is taken. */
#define RATE_US G_USEC_PER_SEC

typedef struct {
    KftRunEntry seen; /* first: what others see of it */
    KftForwardId id;  /* of its forward in the engine, 0 = none */
    bool is_claimed;
    bool is_leaving;   /* goes when its forward has stopped */
    bool must_restart; /* is started again when its forward has stopped */
    KftTraffic before; /* by forwards of it that have stopped */
    KftTraffic stored; /* what the store knows already */
    KftForwardHealth stored_health;
    int64_t changed_s; /* when the state changed, unix seconds */
    uint64_t rate_bytes;
    gint64 rate_us;
} Entry;

struct KftRunSet {
    KftRunner *runner;
    KftRunSetOptions options;
    const KftRunSetFuncs *funcs;
    void *user_data;
    GPtrArray *entries; /* Entry */
    GHashTable *by_id;  /* forward's id → Entry */
    uint32_t last_id;
    gint64 traffic_us; /* when traffic is stored next, 0 = nothing to store */
    gint64 look_us;
    bool is_ending;
};

static void clear_status(KftRunEntry *seen)
{
    g_clear_pointer(&seen->error, g_free);
    g_clear_pointer(&seen->waiting_for, g_free);
    g_clear_pointer(&seen->pod, g_free);
}

static void entry_free(void *data)
{
    Entry *entry = data;
    clear_status(&entry->seen);
    g_free(entry->seen.address);
    kft_config_free(entry->seen.config);
    g_free(entry);
}

/* --- what the store learns --- */

/* Storage that fails is told, but forwards go on: that is what the program is there for. */
static void report_storage(KftRunSet *self, const Entry *entry, const GError *error)
{
    self->funcs->on_note(&entry->seen, error->message, self->user_data);
}

static void store_state(KftRunSet *self, const Entry *entry)
{
    g_autoptr(GError) error = NULL;
    KftRunState state = {
        .config = entry->seen.config->id,
        .state = entry->seen.state,
        .is_wanted = true,
        .error = entry->seen.error,
        .pod = entry->seen.pod,
        .address = entry->seen.address,
        .attempt = entry->seen.attempt,
        .changed_s = entry->changed_s,
    };
    if (entry->is_claimed && !kft_store_set_run_state(self->options.store, &state, &error))
        report_storage(self, entry, error);
}

static void store_traffic(KftRunSet *self, Entry *entry)
{
    g_autoptr(GError) error = NULL;
    const KftTraffic *now = &entry->seen.traffic;
    KftTraffic delta = {
        .config = entry->seen.config->id,
        .bytes_up = now->bytes_up - entry->stored.bytes_up,
        .bytes_down = now->bytes_down - entry->stored.bytes_down,
        .n_connections = now->n_connections - entry->stored.n_connections,
    };
    if (!entry->is_claimed ||
        (delta.bytes_up == 0 && delta.bytes_down == 0 && delta.n_connections == 0))
        return;
    if (kft_store_add_traffic(self->options.store, &delta, &error))
        entry->stored = *now;
    else
        report_storage(self, entry, error);
}

static void store_health(KftRunSet *self, Entry *entry)
{
    g_autoptr(GError) error = NULL;
    const KftForwardHealth *health = &entry->seen.health;

    if (!entry->is_claimed || memcmp(health, &entry->stored_health, sizeof *health) == 0)
        return;
    if (kft_store_set_run_health(self->options.store, entry->seen.config->id, health, &error))
        entry->stored_health = *health;
    else
        report_storage(self, entry, error);
}

static void release(KftRunSet *self, Entry *entry)
{
    g_autoptr(GError) error = NULL;

    store_traffic(self, entry);
    if (entry->is_claimed && !kft_store_release(self->options.store, entry->seen.config->id,
                                                /* stays_wanted */ false, &error))
        report_storage(self, entry, error);
    entry->is_claimed = false;
}

/* --- state --- */

static void changed(KftRunSet *self, const Entry *entry)
{
    store_state(self, entry);
    self->funcs->on_change(&entry->seen, self->user_data);
}

static void set_state(Entry *entry, KftForwardState state)
{
    if (state != entry->seen.state || entry->changed_s == 0)
        entry->changed_s = g_get_real_time() / G_USEC_PER_SEC;
    entry->seen.state = state;
}

static void fail(KftRunSet *self, Entry *entry, const GError *error)
{
    clear_status(&entry->seen);
    set_state(entry, KFT_FORWARD_STATE_FAILED);
    entry->seen.error = g_strdup(error->message);
    entry->seen.error_code =
        error->domain == KFT_ERROR ? (KftErrorCode)error->code : KFT_ERROR_INTERNAL;
    changed(self, entry);
}

/* A forward's counters begin at zero. */
static void forget_forward(KftRunSet *self, Entry *entry)
{
    if (entry->id.v != 0)
        g_hash_table_remove(self->by_id, GUINT_TO_POINTER(entry->id.v));
    entry->id.v = 0;
    entry->before = entry->seen.traffic;
    entry->seen.health = (KftForwardHealth){0};
    g_clear_pointer(&entry->seen.address, g_free);
}

static bool claim(KftRunSet *self, Entry *entry, GError **error)
{
    if (entry->seen.config->id.v == 0 || entry->is_claimed)
        return true;
    entry->is_claimed = kft_store_claim(self->options.store, entry->seen.config->id, error);
    return entry->is_claimed;
}

static void start(KftRunSet *self, Entry *entry)
{
    g_autoptr(GError) error = NULL;

    entry->must_restart = false;
    if (!claim(self, entry, &error)) {
        fail(self, entry, error);
        return;
    }
    KftForwardSpec *spec = kft_config_to_spec(entry->seen.config, &error);
    if (spec == NULL) {
        fail(self, entry, error);
        return;
    }
    spec->hold_ms = self->options.hold_ms;
    spec->half_close_ms = self->options.half_close_ms;
    if (entry->seen.config->disconnect_timeout_minutes == KFT_CONFIG_UNSET)
        spec->auto_close_ms = self->options.auto_close_ms;
    spec->retries_start = true;
    entry->id.v = ++self->last_id;
    g_hash_table_insert(self->by_id, GUINT_TO_POINTER(entry->id.v), entry);
    kft_runner_start_forward(self->runner, entry->id, spec);
}

/* Stops it; what comes after that is done when it has stopped. */
static void stop(KftRunSet *self, Entry *entry)
{
    if (entry->id.v != 0)
        kft_runner_stop_forward(self->runner, entry->id);
}

static void remove_entry(KftRunSet *self, Entry *entry)
{
    entry->is_claimed = false; /* the config is gone from the store, and its claim with it */
    (void)g_ptr_array_remove(self->entries, entry);
}

static void on_stopped(KftRunSet *self, Entry *entry)
{
    forget_forward(self, entry);
    if (self->is_ending)
        return;
    if (entry->is_leaving)
        remove_entry(self, entry);
    else if (entry->must_restart)
        start(self, entry);
    else
        release(self, entry); /* it closed by itself */
}

static void on_status(KftRunSet *self, Entry *entry, const KftForwardStatusEvent *status)
{
    KftRunEntry *seen = &entry->seen;

    clear_status(seen);
    set_state(entry, status->state);
    seen->error = g_strdup(status->error);
    seen->error_code = status->error_code;
    seen->waiting_for = g_strdup(status->waiting_for);
    seen->pod = g_strdup(status->pod);
    seen->transport = status->transport;
    seen->attempt = status->attempt;
    seen->next_try_ms = status->next_try_ms;
    changed(self, entry);
    if (seen->state == KFT_FORWARD_STATE_IDLE) {
        on_stopped(self, entry);
    } else if (seen->state == KFT_FORWARD_STATE_FAILED) {
        /* Its ID may not be known to the engine any more, then no IDLE would follow. */
        stop(self, entry);
        forget_forward(self, entry);
    }
}

static void on_statistics(KftRunSet *self, Entry *entry, const KftForwardStatisticsEvent *now)
{
    KftTraffic *total = &entry->seen.traffic;

    total->bytes_up = entry->before.bytes_up + now->bytes_up;
    total->bytes_down = entry->before.bytes_down + now->bytes_down;
    total->n_connections = entry->before.n_connections + now->n_connections;
    entry->seen.health = now->health;
    if (self->traffic_us == 0)
        self->traffic_us = g_get_monotonic_time() + TRAFFIC_MS * G_TIME_SPAN_MILLISECOND;
    self->funcs->on_change(&entry->seen, self->user_data);
}

static void note_closing(KftRunSet *self, const Entry *entry, uint32_t in_ms, bool is_at_time)
{
    if (in_ms == 0)
        return;
    g_autofree char *text = g_strdup_printf("%s, it ends in %.0f s",
                                            is_at_time ? "almost time" : "no traffic", in_ms / 1e3);
    self->funcs->on_note(&entry->seen, text, self->user_data);
}

static void on_event(const KftEvent *event, void *user_data)
{
    KftRunSet *self = user_data;
    Entry *entry = g_hash_table_lookup(self->by_id, GUINT_TO_POINTER(event->forward.v));

    if (entry == NULL)
        return;
    switch (event->type) {
    case KFT_EVENT_FORWARD_STATUS:
        on_status(self, entry, &event->status);
        return;
    case KFT_EVENT_FORWARD_LISTENING:
        if (entry->seen.address == NULL)
            entry->seen.address = g_strdup(event->listening.address);
        return;
    case KFT_EVENT_FORWARD_NOTICE:
        self->funcs->on_note(&entry->seen, event->notice.text, self->user_data);
        return;
    case KFT_EVENT_FORWARD_CONNECTION_ERROR:
        self->funcs->on_note(&entry->seen, event->connection.text, self->user_data);
        return;
    case KFT_EVENT_FORWARD_STATISTICS:
        on_statistics(self, entry, &event->statistics);
        return;
    case KFT_EVENT_FORWARD_CLOSING:
        note_closing(self, entry, event->closing.in_ms, event->closing.is_at_time);
        return;
    case KFT_EVENT_FORWARD_CONNECTION:
    case KFT_EVENT_PROXY_LOGIN:
    case KFT_EVENT_ANSWER:
    case KFT_EVENT_DIAGNOSE_STEP:
    case KFT_EVENT_DIAGNOSE_DONE:
    case KFT_EVENT_STOPPED:
        return;
    }
}

/* --- what others do in the store --- */

/* Whether the forward does not care. */
static bool is_cosmetic(char *const *changed_fields)
{
    static const char *const fields[] = {"alias", "group", "note", NULL};

    for (char *const *name = changed_fields; *name != NULL; name++) {
        if (!g_strv_contains(fields, *name))
            return false;
    }
    return true;
}

static void take_edited(KftRunSet *self, Entry *entry, const KftConfig *config)
{
    g_auto(GStrv) fields = kft_config_diff(entry->seen.config, config);

    if (*fields == NULL)
        return;
    kft_config_free(entry->seen.config);
    entry->seen.config = kft_config_copy(config);
    bool is_closed = entry->id.v == 0 && entry->seen.state == KFT_FORWARD_STATE_IDLE;
    if (is_cosmetic(fields) || is_closed)
        return;
    self->funcs->on_note(&entry->seen, "edited, starts again", self->user_data);
    entry->must_restart = true;
    if (entry->id.v != 0)
        stop(self, entry);
    else
        start(self, entry);
}

static void take_removed(KftRunSet *self, Entry *entry)
{
    self->funcs->on_note(&entry->seen, "removed, stops", self->user_data);
    entry->is_leaving = true;
    entry->is_claimed = false;
    if (entry->id.v != 0)
        stop(self, entry);
    else
        remove_entry(self, entry);
}

static const KftConfig *find_config(const GPtrArray *configs, KftConfigId id)
{
    for (guint i = 0; i < configs->len; i++) {
        const KftConfig *config = configs->pdata[i];
        if (config->id.v == id.v)
            return config;
    }
    return NULL;
}

static bool has_config(const KftRunSet *self, KftConfigId id)
{
    for (guint i = 0; i < self->entries->len; i++) {
        if (((const Entry *)self->entries->pdata[i])->seen.config->id.v == id.v)
            return true;
    }
    return false;
}

static void compare_with_store(KftRunSet *self)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GPtrArray) configs = kft_store_list_configs(self->options.store, &error);

    if (configs == NULL) {
        kft_print_error("%s", error->message);
        return;
    }
    /* Backwards: entries may leave meanwhile. */
    for (guint i = self->entries->len; i > 0; i--) {
        Entry *entry = self->entries->pdata[i - 1];
        if (entry->seen.config->id.v == 0 || entry->is_leaving)
            continue;
        const KftConfig *config = find_config(configs, entry->seen.config->id);
        if (config == NULL)
            take_removed(self, entry);
        else
            take_edited(self, entry, config);
    }
    for (guint i = 0; self->options.takes_new && i < configs->len; i++) {
        const KftConfig *config = configs->pdata[i];
        if (!has_config(self, config->id))
            kft_run_set_add(self, config);
    }
}

/* --- time --- */

static void store_numbers(KftRunSet *self)
{
    self->traffic_us = 0;
    for (guint i = 0; i < self->entries->len; i++) {
        store_traffic(self, self->entries->pdata[i]);
        store_health(self, self->entries->pdata[i]);
    }
}

static void measure_rate(KftRunSet *self, Entry *entry, gint64 now_us)
{
    uint64_t bytes = entry->seen.traffic.bytes_up + entry->seen.traffic.bytes_down;
    gint64 passed_us = now_us - entry->rate_us;
    uint64_t before = entry->seen.bytes_per_second;

    if (passed_us < RATE_US)
        return;
    entry->seen.bytes_per_second =
        entry->rate_us == 0
            ? 0
            : (bytes - entry->rate_bytes) * (uint64_t)G_USEC_PER_SEC / (uint64_t)passed_us;
    entry->rate_bytes = bytes;
    entry->rate_us = now_us;
    if (entry->seen.bytes_per_second != before)
        self->funcs->on_change(&entry->seen, self->user_data);
}

static void handle_time(KftRunSet *self)
{
    gint64 now_us = g_get_monotonic_time();

    if (self->traffic_us != 0 && now_us >= self->traffic_us)
        store_numbers(self);
    for (guint i = 0; i < self->entries->len; i++)
        measure_rate(self, self->entries->pdata[i], now_us);
}

/* @timeout_ms, or less if something is to be done before. */
static int limit_timeout(int timeout_ms, gint64 due_us)
{
    if (due_us == 0)
        return timeout_ms;
    gint64 left_ms = MAX(0, due_us - g_get_monotonic_time()) / G_TIME_SPAN_MILLISECOND + 1;
    return timeout_ms < 0 ? (int)left_ms : (int)MIN(left_ms, timeout_ms);
}

unsigned kft_run_set_wait(KftRunSet *self, int timeout_ms)
{
    KftStore *store = self->options.store;
    int fd = store == NULL ? -1 : kft_store_get_change_fd(store);
    bool must_look = store != NULL && fd < 0;

    if (must_look && self->look_us == 0)
        self->look_us = g_get_monotonic_time() + LOOK_MS * G_TIME_SPAN_MILLISECOND;
    timeout_ms = limit_timeout(timeout_ms, self->traffic_us);
    timeout_ms = limit_timeout(timeout_ms, self->look_us);
    unsigned wake = kft_runner_wait(self->runner, fd, timeout_ms);
    bool is_time_to_look = must_look && g_get_monotonic_time() >= self->look_us;
    if (is_time_to_look)
        self->look_us = 0;
    if (((wake & KFT_WAKE_FD) != 0 || is_time_to_look) && kft_store_has_changed(store))
        compare_with_store(self);
    handle_time(self);
    return wake & ~(unsigned)KFT_WAKE_FD;
}

/* --- life --- */

KftRunSet *kft_run_set_new(const KftRunSetOptions *options,
                           const KftRunSetFuncs *funcs,
                           void *user_data,
                           GError **error)
{
    g_autofree KftRunSet *self = g_new0(KftRunSet, 1);

    self->runner = kft_runner_new(on_event, self, error);
    if (self->runner == NULL)
        return NULL;
    kft_runner_find_logins(self->runner);
    self->options = *options;
    kft_runner_set_relays(self->runner, options->relays);
    self->funcs = funcs;
    self->user_data = user_data;
    self->entries = g_ptr_array_new_with_free_func(entry_free);
    self->by_id = g_hash_table_new(g_direct_hash, g_direct_equal);
    return g_steal_pointer(&self);
}

void kft_run_set_free(KftRunSet *self)
{
    if (self == NULL)
        return;
    self->is_ending = true;
    kft_runner_free(self->runner);
    for (guint i = 0; i < self->entries->len; i++)
        release(self, self->entries->pdata[i]);
    g_hash_table_unref(self->by_id);
    g_ptr_array_unref(self->entries);
    g_free(self);
}

void kft_run_set_add(KftRunSet *self, const KftConfig *config)
{
    Entry *entry = g_new0(Entry, 1);

    entry->seen.config = kft_config_copy(config);
    g_free(entry->seen.config->alias);
    entry->seen.config->alias = kft_select_dup_alias(config);
    g_ptr_array_add(self->entries, entry);
    start(self, entry);
}

const GPtrArray *kft_run_set_get_entries(const KftRunSet *self)
{
    return self->entries;
}

guint kft_run_set_count_alive(const KftRunSet *self)
{
    guint n = 0;

    for (guint i = 0; i < self->entries->len; i++) {
        const Entry *entry = self->entries->pdata[i];
        n += entry->id.v != 0;
    }
    return n;
}

bool kft_run_set_is_moving(const KftRunSet *self)
{
    for (guint i = 0; i < self->entries->len; i++) {
        const Entry *entry = self->entries->pdata[i];
        uint64_t bytes = entry->seen.traffic.bytes_up + entry->seen.traffic.bytes_down;
        if (entry->seen.bytes_per_second > 0 || bytes != entry->rate_bytes)
            return true;
    }
    return false;
}
