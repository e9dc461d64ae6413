/* NetworkPolicies: those that select the relay, and those that select the pod that it leads to.
 * Whether the cluster heeds them nobody says, so one that forbids what works is told, and no
 * failure. Port-forwards reach the relay by its loopback interface, which no policy is about. */
#include <arpa/inet.h>
#include <string.h>

#include "diagnose/advice.h"
#include "diagnose/relay-steps.h"
#include "kube/api-path.h"
#include "kube/network-policy.h"

#define POLICIES_GROUP "/apis/networking.k8s.io/v1/namespaces"

/* --- what is judged --- */

static json_object *get_look(const KftDiagnosis *self, KftDiagnoseLookKind kind)
{
    return self->looks[kind].json;
}

/* The port of the target's pod: behind a service it may be another one, or a name. */
static uint16_t target_port(const KftDiagnosis *self)
{
    const KftRelaySpec *spec = self->options->relay;
    json_object *pod = get_look(self, KFT_DIAGNOSE_LOOK_TARGET_POD);

    for (size_t i = 0; i < kft_json_length(self->service, "spec.ports"); i++) {
        json_object *port = kft_json_at(self->service, "spec.ports", i);
        const char *name = kft_json_string(port, "targetPort");
        uint16_t number = kft_json_port(port, "targetPort");
        if (kft_json_port(port, "port") != spec->port)
            continue;
        if (name != NULL)
            return kft_pod_json_find_port(pod, name, spec->protocol);
        return number != 0 ? number : spec->port;
    }
    return spec->port;
}

static void add_text(char **list, char *text)
{
    /* One rule may allow both. */
    if (text != NULL && (*list == NULL || strstr(*list, text) == NULL)) {
        char *joined = *list == NULL ? g_strdup(text) : g_strdup_printf("%s; %s", *list, text);
        g_free(*list);
        *list = joined;
    }
    g_free(text);
}

static void judge_one(KftDiagnosis *self,
                      KftDiagnoseLookKind policies,
                      KftPolicyDirection direction,
                      const KftPolicyEnd *ends[2],
                      KftProtocol protocol,
                      uint16_t port)
{
    char *text = NULL;
    json_object *list = get_look(self, policies);
    if (list == NULL || ends[0]->pod == NULL)
        return;
    switch (kft_network_policies_judge(list, direction, ends[0], ends[1], protocol, port, &text)) {
    case KFT_POLICY_VERDICT_FREE:
        return;
    case KFT_POLICY_VERDICT_ALLOWED:
        add_text(&self->consent, text);
        return;
    case KFT_POLICY_VERDICT_UNKNOWN:
        add_text(&self->doubt, text);
        return;
    case KFT_POLICY_VERDICT_DENIED:
        add_text(&self->denial, text);
        return;
    }
    g_assert_not_reached();
}

/* Names are looked up by the cluster's DNS, which nearly always is there. */
static void judge_dns(KftDiagnosis *self, const KftPolicyEnd *relay)
{
    const KftRelaySpec *spec = self->options->relay;
    struct in6_addr bytes;
    bool is_name = spec->host != NULL ? inet_pton(AF_INET, spec->host, &bytes) != 1 &&
                                            inet_pton(AF_INET6, spec->host, &bytes) != 1
                                      : spec->target->kind == KFT_TARGET_SERVICE;
    static const char dns_pod[] = "{\"metadata\":{\"labels\":{\"k8s-app\":\"kube-dns\"}}}";

    if (!is_name)
        return;
    g_autoptr(json_object) pod = kft_json_parse(dns_pod, sizeof dns_pod - 1, NULL);
    const KftPolicyEnd dns = {.name = "the cluster's DNS", .namespace_ = "kube-system", .pod = pod};
    const KftPolicyEnd *ends[2] = {relay, &dns};
    judge_one(self, KFT_DIAGNOSE_LOOK_RELAY_POLICIES, KFT_POLICY_EGRESS, ends, KFT_PROTOCOL_UDP,
              53);
}

static void judge_all(KftDiagnosis *self)
{
    const KftRelaySpec *spec = self->options->relay;
    KftPolicyEnd relay = {
        .name = "the relay",
        .namespace_ = self->pod->namespace_,
        .namespace_labels =
            kft_json_get(get_look(self, KFT_DIAGNOSE_LOOK_RELAY_NAMESPACE), "metadata.labels"),
        .pod = get_look(self, KFT_DIAGNOSE_LOOK_RELAY_POD),
        .ip = kft_json_string(get_look(self, KFT_DIAGNOSE_LOOK_RELAY_POD), "status.podIP"),
    };
    g_autofree char *name = NULL;
    KftPolicyEnd target = {0};

    if (self->target_pod != NULL) {
        json_object *pod = get_look(self, KFT_DIAGNOSE_LOOK_TARGET_POD);
        name = g_strdup_printf("pod \"%s\"", self->target_pod->name);
        target.namespace_ = self->namespace_;
        target.namespace_labels =
            kft_json_get(get_look(self, KFT_DIAGNOSE_LOOK_TARGET_NAMESPACE), "metadata.labels");
        target.pod = pod;
        target.ip = kft_json_string(pod, "status.podIP");
    } else {
        struct in6_addr bytes;
        bool is_numeric = spec->host != NULL && (inet_pton(AF_INET, spec->host, &bytes) == 1 ||
                                                 inet_pton(AF_INET6, spec->host, &bytes) == 1);
        name = g_strdup(spec->host != NULL ? spec->host : "the service");
        target.ip = is_numeric ? spec->host : NULL;
    }
    target.name = name;
    const KftPolicyEnd *out[2] = {&relay, &target};
    const KftPolicyEnd *in[2] = {&target, &relay};
    judge_one(self, KFT_DIAGNOSE_LOOK_RELAY_POLICIES, KFT_POLICY_EGRESS, out, spec->protocol,
              target_port(self));
    judge_dns(self, &relay);
    judge_one(self,
              self->has_gateway ? KFT_DIAGNOSE_LOOK_TARGET_POLICIES
                                : KFT_DIAGNOSE_LOOK_RELAY_POLICIES,
              KFT_POLICY_INGRESS, in, spec->protocol, target_port(self));
}

/* --- looking --- */

static void judge_if_complete(KftDiagnosis *self)
{
    if (self->n_open_looks > 0)
        return;
    const char *failure = self->looks[KFT_DIAGNOSE_LOOK_RELAY_POLICIES].failure;
    if (failure == NULL)
        failure = self->looks[KFT_DIAGNOSE_LOOK_RELAY_POD].failure;
    if (failure == NULL)
        judge_all(self);
    else
        self->unjudged = g_strdup(failure);
    self->are_policies_judged = true;
    kft_diagnose_reach_judged(self);
}

static void on_look(const KftHttpResponse *response, const GError *error, void *user_data)
{
    KftDiagnoseLook *look = user_data;
    KftDiagnosis *self = look->owner;

    if (error == NULL)
        look->json = kft_json_parse(response->body, response->body_size, NULL);
    if (look->json == NULL)
        look->failure = g_strdup(error != NULL ? error->message : "the answer is no JSON");
    self->n_open_looks--;
    judge_if_complete(self);
}

/* @path: (transfer full). */
static void begin_look(KftDiagnosis *self, KftDiagnoseLookKind kind, char *path, const char *what)
{
    const KftApiRequest request = {.path = path, .timeout_ms = 5000, .what = what};
    KftDiagnoseLook *look = &self->looks[kind];

    look->owner = self;
    self->n_open_looks++;
    look->call = kft_cluster_request(self->cluster, &request, NULL, on_look, look);
    g_free(path);
}

static void begin_looks(KftDiagnosis *self,
                        const KftPod *pod,
                        KftDiagnoseLookKind pod_kind,
                        KftDiagnoseLookKind namespace_kind)
{
    begin_look(self, pod_kind,
               kft_api_path_build("/api/v1/namespaces", pod->namespace_, "pods", pod->name, NULL),
               "read the pod");
    begin_look(self, namespace_kind,
               kft_api_path_build("/api/v1/namespaces", pod->namespace_, NULL),
               "read the namespace");
}

void kft_diagnose_begin_policies(KftDiagnosis *self)
{
    const char *space = self->pod->namespace_;
    bool is_elsewhere = strcmp(space, self->namespace_) != 0;

    begin_looks(self, self->pod, KFT_DIAGNOSE_LOOK_RELAY_POD, KFT_DIAGNOSE_LOOK_RELAY_NAMESPACE);
    begin_look(self, KFT_DIAGNOSE_LOOK_RELAY_POLICIES,
               kft_api_path_build(POLICIES_GROUP, space, "networkpolicies", NULL),
               "list NetworkPolicies");
    if (self->target_pod == NULL)
        return;
    begin_looks(self, self->target_pod, KFT_DIAGNOSE_LOOK_TARGET_POD,
                KFT_DIAGNOSE_LOOK_TARGET_NAMESPACE);
    if (is_elsewhere)
        begin_look(self, KFT_DIAGNOSE_LOOK_TARGET_POLICIES,
                   kft_api_path_build(POLICIES_GROUP, self->namespace_, "networkpolicies", NULL),
                   "list NetworkPolicies");
}

/* --- the step --- */

static void pass_policies(KftDiagnosis *self)
{
    bool is_half = self->looks[KFT_DIAGNOSE_LOOK_TARGET_POLICIES].failure != NULL;
    const char *half = is_half ? "; those of the target's namespace you may not list" : "";

    if (self->denial != NULL)
        kft_diagnosis_pass(
            self, KFT_DIAGNOSE_STEP_POLICIES,
            g_strdup_printf("%s. But it works: this cluster does not heed it", self->denial));
    else if (self->doubt != NULL)
        kft_diagnosis_pass(self, KFT_DIAGNOSE_STEP_POLICIES,
                           g_strdup_printf("%s, which depends on an address or label that cannot "
                                           "be looked up from here%s",
                                           self->doubt, half));
    else
        kft_diagnosis_pass(self, KFT_DIAGNOSE_STEP_POLICIES,
                           g_strdup_printf("%s%s",
                                           self->consent != NULL ? self->consent
                                           : self->target_pod != NULL
                                               ? "none selects the relay or its target"
                                               : "none selects the relay",
                                           half));
}

void kft_diagnose_policies(KftDiagnosis *self)
{
    static const KftDiagnoseAdvice advice =
        ADVICE("Add a rule that allows it, or have whoever runs the cluster add one: a further "
               "NetworkPolicy is enough, since what any of them allows is allowed");

    if (self->options->relay == NULL) {
        kft_diagnosis_skip(self, KFT_DIAGNOSE_STEP_POLICIES,
                           g_strdup("they do not stop a port-forward to a pod"));
        return;
    }
    g_autofree char *space = kft_diagnose_quote(self->pod->namespace_);
    kft_diagnosis_set_kubectl(self, KFT_DIAGNOSE_STEP_POLICIES, "-n %s describe networkpolicies",
                              space);
    if (!self->are_policies_judged)
        kft_diagnosis_skip(self, KFT_DIAGNOSE_STEP_POLICIES, g_strdup("no answer in time"));
    else if (self->unjudged != NULL)
        kft_diagnosis_skip(self, KFT_DIAGNOSE_STEP_POLICIES, g_strdup(self->unjudged));
    else if (self->denial != NULL && self->reach != KFT_DIAGNOSE_REACH_GOOD)
        kft_diagnosis_fail(self, KFT_DIAGNOSE_STEP_POLICIES, g_strdup(self->denial), &advice);
    else
        pass_policies(self);
}
