/* The core's traffic with the store's thread: each function makes a job of copies of what it needs
 * and brings the answer back to the model. */
#include <glib/gi18n.h>
#include <unistd.h>

#include "core-priv.h"

/* How long a removal can be undone. */
#define UNDO_SECONDS 10

/* --- reading everything --- */

static void load_free(gpointer data)
{
    KftLoad *self = data;
    if (self->configs != NULL)
        g_ptr_array_unref(self->configs);
    if (self->run_states != NULL)
        g_ptr_array_unref(self->run_states);
    if (self->traffic != NULL)
        g_array_unref(self->traffic);
    for (size_t i = 0; i < KFT_N_SETTINGS; i++)
        g_free(self->settings[i]);
    g_free(self);
}

static bool fill_load(KftLoad *load, KftStore *store, GError **error)
{
    load->configs = kft_store_list_configs(store, error);
    if (load->configs == NULL)
        return false;
    load->run_states = kft_store_list_run_states(store, error);
    if (load->run_states == NULL)
        return false;
    load->traffic = kft_store_list_traffic(store, error);
    if (load->traffic == NULL)
        return false;
    for (size_t i = 0; i < KFT_N_SETTINGS; i++) {
        load->settings[i] = kft_store_get_setting(store, (KftSetting)i, error);
        if (load->settings[i] == NULL)
            return false;
    }
    return true;
}

static gpointer read_all(KftStore *store, gpointer data, GError **error)
{
    KftLoad *load = g_new0(KftLoad, 1);

    (void)data;
    if (fill_load(load, store, error))
        return load;
    load_free(load);
    return NULL;
}

static void take_settings(KftCore *self, KftLoad *load)
{
    for (size_t i = 0; i < KFT_N_SETTINGS; i++) {
        if (g_strcmp0(self->settings[i], load->settings[i]) == 0)
            continue;
        g_free(self->settings[i]);
        self->settings[i] = g_steal_pointer(&load->settings[i]);
        g_signal_emit_by_name(self, "setting-changed", (unsigned)i);
    }
}

/* Also has deleted what killed programs left in clusters. */
static void post_relay_settings(KftCore *self)
{
    g_autofree char *dir = kft_store_dup_default_dir();
    const char *template = kft_core_get_setting(self, KFT_SETTING_RELAY_TEMPLATE);
    const char *image = kft_core_get_setting(self, KFT_SETTING_RELAY_IMAGE);
    KftRelaySettings settings = {0};

    if (self->bridge == NULL)
        return;
    settings.image = image[0] == '\0' ? NULL : g_strdup(image);
    settings.template_ = kft_relay_dup_template_path(template, dir);
    if (!kft_relay_use_parse(kft_core_get_setting(self, KFT_SETTING_RELAY), &settings.use))
        settings.use = KFT_RELAY_USE_AUTO;
    kft_bridge_post(self->bridge, kft_command_new_set_relays(&settings));
    kft_relay_settings_clear(&settings);
}

static void take_traffic(KftCore *self, const GArray *list)
{
    for (unsigned i = 0; i < list->len; i++) {
        const KftTraffic *traffic = &g_array_index(list, KftTraffic, i);
        KftForwardItem *item = kft_model_find(self->model, traffic->config.v);
        /* Totals of a forward that runs here are its own to know. */
        if (item != NULL && !kft_forward_item_is_active(item))
            kft_forward_item_set_stored_traffic(item, traffic);
    }
}

static void tell_added(KftCore *self)
{
    g_autoptr(GArray) added = g_steal_pointer(&self->added);

    self->added = g_array_new(FALSE, FALSE, sizeof(int64_t));
    if (added->len > 0)
        g_signal_emit_by_name(self, "added", added);
}

static void take_load(KftCore *self, KftLoad *load)
{
    take_settings(self, load);
    post_relay_settings(self);
    kft_model_set_configs(self->model, load->configs);
    take_traffic(self, load->traffic);
    kft_core_show_others(self, load->run_states);
    if (!self->is_loaded) {
        self->is_loaded = true;
        kft_core_on_loaded(self, load);
        g_signal_emit_by_name(self, "loaded");
    }
    g_signal_emit_by_name(self, "reloaded");
    if (!self->must_reload)
        tell_added(self);
}

static void on_read(GObject *owner, gpointer result, const GError *error)
{
    KftCore *self = KFT_CORE(owner);

    self->is_loading = false;
    if (error == NULL) {
        take_load(self, result);
    } else {
        kft_core_report(self, _("The stored forwards cannot be read"), error);
        g_signal_emit_by_name(self, "reload-failed", error);
    }
    if (self->must_reload) {
        self->must_reload = false;
        kft_core_reload(self);
    }
}

void kft_core_reload(KftCore *self)
{
    if (self->is_loading) {
        self->must_reload = true;
        return;
    }
    self->is_loading = true;
    kft_worker_run(self->worker, &(KftWorkerJob){
                                     .func = read_all,
                                     .free_result = load_free,
                                     .done = on_read,
                                     .owner = G_OBJECT(self),
                                 });
}

/* --- run state --- */

typedef struct {
    KftConfigId id;
    uint32_t run;
} Claim;

static gpointer claim(KftStore *store, gpointer data, GError **error)
{
    Claim *job = data;
    Claim *answer = g_new(Claim, 1);
    *answer = *job;
    (void)kft_store_claim(store, job->id, error);
    return answer;
}

static void on_claimed(GObject *owner, gpointer result, const GError *error)
{
    Claim *answer = result;
    if (answer != NULL)
        kft_core_on_claimed(KFT_CORE(owner), answer->run, error);
    else
        kft_core_report(KFT_CORE(owner), _("A forward cannot be started"), error);
}

void kft_core_claim(KftCore *self, int64_t id, uint32_t run)
{
    Claim *job = g_new0(Claim, 1);
    job->id.v = id;
    job->run = run;
    kft_worker_run(self->worker, &(KftWorkerJob){
                                     .func = claim,
                                     .data = job,
                                     .free_data = g_free,
                                     .free_result = g_free,
                                     .done = on_claimed,
                                     .owner = G_OBJECT(self),
                                 });
}

typedef struct {
    KftConfigId id;
    bool stays_wanted;
    KftTraffic traffic;
} Release;

static gpointer release_claim(KftStore *store, gpointer data, GError **error)
{
    Release *job = data;
    bool has_traffic = job->traffic.n_connections > 0;

    if (!kft_store_release(store, job->id, job->stays_wanted, error))
        return NULL;
    (void)(!has_traffic || kft_store_add_traffic(store, &job->traffic, error));
    return NULL;
}

void kft_core_release(KftCore *self, int64_t id, bool stays_wanted, const KftItemTraffic *traffic)
{
    Release *job = g_new0(Release, 1);
    job->id.v = id;
    job->stays_wanted = stays_wanted;
    job->traffic.config.v = id;
    if (traffic != NULL) {
        job->traffic.bytes_up = traffic->bytes_up;
        job->traffic.bytes_down = traffic->bytes_down;
        job->traffic.n_connections = traffic->n_connections;
    }
    kft_worker_run(self->worker,
                   &(KftWorkerJob){.func = release_claim, .data = job, .free_data = g_free});
}

static gpointer store_state(KftStore *store, gpointer data, GError **error)
{
    (void)kft_store_set_run_state(store, data, error);
    return NULL;
}

static void free_run_state(gpointer state)
{
    kft_run_state_free(state);
}

void kft_core_store_state(KftCore *self, KftForwardItem *item, KftForwardState state)
{
    const KftItemStatus *status = kft_forward_item_get_status(item);
    KftRunState *copy = g_new0(KftRunState, 1);

    copy->config.v = kft_forward_item_get_id(item);
    copy->state = state;
    copy->is_wanted = true;
    copy->owner_pid = getpid();
    copy->error = g_strdup(status->error);
    copy->pod = g_strdup(status->pod);
    copy->address = g_strdup(status->address);
    copy->attempt = status->attempt;
    copy->changed_s = g_get_real_time() / G_USEC_PER_SEC;
    kft_worker_run(self->worker,
                   &(KftWorkerJob){.func = store_state, .data = copy, .free_data = free_run_state});
}

typedef struct {
    KftConfigId id;
    KftForwardHealth health;
} Health;

/* What is not ours any more has no health to tell. */
static gpointer store_health(KftStore *store, gpointer data, GError **error)
{
    const Health *job = data;
    g_autoptr(GError) fault = NULL;

    if (!kft_store_set_run_health(store, job->id, &job->health, &fault) &&
        !g_error_matches(fault, KFT_ERROR, KFT_ERROR_NOT_FOUND))
        g_propagate_error(error, g_steal_pointer(&fault));
    return NULL;
}

void kft_core_store_health(KftCore *self, int64_t id, const KftForwardHealth *health)
{
    Health *job = g_new(Health, 1);

    *job = (Health){.id = {id}, .health = *health};
    kft_worker_run(self->worker,
                   &(KftWorkerJob){.func = store_health, .data = job, .free_data = g_free});
}

/* --- configs --- */

typedef struct {
    GPtrArray *configs;
    GPtrArray *added; /* those of them that are new */
    KftCoreDoneFunc done;
    GWeakRef owner;
} Put;

static void put_free(gpointer data)
{
    Put *self = data;
    g_ptr_array_unref(self->added);
    g_ptr_array_unref(self->configs);
    g_weak_ref_clear(&self->owner);
    g_free(self);
}

static gpointer put_configs(KftStore *store, gpointer data, GError **error)
{
    Put *job = data;
    (void)kft_store_put_configs(store, (KftConfig *const *)job->configs->pdata, job->configs->len,
                                error);
    return job;
}

static bool needs_restart(const KftConfig *old, const KftConfig *new)
{
    static const char *const harmless[] = {"alias", "group", "note", "description", NULL};
    g_auto(GStrv) names = kft_config_diff(old, new);
    for (size_t i = 0; names != NULL && names[i] != NULL; i++) {
        if (!g_strv_contains(harmless, names[i]))
            return true;
    }
    return false;
}

/* Before the model has the new configs: stops what has to run with other data. */
static void restart_changed(KftCore *self, const GPtrArray *configs)
{
    for (unsigned i = 0; i < configs->len; i++) {
        const KftConfig *config = configs->pdata[i];
        KftForwardItem *item = kft_model_find(self->model, config->id.v);
        if (item == NULL || !kft_forward_item_is_active(item) ||
            !needs_restart(kft_forward_item_get_config(item), config))
            continue;
        kft_forward_item_set_config(item, kft_config_copy(config));
        kft_core_stop(self, item);
        kft_core_start(self, item);
    }
}

static void on_put(GObject *owner, gpointer result, const GError *error)
{
    KftCore *self = KFT_CORE(owner);
    Put *job = result;

    if (job == NULL) {
        /* The store could not be opened. */
        kft_core_report(self, _("The forward was not stored"), error);
        return;
    }
    g_autoptr(GObject) asker = g_weak_ref_get(&job->owner);
    if (error == NULL) {
        restart_changed(self, job->configs);
        for (unsigned i = 0; i < job->added->len; i++)
            g_array_append_val(self->added, ((KftConfig *)job->added->pdata[i])->id.v);
        kft_core_reload(self);
    }
    if (job->done != NULL && asker != NULL)
        job->done(asker, error);
    else if (error != NULL)
        kft_core_report(self, _("The forward was not stored"), error);
}

void kft_core_put_configs(KftCore *self, GPtrArray *configs, KftCoreDoneFunc done, GObject *owner)
{
    Put *job = g_new0(Put, 1);
    job->configs = configs;
    job->added = g_ptr_array_new();
    for (unsigned i = 0; i < configs->len; i++) {
        if (((KftConfig *)configs->pdata[i])->id.v == 0)
            g_ptr_array_add(job->added, configs->pdata[i]);
    }
    job->done = done;
    g_weak_ref_init(&job->owner, owner);
    kft_worker_run(self->worker, &(KftWorkerJob){
                                     .func = put_configs,
                                     .data = job,
                                     .free_data = put_free,
                                     .done = on_put,
                                     .owner = G_OBJECT(self),
                                 });
}

/* --- removal --- */

static gpointer remove_configs(KftStore *store, gpointer data, GError **error)
{
    GArray *ids = data;
    (void)kft_store_remove_configs(store, (const KftConfigId *)(const void *)ids->data, ids->len,
                                   error);
    return NULL;
}

static void free_array(gpointer array)
{
    g_array_unref(array);
}

static void on_removed(GObject *owner, gpointer result, const GError *error)
{
    (void)result;
    if (error != NULL)
        kft_core_report(KFT_CORE(owner), _("The forwards were not deleted"), error);
    kft_core_reload(KFT_CORE(owner));
}

G_STATIC_ASSERT(sizeof(KftConfigId) == sizeof(int64_t));

void kft_core_finish_removal(KftCore *self)
{
    g_clear_handle_id(&self->removal_source, g_source_remove);
    if (self->removed->len == 0)
        return;
    GArray *ids = g_steal_pointer(&self->removed);
    self->removed = g_array_new(FALSE, FALSE, sizeof(int64_t));
    g_array_set_size(self->removed_active, 0);
    kft_worker_run(self->worker, &(KftWorkerJob){
                                     .func = remove_configs,
                                     .data = ids,
                                     .free_data = free_array,
                                     .done = on_removed,
                                     .owner = G_OBJECT(self),
                                 });
    g_signal_emit_by_name(self, "removal-changed");
}

static gboolean on_removal_timeout(gpointer user_data)
{
    KftCore *self = user_data;
    self->removal_source = 0;
    kft_core_finish_removal(self);
    return G_SOURCE_REMOVE;
}

void kft_core_remove(KftCore *self, const GPtrArray *items)
{
    if (items->len == 0)
        return;
    /* With those before: one undo brings back what the last seconds took. */
    g_clear_handle_id(&self->removal_source, g_source_remove);
    for (unsigned i = 0; i < items->len; i++) {
        KftForwardItem *item = items->pdata[i];
        int64_t id = kft_forward_item_get_id(item);
        g_array_append_val(self->removed, id);
        if (kft_forward_item_is_active(item))
            g_array_append_val(self->removed_active, id);
        kft_core_stop(self, item);
    }
    kft_model_hide(self->model, self->removed);
    self->removal_source = g_timeout_add_seconds(UNDO_SECONDS, on_removal_timeout, self);
    g_signal_emit_by_name(self, "removal-changed");
}

void kft_core_undo_removal(KftCore *self)
{
    if (self->removed->len == 0)
        return;
    g_clear_handle_id(&self->removal_source, g_source_remove);
    kft_model_unhide(self->model, self->removed);
    g_array_append_vals(self->added, self->removed->data, self->removed->len);
    g_array_set_size(self->removed, 0);
    g_signal_emit_by_name(self, "removal-changed");
    /* What ran starts again when it is back in the model. */
    kft_core_reload(self);
}

unsigned kft_core_get_n_removed(KftCore *self)
{
    return self->removed->len;
}

/* --- settings --- */

typedef struct {
    KftSetting setting;
    char *value;
} SettingChange;

static void setting_change_free(gpointer data)
{
    SettingChange *self = data;
    g_free(self->value);
    g_free(self);
}

static gpointer store_setting(KftStore *store, gpointer data, GError **error)
{
    SettingChange *job = data;
    (void)kft_store_set_setting(store, job->setting, job->value, error);
    return NULL;
}

static void on_setting_stored(GObject *owner, gpointer result, const GError *error)
{
    (void)result;
    if (error != NULL)
        kft_core_report(KFT_CORE(owner), _("The setting was not stored"), error);
}

const char *kft_core_get_setting(KftCore *self, KftSetting setting)
{
    const char *value = self->settings[setting];
    return value != NULL ? value : kft_setting_info(setting)->default_value;
}

bool kft_core_get_bool(KftCore *self, KftSetting setting)
{
    return g_strcmp0(kft_core_get_setting(self, setting), "true") == 0;
}

unsigned kft_core_get_uint(KftCore *self, KftSetting setting)
{
    return (unsigned)g_ascii_strtoull(kft_core_get_setting(self, setting), NULL, 10);
}

void kft_core_set_setting(KftCore *self, KftSetting setting, const char *value)
{
    const char *next = value != NULL ? value : kft_setting_info(setting)->default_value;
    if (g_strcmp0(kft_core_get_setting(self, setting), next) == 0)
        return;
    SettingChange *job = g_new0(SettingChange, 1);
    job->setting = setting;
    job->value = g_strdup(value);
    g_free(self->settings[setting]);
    self->settings[setting] = g_strdup(next);
    g_signal_emit_by_name(self, "setting-changed", (unsigned)setting);
    post_relay_settings(self);
    kft_worker_run(self->worker, &(KftWorkerJob){
                                     .func = store_setting,
                                     .data = job,
                                     .free_data = setting_change_free,
                                     .done = on_setting_stored,
                                     .owner = G_OBJECT(self),
                                 });
}
