/* A review for each right that the forward needs. Where there is a shared gateway that would be
 * used, the rights are those in its namespace, so it is looked for first. */
#include <string.h>

#include "base/json.h"
#include "diagnose/diagnosis-priv.h"
#include "diagnose/relay-steps.h"
#include "kube/workload.h"

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

/* What a forward by way of a relay cannot do without. */
static char *dup_missing_for_relay(const KftDiagnosis *self)
{
    const KftTarget *target = self->options->relay->target;
    bool needs_own =
        !self->has_gateway && kft_diagnosis_get_relay_use(self) != KFT_RELAY_USE_SHARED;
    bool needs_address = target != NULL && target->kind != KFT_TARGET_SERVICE;
    g_autoptr(GString) list = g_string_new(NULL);

    if (needs_own && !may(self, "create", "pods"))
        append_right(list, "create", "pods");
    if (needs_own && !may(self, "delete", "pods"))
        append_right(list, "delete", "pods");
    if ((needs_own || needs_address) && !may(self, "list", "pods"))
        append_right(list, "list", "pods");
    if (!may(self, "create", "pods/portforward") && !may(self, "get", "pods/portforward"))
        append_right(list, "create", "pods/portforward");
    return list->len == 0 ? NULL : g_strdup(list->str);
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
    g_autofree char *missing =
        self->options->relay != NULL ? dup_missing_for_relay(self) : dup_missing(self);
    const char *space = kft_diagnosis_get_relay_namespace(self);
    if (missing == NULL) {
        kft_diagnosis_pass(self, KFT_DIAGNOSE_STEP_RIGHTS,
                           g_strdup_printf("you may %s%s", allowed->str,
                                           may(self, "watch", "pods")
                                               ? ""
                                               : "; without watch pods a replaced pod is noticed "
                                                 "late"));
        return;
    }
    kft_diagnosis_fail(self, KFT_DIAGNOSE_STEP_RIGHTS,
                       g_strdup_printf("missing in namespace \"%s\": %s", space, missing), NULL);
}

static void on_review(const KftHttpResponse *response, const GError *error, void *user_data)
{
    KftDiagnoseReview *review = user_data;
    KftDiagnosis *self = review->owner;

    g_autoptr(json_object) object = kft_diagnose_parse_body(response, error);
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
    (void)json_object_object_add(attributes, "namespace",
                                 json_object_new_string(review->namespace_));
    (void)json_object_object_add(attributes, "verb", json_object_new_string(review->verb));
    (void)json_object_object_add(attributes, "group", json_object_new_string(review->group));
    (void)json_object_object_add(attributes, "resource", json_object_new_string(parts[0]));
    if (parts[1] != NULL)
        (void)json_object_object_add(attributes, "subresource", json_object_new_string(parts[1]));
    if (is_named)
        (void)json_object_object_add(attributes, "name", json_object_new_string(target->name));
    return g_strdup(json_object_to_json_string_ext(body, JSON_C_TO_STRING_PLAIN));
}

/* @space: borrowed, as the other texts are. */
static void add_review_in(KftDiagnosis *self,
                          const char *space,
                          const char *verb,
                          const char *group,
                          const char *resource)
{
    g_assert(self->n_reviews < KFT_DIAGNOSE_MAX_REVIEWS);
    if (find_review(self, verb, resource) != NULL)
        return;
    KftDiagnoseReview *review = &self->reviews[self->n_reviews++];
    *review = (KftDiagnoseReview){
        .owner = self, .verb = verb, .group = group, .resource = resource, .namespace_ = space};
}

static void
add_review(KftDiagnosis *self, const char *verb, const char *group, const char *resource)
{
    add_review_in(self, self->namespace_, verb, group, resource);
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

static void choose_relay_reviews(KftDiagnosis *self)
{
    static const char *const verbs[] = {"create", "delete", "list", "watch"};
    const char *space = kft_diagnosis_get_relay_namespace(self);

    for (size_t i = 0; i < G_N_ELEMENTS(verbs); i++)
        add_review_in(self, space, verbs[i], "", "pods");
    add_review_in(self, space, "create", "", "pods/portforward");
    add_review_in(self, space, "get", "", "pods/portforward");
    /* These two are for this diagnosis only. */
    add_review_in(self, space, "get", "", "pods/log");
    add_review_in(self, space, "list", "networking.k8s.io", "networkpolicies");
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

static void begin_reviews(KftDiagnosis *self)
{
    if (self->options->relay != NULL)
        choose_relay_reviews(self);
    else
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

/* --- the shared gateway --- */

KftRelayUse kft_diagnosis_get_relay_use(const KftDiagnosis *self)
{
    const KftRelaySpec *spec = self->options->relay;
    return spec->use == KFT_RELAY_USE_AUTO ? kft_relay_home_get_use(spec->home) : spec->use;
}

/* One that may not be listed is none: so it is for the forward. */
static void on_gateway(const KftHttpResponse *response, const GError *error, void *user_data)
{
    KftDiagnosis *self = user_data;
    g_autoptr(json_object) list = kft_diagnose_parse_body(response, error);

    self->has_gateway = kft_json_length(list, "items") > 0;
    if (kft_diagnosis_is_running(self, KFT_DIAGNOSE_STEP_RIGHTS))
        begin_reviews(self);
}

static void look_for_gateway(KftDiagnosis *self)
{
    g_autoptr(GString) path = g_string_new("/api/v1/namespaces/" KFT_RELAY_GATEWAY_NAMESPACE
                                           "/pods?limit=1&labelSelector=");
    g_string_append_uri_escaped(path, KFT_RELAY_GATEWAY_SELECTOR, NULL, false);
    const KftApiRequest request = {
        .path = path->str, .timeout_ms = 4000, .what = "look for the shared gateway"};
    self->gateway_call = kft_cluster_request(self->cluster, &request, NULL, on_gateway, self);
}

void kft_diagnose_rights(KftDiagnosis *self)
{
    g_autofree char *quoted = kft_diagnose_quote(self->namespace_);
    kft_diagnosis_set_kubectl(self, KFT_DIAGNOSE_STEP_RIGHTS, "-n %s auth can-i create %s", quoted,
                              self->options->relay != NULL ? "pods" : "pods/portforward");
    if (self->options->relay != NULL && kft_diagnosis_get_relay_use(self) != KFT_RELAY_USE_OWN)
        look_for_gateway(self);
    else
        begin_reviews(self);
}
