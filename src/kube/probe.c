/* Two steps: the credential, then GET /version. The credential is asked for on its own so that the
 * latency is the network's and the server's alone; the request then gets it from the cache. */
#include "kube/probe.h"

#include <string.h>

#include "base/json.h"

#define WHAT "version of the server"

struct KftProbe {
    KftCluster *cluster;
    uint32_t timeout_ms;
    KftProbeFunc on_done;
    void *user_data;
    KftCredentialRequest *credential; /* while it is waited for */
    char *server;                     /* URL, once it is known */
    KftApiCall *call;
    uint64_t begun_us;
};

/* By the clock, not the loop's: with many probes a turn of the loop takes long. */
static uint64_t now_us(void)
{
    return (uint64_t)g_get_monotonic_time();
}

static bool is_refusal(unsigned status)
{
    return status == 401 || status == 403 || status == 429;
}

/* What is being done goes without saying here. */
static const char *skip_what(const char *message)
{
    return g_str_has_prefix(message, WHAT ": ") ? message + strlen(WHAT ": ") : message;
}

static void on_version(const KftHttpResponse *response, const GError *error, void *user_data)
{
    KftProbe *self = user_data;
    KftProbeResult result = {.latency_ms = (uint32_t)((now_us() - self->begun_us) / 1000)};

    if (error != NULL && response != NULL && is_refusal(response->status))
        result.refusal = skip_what(error->message);
    else if (error != NULL) {
        g_autoptr(GError) plain =
            g_error_new_literal(error->domain, error->code, skip_what(error->message));
        self->on_done(NULL, plain, self->user_data);
        return;
    }
    g_autoptr(json_object) version =
        error == NULL ? kft_json_parse(response->body, response->body_size, NULL) : NULL;
    result.version = kft_json_string(version, "gitVersion");
    self->on_done(&result, NULL, self->user_data);
}

static void on_credential(KftAuth *auth, const GError *error, void *user_data)
{
    KftProbe *self = user_data;
    KftApiRequest request = {.path = "/version", .what = WHAT, .timeout_ms = self->timeout_ms};

    self->credential = NULL;
    if (error != NULL) {
        self->on_done(NULL, error, self->user_data);
        return;
    }
    self->server = g_strdup(auth->endpoint->url);
    self->begun_us = now_us();
    self->call = kft_cluster_request(self->cluster, &request, NULL, on_version, self);
}

KftProbe *
kft_probe_start(KftCluster *cluster, uint32_t timeout_ms, KftProbeFunc on_done, void *user_data)
{
    KFT_ASSERT_LOOP_THREAD(kft_cluster_get_loop(cluster));
    KftProbe *self = g_new0(KftProbe, 1);
    self->cluster = kft_cluster_ref(cluster);
    self->timeout_ms = timeout_ms;
    self->on_done = on_done;
    self->user_data = user_data;
    self->credential = kft_credential_get(kft_cluster_get_credential(cluster), on_credential, self);
    return self;
}

char *kft_probe_describe_wait(const KftProbe *self)
{
    if (self->server == NULL)
        return g_strdup("no credential from the plugin or issuer of this user");
    return g_strdup_printf("no answer from %s", self->server);
}

void kft_probe_free(KftProbe *self)
{
    if (self == NULL)
        return;
    if (self->credential != NULL)
        kft_credential_request_cancel(self->credential);
    kft_api_call_free(self->call);
    kft_cluster_unref(self->cluster);
    g_free(self->server);
    g_free(self);
}
