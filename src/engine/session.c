#include "engine/session.h"

#include "engine/queries.h"
#include "engine/spec.h"
#include "forward/forward.h"
#include "net/timer.h"

/* Statistics go out at most so often, and only while something changes. */
#define STATISTICS_MS 250

struct KftSession {
    KftLoop *loop;
    void (*post)(KftEvent *event, void *user_data);
    void (*on_stopped)(void *user_data);
    void *user_data;
    GHashTable *clusters; /* "kubeconfig\ncontext" → KftCluster */
    GHashTable *forwards; /* id → Entry */
    KftQueries *queries;
    KftTimer *statistics;
    bool is_shutting_down;
};

typedef struct {
    KftSession *session;
    KftForwardId id;
    KftForward *forward;
    KftForwardStatistics last;
} Entry;

static void entry_free(void *data)
{
    Entry *entry = data;
    kft_forward_free(entry->forward);
    g_free(entry);
}

static KftEvent *new_event(KftEventType type, KftForwardId id)
{
    KftEvent *event = g_new0(KftEvent, 1);
    event->type = type;
    event->forward = id;
    return event;
}

static void post_failure(KftSession *self, KftForwardId id, const GError *error)
{
    KftEvent *event = new_event(KFT_EVENT_FORWARD_STATUS, id);
    event->status.state = KFT_FORWARD_STATE_FAILED;
    event->status.error = g_strdup(error->message);
    event->status.error_code =
        error->domain == KFT_ERROR ? (KftErrorCode)error->code : KFT_ERROR_INTERNAL;
    self->post(event, self->user_data);
}

/* --- statistics --- */

static void post_statistics(Entry *entry, const KftForwardStatistics *statistics)
{
    KftEvent *event = new_event(KFT_EVENT_FORWARD_STATISTICS, entry->id);
    event->statistics = (KftForwardStatisticsEvent){
        .bytes_up = statistics->bytes_up,
        .bytes_down = statistics->bytes_down,
        .n_connections = statistics->n_connections,
        .n_open = statistics->n_open,
    };
    entry->session->post(event, entry->session->user_data);
}

static bool is_equal(const KftForwardStatistics *a, const KftForwardStatistics *b)
{
    return a->bytes_up == b->bytes_up && a->bytes_down == b->bytes_down &&
           a->n_connections == b->n_connections && a->n_open == b->n_open;
}

/* If something changed since the last time. */
static void post_new_statistics(Entry *entry, KftForwardStatistics *now)
{
    kft_forward_get_statistics(entry->forward, now);
    if (!is_equal(now, &entry->last))
        post_statistics(entry, now);
    entry->last = *now;
}

/* --- what forwards tell --- */

static void on_forward_gone(void *user_data)
{
    Entry *entry = user_data;
    KftSession *self = entry->session;

    g_hash_table_remove(self->forwards, GUINT_TO_POINTER(entry->id.v));
    if (self->is_shutting_down && g_hash_table_size(self->forwards) == 0)
        self->on_stopped(self->user_data);
}

static void on_forward_status(const KftForwardStatus *status, void *user_data)
{
    Entry *entry = user_data;
    KftForwardStatistics now;

    /* The last bytes count, too. */
    if (status->state == KFT_FORWARD_STATE_IDLE)
        post_new_statistics(entry, &now);
    KftEvent *event = new_event(KFT_EVENT_FORWARD_STATUS, entry->id);
    event->status = (KftForwardStatusEvent){
        .state = status->state,
        .error = status->error == NULL ? NULL : g_strdup(status->error->message),
        .error_code = status->error != NULL && status->error->domain == KFT_ERROR
                          ? (KftErrorCode)status->error->code
                          : KFT_ERROR_INTERNAL,
        .waiting_for = g_strdup(status->waiting_for),
        .attempt = status->attempt,
        .next_try_ms = status->next_try_ms,
        .pod = g_strdup(status->pod),
        .transport = status->transport,
    };
    entry->session->post(event, entry->session->user_data);
    /* IDLE comes again only after STOPPING: the forward is done. It cannot be freed in its own
     * callback. */
    if (status->state == KFT_FORWARD_STATE_IDLE)
        (void)kft_loop_defer(entry->session->loop, on_forward_gone, entry);
}

static void on_forward_listening(const char *address, uint16_t remote_port, void *user_data)
{
    Entry *entry = user_data;
    KftEvent *event = new_event(KFT_EVENT_FORWARD_LISTENING, entry->id);
    event->listening.address = g_strdup(address);
    event->listening.remote_port = remote_port;
    entry->session->post(event, entry->session->user_data);
}

static void on_forward_notice(const char *text, void *user_data)
{
    Entry *entry = user_data;
    KftEvent *event = new_event(KFT_EVENT_FORWARD_NOTICE, entry->id);
    event->notice.text = g_strdup(text);
    entry->session->post(event, entry->session->user_data);
}

static void on_forward_connection(uint16_t local_port, void *user_data)
{
    Entry *entry = user_data;
    KftEvent *event = new_event(KFT_EVENT_FORWARD_CONNECTION, entry->id);
    event->connection.local_port = local_port;
    entry->session->post(event, entry->session->user_data);
    if (!kft_timer_is_active(entry->session->statistics))
        kft_timer_start(entry->session->statistics, STATISTICS_MS);
}

static void on_forward_connection_error(uint16_t local_port,
                                        uint16_t remote_port,
                                        const char *text,
                                        void *user_data)
{
    Entry *entry = user_data;
    KftEvent *event = new_event(KFT_EVENT_FORWARD_CONNECTION_ERROR, entry->id);
    event->connection.local_port = local_port;
    event->connection.remote_port = remote_port;
    event->connection.text = g_strdup(text);
    entry->session->post(event, entry->session->user_data);
}

/* Runs on only while connections are open: an idle engine does not wake up. */
static void on_statistics(void *user_data)
{
    KftSession *self = user_data;
    bool goes_on = false;
    GHashTableIter iter;
    gpointer value = NULL;

    g_hash_table_iter_init(&iter, self->forwards);
    while (g_hash_table_iter_next(&iter, NULL, &value)) {
        Entry *entry = value;
        KftForwardStatistics now;
        post_new_statistics(entry, &now);
        goes_on = goes_on || now.n_open > 0;
    }
    if (goes_on)
        kft_timer_start(self->statistics, STATISTICS_MS);
}

/* --- clusters --- */

/* One object per kubeconfig and context, shared by all forwards to it. */
static KftCluster *
find_cluster(const char *kubeconfig, const char *name, GError **error, void *user_data)
{
    KftSession *self = user_data;
    KftKubeContext context;
    g_autoptr(KftKubeconfig) config = kft_kubeconfig_load(kubeconfig, error);
    if (config == NULL || !kft_kubeconfig_select(config, name, &context, error))
        return NULL;
    g_autofree char *key =
        g_strconcat(kubeconfig == NULL ? "" : kubeconfig, "\n", context.name, NULL);
    KftCluster *cluster = g_hash_table_lookup(self->clusters, key);
    if (cluster == NULL) {
        cluster = kft_cluster_new(self->loop, config, &context);
        g_hash_table_insert(self->clusters, g_steal_pointer(&key), cluster);
    }
    return cluster;
}

static void post_of_query(KftEvent *event, void *user_data)
{
    KftSession *self = user_data;
    self->post(event, self->user_data);
}

/* --- commands --- */

static bool
start_forward(KftSession *self, KftForwardId id, const KftForwardSpec *spec, GError **error)
{
    static const KftForwardFuncs funcs = {
        .on_status = on_forward_status,
        .on_listening = on_forward_listening,
        .on_notice = on_forward_notice,
        .on_connection = on_forward_connection,
        .on_connection_error = on_forward_connection_error,
    };
    KftForwardOptions *options = kft_spec_to_options(spec, error);
    if (options == NULL)
        return false;
    KftCluster *cluster = find_cluster(spec->kubeconfig, spec->context, error, self);
    if (cluster == NULL) {
        kft_forward_options_free(options);
        return false;
    }
    options->namespace_ =
        g_strdup(spec->namespace_ != NULL ? spec->namespace_ : kft_cluster_get_namespace(cluster));
    Entry *entry = g_new0(Entry, 1);
    entry->session = self;
    entry->id = id;
    entry->forward = kft_forward_new(cluster, options, &funcs, entry);
    g_hash_table_insert(self->forwards, GUINT_TO_POINTER(id.v), entry);
    return true;
}

void kft_session_start_forward(KftSession *self, KftForwardId id, const KftForwardSpec *spec)
{
    g_autoptr(GError) error = NULL;

    if (self->is_shutting_down)
        return;
    if (g_hash_table_contains(self->forwards, GUINT_TO_POINTER(id.v))) {
        error = g_error_new(KFT_ERROR, KFT_ERROR_BAD_CONFIG, "forward %u runs already", id.v);
        post_failure(self, id, error);
    } else if (!start_forward(self, id, spec, &error)) {
        post_failure(self, id, error);
    }
}

void kft_session_stop_forward(KftSession *self, KftForwardId id)
{
    Entry *entry = g_hash_table_lookup(self->forwards, GUINT_TO_POINTER(id.v));
    if (entry != NULL)
        kft_forward_stop(entry->forward);
}

void kft_session_start_query(KftSession *self, const KftQuery *query)
{
    kft_queries_start(self->queries, query);
}

void kft_session_cancel_query(KftSession *self, KftQueryId id)
{
    kft_queries_cancel(self->queries, id);
}

void kft_session_retry_all(KftSession *self)
{
    GHashTableIter iter;
    gpointer value = NULL;
    g_hash_table_iter_init(&iter, self->forwards);
    while (g_hash_table_iter_next(&iter, NULL, &value))
        kft_forward_retry(((Entry *)value)->forward);
}

void kft_session_shutdown(KftSession *self)
{
    GHashTableIter iter;
    gpointer value = NULL;

    if (self->is_shutting_down)
        return;
    self->is_shutting_down = true;
    kft_queries_shutdown(self->queries);
    if (g_hash_table_size(self->forwards) == 0) {
        self->on_stopped(self->user_data);
        return;
    }
    g_hash_table_iter_init(&iter, self->forwards);
    while (g_hash_table_iter_next(&iter, NULL, &value))
        kft_forward_stop(((Entry *)value)->forward);
}

KftSession *kft_session_new(KftLoop *loop,
                            void (*post)(KftEvent *event, void *user_data),
                            void (*on_stopped)(void *user_data),
                            void *user_data)
{
    const KftQueriesFuncs query_funcs = {.find_cluster = find_cluster, .post = post_of_query};
    KftSession *self = g_new0(KftSession, 1);
    self->loop = loop;
    self->post = post;
    self->on_stopped = on_stopped;
    self->user_data = user_data;
    self->clusters =
        g_hash_table_new_full(g_str_hash, g_str_equal, g_free, (GDestroyNotify)kft_cluster_unref);
    self->forwards = g_hash_table_new_full(g_direct_hash, g_direct_equal, NULL, entry_free);
    self->queries = kft_queries_new(loop, &query_funcs, self);
    self->statistics = kft_timer_new(loop, on_statistics, self);
    return self;
}

void kft_session_free(KftSession *self)
{
    if (self == NULL)
        return;
    kft_timer_free(self->statistics);
    kft_queries_free(self->queries);
    g_hash_table_unref(self->forwards);
    g_hash_table_unref(self->clusters);
    g_free(self);
}
