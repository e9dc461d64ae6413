#include "catalog.h"

#include <kftray/share.h>
#include <string.h>

#include "json-output.h"
#include "output.h"

static void clear_lists(KftCatalog *self)
{
    g_clear_pointer(&self->state_of, g_hash_table_unref);
    g_clear_pointer(&self->traffic_of, g_hash_table_unref);
    g_clear_pointer(&self->configs, g_ptr_array_unref);
    g_clear_pointer(&self->states, g_ptr_array_unref);
    g_clear_pointer(&self->traffic, g_array_unref);
}

static void index_states(KftCatalog *self)
{
    self->state_of = g_hash_table_new(g_int64_hash, g_int64_equal);
    self->traffic_of = g_hash_table_new(g_int64_hash, g_int64_equal);
    for (guint i = 0; i < self->states->len; i++) {
        KftRunState *state = self->states->pdata[i];
        g_hash_table_insert(self->state_of, &state->config.v, state);
    }
    for (guint i = 0; i < self->traffic->len; i++) {
        KftTraffic *traffic = &g_array_index(self->traffic, KftTraffic, i);
        g_hash_table_insert(self->traffic_of, &traffic->config.v, traffic);
    }
}

static bool read_store(KftCatalog *self, GError **error)
{
    g_autoptr(GPtrArray) configs = kft_store_list_configs(self->store, error);
    if (configs == NULL)
        return false;
    g_autoptr(GPtrArray) states = kft_store_list_run_states(self->store, error);
    if (states == NULL)
        return false;
    g_autoptr(GArray) traffic = kft_store_list_traffic(self->store, error);
    if (traffic == NULL)
        return false;
    clear_lists(self);
    self->configs = g_steal_pointer(&configs);
    self->states = g_steal_pointer(&states);
    self->traffic = g_steal_pointer(&traffic);
    index_states(self);
    return true;
}

KftCatalog *kft_catalog_open(void)
{
    g_autoptr(GError) error = NULL;
    KftCatalog *self = g_new0(KftCatalog, 1);

    self->store = kft_store_open(/* dir */ NULL, &error);
    if (self->store != NULL && read_store(self, &error))
        return self;
    kft_print_error("%s", error->message);
    kft_catalog_free(self);
    return NULL;
}

void kft_catalog_free(KftCatalog *self)
{
    if (self == NULL)
        return;
    clear_lists(self);
    kft_store_close(self->store);
    g_free(self);
}

bool kft_catalog_reload(KftCatalog *self)
{
    g_autoptr(GError) error = NULL;

    if (read_store(self, &error))
        return true;
    kft_print_error("%s", error->message);
    return false;
}

const KftRunState *kft_catalog_get_state(const KftCatalog *self, KftConfigId id)
{
    return g_hash_table_lookup(self->state_of, &id.v);
}

const KftTraffic *kft_catalog_get_traffic(const KftCatalog *self, KftConfigId id)
{
    return g_hash_table_lookup(self->traffic_of, &id.v);
}

/* --- filter --- */

static bool contains(const char *text, const char *folded)
{
    if (text == NULL)
        return false;
    g_autofree char *own = g_utf8_casefold(text, -1);
    return strstr(own, folded) != NULL;
}

static bool has_port(const KftConfig *config, const char *word)
{
    guint64 port = 0;
    return g_ascii_string_to_unsigned(word, 10, 1, UINT16_MAX, &port, NULL) &&
           (config->local_port == port || config->remote_port == port);
}

static bool fits_word(const KftConfig *config, const char *word)
{
    g_autofree char *folded = g_utf8_casefold(word, -1);
    return contains(config->alias, folded) || contains(config->namespace_, folded) ||
           contains(config->service, folded) || contains(config->object, folded) ||
           contains(config->target, folded) || contains(config->remote_address, folded) ||
           contains(config->context, folded) || contains(config->group, folded) ||
           has_port(config, word);
}

static bool fits(const KftConfig *config, char *const *words)
{
    for (; *words != NULL; words++) {
        if (!fits_word(config, *words))
            return false;
    }
    return true;
}

GPtrArray *kft_catalog_filter(const KftCatalog *self, char *const *words, bool only_running)
{
    GPtrArray *found = g_ptr_array_new();

    for (guint i = 0; i < self->configs->len; i++) {
        const KftConfig *config = self->configs->pdata[i];
        const KftRunState *state = kft_catalog_get_state(self, config->id);
        bool is_running = state != NULL && kft_state_is_running(state->state);
        if ((is_running || !only_running) && fits(config, words))
            g_ptr_array_add(found, self->configs->pdata[i]);
    }
    return found;
}

/* --- output --- */

static void write_health(const KftForwardHealth *health, KftJsonOutput *json)
{
    kft_json_output_begin_object(json, "health");
    kft_json_output_uint(json, "open", health->n_open);
    kft_json_output_uint(json, "reconnects", health->n_reconnects);
    kft_json_output_int(json, "ready_since_ms", health->ready_since_ms);
    kft_json_output_int(json, "connected_ms", health->connected_ms);
    kft_json_output_uint(json, "handshake_ms", health->handshake_ms);
    kft_json_output_uint(json, "round_trip_us", health->round_trip_us);
    kft_json_output_int(json, "closes_ms", health->closes_ms);
    kft_json_output_end(json);
}

static void write_status(const KftRunState *state, KftJsonOutput *json)
{
    static const KftRunState never = {.state = KFT_FORWARD_STATE_IDLE};

    if (state == NULL)
        state = &never;
    kft_json_output_bool(json, "running", kft_state_is_running(state->state));
    kft_json_output_text(json, "state", kft_forward_state_name(state->state));
    if (state->owner_pid > 0)
        kft_json_output_int(json, "pid", state->owner_pid);
    else
        kft_json_output_text(json, "pid", NULL);
    kft_json_output_text(json, "pod", state->pod);
    kft_json_output_text(json, "address", state->address);
    kft_json_output_text(json, "error", state->error);
    kft_json_output_uint(json, "attempt", state->attempt);
    kft_json_output_int(json, "changed", state->changed_s);
    write_health(&state->health, json);
}

static void write_traffic(const KftTraffic *traffic, KftJsonOutput *json)
{
    static const KftTraffic none = {.bytes_up = 0};

    if (traffic == NULL)
        traffic = &none;
    kft_json_output_begin_object(json, "traffic");
    kft_json_output_uint(json, "bytes_up", traffic->bytes_up);
    kft_json_output_uint(json, "bytes_down", traffic->bytes_down);
    kft_json_output_uint(json, "connections", traffic->n_connections);
    kft_json_output_int(json, "last_used", traffic->last_used_s);
    kft_json_output_end(json);
}

/* Nothing if it cannot be read: the rest is worth as much without it. */
static void write_history(const KftCatalog *self, const KftConfig *config, KftJsonOutput *json)
{
    g_autoptr(GPtrArray) changes = kft_store_list_history(self->store, config->id, NULL);

    kft_json_output_begin_array(json, "history");
    for (guint i = 0; changes != NULL && i < changes->len; i++) {
        const KftRunChange *change = changes->pdata[i];
        kft_json_output_begin_object(json, NULL);
        kft_json_output_int(json, "time_ms", change->time_ms);
        kft_json_output_text(json, "state", kft_forward_state_name(change->state));
        kft_json_output_text(json, "reason", change->reason);
        kft_json_output_text(json, "pod", change->pod);
        kft_json_output_end(json);
    }
    kft_json_output_end(json);
}

static void
write_config(const KftCatalog *self, const KftConfig *config, bool has_history, KftJsonOutput *json)
{
    g_autofree char *target = kft_config_describe_target(config);
    g_autofree char *local = kft_config_describe_local(config);
    g_autofree char *fields = kft_share_format_one(config);

    kft_json_output_begin_object(json, NULL);
    kft_json_output_int(json, "id", config->id.v);
    kft_json_output_text(json, "alias", config->alias);
    kft_json_output_text(json, "local", local);
    kft_json_output_text(json, "remote", target);
    write_status(kft_catalog_get_state(self, config->id), json);
    write_traffic(kft_catalog_get_traffic(self, config->id), json);
    if (has_history)
        write_history(self, config, json);
    kft_json_output_raw(json, "config", g_strchomp(fields));
    kft_json_output_end(json);
}

void kft_catalog_print_json(const KftCatalog *self, const KftConfig *config)
{
    g_autoptr(KftJsonOutput) json = kft_json_output_new(/* is_one_line */ false);

    write_config(self, config, /* has_history */ true, json);
    kft_json_output_print(json);
}

void kft_catalog_print_json_line(const KftCatalog *self, const KftConfig *config)
{
    g_autoptr(KftJsonOutput) json = kft_json_output_new(/* is_one_line */ true);

    write_config(self, config, /* has_history */ false, json);
    kft_json_output_print(json);
}

void kft_catalog_print_json_list(const KftCatalog *self, const GPtrArray *configs)
{
    g_autoptr(KftJsonOutput) json = kft_json_output_new(/* is_one_line */ false);

    kft_json_output_begin_array(json, NULL);
    for (guint i = 0; i < configs->len; i++)
        write_config(self, configs->pdata[i], /* has_history */ false, json);
    kft_json_output_end(json);
    kft_json_output_print(json);
}

KftStyle kft_state_style(KftForwardState state)
{
    switch (state) {
    case KFT_FORWARD_STATE_READY:
        return KFT_STYLE_GOOD;
    case KFT_FORWARD_STATE_RESOLVING:
    case KFT_FORWARD_STATE_CONNECTING:
    case KFT_FORWARD_STATE_BACKOFF:
        return KFT_STYLE_BUSY;
    case KFT_FORWARD_STATE_FAILED:
        return KFT_STYLE_BAD;
    case KFT_FORWARD_STATE_IDLE:
    case KFT_FORWARD_STATE_STOPPING:
        return KFT_STYLE_DIM;
    }
    g_assert_not_reached();
}

bool kft_state_is_running(KftForwardState state)
{
    return state != KFT_FORWARD_STATE_IDLE && state != KFT_FORWARD_STATE_FAILED;
}

char *kft_format_age(int64_t seconds)
{
    seconds = MAX(seconds, 0);
    gint64 days = seconds / 86400, hours = seconds / 3600, minutes = seconds / 60;

    if (days > 0)
        return g_strdup_printf("%" G_GINT64_FORMAT "d%" G_GINT64_FORMAT "h", days, hours % 24);
    if (hours > 0)
        return g_strdup_printf("%" G_GINT64_FORMAT "h%" G_GINT64_FORMAT "m", hours, minutes % 60);
    if (minutes > 0)
        return g_strdup_printf("%" G_GINT64_FORMAT "m%" G_GINT64_FORMAT "s", minutes, seconds % 60);
    return g_strdup_printf("%" G_GINT64_FORMAT "s", seconds);
}

char *kft_format_time(int64_t unix_s)
{
    g_autoptr(GDateTime) time = g_date_time_new_from_unix_local(unix_s);
    return unix_s <= 0 || time == NULL ? NULL : g_date_time_format(time, "%F %T");
}

char *kft_describe_end(const KftForwardHealth *health)
{
    if (health->closes_ms == 0)
        return NULL;
    g_autoptr(GDateTime) time = g_date_time_new_from_unix_local(health->closes_ms / 1000);
    return time == NULL ? NULL : g_date_time_format(time, "ends at %H:%M:%S");
}

char *kft_format_bytes(uint64_t n_bytes)
{
    return g_format_size_full(n_bytes, G_FORMAT_SIZE_IEC_UNITS);
}
