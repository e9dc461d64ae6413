/* kftrayctl forward: a drop-in for kubectl port-forward. Prints the same lines on stdout; what
 * kubectl does not have (waiting, reconnecting, errors of one connection) goes to stderr. Ends with
 * status 0 on SIGINT and SIGTERM, with 1 when the start fails. */
#include <stdbool.h>
#include <string.h>

#include "command.h"
#include "output.h"
#include "relay-settings.h"
#include "runner.h"

typedef struct {
    GQueue listening; /* lines that wait for the first READY, as kubectl prints them */
    bool was_ready;
    bool is_interrupted; /* told: "reconnecting" */
    bool is_quiet;       /* no "Handling connection" lines */
    bool has_failed;
    bool has_ended; /* by itself: for want of traffic */
    char *waiting_for;
    KftRunner *runner;
    unsigned n_logins;    /* that the runner had found when the forward was started */
    bool must_start_anew; /* it failed for want of a login that was found meanwhile */
} State;

/* --- arguments --- */

typedef struct {
    KftCliArguments common;
    char *kubeconfig;
    char *context;
    char *namespace_;
    char *selector;
    char **addresses;
    char *transport;
    char *balance;
    char *pod_timeout;
    char *half_close;
    char *hold;
    char *auto_close;
    char *ca_bundle;
    char *remote_address;
    char *relay;
    char *relay_image;
    char *relay_template;
    gboolean is_udp;
    gboolean is_quiet;
    gboolean keep_trying;
} Arguments;

static const char description[] =
    "Listens on local ports and carries connections to a pod. A pod that is replaced is followed, "
    "a lost\n"
    "connection to the cluster is made again; the local ports stay open meanwhile.\n"
    "\n"
    "Ports:\n"
    "  8080:80    local 8080 to port 80        80         the same number on both sides\n"
    "  :80        any free local port          8080:http  a named port";

static const char examples[] =
    "  # Local 8080 to port 80 of a service\n"
    "  kftrayctl forward svc/web 8080:80\n"
    "\n"
    "  # Two ports of a pod, in another namespace and context\n"
    "  kftrayctl forward -n shop --context staging pod/db-0 5432 9187\n"
    "\n"
    "  # Any free local port to the port named \"http\" of a deployment, reachable from other "
    "machines\n"
    "  kftrayctl forward --address 0.0.0.0 deploy/web :http\n"
    "\n"
    "  # A database beyond the cluster, as a relay pod in namespace shop can reach it\n"
    "  kftrayctl forward -n shop --remote-address db.example.com 5432\n"
    "\n"
    "  # The best pod with these labels\n"
    "  kftrayctl forward -l app=web,tier=front 8080";

static const KftCliOption options[] = {
    {"namespace", 'n', KFT_OPTION_TEXT, offsetof(Arguments, namespace_),
     "Namespace (default: that of the context)", "NS", KFT_VALUE_NAMESPACE},
    {"context", 0, KFT_OPTION_TEXT, offsetof(Arguments, context),
     "kubeconfig context (default: the current one)", "NAME", KFT_VALUE_CONTEXT},
    {"kubeconfig", 0, KFT_OPTION_FILE, offsetof(Arguments, kubeconfig),
     "kubeconfig file (default: $KUBECONFIG, ~/.kube/config)", "FILE", KFT_VALUE_FILE},
    {"selector", 'l', KFT_OPTION_TEXT, offsetof(Arguments, selector),
     "Label selector instead of TARGET", "LABELS", KFT_VALUE_NONE},
    {"address", 0, KFT_OPTION_TEXTS, offsetof(Arguments, addresses),
     "Local addresses, comma separated (default: localhost)", "ADDRESS,…", KFT_VALUE_NONE},
    {"transport", 0, KFT_OPTION_TEXT, offsetof(Arguments, transport),
     "auto, tunnel, spdy or websocket (default: auto)", "NAME", KFT_VALUE_TRANSPORT},
    {"balance", 0, KFT_OPTION_TEXT, offsetof(Arguments, balance),
     "Which of several pods: sticky, round-robin or least-connections (default: sticky)", "NAME",
     KFT_VALUE_NONE},
    {"remote-address", 0, KFT_OPTION_TEXT, offsetof(Arguments, remote_address),
     "Instead of TARGET: a host that the cluster can reach, by way of a relay pod", "HOST",
     KFT_VALUE_NONE},
    {"udp", 'u', KFT_OPTION_FLAG, offsetof(Arguments, is_udp),
     "UDP instead of TCP, by way of a relay pod", NULL, KFT_VALUE_NONE},
    {"relay", 0, KFT_OPTION_TEXT, offsetof(Arguments, relay),
     "Which relay: own, the shared gateway, or auto, which is shared if there is one; none if "
     "TARGET "
     "is one itself (default: auto)",
     "auto|own|shared|none", KFT_VALUE_NONE},
    {"relay-image", 0, KFT_OPTION_TEXT, offsetof(Arguments, relay_image),
     "Image of the relay pod (default: " KFT_RELAY_DEFAULT_IMAGE ")", "IMAGE", KFT_VALUE_NONE},
    {"relay-template", 0, KFT_OPTION_FILE, offsetof(Arguments, relay_template),
     "Template of the relay pod (default: built in)", "FILE", KFT_VALUE_FILE},
    {"pod-running-timeout", 0, KFT_OPTION_TEXT, offsetof(Arguments, pod_timeout),
     "How long the start waits for a running pod (default: 1m)", "TIME", KFT_VALUE_NONE},
    {"half-close-timeout", 0, KFT_OPTION_TEXT, offsetof(Arguments, half_close),
     "After a local program ended its data: how long the pod may be silent before it is told "
     "(default: 30s)",
     "TIME", KFT_VALUE_NONE},
    {"hold-timeout", 0, KFT_OPTION_TEXT, offsetof(Arguments, hold),
     "How long a connection waits while no pod is ready (default: 10s)", "TIME", KFT_VALUE_NONE},
    {"auto-close", 0, KFT_OPTION_TEXT, offsetof(Arguments, auto_close),
     "End after so long without traffic (default: never)", "TIME", KFT_VALUE_NONE},
    {"ca-bundle", 0, KFT_OPTION_FILE, offsetof(Arguments, ca_bundle),
     "Further trusted authorities, PEM: those of a gateway that inspects TLS", "FILE",
     KFT_VALUE_FILE},
    {"keep-trying", 0, KFT_OPTION_FLAG, offsetof(Arguments, keep_trying),
     "Do not give up when the cluster cannot be reached at the start", NULL, KFT_VALUE_NONE},
    {"quiet", 'q', KFT_OPTION_FLAG, offsetof(Arguments, is_quiet),
     "Do not print a line for each connection", NULL, KFT_VALUE_NONE},
    {0},
};

static bool take_duration(const char *option, const char *text, uint32_t *value)
{
    if (text == NULL || kft_duration_parse(text, value))
        return true;
    kft_print_error("--%s: \"%s\" is not a time like 30s, 2m or 1h30m", option, text);
    return false;
}

static bool take_transport(const char *name, KftTransport *transport)
{
    if (name == NULL || kft_transport_parse(name, transport))
        return true;
    kft_print_error("--transport: \"%s\" is not one of auto, tunnel, spdy, websocket", name);
    return false;
}

static bool take_balance(const char *name, KftBalance *balance)
{
    if (name == NULL || kft_balance_parse(name, balance))
        return true;
    kft_print_error("--balance: \"%s\" is not one of sticky, round-robin, least-connections", name);
    return false;
}

static bool take_relay(const char *name, KftRelayUse *use)
{
    if (name == NULL || kft_relay_use_parse(name, use))
        return true;
    kft_print_error("--relay: \"%s\" is not one of auto, own, shared, none", name);
    return false;
}

static char **split_addresses(char **addresses)
{
    if (addresses == NULL)
        return NULL;
    g_autofree char *joined = g_strjoinv(",", addresses);
    return g_strsplit(joined, ",", -1);
}

static bool take_words(const Arguments *args, KftForwardSpec *spec)
{
    char **words = args->common.words;
    size_t n_words = g_strv_length(words);
    size_t n_targets = args->selector == NULL && args->remote_address == NULL ? 1 : 0;

    if (n_words < n_targets + 1) {
        kft_print_error(n_words == 0 && n_targets == 1
                            ? "say what to forward to and which port: kftrayctl forward TARGET "
                              "[LOCAL:]REMOTE; see \"kftrayctl forward --help\""
                            : "say which port to forward: [LOCAL:]REMOTE; see \"kftrayctl forward "
                              "--help\"");
        return false;
    }
    if (n_targets == 1)
        spec->target = g_strdup(words[0]);
    spec->selector = g_strdup(args->selector);
    spec->remote_address = g_strdup(args->remote_address);
    spec->protocol = args->is_udp ? KFT_PROTOCOL_UDP : KFT_PROTOCOL_TCP;
    spec->ports = g_strdupv(words + n_targets);
    return true;
}

static KftForwardSpec *make_spec(const Arguments *args)
{
    g_autoptr(KftForwardSpec) spec = kft_forward_spec_new();

    if (!take_words(args, spec) || !take_transport(args->transport, &spec->transport) ||
        !take_balance(args->balance, &spec->balance) || !take_relay(args->relay, &spec->relay) ||
        !take_duration("pod-running-timeout", args->pod_timeout, &spec->pod_timeout_ms) ||
        !take_duration("half-close-timeout", args->half_close, &spec->half_close_ms) ||
        !take_duration("hold-timeout", args->hold, &spec->hold_ms) ||
        !take_duration("auto-close", args->auto_close, &spec->auto_close_ms))
        return NULL;
    if (spec->pod_timeout_ms == 0) {
        kft_print_error("--pod-running-timeout must be higher than zero");
        return NULL;
    }
    spec->kubeconfig = g_strdup(args->kubeconfig);
    spec->context = g_strdup(args->context);
    spec->namespace_ = g_strdup(args->namespace_);
    spec->addresses = split_addresses(args->addresses);
    spec->retries_start = args->keep_trying;
    return g_steal_pointer(&spec);
}

/* --- events --- */

static void print_ready(State *self, const KftForwardStatusEvent *status)
{
    char *line = NULL;
    while ((line = g_queue_pop_head(&self->listening)) != NULL) {
        kft_print_line("%s", line);
        g_free(line);
    }
    if (self->is_interrupted)
        kft_print_note("Connected again, to pod %s", status->pod);
    self->was_ready = true;
    self->is_interrupted = false;
    g_clear_pointer(&self->waiting_for, g_free);
}

static void print_interruption(State *self, const KftForwardStatusEvent *status)
{
    if (status->waits_for_user) {
        kft_print_note("%s; waiting for a new login or kubeconfig, next look in %.0f s",
                       status->error, status->next_try_ms / 1e3);
    } else if (status->attempt == 1) {
        kft_print_note("%s; reconnecting", status->error);
    } else {
        kft_print_note("%s; next try in %.1f s (attempt %u)", status->error,
                       status->next_try_ms / 1e3, status->attempt);
    }
    self->is_interrupted = true;
}

static void print_waiting(State *self, const KftForwardStatusEvent *status)
{
    if (status->waiting_for == NULL || g_strcmp0(status->waiting_for, self->waiting_for) == 0)
        return;
    kft_print_note("Waiting: %s", status->waiting_for);
    g_free(self->waiting_for);
    self->waiting_for = g_strdup(status->waiting_for);
    self->is_interrupted = self->was_ready;
}

static void handle_status(State *self, const KftForwardStatusEvent *status)
{
    switch (status->state) {
    case KFT_FORWARD_STATE_READY:
        print_ready(self, status);
        return;
    case KFT_FORWARD_STATE_BACKOFF:
        print_interruption(self, status);
        return;
    case KFT_FORWARD_STATE_RESOLVING:
        print_waiting(self, status);
        return;
    case KFT_FORWARD_STATE_FAILED:
        if (status->error_code == KFT_ERROR_PROXY_AUTH &&
            kft_runner_count_logins(self->runner) > self->n_logins) {
            self->must_start_anew = true;
            return;
        }
        kft_print_error("%s", status->error);
        self->has_failed = true;
        return;
    case KFT_FORWARD_STATE_IDLE:
        self->has_ended = true;
        return;
    case KFT_FORWARD_STATE_CONNECTING:
    case KFT_FORWARD_STATE_STOPPING:
        return;
    }
}

static void handle_listening(State *self, const KftEvent *event)
{
    char *line = g_strdup_printf("Forwarding from %s -> %u", event->listening.address,
                                 event->listening.remote_port);
    g_queue_push_tail(&self->listening, line);
}

static void on_event(const KftEvent *event, void *user_data)
{
    State *self = user_data;

    switch (event->type) {
    case KFT_EVENT_FORWARD_STATUS:
        handle_status(self, &event->status);
        return;
    case KFT_EVENT_FORWARD_LISTENING:
        handle_listening(self, event);
        return;
    case KFT_EVENT_FORWARD_NOTICE:
        kft_print_note("Note: %s", event->notice.text);
        return;
    case KFT_EVENT_FORWARD_CONNECTION:
        if (!self->is_quiet)
            kft_print_line("Handling connection for %u", event->connection.local_port);
        return;
    case KFT_EVENT_FORWARD_CONNECTION_ERROR:
        kft_print_note("Connection for %u -> %u: %s", event->connection.local_port,
                       event->connection.remote_port, event->connection.text);
        return;
    case KFT_EVENT_FORWARD_CLOSING:
        if (event->closing.in_ms > 0)
            kft_print_note("Note: %s; this ends in %.0f s",
                           event->closing.is_at_time ? "it is almost time" : "no traffic",
                           event->closing.in_ms / 1e3);
        return;
    case KFT_EVENT_FORWARD_STATISTICS:
    case KFT_EVENT_DIAGNOSE_STEP:
    case KFT_EVENT_DIAGNOSE_DONE:
    case KFT_EVENT_PROXY_LOGIN:
    case KFT_EVENT_ANSWER:
    case KFT_EVENT_STOPPED:
        return;
    }
}

/* A resized terminal is no reason to end. */
static bool is_going_on(unsigned wake)
{
    return (wake & (KFT_WAKE_SIGNAL | KFT_WAKE_BROKEN)) == 0;
}

/* A forward without a relay has no use for the settings, and runs without a store. */
static void set_relays(KftRunner *runner, const Arguments *args)
{
    bool needs_relay = args->remote_address != NULL || args->is_udp;
    KftRelaySettings settings = {0};

    kft_relay_settings_choose(needs_relay, args->relay_image, args->relay_template, &settings);
    kft_runner_set_relays(runner, &settings);
    kft_relay_settings_clear(&settings);
}

/* Whoever typed a proxy's password need not type the command once more. */
static bool start_anew(State *self, const Arguments *args, KftForwardId *forward)
{
    KftForwardSpec *spec = make_spec(args);
    if (spec == NULL)
        return false;
    kft_runner_stop_forward(self->runner, *forward);
    while (!self->has_ended) {
        if (!is_going_on(kft_runner_wait(self->runner, -1, -1))) {
            kft_forward_spec_free(spec);
            return false;
        }
    }
    g_queue_clear_full(&self->listening, g_free);
    self->has_ended = false;
    self->must_start_anew = false;
    self->n_logins = kft_runner_count_logins(self->runner);
    forward->v++;
    kft_runner_start_forward(self->runner, *forward, spec);
    return true;
}

static void run_until_end(State *self, const Arguments *args, KftForwardSpec *spec)
{
    KftForwardId forward = {1};

    kft_runner_start_forward(self->runner, forward, spec);
    while (!self->has_failed && !self->has_ended &&
           is_going_on(kft_runner_wait(self->runner, -1, -1))) {
        if (self->must_start_anew && !start_anew(self, args, &forward))
            return;
    }
}

static int run_forward(const Arguments *args, KftForwardSpec *spec)
{
    g_autoptr(GError) error = NULL;
    State state = {.is_quiet = args->is_quiet};

    g_queue_init(&state.listening);
    KftRunner *runner = kft_runner_new(on_event, &state, &error);
    if (runner == NULL) {
        kft_forward_spec_free(spec);
        kft_print_error("%s", error->message);
        return KFT_EXIT_FAILURE;
    }
    kft_runner_set_ca_bundle(runner, args->ca_bundle);
    set_relays(runner, args);
    kft_runner_find_logins(runner);
    state.runner = runner;
    run_until_end(&state, args, spec);
    kft_runner_free(runner);
    g_queue_clear_full(&state.listening, g_free);
    g_free(state.waiting_for);
    return state.has_failed ? KFT_EXIT_FAILURE : KFT_EXIT_OK;
}

static int run(int argc, char **argv)
{
    Arguments args = {0};
    int status = KFT_EXIT_FAILURE;

    if (!kft_options_parse(&kft_cli_forward, argc, argv, &args.common, &status))
        return status;
    KftForwardSpec *spec = make_spec(&args);
    if (spec != NULL)
        status = run_forward(&args, spec);
    kft_options_clear(&kft_cli_forward, &args.common);
    return status;
}

const KftCliCommand kft_cli_forward = {
    .name = "forward",
    .summary = "Forward local ports to a pod, service or workload",
    .usage = "TARGET [LOCAL:]REMOTE [[LOCAL:]REMOTE…]",
    .description = description,
    .examples = examples,
    .options = options,
    .words = KFT_VALUE_TARGET,
    .run = run,
};
