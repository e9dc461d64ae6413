/* The target, and a connection to its pod: by each transport, to the port, and through it. One
 * stream pair serves the last two steps. First it is only listened to, since many servers begin the
 * conversation; then a question is asked that is harmless everywhere, HTTP's HEAD. */
#include <kftray/error.h>
#include <string.h>

#include "base/redact.h"
#include "diagnose/advice.h"
#include "diagnose/diagnosis-priv.h"
#include "diagnose/relay-steps.h"
#include "forward/v4-pair.h"
#include "kube/api-path.h"
#include "kube/service.h"
#include "proto/relay-frame.h"
#include "proto/socks5.h"

/* How long a pod's own greeting, or a refusal, is awaited, and then an answer. */
#define GREETING_MS 1200
#define ANSWER_MS 3000
/* What is looked at of it. */
#define MAX_ANSWER_BYTES 1024
#define MAX_QUOTE_CHARS 60

static const char question[] = "HEAD / HTTP/1.0\r\nUser-Agent: kftray/" KFT_VERSION "\r\n\r\n";

/* --- target --- */

static uint16_t first_declared_port(const KftPod *pod)
{
    for (guint i = 0; i < pod->ports->len; i++) {
        const KftPodPort *port = g_ptr_array_index(pod->ports, i);
        if (port->is_tcp)
            return port->number;
    }
    return 0;
}

/* Connections will go to the relay's pod; this one is only what it leads to. */
static void take_target_of_relay(KftDiagnosis *self, const KftResolution *resolution)
{
    const KftPod *pod = resolution->candidates[0].pod;

    self->target_pod = kft_pod_ref(resolution->candidates[0].pod);
    kft_diagnosis_pass(self, KFT_DIAGNOSE_STEP_TARGET,
                       g_strdup_printf("pod \"%s\"%s, at the relay's other end (%zu usable of %zu)",
                                       pod->name, pod->is_ready ? "" : ", which is not ready",
                                       resolution->n_candidates, resolution->n_pods));
}

static void on_resolver_change(const KftResolution *resolution, void *user_data)
{
    KftDiagnosis *self = user_data;

    if (!kft_diagnosis_is_running(self, KFT_DIAGNOSE_STEP_TARGET))
        return;
    if (resolution->n_candidates == 0) {
        kft_diagnosis_fail(self, KFT_DIAGNOSE_STEP_TARGET, g_strdup(resolution->waiting_reason),
                           NULL);
        return;
    }
    const KftCandidate *best = &resolution->candidates[0];
    if (self->options->relay != NULL) {
        take_target_of_relay(self, resolution);
        return;
    }
    self->pod = kft_pod_ref(best->pod);
    self->port = self->options->n_ports > 0 ? best->ports[0] : first_declared_port(best->pod);
    g_autofree char *port =
        self->port != 0 ? g_strdup_printf(", port %u", self->port) : g_strdup("");
    kft_diagnosis_pass(self, KFT_DIAGNOSE_STEP_TARGET,
                       g_strdup_printf("pod \"%s\"%s%s (%zu usable of %zu)", best->pod->name, port,
                                       best->pod->is_ready ? "" : ", which is not ready",
                                       resolution->n_candidates, resolution->n_pods));
}

static void on_resolver_error(const GError *error, bool is_final, void *user_data)
{
    KftDiagnosis *self = user_data;
    (void)is_final;
    if (!kft_diagnosis_is_running(self, KFT_DIAGNOSE_STEP_TARGET))
        return;
    /* A service without pods of its own: the relay goes by its name. */
    if (self->service != NULL && error->code == KFT_ERROR_BAD_CONFIG)
        kft_diagnosis_skip(self, KFT_DIAGNOSE_STEP_TARGET,
                           g_strdup_printf("%s: the relay goes by its name", error->message));
    else
        kft_diagnosis_fail(self, KFT_DIAGNOSE_STEP_TARGET, g_strdup(error->message), NULL);
}

static void set_target_command(KftDiagnosis *self)
{
    static const char *const kinds[] = {
        [KFT_TARGET_POD] = "pod",
        [KFT_TARGET_SERVICE] = "service,endpoints",
        [KFT_TARGET_DEPLOYMENT] = "deployment",
        [KFT_TARGET_REPLICASET] = "replicaset",
        [KFT_TARGET_STATEFULSET] = "statefulset",
        [KFT_TARGET_DAEMONSET] = "daemonset",
        [KFT_TARGET_JOB] = "job",
        [KFT_TARGET_REPLICATIONCONTROLLER] = "replicationcontroller",
        [KFT_TARGET_SELECTOR] = "pods -l",
    };
    const KftTarget *target = self->options->target;
    g_autofree char *space = kft_diagnose_quote(self->namespace_);
    g_autofree char *name =
        kft_diagnose_quote(target->kind == KFT_TARGET_SELECTOR ? target->selector : target->name);
    kft_diagnosis_set_kubectl(self, KFT_DIAGNOSE_STEP_TARGET, "-n %s get %s %s", space,
                              kinds[target->kind], name);
}

static void resolve_target(KftDiagnosis *self, size_t n_ports)
{
    static const KftResolverFuncs funcs = {
        .on_change = on_resolver_change,
        .on_error = on_resolver_error,
    };
    self->resolver = kft_resolver_new(self->cluster, self->options->target, self->namespace_,
                                      self->options->ports, n_ports, &funcs, self);
}

/* Whether the service has the port that the relay is to lead to. */
static bool has_relay_port(const KftDiagnosis *self, json_object *service)
{
    const KftRelaySpec *spec = self->options->relay;
    for (size_t i = 0; i < kft_json_length(service, "spec.ports"); i++) {
        json_object *port = kft_json_at(service, "spec.ports", i);
        const char *protocol = kft_json_string(port, "protocol");
        if (kft_json_port(port, "port") == spec->port &&
            g_ascii_strcasecmp(protocol != NULL ? protocol : "TCP",
                               kft_protocol_name(spec->protocol)) == 0)
            return true;
    }
    return false;
}

static void on_service(const KftHttpResponse *response, const GError *error, void *user_data)
{
    KftDiagnosis *self = user_data;
    const KftRelaySpec *spec = self->options->relay;

    if (!kft_diagnosis_is_running(self, KFT_DIAGNOSE_STEP_TARGET))
        return;
    if (error != NULL && error->code == KFT_ERROR_AUTH) {
        kft_diagnosis_skip(self, KFT_DIAGNOSE_STEP_TARGET,
                           g_strdup("you may not read the service; the relay goes by its name"));
        return;
    }
    if (error != NULL) {
        kft_diagnosis_fail(self, KFT_DIAGNOSE_STEP_TARGET, g_strdup(error->message), NULL);
        return;
    }
    self->service = kft_diagnose_parse_body(response, error);
    bool is_external = g_strcmp0(kft_json_string(self->service, "spec.type"), "ExternalName") == 0;
    if (is_external || has_relay_port(self, self->service)) {
        resolve_target(self, /* n_ports */ 0);
        return;
    }
    KftService *service = kft_service_new_from_json(self->service);
    g_autofree char *ports = kft_service_describe_ports(service);
    kft_service_free(service);
    kft_diagnosis_fail(
        self, KFT_DIAGNOSE_STEP_TARGET,
        g_strdup_printf("service \"%s\" has no %s port %u; its ports are %s", spec->target->name,
                        spec->protocol == KFT_PROTOCOL_UDP ? "UDP" : "TCP", spec->port, ports),
        NULL);
}

static void look_at_service(KftDiagnosis *self)
{
    g_autofree char *path = kft_api_path_build("/api/v1/namespaces", self->namespace_, "services",
                                               self->options->target->name, NULL);
    const KftApiRequest request = {.path = path, .timeout_ms = 7000, .what = "read the service"};
    self->service_call = kft_cluster_request(self->cluster, &request, NULL, on_service, self);
}

void kft_diagnose_target(KftDiagnosis *self)
{
    const KftForwardOptions *options = self->options;

    if (options->target == NULL) {
        kft_diagnosis_skip(self, KFT_DIAGNOSE_STEP_TARGET,
                           g_strdup(options->relay != NULL
                                        ? "an address beyond the cluster has no pods"
                                        : "no target was given"));
        return;
    }
    set_target_command(self);
    if (options->relay == NULL)
        resolve_target(self, options->n_ports);
    else if (options->target->kind == KFT_TARGET_SERVICE)
        look_at_service(self);
    else
        resolve_target(self, /* n_ports */ 0);
}

/* --- upgrade --- */

static void on_tunnel_closed(KftTunnel *tunnel, const char *reason, void *user_data)
{
    (void)tunnel;
    (void)reason;
    (void)user_data;
}

static void on_tunnel_event(KftTunnel *tunnel, void *user_data)
{
    (void)tunnel;
    (void)user_data;
}

/* The first stream that opened carries what follows; the others have shown what they should. */
static void take_stream(KftDiagnosis *self, const KftNegotiated *result)
{
    static const KftTunnelFuncs funcs = {
        .on_closed = on_tunnel_closed,
        .on_idle = on_tunnel_event,
        .on_congested = on_tunnel_event,
        .on_held = on_tunnel_closed,
        .on_trusted = on_tunnel_event,
    };
    if (self->tunnel != NULL || result->carrier == KFT_CARRIER_WEBSOCKET)
        kft_stream_free(result->stream);
    else
        self->tunnel = kft_tunnel_new(self->cluster, /* held= */ NULL, result->stream,
                                      result->carrier, result->early, &funcs, self);
}

static bool works(const KftDiagnoseTry *try)
{
    return try->is_asked && try->is_done && try->failure == NULL;
}

static char *dup_tries_text(const KftDiagnosis *self)
{
    g_autoptr(GString) text = g_string_new(NULL);
    for (size_t i = 0; i < KFT_DIAGNOSE_N_CARRIERS; i++) {
        const KftDiagnoseTry *try = &self->tries[i];
        const char *name = kft_carrier_name((KftCarrier)i);
        if (!try->is_asked)
            continue;
        g_string_append_printf(text, "%s%s: %s", text->len == 0 ? "" : "; ", name,
                               !try->is_done          ? "no answer"
                               : try->failure != NULL ? try->failure
                                                      : "works");
    }
    return g_strdup(text->str);
}

static bool any_works(const KftDiagnosis *self)
{
    for (size_t i = 0; i < KFT_DIAGNOSE_N_CARRIERS; i++) {
        if (works(&self->tries[i]))
            return true;
    }
    return false;
}

static void start_try(KftDiagnosis *self, KftCarrier carrier);

static void judge_upgrade(KftDiagnosis *self)
{
    if (any_works(self)) {
        kft_diagnosis_pass(self, KFT_DIAGNOSE_STEP_UPGRADE, dup_tries_text(self));
        return;
    }
    /* Last, since with it the application sees a connection that says nothing. */
    if (self->options->transport == KFT_TRANSPORT_AUTO && self->port != 0 &&
        !self->tries[KFT_CARRIER_WEBSOCKET].is_asked) {
        start_try(self, KFT_CARRIER_WEBSOCKET);
        return;
    }
    kft_diagnosis_fail(self, KFT_DIAGNOSE_STEP_UPGRADE, dup_tries_text(self), NULL);
}

static void on_negotiated(const KftNegotiated *result, const GError *error, void *user_data)
{
    KftDiagnoseTry *try = user_data;
    KftDiagnosis *self = try->owner;

    try->is_done = true;
    if (error != NULL) {
        const char *refusal = kft_negotiation_get_refusal(try->negotiation);
        bool says_more = refusal == NULL || strstr(error->message, "Upgrade header") != NULL ||
                         error->code == KFT_ERROR_AUTH;
        try->failure = g_strdup(says_more ? error->message : refusal);
    } else {
        take_stream(self, result);
    }
    bool is_last = true;
    for (size_t i = 0; i < KFT_DIAGNOSE_N_CARRIERS; i++)
        is_last = is_last && (!self->tries[i].is_asked || self->tries[i].is_done);
    if (is_last && kft_diagnosis_is_running(self, KFT_DIAGNOSE_STEP_UPGRADE))
        judge_upgrade(self);
}

static void start_try(KftDiagnosis *self, KftCarrier carrier)
{
    KftDiagnoseTry *try = &self->tries[carrier];
    KftOffer offer = {
        .tunnel = carrier == KFT_CARRIER_TUNNEL,
        .spdy = carrier == KFT_CARRIER_SPDY,
        .websocket = carrier == KFT_CARRIER_WEBSOCKET,
    };
    *try = (KftDiagnoseTry){.owner = self, .carrier = carrier, .is_asked = true};
    /* Only v4.channel.k8s.io makes the node dial the port now; the others just name it. */
    try->negotiation =
        kft_negotiation_start(self->cluster, self->pod->namespace_, self->pod->name,
                              self->port != 0 ? self->port : 80, offer, on_negotiated, try);
}

void kft_diagnose_upgrade(KftDiagnosis *self)
{
    if (self->pod == NULL) {
        kft_diagnosis_skip(self, KFT_DIAGNOSE_STEP_UPGRADE, g_strdup("there is no pod to try"));
        return;
    }
    g_autofree char *space = kft_diagnose_quote(self->pod->namespace_);
    kft_diagnosis_set_kubectl(self, KFT_DIAGNOSE_STEP_UPGRADE, "-n %s port-forward -v=8 pod/%s :%u",
                              space, self->pod->name, self->port != 0 ? self->port : 80);
    switch (self->options->transport) {
    case KFT_TRANSPORT_AUTO:
        start_try(self, KFT_CARRIER_TUNNEL);
        start_try(self, KFT_CARRIER_SPDY);
        return;
    case KFT_TRANSPORT_TUNNEL:
        start_try(self, KFT_CARRIER_TUNNEL);
        return;
    case KFT_TRANSPORT_SPDY:
        start_try(self, KFT_CARRIER_SPDY);
        return;
    case KFT_TRANSPORT_WEBSOCKET:
        start_try(self, KFT_CARRIER_WEBSOCKET);
        return;
    }
    g_assert_not_reached();
}

char *kft_diagnose_upgrade_limit(KftDiagnosis *self, const KftDiagnoseAdvice **ret_advice)
{
    static const KftDiagnoseAdvice advice =
        ADVICE("The API server gets no answer from the node: look at the node (kubectl get nodes) "
               "and its kubelet, or the firewall before port 10250");
    char *text = dup_tries_text(self);
    if (any_works(self)) {
        kft_diagnosis_pass(self, KFT_DIAGNOSE_STEP_UPGRADE, text);
        return NULL;
    }
    *ret_advice = &advice;
    return text;
}

/* --- port --- */

static void judge_bytes(KftDiagnosis *self);

static void pass_port(KftDiagnosis *self, const char *how)
{
    kft_diagnosis_pass(
        self, KFT_DIAGNOSE_STEP_PORT,
        g_strdup_printf("port %u of pod \"%s\" %s", self->port, self->pod->name, how));
}

static void on_pair_data(const uint8_t *data, size_t size, void *user_data)
{
    KftDiagnosis *self = user_data;

    g_string_append_len(self->answer, (const char *)data,
                        (gssize)MIN(size, MAX_ANSWER_BYTES - self->answer->len));
    if (kft_diagnosis_is_running(self, KFT_DIAGNOSE_STEP_PORT))
        pass_port(self, "is open");
    else if (kft_diagnosis_is_running(self, KFT_DIAGNOSE_STEP_REACH))
        kft_diagnose_reach_pair(self);
    else if (kft_diagnosis_is_running(self, KFT_DIAGNOSE_STEP_BYTES))
        judge_bytes(self);
}

static void on_pair_writable(void *user_data)
{
    (void)user_data;
}

static void on_pair_end(KftPairEnd end, const char *text, void *user_data)
{
    KftDiagnosis *self = user_data;

    self->pair = NULL;
    self->is_ended = true;
    if (end != KFT_PAIR_END_CLEAN && text != NULL)
        self->end_text = kft_pair_text_simplify(text, self->port);
    /* A relay cuts it if it does not reach its target: the next step's matter. */
    bool is_relays = self->options->relay != NULL && end == KFT_PAIR_END_ERROR;
    if (kft_diagnosis_is_running(self, KFT_DIAGNOSE_STEP_PORT)) {
        if (end == KFT_PAIR_END_CLEAN || is_relays)
            pass_port(self, "takes a connection and closes it at once");
        else
            kft_diagnosis_fail(self, KFT_DIAGNOSE_STEP_PORT,
                               g_strdup_printf("port %u of pod \"%s\": %s", self->port,
                                               self->pod->name,
                                               self->end_text != NULL ? self->end_text : "closed"),
                               NULL);
    } else if (kft_diagnosis_is_running(self, KFT_DIAGNOSE_STEP_REACH)) {
        kft_diagnose_reach_pair(self);
    } else if (kft_diagnosis_is_running(self, KFT_DIAGNOSE_STEP_BYTES)) {
        judge_bytes(self);
    }
}

static void on_silence(void *user_data)
{
    KftDiagnosis *self = user_data;
    if (kft_diagnosis_is_running(self, KFT_DIAGNOSE_STEP_PORT))
        pass_port(self, "is open");
    else if (kft_diagnosis_is_running(self, KFT_DIAGNOSE_STEP_BYTES))
        judge_bytes(self);
}

static KftPair *open_pair(const KftPairFuncs *funcs, void *user_data, void *opener_data)
{
    KftDiagnosis *self = opener_data;
    return self->tunnel != NULL ? kft_tunnel_open_pair(self->tunnel, self->port, funcs, user_data)
                                : kft_v4_pair_new(self->cluster, self->pod, self->port,
                                                  /* owner= */ NULL, funcs, user_data);
}

void kft_diagnose_port(KftDiagnosis *self)
{
    static const KftPairFuncs funcs = {
        .on_data = on_pair_data,
        .on_writable = on_pair_writable,
        .on_end = on_pair_end,
    };
    if (self->pod == NULL || self->port == 0) {
        kft_diagnosis_skip(self, KFT_DIAGNOSE_STEP_PORT,
                           g_strdup(self->pod == NULL
                                        ? "there is no pod to try"
                                        : "no port was given, and the pod declares none"));
        return;
    }
    g_autofree char *space = kft_diagnose_quote(self->pod->namespace_);
    kft_diagnosis_set_kubectl(self, KFT_DIAGNOSE_STEP_PORT, "-n %s port-forward pod/%s :%u", space,
                              self->pod->name, self->port);
    const KftVia via = {
        .host = self->via_host,
        .port = self->via_host != NULL ? self->options->relay->port : 0,
        .command = self->options->protocol == KFT_PROTOCOL_UDP ? KFT_SOCKS5_UDP_FRAMES
                                                               : KFT_SOCKS5_CONNECT,
    };
    self->pair = self->via_host == NULL ? open_pair(&funcs, self, self)
                                        : kft_via_wrap_pair(&via, open_pair, self, &funcs, self);
    if (self->pair == NULL) {
        kft_diagnosis_fail(self, KFT_DIAGNOSE_STEP_PORT,
                           g_strdup("the connection to the pod was closed as soon as it was open"),
                           NULL);
        return;
    }
    self->silence = kft_timer_new(self->loop, on_silence, self);
    kft_timer_start(self->silence, GREETING_MS);
}

/* --- bytes --- */

bool kft_diagnosis_has_answer(const KftDiagnosis *self)
{
    /* A frame without a datagram is how upstream's relay says that none came. */
    size_t nothing = self->options->protocol == KFT_PROTOCOL_UDP ? KFT_RELAY_HEAD_BYTES : 0;
    return self->answer->len > nothing;
}

static bool is_tls_record(const GString *answer)
{
    const uint8_t *bytes = (const uint8_t *)answer->str;
    return answer->len >= 3 && (bytes[0] == 0x15 || bytes[0] == 0x16) && bytes[1] == 3;
}

/* A guess by the first bytes; whatever is quoted was sent by the pod. */
static char *dup_guess(const KftDiagnosis *self)
{
    const GString *answer = self->answer;
    g_autofree char *line = g_strndup(answer->str, strcspn(answer->str, "\r\n"));
    g_autofree char *quote = kft_one_line(line, MAX_QUOTE_CHARS);

    if (self->options->protocol == KFT_PROTOCOL_UDP)
        return g_strdup_printf("a datagram came back%s",
                               self->options->shown_port == 53 ? ", as of a DNS server" : "");
    if (is_tls_record(answer) || strstr(answer->str, "HTTPS") != NULL)
        return g_strdup("TLS: use https, or another client with TLS");
    if (g_str_has_prefix(answer->str, "HTTP/"))
        return g_strdup_printf("HTTP, it answers \"%s\"", quote);
    if (g_str_has_prefix(answer->str, "SSH-"))
        return g_strdup_printf("SSH, it says \"%s\"", quote);
    /* Protocol::HandshakeV10 of MySQL and MariaDB: length, sequence number 0, version 10. */
    if (answer->len > 5 && answer->str[3] == 0 && answer->str[4] == 10)
        return g_strdup("MySQL or MariaDB, by its greeting");
    if (quote[0] == '\0')
        return g_strdup_printf("%zu bytes came that are no text", answer->len);
    return g_strdup_printf("it says \"%s\"", quote);
}

static void judge_bytes(KftDiagnosis *self)
{
    if (kft_diagnosis_has_answer(self)) {
        kft_diagnosis_pass(self, KFT_DIAGNOSE_STEP_BYTES, dup_guess(self));
    } else if (self->is_ended && self->end_text != NULL && !self->is_asked) {
        kft_diagnosis_fail(self, KFT_DIAGNOSE_STEP_BYTES, g_strdup(self->end_text), NULL);
    } else if (self->is_ended) {
        kft_diagnosis_skip(self, KFT_DIAGNOSE_STEP_BYTES,
                           g_strdup("the application closed the connection without a word, as some "
                                    "do when they are asked for HTTP"));
    } else {
        kft_diagnosis_skip(self, KFT_DIAGNOSE_STEP_BYTES,
                           g_strdup("the application says nothing until it is spoken to in its own "
                                    "protocol: only its own client can tell"));
    }
}

/* A question of DNS for the name servers of the root. Others get an empty datagram. */
static const uint8_t dns_question[] = {0x4b, 0x46, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 1};

static void send_question(KftDiagnosis *self, const void *data, size_t size, bool is_framed)
{
    size_t room = 0;
    size_t n_head = is_framed ? KFT_RELAY_HEAD_BYTES : 0;
    uint8_t *to = kft_pair_reserve(self->pair, &room);

    if (to == NULL || room < n_head + size)
        return;
    if (is_framed)
        kft_relay_write_head(to, size);
    memcpy(to + n_head, data, size);
    kft_pair_commit(self->pair, n_head + size);
    self->is_asked = true;
}

void kft_diagnosis_ask(KftDiagnosis *self)
{
    bool is_udp = self->options->protocol == KFT_PROTOCOL_UDP;
    bool is_dns = is_udp && self->options->shown_port == 53;

    if (is_udp)
        send_question(self, dns_question, is_dns ? sizeof dns_question : 0, /* is_framed */ true);
    else
        send_question(self, question, sizeof question - 1, /* is_framed */ false);
}

static void ask(KftDiagnosis *self)
{
    kft_diagnosis_ask(self);
    kft_timer_start(self->silence, ANSWER_MS);
}

void kft_diagnose_bytes(KftDiagnosis *self)
{
    if (self->pod == NULL || self->port == 0)
        kft_diagnosis_skip(self, KFT_DIAGNOSE_STEP_BYTES, g_strdup("there is no port to try"));
    else if (kft_diagnosis_has_answer(self) || self->pair == NULL || self->is_asked)
        judge_bytes(self);
    else
        ask(self);
}
