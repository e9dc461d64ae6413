/* kftrayctl forward: a drop-in for kubectl port-forward. Prints the same lines on stdout; what
 * kubectl does not have (waiting, reconnecting, errors of one connection) goes to stderr. Ends with
 * status 0 on SIGINT and SIGTERM, with 1 when the start fails. */
#include <errno.h>
#include <kftray/engine.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "command.h"
#include "output.h"

/* How long the orderly end may take. */
#define SHUTDOWN_MS 5000

static const KftForwardId the_forward = {1};

typedef struct {
    KftEngine *engine;
    GQueue listening; /* lines that wait for the first READY, as kubectl prints them */
    bool was_ready;
    bool is_interrupted; /* told: "reconnecting" */
    bool is_quiet;       /* no "Handling connection" lines */
    int status;
    bool has_failed;
    bool has_stopped;
    char *waiting_for;
} Run;

/* --- arguments --- */

typedef struct {
    char *kubeconfig;
    char *context;
    char *namespace_;
    char *selector;
    char **addresses;
    char *transport;
    char *pod_timeout;
    char *half_close;
    char *hold;
    char *ca_bundle;
    gboolean is_quiet;
    gboolean keep_trying;
    char **words;
} Arguments;

static void arguments_clear(Arguments *self)
{
    g_free(self->kubeconfig);
    g_free(self->context);
    g_free(self->namespace_);
    g_free(self->selector);
    g_strfreev(self->addresses);
    g_free(self->transport);
    g_free(self->pod_timeout);
    g_free(self->half_close);
    g_free(self->hold);
    g_free(self->ca_bundle);
    g_strfreev(self->words);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Arguments, arguments_clear)

static const char summary[] =
    "Listens on local ports and carries connections to a pod. A pod that is replaced is followed, "
    "a lost\n"
    "connection to the cluster is made again; the local ports stay open meanwhile.";

static const char examples[] =
    "Ports:\n"
    "  8080:80    local 8080 to port 80        80         the same number on both sides\n"
    "  :80        any free local port          8080:http  a named port\n"
    "\n"
    "Examples:\n"
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
    "  # The best pod with these labels\n"
    "  kftrayctl forward -l app=web,tier=front 8080";

static bool parse_arguments(int argc, char **argv, Arguments *args, GError **error)
{
    const GOptionEntry entries[] = {
        {"namespace", 'n', 0, G_OPTION_ARG_STRING, &args->namespace_,
         "Namespace (default: that of the context)", "NS"},
        {"context", 0, 0, G_OPTION_ARG_STRING, &args->context,
         "kubeconfig context (default: the current one)", "NAME"},
        {"kubeconfig", 0, 0, G_OPTION_ARG_FILENAME, &args->kubeconfig,
         "kubeconfig file (default: $KUBECONFIG, ~/.kube/config)", "FILE"},
        {"selector", 'l', 0, G_OPTION_ARG_STRING, &args->selector,
         "Label selector instead of TARGET", "LABELS"},
        {"address", 0, 0, G_OPTION_ARG_STRING_ARRAY, &args->addresses,
         "Local addresses, comma separated (default: localhost)", "ADDRESS,…"},
        {"transport", 0, 0, G_OPTION_ARG_STRING, &args->transport,
         "auto, tunnel, spdy or websocket (default: auto)", "NAME"},
        {"pod-running-timeout", 0, 0, G_OPTION_ARG_STRING, &args->pod_timeout,
         "How long the start waits for a running pod (default: 1m)", "TIME"},
        {"half-close-timeout", 0, 0, G_OPTION_ARG_STRING, &args->half_close,
         "After a local program ended its data: how long the pod may be silent before it is told "
         "(default: 30s)",
         "TIME"},
        {"hold-timeout", 0, 0, G_OPTION_ARG_STRING, &args->hold,
         "How long a connection waits while no pod is ready (default: 10s)", "TIME"},
        {"ca-bundle", 0, 0, G_OPTION_ARG_FILENAME, &args->ca_bundle,
         "Further trusted authorities, PEM: those of a gateway that inspects TLS", "FILE"},
        {"keep-trying", 0, 0, G_OPTION_ARG_NONE, &args->keep_trying,
         "Do not give up when the cluster cannot be reached at the start", NULL},
        {"quiet", 'q', 0, G_OPTION_ARG_NONE, &args->is_quiet,
         "Do not print a line for each connection", NULL},
        {G_OPTION_REMAINING, 0, 0, G_OPTION_ARG_STRING_ARRAY, &args->words, NULL, NULL},
        {0},
    };
    g_autoptr(GOptionContext) context =
        g_option_context_new("TARGET [LOCAL:]REMOTE [[LOCAL:]REMOTE…]");
    g_set_prgname("kftrayctl forward"); /* what the help's first line shows */
    g_option_context_set_summary(context, summary);
    g_option_context_set_description(context, examples);
    g_option_context_add_main_entries(context, entries, NULL);
    return g_option_context_parse(context, &argc, &argv, error);
}

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

static char **split_addresses(char **options)
{
    if (options == NULL)
        return NULL;
    g_autofree char *joined = g_strjoinv(",", options);
    return g_strsplit(joined, ",", -1);
}

static bool take_words(Arguments *args, KftForwardSpec *spec)
{
    size_t n_words = args->words == NULL ? 0 : g_strv_length(args->words);
    size_t n_targets = args->selector == NULL ? 1 : 0;

    if (n_words < n_targets + 1) {
        kft_print_error(n_words == 0 && n_targets == 1
                            ? "say what to forward to and which port: kftrayctl forward TARGET "
                              "[LOCAL:]REMOTE; see \"kftrayctl forward --help\""
                            : "say which port to forward: [LOCAL:]REMOTE; see \"kftrayctl forward "
                              "--help\"");
        return false;
    }
    if (n_targets == 1)
        spec->target = g_strdup(args->words[0]);
    spec->selector = g_strdup(args->selector);
    spec->ports = g_strdupv(args->words + n_targets);
    return true;
}

static KftForwardSpec *make_spec(Arguments *args)
{
    g_autoptr(KftForwardSpec) spec = kft_forward_spec_new();

    if (!take_words(args, spec) || !take_transport(args->transport, &spec->transport) ||
        !take_duration("pod-running-timeout", args->pod_timeout, &spec->pod_timeout_ms) ||
        !take_duration("half-close-timeout", args->half_close, &spec->half_close_ms) ||
        !take_duration("hold-timeout", args->hold, &spec->hold_ms))
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

static void print_ready(Run *run, const KftForwardStatusEvent *status)
{
    char *line = NULL;
    while ((line = g_queue_pop_head(&run->listening)) != NULL) {
        kft_print_line("%s", line);
        g_free(line);
    }
    if (run->is_interrupted)
        kft_print_note("Connected again, to pod %s", status->pod);
    run->was_ready = true;
    run->is_interrupted = false;
    g_clear_pointer(&run->waiting_for, g_free);
}

static void print_interruption(Run *run, const KftForwardStatusEvent *status)
{
    if (status->attempt == 1) {
        kft_print_note("%s; reconnecting", status->error);
    } else {
        kft_print_note("%s; next try in %.1f s (attempt %u)", status->error,
                       status->next_try_ms / 1e3, status->attempt);
    }
    run->is_interrupted = true;
}

static void print_waiting(Run *run, const KftForwardStatusEvent *status)
{
    if (status->waiting_for == NULL || g_strcmp0(status->waiting_for, run->waiting_for) == 0)
        return;
    kft_print_note("Waiting: %s", status->waiting_for);
    g_free(run->waiting_for);
    run->waiting_for = g_strdup(status->waiting_for);
    run->is_interrupted = run->was_ready;
}

static void handle_status(Run *run, const KftForwardStatusEvent *status)
{
    switch (status->state) {
    case KFT_FORWARD_STATE_READY:
        print_ready(run, status);
        return;
    case KFT_FORWARD_STATE_BACKOFF:
        print_interruption(run, status);
        return;
    case KFT_FORWARD_STATE_RESOLVING:
        print_waiting(run, status);
        return;
    case KFT_FORWARD_STATE_FAILED:
        kft_print_error("%s", status->error);
        run->status = KFT_EXIT_FAILURE;
        run->has_failed = true;
        return;
    case KFT_FORWARD_STATE_IDLE:
    case KFT_FORWARD_STATE_CONNECTING:
    case KFT_FORWARD_STATE_STOPPING:
        return;
    }
}

static void handle_listening(Run *run, const KftEvent *event)
{
    char *line = g_strdup_printf("Forwarding from %s -> %u", event->listening.address,
                                 event->listening.remote_port);
    g_queue_push_tail(&run->listening, line);
}

static void handle_event(Run *run, const KftEvent *event)
{
    switch (event->type) {
    case KFT_EVENT_FORWARD_STATUS:
        handle_status(run, &event->status);
        return;
    case KFT_EVENT_FORWARD_LISTENING:
        handle_listening(run, event);
        return;
    case KFT_EVENT_FORWARD_NOTICE:
        kft_print_note("Note: %s", event->notice.text);
        return;
    case KFT_EVENT_FORWARD_CONNECTION:
        if (!run->is_quiet)
            kft_print_line("Handling connection for %u", event->connection.local_port);
        return;
    case KFT_EVENT_FORWARD_CONNECTION_ERROR:
        kft_print_note("Connection for %u -> %u: %s", event->connection.local_port,
                       event->connection.remote_port, event->connection.text);
        return;
    case KFT_EVENT_FORWARD_STATISTICS:
    case KFT_EVENT_DIAGNOSE_STEP:
    case KFT_EVENT_DIAGNOSE_DONE:
        return;
    case KFT_EVENT_STOPPED:
        run->has_stopped = true;
        return;
    }
}

static void drain_events(Run *run)
{
    KftEvent *event = NULL;
    while ((event = kft_engine_take_event(run->engine)) != NULL) {
        handle_event(run, event);
        kft_event_free(event);
    }
}

/* --- life --- */

/* Waits for events or a signal; returns false once the command should end. */
static bool wait_once(Run *run, int signal_fd)
{
    struct pollfd fds[] = {
        {.fd = kft_engine_get_event_fd(run->engine), .events = POLLIN},
        {.fd = signal_fd, .events = POLLIN},
    };
    if (poll(fds, G_N_ELEMENTS(fds), -1) < 0 && errno != EINTR)
        return false;
    drain_events(run);
    return fds[1].revents == 0 && !run->has_failed;
}

static void shut_down(Run *run)
{
    (void)kft_engine_post(run->engine, kft_command_new(KFT_COMMAND_SHUTDOWN));
    while (!run->has_stopped && kft_engine_wait(run->engine, SHUTDOWN_MS))
        drain_events(run);
    if (run->has_stopped) {
        kft_engine_free(run->engine);
    } else {
        kft_print_error("the engine did not stop within %d s", SHUTDOWN_MS / 1000);
        _exit(KFT_EXIT_FAILURE);
    }
}

static int run_forward(const Arguments *args, KftForwardSpec *spec, int signal_fd)
{
    g_autoptr(GError) error = NULL;
    Run run = {.is_quiet = args->is_quiet};

    g_queue_init(&run.listening);
    run.engine = kft_engine_start(&error);
    if (run.engine == NULL) {
        kft_forward_spec_free(spec);
        kft_print_error("%s", error->message);
        return KFT_EXIT_FAILURE;
    }
    if (args->ca_bundle != NULL)
        (void)kft_engine_post(run.engine, kft_command_new_set_network(args->ca_bundle, NULL, NULL));
    (void)kft_engine_post(run.engine, kft_command_new_start_forward(the_forward, spec));
    while (wait_once(&run, signal_fd))
        continue;
    shut_down(&run);
    g_queue_clear_full(&run.listening, g_free);
    g_free(run.waiting_for);
    return run.status;
}

int kft_cli_forward(int argc, char **argv)
{
    g_autoptr(GError) error = NULL;
    g_auto(Arguments) args = {0};
    sigset_t signals;

    if (!parse_arguments(argc, argv, &args, &error)) {
        kft_print_error("%s; see \"kftrayctl forward --help\"", error->message);
        return KFT_EXIT_FAILURE;
    }
    KftForwardSpec *spec = make_spec(&args);
    if (spec == NULL)
        return KFT_EXIT_FAILURE;
    /* Before the engine's thread exists, which inherits the mask. */
    (void)sigemptyset(&signals);
    (void)sigaddset(&signals, SIGINT);
    (void)sigaddset(&signals, SIGTERM);
    (void)sigaddset(&signals, SIGHUP);
    (void)pthread_sigmask(SIG_BLOCK, &signals, NULL);
    int signal_fd = signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
    if (signal_fd < 0) {
        kft_forward_spec_free(spec);
        kft_print_error("signalfd: %s", g_strerror(errno));
        return KFT_EXIT_FAILURE;
    }
    int status = run_forward(&args, spec, signal_fd);
    (void)close(signal_fd);
    return status;
}
