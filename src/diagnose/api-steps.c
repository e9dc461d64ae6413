/* What the API server is asked: version, who we are, what we may, whether the namespace exists. */
#include <kftray/error.h>
#include <string.h>

#include "base/json.h"
#include "base/redact.h"
#include "diagnose/diagnosis-priv.h"
#include "kube/api-path.h"
#include "kube/workload.h"

#define MAX_QUOTE_CHARS 120
#define MAX_GROUPS_CHARS 480

/* NULL if it is no good answer. */
static json_object *parse_body(const KftHttpResponse *response, const GError *error)
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
    g_autoptr(json_object) object = parse_body(response, error);
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
    g_autoptr(json_object) object = parse_body(response, error);
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

/* --- rights --- */

static const KftDiagnoseReview *
find_review(const KftDiagnosis *self, const char *verb, const char *resource)
{
    for (size_t i = 0; i < self->n_reviews; i++) {
        const KftDiagnoseReview *review = &self->reviews[i];
        if (strcmp(review->verb, verb) == 0 && strcmp(review->resource, resource) == 0)
            return review;
    }
    return NULL;
}

static bool may(const KftDiagnosis *self, const char *verb, const char *resource)
{
    const KftDiagnoseReview *review = find_review(self, verb, resource);
    return review != NULL && review->is_allowed;
}

static void append_right(GString *list, const char *verb, const char *resource)
{
    g_string_append_printf(list, "%s%s %s", list->len == 0 ? "" : ", ", verb, resource);
}

/* The rights that are missing. The endpoints may stand for the pods of a service, and for
 * port-forward servers before 1.35 take "get" from WebSockets (wire protocols, 1.3). */
static char *dup_missing(const KftDiagnosis *self)
{
    const KftTarget *target = self->options->target;
    g_autoptr(GString) list = g_string_new(NULL);
    const char *prefix = NULL;
    const char *resource = NULL;

    if (target != NULL && target->kind != KFT_TARGET_SELECTOR) {
        kft_target_kind_get_api(target->kind, &prefix, &resource);
        if (!may(self, "get", resource))
            append_right(list, "get", resource);
    }
    bool needs_list = target != NULL && target->kind != KFT_TARGET_POD;
    bool has_other = target != NULL && target->kind == KFT_TARGET_SERVICE &&
                     (may(self, "list", "endpointslices") || may(self, "get", "endpoints"));
    if (needs_list && !has_other && !may(self, "list", "pods"))
        append_right(list, "list", "pods");
    if (!may(self, "create", "pods/portforward") && !may(self, "get", "pods/portforward"))
        append_right(list, "create", "pods/portforward");
    return list->len == 0 ? NULL : g_strdup(list->str);
}

static void judge_rights(KftDiagnosis *self)
{
    size_t n_answered = 0;
    g_autoptr(GString) allowed = g_string_new(NULL);

    for (size_t i = 0; i < self->n_reviews; i++) {
        n_answered += self->reviews[i].is_answered ? 1 : 0;
        if (self->reviews[i].is_allowed)
            append_right(allowed, self->reviews[i].verb, self->reviews[i].resource);
    }
    if (n_answered < self->n_reviews) {
        kft_diagnosis_skip(self, KFT_DIAGNOSE_STEP_RIGHTS,
                           g_strdup_printf("the server does not say: %s", self->review_failure));
        return;
    }
    g_autofree char *missing = dup_missing(self);
    if (missing == NULL) {
        kft_diagnosis_pass(self, KFT_DIAGNOSE_STEP_RIGHTS,
                           g_strdup_printf("you may %s%s", allowed->str,
                                           may(self, "watch", "pods")
                                               ? ""
                                               : "; without watch pods a replaced pod is noticed "
                                                 "late"));
        return;
    }
    g_autofree char *advice = g_strdup_printf(
        "Ask whoever runs the cluster for a role in namespace \"%s\" that allows it: %s",
        self->namespace_, missing);
    kft_diagnosis_fail(
        self, KFT_DIAGNOSE_STEP_RIGHTS,
        g_strdup_printf("missing in namespace \"%s\": %s", self->namespace_, missing), advice);
}

static void on_review(const KftHttpResponse *response, const GError *error, void *user_data)
{
    KftDiagnoseReview *review = user_data;
    KftDiagnosis *self = review->owner;

    g_autoptr(json_object) object = parse_body(response, error);
    review->is_answered = kft_json_get(object, "status.allowed") != NULL;
    review->is_allowed = kft_json_bool(object, "status.allowed", false);
    if (!review->is_answered && self->review_failure == NULL)
        self->review_failure =
            g_strdup(error != NULL ? error->message : "its answer has no \"allowed\"");
    self->n_open_reviews--;
    if (self->n_open_reviews == 0 && kft_diagnosis_is_running(self, KFT_DIAGNOSE_STEP_RIGHTS))
        judge_rights(self);
}

static char *dup_review_body(const KftDiagnosis *self, const KftDiagnoseReview *review)
{
    g_auto(GStrv) parts = g_strsplit(review->resource, "/", 2);
    const KftTarget *target = self->options->target;
    bool is_named = target != NULL && target->name != NULL && strcmp(review->verb, "get") == 0 &&
                    parts[1] == NULL && strcmp(parts[0], "endpoints") != 0;
    g_autoptr(json_object) body = json_object_new_object();
    json_object *spec = json_object_new_object();
    json_object *attributes = json_object_new_object();
    (void)json_object_object_add(body, "apiVersion",
                                 json_object_new_string("authorization.k8s.io/v1"));
    (void)json_object_object_add(body, "kind", json_object_new_string("SelfSubjectAccessReview"));
    (void)json_object_object_add(body, "spec", spec);
    (void)json_object_object_add(spec, "resourceAttributes", attributes);
    (void)json_object_object_add(attributes, "namespace", json_object_new_string(self->namespace_));
    (void)json_object_object_add(attributes, "verb", json_object_new_string(review->verb));
    (void)json_object_object_add(attributes, "group", json_object_new_string(review->group));
    (void)json_object_object_add(attributes, "resource", json_object_new_string(parts[0]));
    if (parts[1] != NULL)
        (void)json_object_object_add(attributes, "subresource", json_object_new_string(parts[1]));
    if (is_named)
        (void)json_object_object_add(attributes, "name", json_object_new_string(target->name));
    return g_strdup(json_object_to_json_string_ext(body, JSON_C_TO_STRING_PLAIN));
}

static void
add_review(KftDiagnosis *self, const char *verb, const char *group, const char *resource)
{
    g_assert(self->n_reviews < KFT_DIAGNOSE_MAX_REVIEWS);
    if (find_review(self, verb, resource) != NULL)
        return;
    KftDiagnoseReview *review = &self->reviews[self->n_reviews++];
    *review =
        (KftDiagnoseReview){.owner = self, .verb = verb, .group = group, .resource = resource};
}

static const char *group_of(KftTargetKind kind)
{
    switch (kind) {
    case KFT_TARGET_POD:
    case KFT_TARGET_SERVICE:
    case KFT_TARGET_REPLICATIONCONTROLLER:
    case KFT_TARGET_SELECTOR:
        return "";
    case KFT_TARGET_DEPLOYMENT:
    case KFT_TARGET_REPLICASET:
    case KFT_TARGET_STATEFULSET:
    case KFT_TARGET_DAEMONSET:
        return "apps";
    case KFT_TARGET_JOB:
        return "batch";
    }
    g_assert_not_reached();
}

static void choose_reviews(KftDiagnosis *self)
{
    const KftTarget *target = self->options->target;
    const char *prefix = NULL;
    const char *resource = NULL;

    if (target != NULL && target->kind != KFT_TARGET_SELECTOR) {
        kft_target_kind_get_api(target->kind, &prefix, &resource);
        add_review(self, "get", group_of(target->kind), resource);
    }
    if (target != NULL && target->kind != KFT_TARGET_POD)
        add_review(self, "list", "", "pods");
    if (target != NULL && target->kind == KFT_TARGET_SERVICE) {
        add_review(self, "list", "discovery.k8s.io", "endpointslices");
        add_review(self, "get", "", "endpoints");
    }
    if (target != NULL)
        add_review(self, "watch", "", "pods");
    add_review(self, "create", "", "pods/portforward");
    add_review(self, "get", "", "pods/portforward");
}

void kft_diagnose_rights(KftDiagnosis *self)
{
    g_autofree char *quoted = kft_diagnose_quote(self->namespace_);
    kft_diagnosis_set_kubectl(self, KFT_DIAGNOSE_STEP_RIGHTS,
                              "-n %s auth can-i create pods/portforward", quoted);
    choose_reviews(self);
    self->n_open_reviews = self->n_reviews;
    for (size_t i = 0; i < self->n_reviews; i++) {
        g_autofree char *body = dup_review_body(self, &self->reviews[i]);
        KftApiRequest request = {
            .method = "POST",
            .path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews",
            .body = body,
            .what = "ask for rights",
        };
        self->reviews[i].call =
            kft_cluster_request(self->cluster, &request, NULL, on_review, &self->reviews[i]);
    }
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
    g_autoptr(json_object) object = parse_body(response, error);
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
