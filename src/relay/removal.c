#include "relay/removal.h"

#include <string.h>

#include "kftray/error.h"

#include "base/json.h"
#include "base/log.h"
#include "kube/api-path.h"
#include "relay/manifest.h"

/* The end of a program waits for it. */
#define REQUEST_MS 4000
/* What runs through it has ended already. */
#define GRACE_S 1

struct KftRemoval {
    KftCluster *cluster;
    char *path;
    char *namespace_;
    char *name;
    char *installation; /* nullable */
    KftRemovalFunc on_done;
    void *user_data;
    KftApiCall *call;
    GError *error;
};

/* Nothing of @self may be touched afterwards. */
static void finish(KftRemoval *self, const GError *error)
{
    if (error != NULL)
        self->error = g_error_copy(error);
    kft_log(KFT_LOG_FORWARD, KFT_LEVEL_INFO, "relay %s in %s: %s", self->name, self->namespace_,
            error == NULL ? "deleted" : error->message);
    self->on_done(self, self->user_data);
}

static void on_deleted(const KftHttpResponse *response, const GError *error, void *user_data)
{
    KftRemoval *self = user_data;
    bool is_gone = response != NULL && response->status == 404;
    finish(self, is_gone ? NULL : error);
}

static void start_call(KftRemoval *self, const char *method, const char *body, KftApiFunc on_done)
{
    g_autofree char *what = g_strdup_printf("%s relay \"%s\" in namespace \"%s\"",
                                            strcmp(method, "GET") == 0 ? "look at" : "delete",
                                            self->name, self->namespace_);
    const KftApiRequest request = {
        .method = method, .path = self->path, .body = body, .timeout_ms = REQUEST_MS, .what = what};
    kft_api_call_free(self->call);
    self->call = kft_cluster_request(self->cluster, &request, NULL, on_done, self);
}

/* @uid: of the pod that was read; NULL = whichever has the name. */
static void start_delete(KftRemoval *self, const char *uid)
{
    g_autoptr(json_object) options = json_object_new_object();

    (void)json_object_object_add(options, "kind", json_object_new_string("DeleteOptions"));
    (void)json_object_object_add(options, "apiVersion", json_object_new_string("v1"));
    (void)json_object_object_add(options, "gracePeriodSeconds", json_object_new_int(GRACE_S));
    if (uid != NULL) {
        json_object *preconditions = json_object_new_object();
        (void)json_object_object_add(preconditions, "uid", json_object_new_string(uid));
        (void)json_object_object_add(options, "preconditions", preconditions);
    }
    start_call(self, "DELETE", json_object_to_json_string(options), on_deleted);
}

static const char *find_label(json_object *pod, const char *name)
{
    json_object *value = NULL;
    if (!json_object_object_get_ex(kft_json_get(pod, "metadata.labels"), name, &value))
        return NULL;
    return json_object_get_type(value) == json_type_string ? json_object_get_string(value) : NULL;
}

static void on_read(const KftHttpResponse *response, const GError *error, void *user_data)
{
    KftRemoval *self = user_data;

    if (error != NULL) {
        on_deleted(response, error, user_data);
        return;
    }
    g_autoptr(json_object) pod = kft_json_parse(response->body, response->body_size, NULL);
    const char *uid = kft_json_string(pod, "metadata.uid");
    if (uid == NULL ||
        g_strcmp0(find_label(pod, KFT_RELAY_LABEL_INSTALLATION), self->installation) != 0) {
        g_autoptr(GError) refusal =
            g_error_new(KFT_ERROR, KFT_ERROR_NOT_FOUND,
                        "pod \"%s\" in namespace \"%s\" is no relay of this installation",
                        self->name, self->namespace_);
        finish(self, refusal);
        return;
    }
    start_delete(self, uid);
}

KftRemoval *kft_removal_start(KftCluster *cluster,
                              const char *namespace_,
                              const char *name,
                              const char *installation,
                              KftRemovalFunc on_done,
                              void *user_data)
{
    KftRemoval *self = g_new0(KftRemoval, 1);
    self->cluster = kft_cluster_ref(cluster);
    self->namespace_ = g_strdup(namespace_);
    self->name = g_strdup(name);
    self->installation = g_strdup(installation);
    self->path = kft_api_path_build("/api/v1/namespaces", namespace_, "pods", name, NULL);
    self->on_done = on_done;
    self->user_data = user_data;
    if (installation == NULL)
        start_delete(self, NULL);
    else
        start_call(self, "GET", NULL, on_read);
    return self;
}

const char *kft_removal_get_name(const KftRemoval *self)
{
    return self->name;
}

const GError *kft_removal_get_error(const KftRemoval *self)
{
    return self->error;
}

void kft_removal_free(KftRemoval *self)
{
    if (self == NULL)
        return;
    kft_api_call_free(self->call);
    kft_cluster_unref(self->cluster);
    g_clear_error(&self->error);
    g_free(self->path);
    g_free(self->namespace_);
    g_free(self->name);
    g_free(self->installation);
    g_free(self);
}
