/* kftrayctl diagnose: what is wrong on the way to a target, step by step. On a terminal the steps
 * that run are shown, too; elsewhere one line for each step that ended, in the order of the ladder.
 * Ends with status 0 only if no step failed. */
#include <errno.h>
#include <kftray/engine.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "command.h"
#include "output.h"

#define SHUTDOWN_MS 5000
/* Wide enough for the longest name of a step. */
#define NAME_COLUMNS 11
#define TIME_COLUMNS 8
#define TEXT_COLUMN (8 + 1 + NAME_COLUMNS + 1 + TIME_COLUMNS + 2)

static const KftForwardId the_diagnosis = {1};

typedef struct {
    KftEngine *engine;
    bool is_json;
    bool is_live; /* the line below the last one shows what runs */
    bool has_live_line;
    KftDiagnoseResult results[KFT_DIAGNOSE_N_STEPS];
    unsigned n_printed; /* of the ladder, from its beginning */
    bool is_over;
    bool has_stopped;
    int status;
} Run;

/* --- arguments --- */

typedef struct {
    char *kubeconfig;
    char *context;
    char *namespace_;
    char *selector;
    char **addresses;
    char *transport;
    char *ca_bundle;
    gboolean is_json;
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
    g_free(self->ca_bundle);
    g_strfreev(self->words);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Arguments, arguments_clear)

static const char summary[] =
    "Finds out what is wrong on the way to a target: kubeconfig, credential, proxy, name, TLS,\n"
    "rights, pods, port. Says for what failed what to do. Takes at most half a minute.";

static const char examples[] = "Examples:\n"
                               "  # Why does port 80 of the service not work?\n"
                               "  kftrayctl diagnose svc/web 8080:80\n"
                               "\n"
                               "  # Only the way to the cluster\n"
                               "  kftrayctl diagnose --context staging\n"
                               "\n"
                               "  # For a bug report; it holds no credentials\n"
                               "  kftrayctl diagnose svc/web 80 > report.txt";

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
        {"ca-bundle", 0, 0, G_OPTION_ARG_FILENAME, &args->ca_bundle,
         "Further trusted authorities, PEM", "FILE"},
        {"json", 0, 0, G_OPTION_ARG_NONE, &args->is_json, "Print the whole as JSON", NULL},
        {G_OPTION_REMAINING, 0, 0, G_OPTION_ARG_STRING_ARRAY, &args->words, NULL, NULL},
        {0},
    };
    g_autoptr(GOptionContext) context = g_option_context_new("[TARGET [[LOCAL:]REMOTE…]]");
    g_set_prgname("kftrayctl diagnose"); /* what the help's first line shows */
    g_option_context_set_summary(context, summary);
    g_option_context_set_description(context, examples);
    g_option_context_add_main_entries(context, entries, NULL);
    return g_option_context_parse(context, &argc, &argv, error);
}

static KftForwardSpec *make_spec(const Arguments *args)
{
    g_autoptr(KftForwardSpec) spec = kft_forward_spec_new();
    size_t n_words = args->words == NULL ? 0 : g_strv_length(args->words);
    size_t n_targets = args->selector == NULL && n_words > 0 ? 1 : 0;

    if (args->transport != NULL && !kft_transport_parse(args->transport, &spec->transport)) {
        kft_print_error("--transport: \"%s\" is not one of auto, tunnel, spdy, websocket",
                        args->transport);
        return NULL;
    }
    if (n_targets == 1)
        spec->target = g_strdup(args->words[0]);
    if (n_words > n_targets)
        spec->ports = g_strdupv(args->words + n_targets);
    if (args->addresses != NULL) {
        g_autofree char *joined = g_strjoinv(",", args->addresses);
        spec->addresses = g_strsplit(joined, ",", -1);
    }
    spec->selector = g_strdup(args->selector);
    spec->kubeconfig = g_strdup(args->kubeconfig);
    spec->context = g_strdup(args->context);
    spec->namespace_ = g_strdup(args->namespace_);
    return g_steal_pointer(&spec);
}

/* --- output --- */

static bool is_settled(const KftDiagnoseResult *result)
{
    return result->state != KFT_DIAGNOSE_STATE_WAITING &&
           result->state != KFT_DIAGNOSE_STATE_RUNNING;
}

static void clear_live_line(Run *run)
{
    if (run->has_live_line)
        (void)fputs("\r\033[K", stdout);
    run->has_live_line = false;
}

/* The names of the steps that run, on the line that the next one replaces. */
static void show_live_line(Run *run)
{
    g_autoptr(GString) names = g_string_new(NULL);
    if (!run->is_live)
        return;
    for (unsigned i = 0; i < KFT_DIAGNOSE_N_STEPS; i++) {
        if (run->results[i].state == KFT_DIAGNOSE_STATE_RUNNING)
            g_string_append_printf(names, "%s%s", names->len == 0 ? "" : ", ",
                                   kft_diagnose_step_name((KftDiagnoseStep)i));
    }
    clear_live_line(run);
    if (names->len == 0)
        return;
    (void)printf("…        %s", names->str);
    (void)fflush(stdout);
    run->has_live_line = true;
}

static void print_step(const Run *run, const KftDiagnoseResult *result)
{
    static const char *const colours[] = {
        [KFT_DIAGNOSE_STATE_OK] = "\033[32m",
        [KFT_DIAGNOSE_STATE_FAILED] = "\033[1;31m",
        [KFT_DIAGNOSE_STATE_SKIPPED] = "\033[2m",
    };
    bool is_failed = result->state == KFT_DIAGNOSE_STATE_FAILED;
    bool is_skipped = result->state == KFT_DIAGNOSE_STATE_SKIPPED;
    g_autofree char *time =
        is_skipped ? g_strdup("") : g_strdup_printf("%u ms", result->duration_ms);
    kft_print_line("%s%-8s%s %-*s %*s  %s", run->is_live ? colours[result->state] : "",
                   is_failed ? "FAILED" : kft_diagnose_state_name(result->state),
                   run->is_live ? "\033[0m" : "", NAME_COLUMNS,
                   kft_diagnose_step_name(result->step), TIME_COLUMNS, time, result->text);
    if (result->advice != NULL)
        kft_print_line("%*s-> %s", TEXT_COLUMN, "", result->advice);
}

/* Steps are printed in the ladder's order, each as soon as all before it are done. */
static void print_settled(Run *run)
{
    if (run->is_json)
        return;
    while (run->n_printed < KFT_DIAGNOSE_N_STEPS && is_settled(&run->results[run->n_printed])) {
        clear_live_line(run);
        print_step(run, &run->results[run->n_printed]);
        run->n_printed++;
    }
    show_live_line(run);
}

/* Commands of the steps that failed: the others need none. */
static void print_commands(const Run *run)
{
    bool is_first = true;
    for (unsigned i = 0; i < KFT_DIAGNOSE_N_STEPS; i++) {
        const KftDiagnoseResult *result = &run->results[i];
        if (result->state != KFT_DIAGNOSE_STATE_FAILED || result->command == NULL)
            continue;
        if (is_first)
            kft_print_line("\nThe same by hand:");
        kft_print_line("  %s", result->command);
        is_first = false;
    }
}

/* --- events --- */

static void handle_event(Run *run, KftEvent *event)
{
    switch (event->type) {
    case KFT_EVENT_DIAGNOSE_STEP:
        kft_diagnose_result_clear(&run->results[event->diagnose_step.step]);
        run->results[event->diagnose_step.step] = event->diagnose_step;
        event->diagnose_step = (KftDiagnoseResult){0};
        print_settled(run);
        return;
    case KFT_EVENT_DIAGNOSE_DONE:
        clear_live_line(run);
        run->is_over = true;
        run->status = event->diagnosis.is_ok ? KFT_EXIT_OK : KFT_EXIT_FAILURE;
        if (event->diagnosis.error != NULL)
            kft_print_error("%s", event->diagnosis.error);
        else if (run->is_json)
            kft_print_line("%s", event->diagnosis.json);
        else
            print_commands(run);
        return;
    case KFT_EVENT_STOPPED:
        run->has_stopped = true;
        return;
    case KFT_EVENT_FORWARD_STATUS:
    case KFT_EVENT_FORWARD_LISTENING:
    case KFT_EVENT_FORWARD_NOTICE:
    case KFT_EVENT_FORWARD_CONNECTION:
    case KFT_EVENT_FORWARD_CONNECTION_ERROR:
    case KFT_EVENT_FORWARD_STATISTICS:
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
    if (fds[1].revents != 0) {
        clear_live_line(run);
        run->status = KFT_EXIT_FAILURE;
        return false;
    }
    return !run->is_over;
}

static void shut_down(Run *run)
{
    (void)kft_engine_post(run->engine, kft_command_new(KFT_COMMAND_SHUTDOWN));
    while (!run->has_stopped && kft_engine_wait(run->engine, SHUTDOWN_MS))
        drain_events(run);
    if (!run->has_stopped)
        _exit(run->status); /* something of the system hangs; everything was said */
    kft_engine_free(run->engine);
}

static int run_diagnosis(const Arguments *args, KftForwardSpec *spec, int signal_fd)
{
    g_autoptr(GError) error = NULL;
    Run run = {
        .is_json = args->is_json,
        .is_live = !args->is_json && isatty(STDOUT_FILENO) == 1 && g_getenv("NO_COLOR") == NULL,
        .status = KFT_EXIT_FAILURE,
    };
    run.engine = kft_engine_start(&error);
    if (run.engine == NULL) {
        kft_forward_spec_free(spec);
        kft_print_error("%s", error->message);
        return KFT_EXIT_FAILURE;
    }
    if (args->ca_bundle != NULL)
        (void)kft_engine_post(run.engine, kft_command_new_set_network(args->ca_bundle, NULL, NULL));
    (void)kft_engine_post(run.engine, kft_command_new_diagnose(the_diagnosis, spec));
    while (wait_once(&run, signal_fd))
        continue;
    shut_down(&run);
    for (unsigned i = 0; i < KFT_DIAGNOSE_N_STEPS; i++)
        kft_diagnose_result_clear(&run.results[i]);
    return run.status;
}

int kft_cli_diagnose(int argc, char **argv)
{
    g_autoptr(GError) error = NULL;
    g_auto(Arguments) args = {0};
    sigset_t signals;

    if (!parse_arguments(argc, argv, &args, &error)) {
        kft_print_error("%s; see \"kftrayctl diagnose --help\"", error->message);
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
    int status = run_diagnosis(&args, spec, signal_fd);
    (void)close(signal_fd);
    return status;
}
