/* API requests as one user of one cluster. A call goes through three asynchronous steps, the wait
 * for its turn, the credential and the HTTP exchange, and through all a second time after a 401 if
 * the credential can give something new. Exactly one step is open at any time until the call is
 * done; the turn ends with the head of the answer.
 * A call holds a reference to its cluster, so that callbacks may drop theirs. */
#include "kube/cluster.h"

#include <string.h>

#include "kftray/error.h"

#include "base/log.h"
#include "kube/credential-priv.h"
#include "kube/status.h"

#define DEFAULT_TIMEOUT_MS 30000
/* One may be a server that restarts. */
#define MAX_SILENT_CUTS 2

struct KftCluster {
    KftLoop *loop;
    KftKubeconfig *config;
    KftKubeContext context; /* of config */
    KftCredential *credential;
    KftReach *reach;
    KftNodes *nodes;
    GHashTable *shares; /* borrowed by who is in it */
    char *name;
    char *namespace_;
    KftCarrier carrier;
    bool has_carrier;
    char *websocket_block; /* nullable */
    unsigned n_silent_cuts;
    int ref_count;
};

struct KftApiCall {
    KftCluster *cluster;
    char *method;
    char *path;
    char *body;
    char *what;
    uint32_t timeout_ms;
    KftHttpBodyFunc on_body;
    KftApiFunc on_done;
    void *user_data;
    KftTurn *turn;
    KftAuth *auth; /* of the exchange under way */
    KftCredentialRequest *credential_request;
    KftHttpCall *http;
    bool is_retried;
};

KftCluster *kft_cluster_new(KftLoop *loop, KftKubeconfig *config, const KftKubeContext *context)
{
    KftCluster *self = g_new0(KftCluster, 1);
    self->loop = loop;
    self->config = kft_kubeconfig_ref(config);
    self->context = *context;
    self->credential = kft_credential_new(loop, config, context);
    g_autoptr(KftEndpoint) endpoint = kft_auth_new_endpoint(context);
    self->reach = kft_reach_new(loop, endpoint);
    self->nodes = kft_nodes_new(loop);
    self->shares = g_hash_table_new(g_str_hash, g_str_equal);
    self->name = g_strdup(context->name);
    self->namespace_ = g_strdup(context->namespace_);
    self->ref_count = 1;
    return self;
}

KftClusterChange
kft_cluster_apply(KftCluster *self, KftKubeconfig *config, const KftKubeContext *context)
{
    KFT_ASSERT_LOOP_THREAD(self->loop);
    bool same_server = kft_kube_cluster_equal(self->context.cluster, context->cluster);
    bool same_user = kft_kube_user_equal(self->context.user, context->user);
    if (same_server && same_user)
        return KFT_CLUSTER_SAME;
    KftCredential *old = self->credential;
    KftKubeconfig *old_config = self->config;
    self->config = kft_kubeconfig_ref(config);
    self->context = *context;
    self->credential = kft_credential_new(self->loop, config, context);
    kft_credential_hand_over(old, self->credential);
    kft_credential_free(old);
    kft_kubeconfig_unref(old_config);
    g_autoptr(KftEndpoint) endpoint = kft_auth_new_endpoint(context);
    kft_reach_set_endpoint(self->reach, endpoint, !same_server);
    self->has_carrier = self->has_carrier && same_server;
    g_hash_table_remove_all(self->shares);
    kft_log(KFT_LOG_KUBE, KFT_LEVEL_INFO, "context \"%s\" has another %s now", self->name,
            same_server ? "user" : "server");
    return same_server ? KFT_CLUSTER_NEW_USER : KFT_CLUSTER_NEW_SERVER;
}

KftCluster *kft_cluster_ref(KftCluster *self)
{
    self->ref_count++;
    return self;
}

void kft_cluster_unref(KftCluster *self)
{
    if (self == NULL || --self->ref_count > 0)
        return;
    kft_credential_free(self->credential);
    kft_reach_free(self->reach);
    kft_nodes_free(self->nodes);
    g_hash_table_unref(self->shares);
    kft_kubeconfig_unref(self->config);
    g_free(self->name);
    g_free(self->namespace_);
    g_free(self->websocket_block);
    g_free(self);
}

KftLoop *kft_cluster_get_loop(const KftCluster *self)
{
    return self->loop;
}

KftCredential *kft_cluster_get_credential(const KftCluster *self)
{
    return self->credential;
}

KftReach *kft_cluster_get_reach(const KftCluster *self)
{
    return self->reach;
}

KftNodes *kft_cluster_get_nodes(const KftCluster *self)
{
    return self->nodes;
}

GHashTable *kft_cluster_get_shares(const KftCluster *self)
{
    return self->shares;
}

const char *kft_cluster_get_name(const KftCluster *self)
{
    return self->name;
}

const char *kft_cluster_get_namespace(const KftCluster *self)
{
    return self->namespace_;
}

bool kft_cluster_get_carrier(const KftCluster *self, KftCarrier *ret_carrier)
{
    if (self->has_carrier)
        *ret_carrier = self->carrier;
    return self->has_carrier;
}

void kft_cluster_set_carrier(KftCluster *self, KftCarrier carrier)
{
    self->carrier = carrier;
    self->has_carrier = true;
}

void kft_cluster_set_websocket_block(KftCluster *self, const char *why)
{
    kft_log(KFT_LOG_TUNNEL, KFT_LEVEL_INFO, "WebSockets do not get through: %s", why);
    g_free(self->websocket_block);
    self->websocket_block = g_strdup(why);
    kft_cluster_set_carrier(self, KFT_CARRIER_SPDY);
}

const char *kft_cluster_get_websocket_block(const KftCluster *self)
{
    return self->websocket_block;
}

void kft_cluster_tell_tunnel_end(KftCluster *self, bool was_heard)
{
    self->n_silent_cuts = was_heard ? 0 : self->n_silent_cuts + 1;
    if (self->n_silent_cuts == MAX_SILENT_CUTS)
        kft_cluster_set_websocket_block(self, "the connection is cut as soon as it is open");
}

void kft_cluster_forget_network(KftCluster *self)
{
    if (self->websocket_block == NULL)
        return;
    g_clear_pointer(&self->websocket_block, g_free);
    self->n_silent_cuts = 0;
    self->has_carrier = false;
}

/* --- one call --- */

static void ask_turn(KftApiCall *self);

/* Nothing of @self may be touched afterwards: the callback may free it. */
static void finish(KftApiCall *self, const KftHttpResponse *response, const GError *error)
{
    if (error != NULL)
        kft_log(KFT_LOG_KUBE, KFT_LEVEL_DEBUG, "%s %s: %s", self->method, self->path,
                error->message);
    self->on_done(response, error, self->user_data);
}

static bool is_json(const KftHttpResponse *response)
{
    return response->content_type != NULL && strstr(response->content_type, "json") != NULL;
}

static void finish_answer(KftApiCall *self, const KftHttpResponse *response)
{
    g_autoptr(GError) error = NULL;

    if (response->status < 200 || response->status > 299)
        error = kft_status_to_error(response->status, response->content_type, response->body,
                                    response->body_size, self->what);
    else if (self->on_body == NULL && !is_json(response))
        error = g_error_new(KFT_ERROR, KFT_ERROR_PROTOCOL,
                            "%s: the answer is no JSON: does the server address of context \"%s\" "
                            "lead to a Kubernetes API server",
                            self->what, self->cluster->name);
    finish(self, response, error);
}

static void on_http_done(const KftHttpResponse *response, const GError *error, void *user_data)
{
    KftApiCall *self = user_data;
    KftTurn *turn = g_steal_pointer(&self->turn);

    if (error != NULL) {
        kft_turn_end_failed(turn, error);
        g_autoptr(GError) prefixed = g_error_copy(error);
        g_prefix_error(&prefixed, "%s: ", self->what);
        finish(self, NULL, prefixed);
        return;
    }
    kft_turn_end_answered(turn);
    kft_reach_note_peer(self->cluster->reach, response->peer);
    if (response->status == 401) {
        bool can_renew = kft_credential_reject(self->cluster->credential, self->auth);
        if (can_renew && !self->is_retried) {
            self->is_retried = true;
            g_clear_pointer(&self->http, kft_http_call_free);
            g_clear_pointer(&self->auth, kft_auth_unref);
            ask_turn(self);
            return;
        }
    }
    finish_answer(self, response);
}

static void on_http_head(void *user_data)
{
    KftApiCall *self = user_data;
    kft_turn_end_answered(g_steal_pointer(&self->turn));
}

static void on_http_body(const uint8_t *data, size_t size, void *user_data)
{
    KftApiCall *self = user_data;
    self->on_body(data, size, self->user_data);
}

static void send_request(KftApiCall *self)
{
    char **auth_lines = kft_auth_dup_lines(self->auth);
    g_autoptr(GPtrArray) headers = g_ptr_array_new();
    char accept[] = "Accept: application/json";
    char content_type[] = "Content-Type: application/json";

    for (size_t i = 0; auth_lines[i] != NULL; i++)
        g_ptr_array_add(headers, auth_lines[i]);
    g_ptr_array_add(headers, accept);
    if (self->body != NULL)
        g_ptr_array_add(headers, content_type);
    g_ptr_array_add(headers, NULL);
    KftHttpRequest request = {
        .method = self->method,
        .path = self->path,
        .headers = (const char *const *)headers->pdata,
        .body = self->body,
        .body_size = self->body != NULL ? strlen(self->body) : 0,
        .timeout_ms = self->timeout_ms,
        .on_head = on_http_head,
    };
    self->http =
        kft_http_call_start(self->cluster->loop, self->auth->endpoint, &request,
                            self->on_body != NULL ? on_http_body : NULL, on_http_done, self);
    kft_auth_free_lines(auth_lines);
}

static void on_credential(KftAuth *auth, const GError *error, void *user_data)
{
    KftApiCall *self = user_data;

    self->credential_request = NULL;
    if (error != NULL) {
        kft_turn_cancel(g_steal_pointer(&self->turn));
        finish(self, NULL, error);
        return;
    }
    self->auth = kft_auth_ref(auth);
    send_request(self);
}

static void on_turn(const GError *error, void *user_data)
{
    KftApiCall *self = user_data;

    if (error != NULL) {
        self->turn = NULL;
        g_autoptr(GError) prefixed = g_error_copy(error);
        g_prefix_error(&prefixed, "%s: ", self->what);
        finish(self, NULL, prefixed);
        return;
    }
    self->credential_request = kft_credential_get(self->cluster->credential, on_credential, self);
}

static void ask_turn(KftApiCall *self)
{
    self->turn = kft_reach_enter(self->cluster->reach, on_turn, self);
}

KftApiCall *kft_cluster_request(KftCluster *self,
                                const KftApiRequest *request,
                                KftHttpBodyFunc on_body,
                                KftApiFunc on_done,
                                void *user_data)
{
    KFT_ASSERT_LOOP_THREAD(self->loop);
    KftApiCall *call = g_new0(KftApiCall, 1);
    call->cluster = kft_cluster_ref(self);
    call->method = g_strdup(request->method != NULL ? request->method : "GET");
    call->path = g_strdup(request->path);
    call->body = g_strdup(request->body);
    call->what = g_strdup(request->what != NULL ? request->what : "request");
    call->timeout_ms = request->timeout_ms;
    if (call->timeout_ms == 0 && on_body == NULL)
        call->timeout_ms = DEFAULT_TIMEOUT_MS;
    call->on_body = on_body;
    call->on_done = on_done;
    call->user_data = user_data;
    ask_turn(call);
    return call;
}

void kft_api_call_free(KftApiCall *self)
{
    if (self == NULL)
        return;
    if (self->credential_request != NULL)
        kft_credential_request_cancel(self->credential_request);
    kft_http_call_free(self->http);
    kft_turn_cancel(self->turn);
    kft_auth_unref(self->auth);
    kft_cluster_unref(self->cluster);
    g_free(self->method);
    g_free(self->path);
    g_free(self->body);
    g_free(self->what);
    g_free(self);
}
