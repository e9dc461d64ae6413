#include "catalog.h"

#include <kftray/share.h>

#include "json-output.h"
#include "output.h"

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
    self->store = kft_store_open(/* dir */ NULL, error);
    if (self->store == NULL)
        return false;
    self->configs = kft_store_list_configs(self->store, error);
    if (self->configs == NULL)
        return false;
    self->states = kft_store_list_run_states(self->store, error);
    if (self->states == NULL)
        return false;
    self->traffic = kft_store_list_traffic(self->store, error);
    return self->traffic != NULL;
}

KftCatalog *kft_catalog_open(void)
{
    g_autoptr(GError) error = NULL;
    KftCatalog *self = g_new0(KftCatalog, 1);

    if (read_store(self, &error)) {
        index_states(self);
        return self;
    }
    kft_print_error("%s", error->message);
    kft_catalog_free(self);
    return NULL;
}

void kft_catalog_free(KftCatalog *self)
{
    if (self == NULL)
        return;
    g_clear_pointer(&self->state_of, g_hash_table_unref);
    g_clear_pointer(&self->traffic_of, g_hash_table_unref);
    g_clear_pointer(&self->configs, g_ptr_array_unref);
    g_clear_pointer(&self->states, g_ptr_array_unref);
    g_clear_pointer(&self->traffic, g_array_unref);
    kft_store_close(self->store);
    g_free(self);
}

const KftRunState *kft_catalog_get_state(const KftCatalog *self, KftConfigId id)
{
    return g_hash_table_lookup(self->state_of, &id.v);
}

const KftTraffic *kft_catalog_get_traffic(const KftCatalog *self, KftConfigId id)
{
    return g_hash_table_lookup(self->traffic_of, &id.v);
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

static void write_config(const KftCatalog *self, const KftConfig *config, KftJsonOutput *json)
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
    kft_json_output_raw(json, "config", g_strchomp(fields));
    kft_json_output_end(json);
}

void kft_catalog_print_json(const KftCatalog *self, const KftConfig *config)
{
    g_autoptr(KftJsonOutput) json = kft_json_output_new(/* is_one_line */ false);

    write_config(self, config, json);
    kft_json_output_print(json);
}

void kft_catalog_print_json_list(const KftCatalog *self, const GPtrArray *configs)
{
    g_autoptr(KftJsonOutput) json = kft_json_output_new(/* is_one_line */ false);

    kft_json_output_begin_array(json, NULL);
    for (guint i = 0; i < configs->len; i++)
        write_config(self, configs->pdata[i], json);
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

char *kft_format_bytes(uint64_t n_bytes)
{
    return g_format_size_full(n_bytes, G_FORMAT_SIZE_IEC_UNITS);
}
