/* What the API server is asked: version, who we are, whether the namespace exists. */
#include <kftray/error.h>
#include <string.h>

#include "base/json.h"
#include "base/redact.h"
#include "diagnose/diagnosis-priv.h"
#include "kube/api-path.h"

#define MAX_QUOTE_CHARS 120
#define MAX_GROUPS_CHARS 480

json_object *kft_diagnose_parse_body(const KftHttpResponse *response, const GError *error)
{
    if (error != NULL || response == NULL)
        return NULL;
    return kft_json_parse(response->body, response->body_size, NULL);
}

/* --- API --- */

static void on_version(const KftHttpResponse *response, const GError *error, void *user_data)
{
    KftDiagnosis *self = user_data;
    unsigned status = response != NULL ? response->status : 0;

    if (!kft_diagnosis_is_running(self, KFT_DIAGNOSE_STEP_API))
        return;
    /* That it does not know us, or tells its version to nobody, is an answer. */
    if (error != NULL && status != 401 &&
        (status != 403 || error->code != KFT_ERROR_AUTH ||
         strstr(error->message, "web page") != NULL)) {
        kft_diagnosis_fail(self, KFT_DIAGNOSE_STEP_API, g_strdup(error->message), NULL);
        return;
    }
    g_autoptr(json_object) object = kft_diagnose_parse_body(response, error);
    const char *version = kft_json_string(object, "gitVersion");
    if (error == NULL && version == NULL) {
        kft_diagnosis_fail(self, KFT_DIAGNOSE_STEP_API,
                           g_strdup("the answer to /version is not one of Kubernetes"), NULL);
        return;
    }
    g_autofree char *line = kft_one_line(version != NULL ? version : "", MAX_QUOTE_CHARS);
    kft_diagnosis_pass(self, KFT_DIAGNOSE_STEP_API,
                       version != NULL ? g_strdup_printf("Kubernetes %s", line)
                                       : g_strdup_printf("it answers (HTTP %u to a look at its "
                                                         "version)",
                                                         status));
}

void kft_diagnose_api(KftDiagnosis *self)
{
    KftApiRequest request = {.path = "/version", .what = "get the version"};
    kft_diagnosis_set_kubectl(self, KFT_DIAGNOSE_STEP_API, "version");
    self->api_call = kft_cluster_request(self->cluster, &request, NULL, on_version, self);
}

/* --- identity --- */

static char *dup_identity_text(json_object *object)
{
    const char *name = kft_json_string(object, "status.userInfo.username");
    size_t n_groups = kft_json_length(object, "status.userInfo.groups");
    g_autoptr(GString) groups = g_string_new(NULL);
    if (name == NULL)
        return NULL;
    for (size_t i = 0; i < n_groups; i++) {
        const char *group =
            json_object_get_string(kft_json_at(object, "status.userInfo.groups", i));
        g_string_append_printf(groups, "%s%s", i == 0 ? ", in the groups " : ", ", group);
    }
    g_autofree char *line = kft_one_line(groups->str, MAX_GROUPS_CHARS);
    g_autofree char *user = kft_one_line(name, MAX_QUOTE_CHARS);
    return g_strdup_printf("user \"%s\"%s%s", user, line[0] == ',' ? "" : " ", line);
}

static bool is_anonymous(const char *text)
{
    return text != NULL && strstr(text, "\"system:anonymous\"") != NULL;
}

static void on_identity(const KftHttpResponse *response, const GError *error, void *user_data)
{
    static const char anonymous[] =
        "the server does not know who you are: you are \"system:anonymous\"";
    KftDiagnosis *self = user_data;
    unsigned status = response != NULL ? response->status : 0;

    if (!kft_diagnosis_is_running(self, KFT_DIAGNOSE_STEP_IDENTITY))
        return;
    g_autoptr(json_object) object = kft_diagnose_parse_body(response, error);
    g_autofree char *text = dup_identity_text(object);
    if (is_anonymous(text) || (status == 403 && error != NULL && is_anonymous(error->message)))
        kft_diagnosis_fail(self, KFT_DIAGNOSE_STEP_IDENTITY, g_strdup(anonymous), NULL);
    else if ((status >= 403 && status < 500) || (error == NULL && text == NULL))
        kft_diagnosis_skip(self, KFT_DIAGNOSE_STEP_IDENTITY,
                           g_strdup("the server does not say: servers before 1.28 cannot"));
    else if (error != NULL)
        kft_diagnosis_fail(self, KFT_DIAGNOSE_STEP_IDENTITY, g_strdup(error->message), NULL);
    else
        kft_diagnosis_pass(self, KFT_DIAGNOSE_STEP_IDENTITY, g_steal_pointer(&text));
}

void kft_diagnose_identity(KftDiagnosis *self)
{
    KftApiRequest request = {
        .method = "POST",
        .path = "/apis/authentication.k8s.io/v1/selfsubjectreviews",
        .body = "{\"apiVersion\":\"authentication.k8s.io/v1\",\"kind\":\"SelfSubjectReview\"}",
        .what = "ask who you are",
    };
    kft_diagnosis_set_kubectl(self, KFT_DIAGNOSE_STEP_IDENTITY, "auth whoami");
    self->identity_call = kft_cluster_request(self->cluster, &request, NULL, on_identity, self);
}

/* --- namespace --- */

static void on_namespace(const KftHttpResponse *response, const GError *error, void *user_data)
{
    KftDiagnosis *self = user_data;
    unsigned status = response != NULL ? response->status : 0;

    if (!kft_diagnosis_is_running(self, KFT_DIAGNOSE_STEP_NAMESPACE))
        return;
    if (status == 404) {
        kft_diagnosis_fail(self, KFT_DIAGNOSE_STEP_NAMESPACE,
                           g_strdup_printf("namespace \"%s\" does not exist", self->namespace_),
                           NULL);
        return;
    }
    if (status == 403) {
        kft_diagnosis_skip(self, KFT_DIAGNOSE_STEP_NAMESPACE,
                           g_strdup("you may not read namespaces, which is nothing unusual"));
        return;
    }
    if (error != NULL) {
        kft_diagnosis_fail(self, KFT_DIAGNOSE_STEP_NAMESPACE, g_strdup(error->message), NULL);
        return;
    }
    g_autoptr(json_object) object = kft_diagnose_parse_body(response, error);
    if (g_strcmp0(kft_json_string(object, "status.phase"), "Terminating") == 0)
        kft_diagnosis_fail(self, KFT_DIAGNOSE_STEP_NAMESPACE,
                           g_strdup_printf("namespace \"%s\" is being deleted", self->namespace_),
                           NULL);
    else
        kft_diagnosis_pass(self, KFT_DIAGNOSE_STEP_NAMESPACE,
                           g_strdup_printf("\"%s\"", self->namespace_));
}

void kft_diagnose_namespace(KftDiagnosis *self)
{
    g_autofree char *path = kft_api_path_build("/api/v1/namespaces", self->namespace_, NULL);
    g_autofree char *quoted = kft_diagnose_quote(self->namespace_);
    KftApiRequest request = {.path = path, .what = "get the namespace"};
    kft_diagnosis_set_kubectl(self, KFT_DIAGNOSE_STEP_NAMESPACE, "get namespace %s", quoted);
    self->namespace_call = kft_cluster_request(self->cluster, &request, NULL, on_namespace, self);
}
