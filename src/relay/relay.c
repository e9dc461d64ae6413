/* A relay's life:
 *
 *   deploy ──► gateway there? ──yes──► deployed
 *                   │ no, or not wanted
 *                   ▼
 *              address of the target ──► POST the pod ──► deployed ──► lost ──► deploy
 *
 * A pod is in the journal before it is asked for, and leaves it when the cluster has confirmed that
 * it is gone. Each try has a new name: what became of an earlier one need not be known. */
#include "relay/relay.h"

#include <string.h>

#include "kftray/error.h"

#include "base/json.h"
#include "base/log.h"
#include "base/random.h"
#include "kube/api-path.h"
#include "relay/address.h"
#include "relay/removal.h"

#define REQUEST_MS 15000
#define RELAY_ID_BYTES 5

struct KftRelay {
    KftCluster *cluster;
    const KftRelaySpec *spec;
    char *namespace_;
    KftRelayFuncs funcs;
    void *user_data;
    char *id; /* the label by which its pods are found */
    KftTarget *own_target;
    KftTarget *gateway_target;
    bool is_gateway;
    bool is_deployed;
    bool was_seen;       /* the pod, by a watch */
    char *pod;           /* name of the newest; nullable */
    GPtrArray *old_pods; /* names of those that may still exist */
    KftManifestKeepalive keepalive;
    char *host;               /* of the target, as it was found out; nullable */
    char *led_to;             /* the one that the newest pod, or the gateway, was given; nullable */
    KftApiCall *call;         /* the step of deploying */
    KftRelayAddress *address; /* the same */
    GPtrArray *removals;      /* KftRemoval, running */
    KftDeferred *removed;     /* on_removed is due */
    KftDeferred *failed;      /* on_failed is due */
    GError *failure;
    bool is_removing;
};

void kft_relay_spec_free(KftRelaySpec *self)
{
    if (self == NULL)
        return;
    g_free(self->kubeconfig);
    g_free(self->context);
    g_free(self->host);
    kft_target_free(self->target);
    g_free(self);
}

char *kft_relay_spec_describe(const KftRelaySpec *self)
{
    g_autofree char *target =
        self->host == NULL ? kft_target_describe(self->target) : g_strdup(self->host);
    const char *protocol = self->protocol == KFT_PROTOCOL_UDP ? "/udp" : "";
    if (strchr(target, ':') != NULL && strchr(target, '/') == NULL)
        return g_strdup_printf("[%s]:%u%s", target, self->port, protocol);
    return g_strdup_printf("%s%s%u%s", target, self->host == NULL ? " port " : ":", self->port,
                           protocol);
}

/* --- ends of deploying --- */

static void deployed(KftRelay *self)
{
    self->is_deployed = true;
    self->was_seen = false;
    const KftRelayPlace place = {
        .target = self->is_gateway ? self->gateway_target : self->own_target,
        .namespace_ = self->is_gateway ? KFT_RELAY_GATEWAY_NAMESPACE : self->namespace_,
        .via_host = self->is_gateway ? self->host : NULL,
        .via_port = self->is_gateway ? self->spec->port : 0,
        .keepalive = self->keepalive,
    };
    self->funcs.on_deployed(&place, self->user_data);
}

static void on_failed_due(void *user_data)
{
    KftRelay *self = user_data;
    g_autoptr(GError) error = g_steal_pointer(&self->failure);
    self->failed = NULL;
    self->funcs.on_failed(error, self->user_data);
}

/* @error: taken. Told in a later turn, as kft_relay_deploy() promises. */
static void fail(KftRelay *self, GError *error)
{
    g_clear_error(&self->failure);
    self->failure = error;
    if (self->failed == NULL)
        self->failed = kft_loop_defer(kft_cluster_get_loop(self->cluster), on_failed_due, self);
}

/* --- the pod --- */

static void on_old_pod_removed(KftRemoval *removal, void *user_data);
static void create_pod(KftRelay *self);

static void note_host(KftRelay *self)
{
    g_free(self->led_to);
    self->led_to = g_strdup(self->host);
}

/* Nobody waits for it: a new one is made meanwhile. */
static void retire_pod(KftRelay *self)
{
    if (self->pod != NULL)
        g_ptr_array_add(self->old_pods, g_steal_pointer(&self->pod));
}

static void remove_old_pods(KftRelay *self)
{
    for (guint i = 0; i < self->old_pods->len; i++)
        g_ptr_array_add(self->removals, kft_removal_start(self->cluster, self->namespace_,
                                                          g_ptr_array_index(self->old_pods, i),
                                                          NULL, on_old_pod_removed, self));
    g_ptr_array_set_size(self->old_pods, 0);
}

static void on_created(const KftHttpResponse *response, const GError *error, void *user_data)
{
    KftRelay *self = user_data;

    g_clear_pointer(&self->call, kft_api_call_free);
    if (error == NULL) {
        kft_log(KFT_LOG_FORWARD, KFT_LEVEL_INFO, "relay %s deployed in %s", self->pod,
                self->namespace_);
        /* The target may have moved meanwhile. */
        if (strcmp(self->led_to, self->host) == 0)
            deployed(self);
        else
            create_pod(self);
        return;
    }
    /* A refusal leaves nothing; without an answer, or with that of a server in trouble, there may
     * be a pod. */
    if (response != NULL && response->status >= 400 && response->status < 500) {
        KftJournal *journal = kft_relay_home_peek_journal(self->spec->home);
        kft_journal_remove(journal, self->pod);
        g_clear_pointer(&self->pod, g_free);
    } else {
        retire_pod(self);
    }
    fail(self, g_error_copy(error));
}

static char *make_pod_json(KftRelay *self, const KftJournal *journal, GError **error)
{
    const KftRelaySpec *spec = self->spec;
    g_autoptr(KftManifest) manifest = kft_relay_home_load_manifest(spec->home, error);
    if (manifest == NULL)
        return NULL;
    g_autofree char *purpose = kft_relay_spec_describe(spec);
    bool is_service = spec->target != NULL && spec->target->kind == KFT_TARGET_SERVICE;
    const KftManifestValues values = {
        .namespace_ = self->namespace_,
        .name = self->pod,
        .image = kft_relay_home_get_image(spec->home),
        .service_name = is_service ? spec->target->name : NULL,
        .remote_address = self->host,
        .remote_port = spec->port,
        .local_port = KFT_RELAY_PORT,
        .protocol = spec->protocol,
        .installation = kft_journal_get_installation(journal),
        .session = kft_journal_get_session(journal),
        .relay = self->id,
        .owner = kft_relay_home_get_owner(spec->home),
        .host = kft_relay_home_get_host(spec->home),
        .purpose = purpose,
    };
    return kft_manifest_fill(manifest, &values, &self->keepalive, error);
}

static char *prepare_pod(KftRelay *self, GError **error)
{
    KftJournal *journal = kft_relay_home_need_journal(self->spec->home, error);
    if (journal == NULL)
        return NULL;
    g_autofree char *json = make_pod_json(self, journal, error);
    if (json == NULL || !kft_journal_add(journal, self->spec->kubeconfig, self->spec->context,
                                         self->namespace_, self->pod, error))
        return NULL;
    return g_steal_pointer(&json);
}

static void create_pod(KftRelay *self)
{
    g_autoptr(GError) error = NULL;

    retire_pod(self);
    remove_old_pods(self);
    note_host(self);
    self->pod = kft_relay_home_make_pod_name(self->spec->home, self->spec->protocol);
    g_autofree char *json = prepare_pod(self, &error);
    if (json == NULL) {
        g_clear_pointer(&self->pod, g_free);
        fail(self, g_steal_pointer(&error));
        return;
    }
    g_autofree char *path =
        kft_api_path_build("/api/v1/namespaces", self->namespace_, "pods", NULL);
    g_autofree char *what =
        g_strdup_printf("deploy the relay in namespace \"%s\"", self->namespace_);
    const KftApiRequest request = {
        .method = "POST", .path = path, .body = json, .timeout_ms = REQUEST_MS, .what = what};
    self->funcs.on_progress(KFT_RELAY_DEPLOYING, self->user_data);
    self->call = kft_cluster_request(self->cluster, &request, NULL, on_created, self);
}

/* --- where it leads to --- */

static void use_address(KftRelay *self)
{
    /* A step that is under way looks at it when it is done. */
    if (self->call != NULL || (self->is_deployed && strcmp(self->led_to, self->host) == 0))
        return;
    if (self->is_deployed)
        kft_log(KFT_LOG_FORWARD, KFT_LEVEL_INFO, "the target of a relay is at %s now", self->host);
    self->is_deployed = false;
    if (self->is_gateway) {
        note_host(self);
        deployed(self);
    } else {
        create_pod(self);
    }
}

static void on_address(const char *host, const GError *error, void *user_data)
{
    KftRelay *self = user_data;

    g_autofree char *copy = g_strdup(host);
    g_autoptr(GError) failure = error == NULL ? NULL : g_error_copy(error);
    if (failure != NULL) {
        g_clear_pointer(&self->address, kft_relay_address_free);
        fail(self, g_steal_pointer(&failure));
        return;
    }
    g_free(self->host);
    self->host = g_steal_pointer(&copy);
    use_address(self);
}

static void find_address(KftRelay *self)
{
    if (self->address == NULL)
        self->address = kft_relay_address_new(self->cluster, self->spec, self->namespace_,
                                              self->is_gateway, on_address, self);
    else
        kft_relay_address_refresh(self->address);
}

/* --- the gateway --- */

static void no_gateway(KftRelay *self, KftRelayUse use, const GError *error)
{
    if (use == KFT_RELAY_USE_AUTO) {
        find_address(self);
        return;
    }
    if (error != NULL)
        fail(self, g_error_copy(error));
    else
        fail(self, g_error_new(KFT_ERROR, KFT_ERROR_NOT_FOUND,
                               "there is no shared gateway: namespace \"%s\" has no pod with label "
                               "%s",
                               KFT_RELAY_GATEWAY_NAMESPACE, KFT_RELAY_GATEWAY_SELECTOR));
}

static KftRelayUse get_use(const KftRelay *self)
{
    return self->spec->use == KFT_RELAY_USE_AUTO ? kft_relay_home_get_use(self->spec->home)
                                                 : self->spec->use;
}

static void on_gateway(const KftHttpResponse *response, const GError *error, void *user_data)
{
    KftRelay *self = user_data;
    KftRelayUse use = get_use(self);
    bool has_any = false;

    if (error == NULL) {
        g_autoptr(json_object) list = kft_json_parse(response->body, response->body_size, NULL);
        has_any = kft_json_length(list, "items") > 0;
    }
    /* No answer at all is no reason to try something else. */
    bool is_answer = error == NULL || response != NULL;
    g_autoptr(GError) failure = error == NULL ? NULL : g_error_copy(error);
    g_clear_pointer(&self->call, kft_api_call_free);
    if (!is_answer) {
        fail(self, g_steal_pointer(&failure));
    } else if (has_any) {
        self->is_gateway = true;
        self->keepalive = (KftManifestKeepalive){0};
        find_address(self);
    } else {
        no_gateway(self, use, failure);
    }
}

static void look_for_gateway(KftRelay *self)
{
    g_autoptr(GString) path = g_string_new("/api/v1/namespaces/" KFT_RELAY_GATEWAY_NAMESPACE
                                           "/pods?limit=1&labelSelector=");
    g_string_append_uri_escaped(path, KFT_RELAY_GATEWAY_SELECTOR, NULL, false);
    const KftApiRequest request = {
        .path = path->str,
        .timeout_ms = REQUEST_MS,
        .what = "look for the shared gateway",
    };
    self->funcs.on_progress("looking for the shared gateway", self->user_data);
    self->call = kft_cluster_request(self->cluster, &request, NULL, on_gateway, self);
}

void kft_relay_deploy(KftRelay *self)
{
    if (self->call != NULL || self->failed != NULL || self->is_removing)
        return;
    self->is_deployed = false;
    self->is_gateway = false;
    if (get_use(self) == KFT_RELAY_USE_OWN)
        find_address(self);
    else
        look_for_gateway(self);
}

/* --- watching --- */

bool kft_relay_is_deployed(const KftRelay *self)
{
    return self->is_deployed;
}

static bool is_over(const KftPod *pod)
{
    return pod->is_terminating || pod->phase == KFT_POD_PHASE_SUCCEEDED ||
           pod->phase == KFT_POD_PHASE_FAILED;
}

bool kft_relay_observe(KftRelay *self, KftPod *const *pods, size_t n_pods)
{
    bool is_listed = false;
    bool is_alive = false;

    if (!self->is_deployed || self->is_gateway)
        return true;
    for (size_t i = 0; i < n_pods; i++) {
        bool is_ours = strcmp(pods[i]->name, self->pod) == 0;
        is_listed = is_listed || is_ours;
        is_alive = is_alive || (is_ours && !is_over(pods[i]));
    }
    bool is_lost = !is_alive && (is_listed || self->was_seen);
    self->was_seen = self->was_seen || is_listed;
    self->is_deployed = !is_lost;
    return !is_lost;
}

void kft_relay_distrust(KftRelay *self)
{
    self->was_seen = true;
}

/* --- removing --- */

static void on_removed_due(void *user_data)
{
    KftRelay *self = user_data;
    self->removed = NULL;
    self->is_removing = false;
    self->funcs.on_removed(self->user_data);
}

static void check_removed(KftRelay *self)
{
    if (self->is_removing && self->removals->len == 0 && self->removed == NULL)
        self->removed = kft_loop_defer(kft_cluster_get_loop(self->cluster), on_removed_due, self);
}

static void on_old_pod_removed(KftRemoval *removal, void *user_data)
{
    KftRelay *self = user_data;
    KftJournal *journal = kft_relay_home_peek_journal(self->spec->home);

    if (kft_removal_get_error(removal) == NULL)
        kft_journal_remove(journal, kft_removal_get_name(removal));
    else
        g_ptr_array_add(self->old_pods, g_strdup(kft_removal_get_name(removal)));
    (void)g_ptr_array_remove_fast(self->removals, removal);
    check_removed(self);
}

static void stop_deploying(KftRelay *self)
{
    g_clear_pointer(&self->call, kft_api_call_free);
    g_clear_pointer(&self->address, kft_relay_address_free);
    g_clear_error(&self->failure);
    if (self->failed != NULL)
        kft_deferred_cancel(self->failed);
    self->failed = NULL;
}

void kft_relay_remove(KftRelay *self)
{
    if (self->is_removing)
        return;
    stop_deploying(self);
    self->is_deployed = false;
    self->is_removing = true;
    retire_pod(self);
    remove_old_pods(self);
    check_removed(self);
}

/* --- life --- */

static void free_removal(void *removal)
{
    kft_removal_free(removal);
}

KftRelay *kft_relay_new(KftCluster *cluster,
                        const KftRelaySpec *spec,
                        const char *namespace_,
                        const KftRelayFuncs *funcs,
                        void *user_data)
{
    KftRelay *self = g_new0(KftRelay, 1);
    self->cluster = kft_cluster_ref(cluster);
    self->spec = spec;
    self->namespace_ = g_strdup(namespace_);
    self->funcs = *funcs;
    self->user_data = user_data;
    self->id = kft_random_dup_name(RELAY_ID_BYTES);
    g_autofree char *selector = g_strdup_printf(KFT_RELAY_LABEL_RELAY "=%s", self->id);
    self->own_target = kft_target_parse(NULL, selector, NULL);
    self->gateway_target = kft_target_parse(NULL, KFT_RELAY_GATEWAY_SELECTOR, NULL);
    self->old_pods = g_ptr_array_new_with_free_func(g_free);
    self->removals = g_ptr_array_new_with_free_func(free_removal);
    return self;
}

void kft_relay_free(KftRelay *self)
{
    if (self == NULL)
        return;
    stop_deploying(self);
    if (self->removed != NULL)
        kft_deferred_cancel(self->removed);
    g_ptr_array_unref(self->removals);
    g_ptr_array_unref(self->old_pods);
    kft_target_free(self->own_target);
    kft_target_free(self->gateway_target);
    kft_cluster_unref(self->cluster);
    g_free(self->namespace_);
    g_free(self->pod);
    g_free(self->host);
    g_free(self->led_to);
    g_free(self->id);
    g_free(self);
}
