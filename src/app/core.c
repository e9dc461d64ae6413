/* The core's life and the running of forwards. A forward that runs here is a Run: it has the
 * engine's number of this start, so that late events of an earlier start find nobody. The item says
 * what people see; the Run says where in the engine it is. */
#include <glib/gi18n.h>
#include <string.h>
#include <unistd.h>

#include "core-priv.h"

G_DEFINE_FINAL_TYPE(KftCore, kft_core, G_TYPE_OBJECT)

enum {
    LOADED,
    RELOADED,
    RELOAD_FAILED,
    ERROR,
    ITEM_FAILED,
    ITEM_LOST,
    ITEM_RECOVERED,
    DIAGNOSE_EVENT,
    PROXY_LOGIN,
    SETTING_CHANGED,
    ADDED,
    REMOVAL_CHANGED,
    STOPPED,
    N_SIGNALS
};

static unsigned signals[N_SIGNALS];

typedef struct {
    uint32_t run; /* the engine's id */
    int64_t config;
    KftForwardItem *item;
    bool is_posted; /* the engine knows of it */
    bool is_stopping;
    bool starts_again; /* asked for while it stops */
    bool was_ready;
    bool is_lost; /* was ready, is connected again */
    KftForwardHealth health;
    KftForwardHealth stored_health; /* what the store knows */
} Run;

/* How often the numbers of "kftrayctl status" are stored while they change. */
#define HEALTH_S 2

static void run_free(gpointer data)
{
    Run *run = data;
    g_object_unref(run->item);
    g_free(run);
}

static int64_t *dup_id(int64_t id)
{
    int64_t *copy = g_new(int64_t, 1);
    *copy = id;
    return copy;
}

void kft_core_report(KftCore *self, const char *title, const GError *error)
{
    g_signal_emit(self, signals[ERROR], 0, title, error);
}

/* --- the moving numbers --- */

static gboolean on_tick(gpointer user_data)
{
    KftCore *self = user_data;
    bool moves = false;
    GHashTableIter iter;
    gpointer value = NULL;

    g_hash_table_iter_init(&iter, self->runs);
    while (g_hash_table_iter_next(&iter, NULL, &value))
        moves = kft_forward_item_tick(((Run *)value)->item) || moves;
    if (moves)
        return G_SOURCE_CONTINUE;
    self->tick_source = 0;
    return G_SOURCE_REMOVE;
}

/* Runs only while there is traffic to show, and somebody to see it: an idle program does not wake
 * up. */
static void start_ticking(KftCore *self, KftForwardItem *item)
{
    if (self->tick_source != 0 || !self->is_watched)
        return;
    (void)kft_forward_item_tick(item);
    self->tick_source = g_timeout_add_seconds(1, on_tick, self);
}

void kft_core_set_watched(KftCore *self, bool is_watched)
{
    GHashTableIter iter;
    gpointer value = NULL;

    if (self->is_watched == is_watched)
        return;
    self->is_watched = is_watched;
    g_clear_handle_id(&self->tick_source, g_source_remove);
    if (!is_watched)
        return;
    g_hash_table_iter_init(&iter, self->runs);
    while (g_hash_table_iter_next(&iter, NULL, &value)) {
        KftForwardItem *item = ((Run *)value)->item;
        kft_forward_item_rest(item);
        if (kft_forward_item_is_moving(item))
            start_ticking(self, item);
    }
}

/* --- health, for "kftrayctl status" --- */

static gboolean on_health_due(gpointer user_data)
{
    KftCore *self = user_data;
    GHashTableIter iter;
    gpointer value = NULL;

    self->health_source = 0;
    g_hash_table_iter_init(&iter, self->runs);
    while (g_hash_table_iter_next(&iter, NULL, &value)) {
        Run *run = value;
        if (memcmp(&run->health, &run->stored_health, sizeof run->health) == 0)
            continue;
        kft_core_store_health(self, run->config, &run->health);
        run->stored_health = run->health;
    }
    return G_SOURCE_REMOVE;
}

static void take_health(KftCore *self, Run *run, const KftForwardStatisticsEvent *now)
{
    run->health = now->health;
    if (self->health_source == 0)
        self->health_source = g_timeout_add_seconds(HEALTH_S, on_health_due, self);
}

/* --- runs --- */

static KftForwardSpec *make_spec(KftCore *self, const KftConfig *config, GError **error)
{
    KftForwardSpec *spec = kft_config_to_spec(config, error);
    if (spec == NULL)
        return NULL;
    spec->hold_ms = kft_core_get_uint(self, KFT_SETTING_HOLD_SECONDS) * 1000;
    spec->half_close_ms = kft_core_get_uint(self, KFT_SETTING_HALF_CLOSE_SECONDS) * 1000;
    if (config->disconnect_timeout_minutes == KFT_CONFIG_UNSET)
        spec->auto_close_ms =
            kft_core_get_uint(self, KFT_SETTING_DISCONNECT_TIMEOUT_MINUTES) * 60 * 1000;
    /* Nobody waits at a prompt: a cluster that cannot be reached now may be later. */
    spec->retries_start = true;
    return spec;
}

static void end_run(KftCore *self, Run *run)
{
    int64_t config = run->config;
    (void)g_hash_table_remove(self->by_run, GUINT_TO_POINTER(run->run));
    (void)g_hash_table_remove(self->runs, &config);
}

static void fail_run(KftCore *self, Run *run, KftErrorCode code, const char *text)
{
    g_autoptr(KftForwardItem) item = g_object_ref(run->item);

    kft_core_release(self, run->config, /* stays_wanted */ false,
                     kft_forward_item_get_traffic(item));
    end_run(self, run);
    kft_forward_item_set_failed(item, code, text);
    g_signal_emit(self, signals[ITEM_FAILED], 0, item);
}

void kft_core_on_claimed(KftCore *self, uint32_t id, const GError *error)
{
    g_autoptr(GError) fault = error == NULL ? NULL : g_error_copy(error);
    Run *run = g_hash_table_lookup(self->by_run, GUINT_TO_POINTER(id));

    if (run == NULL)
        return;
    if (run->is_stopping) {
        g_autoptr(KftForwardItem) item = g_object_ref(run->item);
        bool starts_again = run->starts_again;
        kft_core_release(self, run->config, self->stays_wanted, NULL);
        end_run(self, run);
        kft_forward_item_set_stopped(item);
        if (starts_again)
            kft_core_start(self, item);
        return;
    }
    KftForwardSpec *spec =
        fault != NULL ? NULL : make_spec(self, kft_forward_item_get_config(run->item), &fault);
    if (spec == NULL) {
        int code = fault->domain == KFT_ERROR ? fault->code : KFT_ERROR_INTERNAL;
        fail_run(self, run, (KftErrorCode)code, fault->message);
        return;
    }
    run->is_posted = true;
    kft_bridge_post(self->bridge, kft_command_new_start_forward((KftForwardId){id}, spec));
}

void kft_core_start(KftCore *self, KftForwardItem *item)
{
    int64_t id = kft_forward_item_get_id(item);
    Run *run = g_hash_table_lookup(self->runs, &id);

    if (self->is_shutting_down || kft_forward_item_get_status(item)->state == KFT_ITEM_ELSEWHERE)
        return;
    if (run != NULL) {
        run->starts_again = run->is_stopping;
        return;
    }
    run = g_new0(Run, 1);
    run->run = ++self->last_run;
    run->config = id;
    run->item = g_object_ref(item);
    g_hash_table_insert(self->runs, dup_id(id), run);
    g_hash_table_insert(self->by_run, GUINT_TO_POINTER(run->run), run);
    kft_forward_item_begin(item);
    kft_core_claim(self, id, run->run);
}

void kft_core_stop(KftCore *self, KftForwardItem *item)
{
    int64_t id = kft_forward_item_get_id(item);
    Run *run = g_hash_table_lookup(self->runs, &id);

    if (run == NULL) {
        /* Nothing runs; a failure that is shown has been seen. */
        if (kft_forward_item_get_status(item)->state == KFT_ITEM_FAILED)
            kft_forward_item_set_stopped(item);
        return;
    }
    run->starts_again = false;
    if (run->is_stopping)
        return;
    run->is_stopping = true;
    kft_forward_item_set_stopping(item);
    if (run->is_posted)
        kft_bridge_post(self->bridge, kft_command_new_stop_forward((KftForwardId){run->run}));
}

static void for_each_item(KftCore *self, void (*func)(KftCore *self, KftForwardItem *item))
{
    GListModel *list = kft_model_get_list(self->model);
    unsigned n = g_list_model_get_n_items(list);
    for (unsigned i = 0; i < n; i++) {
        g_autoptr(KftForwardItem) item = g_list_model_get_item(list, i);
        func(self, item);
    }
}

void kft_core_start_all(KftCore *self)
{
    for_each_item(self, kft_core_start);
}

void kft_core_stop_all(KftCore *self)
{
    for_each_item(self, kft_core_stop);
}

void kft_core_hint(KftCore *self, KftCommandType hint)
{
    kft_bridge_post(self->bridge, kft_command_new(hint));
}

void kft_core_set_network(KftCore *self, const KftNetworkSettings *settings)
{
    kft_bridge_post(self->bridge, kft_command_new_set_network(settings));
}

void kft_core_set_proxy_login(KftCore *self, const char *proxy, const KftLogin *login)
{
    kft_bridge_post(self->bridge,
                    kft_command_new_set_proxy_login(proxy, login->user, login->password));
}

/* --- events --- */

static void on_run_ended(KftCore *self, Run *run)
{
    g_autoptr(KftForwardItem) item = g_object_ref(run->item);
    bool starts_again = run->starts_again && !self->is_shutting_down;

    kft_core_release(self, run->config, self->stays_wanted, kft_forward_item_get_traffic(item));
    end_run(self, run);
    kft_forward_item_set_stopped(item);
    if (starts_again)
        kft_core_start(self, item);
}

/* What a person should hear of: that it was lost for more than a moment, and that it is back. */
static void tell_health(KftCore *self, Run *run, const KftForwardStatusEvent *status)
{
    if (status->state == KFT_FORWARD_STATE_READY) {
        run->was_ready = true;
        if (run->is_lost)
            g_signal_emit(self, signals[ITEM_RECOVERED], 0, run->item);
        run->is_lost = false;
    } else if (status->state == KFT_FORWARD_STATE_BACKOFF && run->was_ready && !run->is_lost &&
               status->attempt > 1) {
        run->is_lost = true;
        g_signal_emit(self, signals[ITEM_LOST], 0, run->item);
    }
}

static void handle_status(KftCore *self, Run *run, const KftEvent *event)
{
    const KftForwardStatusEvent *status = &event->status;

    if (status->state == KFT_FORWARD_STATE_IDLE) {
        on_run_ended(self, run);
        return;
    }
    if (run->is_stopping)
        return;
    if (status->state == KFT_FORWARD_STATE_FAILED) {
        /* The engine keeps what failed until it is stopped. */
        kft_bridge_post(self->bridge, kft_command_new_stop_forward(event->forward));
        kft_forward_item_take_event(run->item, event);
        fail_run(self, run, status->error_code, status->error);
        return;
    }
    kft_forward_item_take_event(run->item, event);
    kft_core_store_state(self, run->item, status->state);
    tell_health(self, run, status);
}

static void on_engine_event(const KftEvent *event, gpointer user_data)
{
    KftCore *self = user_data;

    if (event->type == KFT_EVENT_STOPPED) {
        self->has_stopped = true;
        g_signal_emit(self, signals[STOPPED], 0);
        return;
    }
    if (event->type == KFT_EVENT_DIAGNOSE_STEP || event->type == KFT_EVENT_DIAGNOSE_DONE) {
        g_signal_emit(self, signals[DIAGNOSE_EVENT], 0, event);
        return;
    }
    if (event->type == KFT_EVENT_PROXY_LOGIN) {
        g_signal_emit(self, signals[PROXY_LOGIN], 0, event);
        return;
    }
    if (event->type == KFT_EVENT_ANSWER) {
        kft_core_on_answer(self, event->answer);
        return;
    }
    Run *run = g_hash_table_lookup(self->by_run, GUINT_TO_POINTER(event->forward.v));
    if (run == NULL)
        return;
    if (event->type == KFT_EVENT_FORWARD_STATUS) {
        handle_status(self, run, event);
        return;
    }
    kft_forward_item_take_event(run->item, event);
    if (event->type != KFT_EVENT_FORWARD_STATISTICS)
        return;
    start_ticking(self, run->item);
    take_health(self, run, &event->statistics);
}

/* --- what the store tells --- */

void kft_core_on_loaded(KftCore *self, const KftLoad *load)
{
    if (!kft_core_get_bool(self, KFT_SETTING_RESTORE_AT_START))
        return;
    for (unsigned i = 0; i < load->run_states->len; i++) {
        const KftRunState *state = load->run_states->pdata[i];
        KftForwardItem *item = kft_model_find(self->model, state->config.v);
        if (item != NULL && state->is_wanted && state->state == KFT_FORWARD_STATE_IDLE)
            kft_core_start(self, item);
    }
}

void kft_core_show_others(KftCore *self, const GPtrArray *run_states)
{
    for (unsigned i = 0; i < run_states->len; i++) {
        const KftRunState *state = run_states->pdata[i];
        KftForwardItem *item = kft_model_find(self->model, state->config.v);
        bool is_others = state->owner_pid != 0 && state->owner_pid != getpid() &&
                         state->state != KFT_FORWARD_STATE_IDLE;
        if (item == NULL || g_hash_table_contains(self->runs, &state->config.v))
            continue;
        kft_forward_item_set_elsewhere(item, is_others ? state->owner_pid : 0, state->address);
    }
    if (self->removed_active->len == 0 || self->removed->len > 0)
        return;
    /* A removal was undone. */
    for (unsigned i = 0; i < self->removed_active->len; i++) {
        KftForwardItem *item =
            kft_model_find(self->model, g_array_index(self->removed_active, int64_t, i));
        if (item != NULL)
            kft_core_start(self, item);
    }
    g_array_set_size(self->removed_active, 0);
}

static void on_store_changed(gpointer user_data)
{
    kft_core_reload(user_data);
}

/* --- life --- */

void kft_core_shut_down(KftCore *self, bool stays_wanted)
{
    GHashTableIter iter;
    gpointer value = NULL;

    if (self->is_shutting_down)
        return;
    self->is_shutting_down = true;
    self->stays_wanted = stays_wanted;
    kft_core_finish_removal(self);
    g_hash_table_iter_init(&iter, self->runs);
    while (g_hash_table_iter_next(&iter, NULL, &value)) {
        Run *run = value;
        run->is_stopping = true;
        run->starts_again = false;
        if (!run->is_posted)
            kft_core_release(self, run->config, stays_wanted, NULL);
    }
    kft_bridge_post(self->bridge, kft_command_new(KFT_COMMAND_SHUTDOWN));
}

static void kft_core_dispose(GObject *object)
{
    KftCore *self = KFT_CORE(object);

    g_clear_handle_id(&self->tick_source, g_source_remove);
    g_clear_handle_id(&self->health_source, g_source_remove);
    g_clear_handle_id(&self->removal_source, g_source_remove);
    /* The engine can only be freed once it has stopped; a program that ends in a hurry leaves it
     * to the kernel. */
    if (self->has_stopped)
        g_clear_pointer(&self->bridge, kft_bridge_free);
    g_clear_pointer(&self->worker, kft_worker_free);
    G_OBJECT_CLASS(kft_core_parent_class)->dispose(object);
}

static void kft_core_finalize(GObject *object)
{
    KftCore *self = KFT_CORE(object);

    g_hash_table_unref(self->questions);
    g_hash_table_unref(self->by_run);
    g_hash_table_unref(self->runs);
    g_object_unref(self->model);
    g_array_unref(self->added);
    g_array_unref(self->removed);
    g_array_unref(self->removed_active);
    for (size_t i = 0; i < KFT_N_SETTINGS; i++)
        g_free(self->settings[i]);
    G_OBJECT_CLASS(kft_core_parent_class)->finalize(object);
}

static unsigned new_signal(const char *name, unsigned n_params, GType first, GType second)
{
    return g_signal_new(name, KFT_TYPE_CORE, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL, G_TYPE_NONE,
                        n_params, first, second);
}

static void kft_core_class_init(KftCoreClass *class)
{
    G_OBJECT_CLASS(class)->dispose = kft_core_dispose;
    G_OBJECT_CLASS(class)->finalize = kft_core_finalize;
    signals[LOADED] = new_signal("loaded", 0, 0, 0);
    signals[RELOADED] = new_signal("reloaded", 0, 0, 0);
    signals[RELOAD_FAILED] = new_signal("reload-failed", 1, G_TYPE_ERROR, 0);
    signals[ERROR] = new_signal("error", 2, G_TYPE_STRING, G_TYPE_ERROR);
    signals[ITEM_FAILED] = new_signal("item-failed", 1, KFT_TYPE_FORWARD_ITEM, 0);
    signals[ITEM_LOST] = new_signal("item-lost", 1, KFT_TYPE_FORWARD_ITEM, 0);
    signals[ITEM_RECOVERED] = new_signal("item-recovered", 1, KFT_TYPE_FORWARD_ITEM, 0);
    signals[DIAGNOSE_EVENT] = new_signal("diagnose-event", 1, G_TYPE_POINTER, 0);
    signals[PROXY_LOGIN] = new_signal("proxy-login", 1, G_TYPE_POINTER, 0);
    signals[SETTING_CHANGED] = new_signal("setting-changed", 1, G_TYPE_UINT, 0);
    signals[ADDED] = new_signal("added", 1, G_TYPE_POINTER, 0);
    signals[REMOVAL_CHANGED] = new_signal("removal-changed", 0, 0, 0);
    signals[STOPPED] = new_signal("stopped", 0, 0, 0);
}

static void kft_core_init(KftCore *self)
{
    self->model = kft_model_new();
    self->runs = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, run_free);
    self->by_run = g_hash_table_new(g_direct_hash, g_direct_equal);
    self->questions = kft_core_make_questions();
    self->added = g_array_new(FALSE, FALSE, sizeof(int64_t));
    self->removed = g_array_new(FALSE, FALSE, sizeof(int64_t));
    self->removed_active = g_array_new(FALSE, FALSE, sizeof(int64_t));
}

KftCore *kft_core_new(const char *dir, GError **error)
{
    static const KftBridgeFuncs funcs = {.on_event = on_engine_event};
    g_autoptr(KftCore) self = g_object_new(KFT_TYPE_CORE, NULL);

    self->bridge = kft_bridge_new(&funcs, self, error);
    if (self->bridge == NULL)
        return NULL;
    self->worker = kft_worker_new(dir, on_store_changed, self);
    kft_core_reload(self);
    return g_steal_pointer(&self);
}

KftModel *kft_core_get_model(KftCore *self)
{
    return self->model;
}

KftWorker *kft_core_get_worker(KftCore *self)
{
    return self->worker;
}

bool kft_core_is_loaded(KftCore *self)
{
    return self->is_loaded;
}
