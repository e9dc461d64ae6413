/* The one place where commands meet forwards. Forwards and diagnoses are known to the outside by
 * numbers alone. A forward that ended is freed in a later turn, as it says so in its own callback.
 * Clusters are shared, so that news of a network or a kubeconfig are looked at once per cluster and
 * then told to its forwards. */
#include "engine/session.h"

#include <string.h>
#include <time.h>

#include "base/log.h"
#include "diagnose/diagnosis.h"
#include "engine/cluster-set.h"
#include "engine/queries.h"
#include "engine/spec.h"
#include "forward/forward.h"
#include "net/netlink.h"
#include "net/timer.h"
#include "relay/sweep.h"

/* Statistics go out at most so often, and only while something changes. */
#define STATISTICS_MS 250
/* How long a server may take to answer over a way that changed; where there is no way, a short
 * interruption may still end: a VPN takes its time to come back. */
#define VERIFY_MS 5000
#define VERIFY_GONE_MS 20000
/* Less is no sleep but the inaccuracy of two clocks. */
#define MIN_SLEEP_MS 2000

struct KftSession {
    KftLoop *loop;
    void (*post)(KftEvent *event, void *user_data);
    void (*on_stopped)(void *user_data);
    void *user_data;
    KftClusterSet *clusters;
    KftNetlink *netlink;  /* nullable */
    int64_t slept_ms;     /* how long the machine slept since it was started */
    bool is_asleep;       /* SLEEP came, and no WAKE */
    GHashTable *forwards; /* id → Entry */
    GHashTable *patients; /* id → Patient */
    KftQueries *queries;
    KftRelayHome *relays;
    KftSweep *sweep;
    KftTimer *statistics;
    bool is_shutting_down;
};

typedef struct {
    KftSession *session;
    KftForwardId id;
    KftCluster *cluster; /* borrowed: the set keeps it */
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
    event->status.time_ms = g_get_real_time() / 1000;
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
        .packets_up = statistics->packets_up,
        .packets_down = statistics->packets_down,
        .packets_dropped = statistics->packets_dropped,
        .n_connections = statistics->n_connections,
        .health =
            {
                .n_open = statistics->n_open,
                .n_reconnects = statistics->n_reconnects,
                .ready_since_ms = statistics->ready_since_ms,
                .connected_ms = statistics->health.opened_ms,
                .handshake_ms = statistics->health.handshake_ms,
                .round_trip_us = statistics->health.round_trip_us,
                .closes_ms = statistics->closes_ms,
            },
    };
    entry->session->post(event, entry->session->user_data);
}

static bool is_equal(const KftForwardStatistics *a, const KftForwardStatistics *b)
{
    return a->bytes_up == b->bytes_up && a->bytes_down == b->bytes_down &&
           a->packets_up == b->packets_up && a->packets_down == b->packets_down &&
           a->packets_dropped == b->packets_dropped && a->n_connections == b->n_connections &&
           a->n_open == b->n_open && a->n_reconnects == b->n_reconnects &&
           a->ready_since_ms == b->ready_since_ms && a->closes_ms == b->closes_ms &&
           a->health.opened_ms == b->health.opened_ms &&
           a->health.round_trip_us == b->health.round_trip_us;
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

static void check_shutdown(KftSession *self)
{
    if (self->is_shutting_down && g_hash_table_size(self->forwards) == 0 &&
        g_hash_table_size(self->patients) == 0)
        self->on_stopped(self->user_data);
}

static void on_forward_gone(void *user_data)
{
    Entry *entry = user_data;
    KftSession *self = entry->session;

    g_hash_table_remove(self->forwards, GUINT_TO_POINTER(entry->id.v));
    check_shutdown(self);
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
        .time_ms = g_get_real_time() / 1000,
        .error = status->error == NULL ? NULL : g_strdup(status->error->message),
        .error_code = status->error != NULL && status->error->domain == KFT_ERROR
                          ? (KftErrorCode)status->error->code
                          : KFT_ERROR_INTERNAL,
        .waiting_for = g_strdup(status->waiting_for),
        .attempt = status->attempt,
        .next_try_ms = status->next_try_ms,
        .waits_for_user = status->waits_for_user,
        .pod = g_strdup(status->pod),
        .n_pods = status->n_pods,
        .transport = status->transport,
        .detour = g_strdup(status->detour),
    };
    entry->session->post(event, entry->session->user_data);
    if (!kft_timer_is_active(entry->session->statistics))
        kft_timer_start(entry->session->statistics, STATISTICS_MS);
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

static void on_forward_closing(uint32_t in_ms, bool is_at_time, void *user_data)
{
    Entry *entry = user_data;
    KftEvent *event = new_event(KFT_EVENT_FORWARD_CLOSING, entry->id);
    event->closing.in_ms = in_ms;
    event->closing.is_at_time = is_at_time;
    entry->session->post(event, entry->session->user_data);
    KftForwardStatistics now;
    post_new_statistics(entry, &now);
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

/* Calls @func for each forward of @cluster; NULL = of all. */
static void
foreach_forward(KftSession *self, const KftCluster *cluster, void (*func)(KftForward *forward))
{
    GHashTableIter iter;
    gpointer value = NULL;
    g_hash_table_iter_init(&iter, self->forwards);
    while (g_hash_table_iter_next(&iter, NULL, &value)) {
        const Entry *entry = value;
        if (cluster == NULL || entry->cluster == cluster)
            func(entry->forward);
    }
}

static void on_cluster_change(KftCluster *cluster, KftClusterChange change, void *user_data)
{
    bool has_moved = change == KFT_CLUSTER_NEW_SERVER;
    foreach_forward(user_data, cluster, has_moved ? kft_forward_move : kft_forward_mend);
}

static void on_cluster_broken(KftCluster *cluster, const GError *error, void *user_data)
{
    KftSession *self = user_data;
    GHashTableIter iter;
    gpointer value = NULL;
    g_autofree char *text = g_strdup_printf("%s; what was read before is used on", error->message);

    g_hash_table_iter_init(&iter, self->forwards);
    while (g_hash_table_iter_next(&iter, NULL, &value)) {
        if (((Entry *)value)->cluster == cluster)
            on_forward_notice(text, value);
    }
}

/* --- the network --- */

static void verify_cluster(KftSession *self, const KftCluster *cluster, uint32_t limit_ms)
{
    GHashTableIter iter;
    gpointer value = NULL;
    g_hash_table_iter_init(&iter, self->forwards);
    while (g_hash_table_iter_next(&iter, NULL, &value)) {
        const Entry *entry = value;
        if (entry->cluster == cluster)
            kft_forward_verify(entry->forward, limit_ms);
    }
}

/* Only those whose server is reached in another way now: networks change all the time, of
 * containers for instance. */
static void check_cluster(KftCluster *cluster, void *user_data)
{
    KftSession *self = user_data;
    KftReach *reach = kft_cluster_get_reach(cluster);
    KftRouteNews news = kft_reach_check_route(reach);

    if (news != KFT_ROUTE_SAME) {
        kft_loop_distrust_idle(self->loop);
        verify_cluster(self, cluster, news == KFT_ROUTE_GONE ? VERIFY_GONE_MS : VERIFY_MS);
    }
    kft_reach_probe_now(reach);
}

static void wake_cluster(KftCluster *cluster, void *user_data)
{
    KftReach *reach = kft_cluster_get_reach(cluster);
    (void)kft_reach_check_route(reach);
    verify_cluster(user_data, cluster, VERIFY_MS);
    kft_reach_probe_now(reach);
}

static int64_t read_clock_ms(clockid_t clock)
{
    struct timespec now = {0};
    (void)clock_gettime(clock, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Only one of the two clocks goes on while the machine sleeps. */
static bool has_slept(KftSession *self)
{
    int64_t slept_ms = read_clock_ms(CLOCK_BOOTTIME) - read_clock_ms(CLOCK_MONOTONIC);
    bool is_longer = slept_ms - self->slept_ms >= MIN_SLEEP_MS;
    self->slept_ms = slept_ms;
    return is_longer;
}

static void on_netlink_change(void *user_data)
{
    KftSession *self = user_data;
    if (has_slept(self))
        kft_session_wake(self);
    else if (!self->is_asleep)
        kft_session_network_changed(self);
}

void kft_session_network_changed(KftSession *self)
{
    kft_cluster_set_foreach(self->clusters, check_cluster, self);
}

void kft_session_sleep(KftSession *self)
{
    self->is_asleep = true;
}

void kft_session_wake(KftSession *self)
{
    self->is_asleep = false;
    (void)has_slept(self);
    kft_cluster_set_check_files(self->clusters);
    kft_loop_distrust_idle(self->loop);
    kft_cluster_set_foreach(self->clusters, wake_cluster, self);
}

static KftCluster *
find_cluster(const char *kubeconfig, const char *context, GError **error, void *user_data)
{
    KftSession *self = user_data;
    return kft_cluster_set_find(self->clusters, kubeconfig, context, error);
}

static void post_of_query(KftEvent *event, void *user_data)
{
    KftSession *self = user_data;
    self->post(event, self->user_data);
}

/* --- commands --- */

/* What the journal says must mean the same to a later program, in another folder and environment.
 */
static void complete_relay(KftSession *self, KftRelaySpec *relay, const char *context)
{
    const char *kubeconfig = relay->kubeconfig != NULL ? relay->kubeconfig : g_getenv("KUBECONFIG");
    bool is_one_file = kubeconfig != NULL && strchr(kubeconfig, ':') == NULL;
    char *path = is_one_file ? g_canonicalize_filename(kubeconfig, NULL) : g_strdup(kubeconfig);

    relay->home = self->relays;
    g_free(relay->kubeconfig);
    relay->kubeconfig = path;
    g_free(relay->context);
    relay->context = g_strdup(context);
}

static bool
start_forward(KftSession *self, KftForwardId id, const KftForwardSpec *spec, GError **error)
{
    static const KftForwardFuncs funcs = {
        .on_status = on_forward_status,
        .on_listening = on_forward_listening,
        .on_notice = on_forward_notice,
        .on_connection = on_forward_connection,
        .on_closing = on_forward_closing,
        .on_connection_error = on_forward_connection_error,
    };
    KftForwardOptions *options = kft_spec_to_options(spec, error);
    if (options == NULL)
        return false;
    KftCluster *cluster =
        kft_cluster_set_find(self->clusters, spec->kubeconfig, spec->context, error);
    if (cluster == NULL) {
        kft_forward_options_free(options);
        return false;
    }
    options->namespace_ =
        g_strdup(spec->namespace_ != NULL ? spec->namespace_ : kft_cluster_get_namespace(cluster));
    if (options->relay != NULL)
        complete_relay(self, options->relay, kft_cluster_get_name(cluster));
    Entry *entry = g_new0(Entry, 1);
    entry->session = self;
    entry->id = id;
    entry->cluster = cluster;
    /* Whoever starts something wants to know how it is now. */
    kft_reach_probe_for_user(kft_cluster_get_reach(cluster));
    entry->forward = kft_forward_new(cluster, options, &funcs, entry);
    g_hash_table_insert(self->forwards, GUINT_TO_POINTER(id.v), entry);
    return true;
}

void kft_session_start_forward(KftSession *self, KftForwardId id, const KftForwardSpec *spec)
{
    g_autoptr(GError) error = NULL;

    if (self->is_shutting_down)
        return;
    /* Who did not want to log in to a proxy a while ago may want to now. */
    kft_network_ask_again(kft_loop_get_network(self->loop));
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

/* --- relays of killed programs --- */

static void on_swept(unsigned n_relays, void *user_data)
{
    (void)user_data;
    kft_log(KFT_LOG_ENGINE, KFT_LEVEL_INFO, "%u relays of programs that are gone were deleted",
            n_relays);
}

void kft_session_set_relays(KftSession *self, const KftRelaySettings *settings)
{
    kft_relay_home_set(self->relays, settings);
    kft_sweep_run(self->sweep);
}

void kft_session_start_query(KftSession *self, const KftQuery *query)
{
    kft_queries_start(self->queries, query);
}

void kft_session_cancel_query(KftSession *self, KftQueryId id)
{
    kft_queries_cancel(self->queries, id);
}

void kft_session_retry_forward(KftSession *self, KftForwardId id)
{
    const Entry *entry = g_hash_table_lookup(self->forwards, GUINT_TO_POINTER(id.v));
    kft_cluster_set_check_files(self->clusters);
    if (entry != NULL)
        kft_forward_retry(entry->forward);
}

static void forget_network(KftCluster *cluster, void *user_data)
{
    (void)user_data;
    kft_cluster_forget_network(cluster);
}

void kft_session_retry_all(KftSession *self)
{
    kft_network_ask_again(kft_loop_get_network(self->loop));
    kft_cluster_set_foreach(self->clusters, forget_network, NULL);
    kft_cluster_set_check_files(self->clusters);
    foreach_forward(self, NULL, kft_forward_retry);
}

static void take_other_way(KftCluster *cluster, void *user_data)
{
    (void)user_data;
    kft_cluster_forget_network(cluster);
    kft_reach_probe_now(kft_cluster_get_reach(cluster));
}

static void try_other_way(KftSession *self)
{
    /* What is kept open went the way that counted until now. */
    kft_loop_distrust_idle(self->loop);
    kft_cluster_set_foreach(self->clusters, take_other_way, NULL);
    foreach_forward(self, NULL, kft_forward_retry);
}

void kft_session_set_network(KftSession *self, const KftNetworkSettings *settings)
{
    if (kft_network_set(kft_loop_get_network(self->loop), settings))
        try_other_way(self);
}

void kft_session_set_proxy_login(KftSession *self,
                                 const char *proxy,
                                 const char *user,
                                 const char *password)
{
    kft_network_set_login(kft_loop_get_network(self->loop), proxy, user, password);
    try_other_way(self);
}

static void on_login_wanted(const char *proxy, const char *user, bool is_refused, void *user_data)
{
    KftSession *self = user_data;
    KftEvent *event = new_event(KFT_EVENT_PROXY_LOGIN, (KftForwardId){0});

    event->proxy_login.proxy = g_strdup(proxy);
    event->proxy_login.user = g_strdup(user);
    event->proxy_login.is_refused = is_refused;
    self->post(event, self->user_data);
}

/* --- diagnoses --- */

typedef struct {
    KftSession *session;
    KftForwardId id;
    KftDiagnosis *diagnosis;
    bool is_unwanted; /* it only deletes its relay */
} Patient;

static void patient_free(void *data)
{
    Patient *patient = data;
    kft_diagnosis_free(patient->diagnosis);
    g_free(patient);
}

static void on_diagnose_step(const KftDiagnoseResult *result, void *user_data)
{
    const Patient *patient = user_data;
    if (patient->is_unwanted)
        return;
    KftEvent *event = new_event(KFT_EVENT_DIAGNOSE_STEP, patient->id);
    event->diagnose_step = *result;
    event->diagnose_step.text = g_strdup(result->text);
    event->diagnose_step.command = g_strdup(result->command);
    patient->session->post(event, patient->session->user_data);
}

static void on_diagnose_done(bool is_ok, const char *report, const char *json, void *user_data)
{
    const Patient *patient = user_data;
    KftSession *self = patient->session;
    if (!patient->is_unwanted) {
        KftEvent *event = new_event(KFT_EVENT_DIAGNOSE_DONE, patient->id);
        event->diagnosis.is_ok = is_ok;
        event->diagnosis.report = g_strdup(report);
        event->diagnosis.json = g_strdup(json);
        self->post(event, self->user_data);
    }
    g_hash_table_remove(self->patients, GUINT_TO_POINTER(patient->id.v));
    check_shutdown(self);
}

void kft_session_diagnose(KftSession *self, KftForwardId id, const KftForwardSpec *spec)
{
    static const KftDiagnosisFuncs funcs = {
        .on_step = on_diagnose_step,
        .on_done = on_diagnose_done,
    };
    g_autoptr(GError) error = NULL;

    if (self->is_shutting_down)
        return;
    KftDiagnosisSpec what = {
        .kubeconfig = spec->kubeconfig,
        .context = spec->context,
        .options = kft_spec_to_diagnose_options(spec, &error),
    };
    if (what.options == NULL) {
        KftEvent *event = new_event(KFT_EVENT_DIAGNOSE_DONE, id);
        event->diagnosis.error = g_strdup(error->message);
        self->post(event, self->user_data);
        return;
    }
    what.options->namespace_ = g_strdup(spec->namespace_);
    if (what.options->relay != NULL)
        complete_relay(self, what.options->relay, spec->context);
    Patient *patient = g_new0(Patient, 1);
    patient->session = self;
    patient->id = id;
    patient->diagnosis = kft_diagnosis_new(self->loop, &what, &funcs, patient);
    g_hash_table_insert(self->patients, GUINT_TO_POINTER(id.v), patient);
}

/* False: nothing is left of it; else it goes by itself. */
static bool stop_patient(Patient *patient)
{
    patient->is_unwanted = true;
    return kft_diagnosis_stop(patient->diagnosis);
}

void kft_session_stop_diagnosis(KftSession *self, KftForwardId id)
{
    Patient *patient = g_hash_table_lookup(self->patients, GUINT_TO_POINTER(id.v));
    if (patient != NULL && !stop_patient(patient))
        g_hash_table_remove(self->patients, GUINT_TO_POINTER(id.v));
}

static void stop_patients(KftSession *self)
{
    GHashTableIter iter;
    gpointer value = NULL;

    g_hash_table_iter_init(&iter, self->patients);
    while (g_hash_table_iter_next(&iter, NULL, &value)) {
        if (!stop_patient(value))
            g_hash_table_iter_remove(&iter);
    }
}

void kft_session_shutdown(KftSession *self)
{
    GHashTableIter iter;
    gpointer value = NULL;

    if (self->is_shutting_down)
        return;
    self->is_shutting_down = true;
    stop_patients(self);
    kft_queries_shutdown(self->queries);
    g_hash_table_iter_init(&iter, self->forwards);
    while (g_hash_table_iter_next(&iter, NULL, &value))
        kft_forward_stop(((Entry *)value)->forward);
    check_shutdown(self);
}

KftSession *kft_session_new(KftLoop *loop,
                            void (*post)(KftEvent *event, void *user_data),
                            void (*on_stopped)(void *user_data),
                            void *user_data)
{
    const KftQueriesFuncs query_funcs = {.find_cluster = find_cluster, .post = post_of_query};
    static const KftClusterSetFuncs cluster_funcs = {
        .on_change = on_cluster_change,
        .on_broken = on_cluster_broken,
    };
    static const KftSweepFuncs sweep_funcs = {.find_cluster = find_cluster, .on_swept = on_swept};
    KftSession *self = g_new0(KftSession, 1);
    self->loop = loop;
    self->post = post;
    self->on_stopped = on_stopped;
    self->user_data = user_data;
    self->clusters = kft_cluster_set_new(loop, &cluster_funcs, self);
    self->netlink = kft_netlink_new(loop, on_netlink_change, self);
    kft_loop_get_network(loop)->on_login_wanted = on_login_wanted;
    kft_loop_get_network(loop)->user_data = self;
    (void)has_slept(self);
    self->forwards = g_hash_table_new_full(g_direct_hash, g_direct_equal, NULL, entry_free);
    self->patients = g_hash_table_new_full(g_direct_hash, g_direct_equal, NULL, patient_free);
    self->relays = kft_relay_home_new();
    self->queries = kft_queries_new(loop, self->relays, &query_funcs, self);
    self->statistics = kft_timer_new(loop, on_statistics, self);
    self->sweep = kft_sweep_new(self->relays, &sweep_funcs, self);
    return self;
}

void kft_session_free(KftSession *self)
{
    if (self == NULL)
        return;
    kft_loop_get_network(self->loop)->on_login_wanted = NULL;
    kft_timer_free(self->statistics);
    g_hash_table_unref(self->patients);
    kft_queries_free(self->queries);
    g_hash_table_unref(self->forwards);
    kft_sweep_free(self->sweep);
    kft_relay_home_free(self->relays);
    kft_cluster_set_free(self->clusters);
    kft_netlink_free(self->netlink);
    g_free(self);
}
