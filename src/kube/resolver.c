/* Keeps the sources of a target up to date and gives out what they amount to. Sources are
 * list-watches, shared with other resolvers: the object that is named (a service or a workload),
 * and the pods or, where those may not be listed or no selector finds them, the endpoints. A change
 * of any source schedules one evaluation in the next turn of the loop; an evaluation that amounts
 * to the same as the last one is not given out. All sources are gone after a final error, until a
 * refresh starts over. */
#include "kube/resolver.h"

#include <string.h>

#include "kftray/error.h"

#include "base/backoff.h"
#include "base/log.h"
#include "kube/api-path.h"
#include "kube/selection.h"
#include "kube/service.h"
#include "kube/shared-watch.h"
#include "kube/workload.h"
#include "net/timer.h"

/* How often is looked again while nothing can be used and no watch would tell. */
#define POLL_BASE_MS 2000
#define POLL_CAP_MS 15000

/* Where endpoints are read, best first: what an older server or fewer rights leave. */
static const struct {
    const char *prefix;
    const char *resource;
    bool is_slice;
} endpoint_apis[] = {
    {"/apis/discovery.k8s.io/v1", "endpointslices", true},
    {"/apis/discovery.k8s.io/v1beta1", "endpointslices", true},
    {"/api/v1", "endpoints", false},
};

/* One list-watch, and who listens to it. */
typedef struct {
    KftResolver *resolver;
    KftSharedWatch *watch; /* nullable */
} Source;

struct KftResolver {
    KftCluster *cluster;
    KftTarget *target;
    char *namespace_;
    KftPortSpec *ports;
    size_t n_ports;
    KftResolverFuncs funcs;
    void *user_data;
    Source object; /* a KftService or KftWorkload */
    Source pods;
    Source endpoints; /* KftEndpoints */
    char *selector;   /* of pods */
    size_t endpoint_api;
    GError *pods_error; /* why pods cannot be listed */
    KftDeferred *evaluation;
    KftTimer *poll_timer;
    KftBackoff poll_backoff;
    KftApiCall *namespace_probe;
    GError *pending_error; /* final, once the probe has answered */
    bool has_probed;
    bool is_asked;      /* a refresh is not answered yet */
    KftSelection *last; /* what was given out */
};

static void start_pods(KftResolver *self, const char *name, const char *selector);
static void start_endpoints(KftResolver *self);

static void drop_source(Source *source)
{
    g_clear_pointer(&source->watch, kft_shared_watch_free);
}

static void stop_all(KftResolver *self)
{
    drop_source(&self->object);
    drop_source(&self->pods);
    drop_source(&self->endpoints);
    g_clear_pointer(&self->namespace_probe, kft_api_call_free);
    g_clear_error(&self->pending_error);
    g_clear_error(&self->pods_error);
    g_clear_pointer(&self->selector, g_free);
    kft_timer_stop(self->poll_timer);
    if (self->evaluation != NULL)
        kft_deferred_cancel(self->evaluation);
    self->evaluation = NULL;
    self->endpoint_api = 0;
    self->has_probed = false;
}

/* @error: taken. Nothing of @self may be touched afterwards. */
static void fail(KftResolver *self, GError *error)
{
    g_autoptr(GError) owned = error;

    stop_all(self);
    self->is_asked = false;
    self->funcs.on_error(owned, /* is_final */ true, self->user_data);
}

/* --- no such namespace? --- */

static void on_probe_done(const KftHttpResponse *response, const GError *error, void *user_data)
{
    KftResolver *self = user_data;
    bool is_missing = error != NULL && response != NULL && response->status == 404;

    g_clear_pointer(&self->namespace_probe, kft_api_call_free);
    if (is_missing)
        fail(self, g_error_new(KFT_ERROR, KFT_ERROR_NOT_FOUND, "namespace \"%s\" does not exist",
                               self->namespace_));
    else if (self->pending_error != NULL)
        fail(self, g_steal_pointer(&self->pending_error));
}

/* Servers do not look whether a namespace exists: a name in one that does not is "not found", a
 * list is empty. Most users may read namespaces; for others the first error stands. @error: taken,
 * nullable. */
static void probe_namespace(KftResolver *self, GError *error)
{
    g_autofree char *path = kft_api_path_build("/api/v1/namespaces", self->namespace_, NULL);
    KftApiRequest request = {.path = path, .what = "get namespace", .timeout_ms = 10000};

    g_clear_error(&self->pending_error);
    self->pending_error = error;
    self->has_probed = true;
    if (self->namespace_probe == NULL)
        self->namespace_probe =
            kft_cluster_request(self->cluster, &request, NULL, on_probe_done, self);
}

/* --- evaluation --- */

static bool has_object(const KftResolver *self)
{
    return self->target->kind != KFT_TARGET_POD && self->target->kind != KFT_TARGET_SELECTOR;
}

static void emit(KftResolver *self, KftSelection *selection)
{
    kft_selection_free(self->last);
    self->last = selection;
    self->is_asked = false;
    KftResolution resolution = {
        .candidates = (const KftCandidate *)(const void *)selection->candidates->data,
        .n_candidates = selection->candidates->len,
        .waiting_reason = selection->waiting_reason,
        .pods = (KftPod *const *)selection->pods->pdata,
        .n_pods = selection->pods->len,
        .local_numbers = selection->local_numbers,
    };
    kft_log(KFT_LOG_KUBE, KFT_LEVEL_DEBUG, "%s: %u candidates of %u pods%s%s",
            self->target->name != NULL ? self->target->name : self->target->selector,
            selection->candidates->len, selection->pods->len,
            selection->waiting_reason != NULL ? ": " : "",
            selection->waiting_reason != NULL ? selection->waiting_reason : "");
    self->funcs.on_change(&resolution, self->user_data);
}

static bool is_unwatched(const Source *source)
{
    return source->watch != NULL && !kft_shared_watch_is_watched(source->watch);
}

static void update_poll(KftResolver *self, const KftSelection *selection)
{
    bool is_blind =
        is_unwatched(&self->object) || is_unwatched(&self->pods) || is_unwatched(&self->endpoints);

    if (selection->candidates->len > 0) {
        kft_timer_stop(self->poll_timer);
        kft_backoff_reset(&self->poll_backoff);
    } else if (is_blind && !kft_timer_is_active(self->poll_timer)) {
        kft_timer_start(self->poll_timer, kft_backoff_next_ms(&self->poll_backoff));
    }
}

static GPtrArray *list_pods(const KftResolver *self)
{
    GPtrArray *pods = g_ptr_array_new();
    GHashTableIter iter;
    void *pod = NULL;

    g_hash_table_iter_init(&iter, kft_shared_watch_get_models(self->pods.watch));
    while (g_hash_table_iter_next(&iter, NULL, &pod))
        g_ptr_array_add(pods, pod);
    return pods;
}

static GPtrArray *list_endpoint_sets(const KftResolver *self)
{
    GPtrArray *sets = g_ptr_array_new();
    GHashTableIter iter;
    void *model = NULL;

    if (self->endpoints.watch == NULL)
        return sets;
    g_hash_table_iter_init(&iter, kft_shared_watch_get_models(self->endpoints.watch));
    while (g_hash_table_iter_next(&iter, NULL, &model)) {
        const KftEndpoints *endpoints = model;
        for (guint i = 0; i < endpoints->sets->len; i++)
            g_ptr_array_add(sets, g_ptr_array_index(endpoints->sets, i));
    }
    return sets;
}

static KftSelection *select_pods(const KftResolver *self, void *object, GError **error)
{
    g_autoptr(GPtrArray) pods = self->pods.watch != NULL ? list_pods(self) : NULL;
    g_autoptr(GPtrArray) sets = list_endpoint_sets(self);
    bool is_service = self->target->kind == KFT_TARGET_SERVICE;
    KftSelectionInput input = {
        .target = self->target,
        .namespace_ = self->namespace_,
        .ports = self->ports,
        .n_ports = self->n_ports,
        .service = is_service ? object : NULL,
        .workload = is_service ? NULL : object,
        .pods = pods,
        .endpoint_sets = sets,
    };
    return kft_selection_new(&input, error);
}

/* Whether everything that is being read was read once. */
static bool is_synced(const KftResolver *self)
{
    const Source *const sources[] = {&self->object, &self->pods, &self->endpoints};

    for (size_t i = 0; i < G_N_ELEMENTS(sources); i++) {
        if (sources[i]->watch != NULL && !kft_shared_watch_is_synced(sources[i]->watch))
            return false;
    }
    return true;
}

/* Whether an answer of the server that may bring something new is under way. */
static bool is_reading(const KftResolver *self)
{
    const Source *const sources[] = {&self->object, &self->pods, &self->endpoints};

    for (size_t i = 0; i < G_N_ELEMENTS(sources); i++) {
        if (sources[i]->watch != NULL && kft_shared_watch_is_reading(sources[i]->watch))
            return true;
    }
    return false;
}

static void evaluate(KftResolver *self)
{
    g_autoptr(KftSelection) selection = NULL;
    g_autoptr(GError) error = NULL;

    if (!is_synced(self) || self->pending_error != NULL)
        return;
    void *object = has_object(self) ? kft_shared_watch_get_model(self->object.watch) : NULL;
    if (has_object(self) && object == NULL) {
        g_autofree char *target = kft_target_describe(self->target);
        error =
            g_error_new(KFT_ERROR, KFT_ERROR_NOT_FOUND,
                        "%s does not exist any more in namespace \"%s\"", target, self->namespace_);
    } else {
        selection = select_pods(self, object, &error);
    }
    if (selection == NULL && self->last == NULL) {
        fail(self, g_steal_pointer(&error));
        return;
    }
    /* What worked once can work again: a service may be deleted and made anew by an upgrade. */
    if (selection == NULL)
        selection = kft_selection_new_waiting(error->message, self->n_ports);
    update_poll(self, selection);
    bool is_first = self->last == NULL;
    if (is_first && selection->pods->len == 0 && !has_object(self) && !self->has_probed)
        probe_namespace(self, NULL);
    if (!kft_selection_equal(self->last, selection) || (self->is_asked && !is_reading(self)))
        emit(self, g_steal_pointer(&selection));
}

static void on_evaluation(void *user_data)
{
    KftResolver *self = user_data;
    self->evaluation = NULL;
    evaluate(self);
}

static void schedule_evaluation(KftResolver *self)
{
    if (self->evaluation == NULL)
        self->evaluation = kft_loop_defer(kft_cluster_get_loop(self->cluster), on_evaluation, self);
}

static void on_poll(void *user_data)
{
    KftResolver *self = user_data;
    const Source *const sources[] = {&self->object, &self->pods, &self->endpoints};

    for (size_t i = 0; i < G_N_ELEMENTS(sources); i++) {
        if (is_unwatched(sources[i]))
            kft_shared_watch_refresh(sources[i]->watch);
    }
    /* The next one is scheduled by the evaluation that the answers cause. */
}

/* --- sources --- */

static void report_transient(KftResolver *self, const GError *error)
{
    /* Later, a source that cannot be read only means that changes are not seen for a while. */
    if (self->last != NULL && !self->is_asked)
        return;
    /* Who asked waits on: the answer that comes in the end must be given out, new or not. */
    self->funcs.on_error(error, /* is_final */ false, self->user_data);
}

static void fail_not_found(KftResolver *self, const GError *error, unsigned status)
{
    if (status == 404 && !self->has_probed)
        probe_namespace(self, g_error_copy(error));
    else
        fail(self, g_error_copy(error));
}

static void on_pods_change(void *user_data)
{
    schedule_evaluation(((Source *)user_data)->resolver);
}

static void on_pods_error(const GError *error, unsigned status, bool is_final, void *user_data)
{
    KftResolver *self = ((Source *)user_data)->resolver;

    if (!is_final) {
        report_transient(self, error);
    } else if (status == 403 && self->target->kind == KFT_TARGET_SERVICE) {
        g_clear_error(&self->pods_error);
        self->pods_error = g_error_copy(error);
        drop_source(&self->pods);
        start_endpoints(self);
    } else {
        fail_not_found(self, error, status);
    }
}

static void *pod_model_new(json_object *object)
{
    return kft_pod_new_from_json(object);
}

static void pod_model_free(void *model)
{
    kft_pod_unref(model);
}

static void start_pods(KftResolver *self, const char *name, const char *selector)
{
    KftListWatchSpec spec = {
        .prefix = "/api/v1",
        .namespace_ = self->namespace_,
        .resource = "pods",
        .name = name,
        .label_selector = selector,
    };
    KftListWatchFuncs funcs = {
        .model_new = pod_model_new,
        .model_free = pod_model_free,
        .on_change = on_pods_change,
        .on_error = on_pods_error,
    };
    drop_source(&self->pods);
    self->pods.watch = kft_shared_watch_new(self->cluster, &spec, &funcs, &self->pods);
}

static void fail_without_endpoints(KftResolver *self, const GError *error)
{
    if (self->pods_error == NULL) {
        fail(self, g_error_copy(error));
        return;
    }
    GError *both = g_steal_pointer(&self->pods_error);
    g_prefix_error(&both, "service \"%s\": ", self->target->name);
    fail(self, both);
}

static void on_endpoints_error(const GError *error, unsigned status, bool is_final, void *user_data)
{
    KftResolver *self = ((Source *)user_data)->resolver;

    if (!is_final) {
        report_transient(self, error);
    } else if ((status == 403 || status == 404) &&
               self->endpoint_api + 1 < G_N_ELEMENTS(endpoint_apis)) {
        self->endpoint_api++;
        start_endpoints(self);
    } else {
        fail_without_endpoints(self, error);
    }
}

static void *endpoints_model_new(json_object *object)
{
    return kft_endpoints_new_from_json(object);
}

static void endpoints_model_free(void *model)
{
    kft_endpoints_free(model);
}

static void start_endpoints(KftResolver *self)
{
    bool is_slice = endpoint_apis[self->endpoint_api].is_slice;
    g_autofree char *selector =
        g_strdup_printf("kubernetes.io/service-name=%s", self->target->name);
    KftListWatchSpec spec = {
        .prefix = endpoint_apis[self->endpoint_api].prefix,
        .namespace_ = self->namespace_,
        .resource = endpoint_apis[self->endpoint_api].resource,
        .name = is_slice ? NULL : self->target->name,
        .label_selector = is_slice ? selector : NULL,
    };
    KftListWatchFuncs funcs = {
        .model_new = endpoints_model_new,
        .model_free = endpoints_model_free,
        .on_change = on_pods_change,
        .on_error = on_endpoints_error,
    };
    drop_source(&self->endpoints);
    self->endpoints.watch = kft_shared_watch_new(self->cluster, &spec, &funcs, &self->endpoints);
}

/* What the object says decides where pods are looked for. */
static void update_sources(KftResolver *self, const char *selector)
{
    if (selector == NULL) {
        drop_source(&self->pods);
        g_clear_pointer(&self->selector, g_free);
        if (self->target->kind == KFT_TARGET_SERVICE && self->endpoints.watch == NULL)
            start_endpoints(self);
        return;
    }
    if (g_strcmp0(self->selector, selector) == 0)
        return;
    g_free(self->selector);
    self->selector = g_strdup(selector);
    if (self->pods_error != NULL)
        return; /* the endpoints follow the selector by themselves */
    drop_source(&self->endpoints);
    start_pods(self, NULL, self->selector);
}

static void on_object_change(void *user_data)
{
    KftResolver *self = ((Source *)user_data)->resolver;
    void *model = kft_shared_watch_get_model(self->object.watch);

    if (model != NULL && self->target->kind == KFT_TARGET_SERVICE) {
        const KftService *service = model;
        if (service->external_name == NULL)
            update_sources(self, service->selector);
    } else if (model != NULL) {
        update_sources(self, ((const KftWorkload *)model)->selector);
    }
    schedule_evaluation(self);
}

static void on_object_error(const GError *error, unsigned status, bool is_final, void *user_data)
{
    KftResolver *self = ((Source *)user_data)->resolver;

    if (is_final)
        fail_not_found(self, error, status);
    else
        report_transient(self, error);
}

static void *service_model_new(json_object *object)
{
    return kft_service_new_from_json(object);
}

static void service_model_free(void *model)
{
    kft_service_free(model);
}

static void *workload_model_new(json_object *object)
{
    return kft_workload_new_from_json(object);
}

static void workload_model_free(void *model)
{
    kft_workload_free(model);
}

static void start_object(KftResolver *self)
{
    bool is_service = self->target->kind == KFT_TARGET_SERVICE;
    KftListWatchSpec spec = {
        .namespace_ = self->namespace_,
        .name = self->target->name,
        /* A selector of a workload does not change; a look per refresh is enough, and one watch
         * less that the server has to serve. */
        .is_polled = !is_service,
        .is_few = is_service,
    };
    KftListWatchFuncs funcs = {
        .model_new = is_service ? service_model_new : workload_model_new,
        .model_free = is_service ? service_model_free : workload_model_free,
        .on_change = on_object_change,
        .on_error = on_object_error,
    };
    kft_target_kind_get_api(self->target->kind, &spec.prefix, &spec.resource);
    self->object.watch = kft_shared_watch_new(self->cluster, &spec, &funcs, &self->object);
}

static void start(KftResolver *self)
{
    g_clear_pointer(&self->last, kft_selection_free);
    kft_backoff_reset(&self->poll_backoff);
    if (has_object(self))
        start_object(self);
    else
        start_pods(self, self->target->name, self->target->selector);
}

/* --- the object --- */

KftResolver *kft_resolver_new(KftCluster *cluster,
                              const KftTarget *target,
                              const char *namespace_,
                              const KftPortSpec *ports,
                              size_t n_ports,
                              const KftResolverFuncs *funcs,
                              void *user_data)
{
    KftResolver *self = g_new0(KftResolver, 1);
    self->cluster = kft_cluster_ref(cluster);
    self->target = kft_target_copy(target);
    self->namespace_ = g_strdup(namespace_);
    self->ports = g_new0(KftPortSpec, MAX(n_ports, 1));
    self->n_ports = n_ports;
    for (size_t i = 0; i < n_ports; i++) {
        self->ports[i] = ports[i];
        self->ports[i].remote = g_strdup(ports[i].remote);
    }
    self->funcs = *funcs;
    self->user_data = user_data;
    self->object.resolver = self;
    self->pods.resolver = self;
    self->endpoints.resolver = self;
    self->poll_timer = kft_timer_new(kft_cluster_get_loop(cluster), on_poll, self);
    kft_backoff_init(&self->poll_backoff, POLL_BASE_MS, POLL_CAP_MS);
    start(self);
    return self;
}

void kft_resolver_refresh(KftResolver *self)
{
    const Source *const sources[] = {&self->object, &self->pods, &self->endpoints};
    bool is_stopped = true;

    for (size_t i = 0; i < G_N_ELEMENTS(sources); i++) {
        if (sources[i]->watch != NULL) {
            kft_shared_watch_refresh(sources[i]->watch);
            is_stopped = false;
        }
    }
    if (is_stopped) {
        start(self);
        return;
    }
    /* A watch gives nothing while nothing changes, so what it gave before is the answer. */
    self->is_asked = true;
    schedule_evaluation(self);
}

void kft_resolver_free(KftResolver *self)
{
    if (self == NULL)
        return;
    stop_all(self);
    kft_timer_free(self->poll_timer);
    kft_selection_free(self->last);
    kft_cluster_unref(self->cluster);
    kft_target_free(self->target);
    g_free(self->namespace_);
    for (size_t i = 0; i < self->n_ports; i++)
        kft_port_spec_clear(&self->ports[i]);
    g_free(self->ports);
    g_free(self);
}
