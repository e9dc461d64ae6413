/* kftrayctl diagnose: what is wrong on the way to a target, step by step. On a terminal the steps
 * that run are shown, too; elsewhere one line for each step that ended, in the order of the ladder.
 * Ends with status 0 only if no step failed. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "catalog.h"
#include "command.h"
#include "output.h"
#include "relay-settings.h"
#include "runner.h"
#include "select.h"
#include "style.h"

/* Wide enough for the longest name of a step. */
#define NAME_COLUMNS 11
#define TIME_COLUMNS 8
/* Narrower terminals are left to break lines themselves. */
#define MIN_TEXT_COLUMNS 30
#define TEXT_COLUMN (8 + 1 + NAME_COLUMNS + 1 + TIME_COLUMNS + 2)

static const KftForwardId the_diagnosis = {1};

typedef struct {
    bool is_json;
    bool is_live; /* the line below the last one shows what runs */
    bool has_live_line;
    KftDiagnoseResult results[KFT_DIAGNOSE_N_STEPS];
    unsigned n_printed; /* of the ladder, from its beginning */
    KftRunner *runner;
    unsigned n_logins; /* that the runner had found at the start */
    bool must_start_anew;
    bool is_over;
    bool is_ok;
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
    char *remote_address;
    char *relay;
    char *relay_image;
    char *relay_template;
    char *ca_bundle;
    gboolean is_udp;
} Arguments;

static const char description[] =
    "Finds out what is wrong on the way to a target: kubeconfig, credential, proxy, name, TLS,\n"
    "rights, pods, port. Says for what failed what to do. Takes at most half a minute.\n"
    "With UDP or a remote address the relay, too: one is deployed, looked at and deleted.\n"
    "\n"
    "TARGET may be the alias of a stored config, too; without one only the way to the cluster is\n"
    "looked at.";

static const char examples[] = "  # Why does port 80 of the service not work?\n"
                               "  kftrayctl diagnose svc/web 8080:80\n"
                               "\n"
                               "  # Only the way to the cluster\n"
                               "  kftrayctl diagnose --context staging\n"
                               "\n"
                               "  # Does a relay reach the database beyond the cluster?\n"
                               "  kftrayctl diagnose --remote-address db.example.com 5432\n"
                               "\n"
                               "  # For a bug report; it holds no credentials\n"
                               "  kftrayctl diagnose --json svc/web 80 > report.json";

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
    {"remote-address", 0, KFT_OPTION_TEXT, offsetof(Arguments, remote_address),
     "Instead of TARGET: a host that the cluster can reach, by way of a relay pod", "HOST",
     KFT_VALUE_NONE},
    {"udp", 'u', KFT_OPTION_FLAG, offsetof(Arguments, is_udp),
     "UDP instead of TCP, by way of a relay pod", NULL, KFT_VALUE_NONE},
    {"relay", 0, KFT_OPTION_TEXT, offsetof(Arguments, relay),
     "Which relay: own, the shared gateway, or auto, which is shared if there is one (default: "
     "auto)",
     "auto|own|shared|none", KFT_VALUE_NONE},
    {"relay-image", 0, KFT_OPTION_TEXT, offsetof(Arguments, relay_image),
     "Image of the relay pod (default: " KFT_RELAY_DEFAULT_IMAGE ")", "IMAGE", KFT_VALUE_NONE},
    {"relay-template", 0, KFT_OPTION_FILE, offsetof(Arguments, relay_template),
     "Template of the relay pod (default: built in)", "FILE", KFT_VALUE_FILE},
    {"ca-bundle", 0, KFT_OPTION_FILE, offsetof(Arguments, ca_bundle),
     "Further trusted authorities, PEM: those of a gateway that inspects TLS", "FILE",
     KFT_VALUE_FILE},
    KFT_OPTION_JSON,
    {0},
};

/* A config of that very alias, as a spec. False if it is one that cannot be forwarded. *ret_spec is
 * NULL if there is none: then the word is the name of a pod. */
static bool find_config(const char *word, KftForwardSpec **ret_spec)
{
    g_autoptr(KftCatalog) catalog = kft_catalog_open();
    g_autoptr(GError) error = NULL;

    *ret_spec = NULL;
    if (catalog == NULL)
        return false;
    for (guint i = 0; i < catalog->configs->len; i++) {
        const KftConfig *config = g_ptr_array_index(catalog->configs, i);
        g_autofree char *alias = kft_select_dup_alias(config);
        if (strcmp(alias, word) != 0)
            continue;
        *ret_spec = kft_config_to_spec(config, &error);
        if (*ret_spec == NULL)
            kft_print_error("%s", error->message);
        return *ret_spec != NULL;
    }
    return true;
}

static void take_words(const Arguments *args, KftForwardSpec *spec)
{
    char **words = args->common.words;
    size_t n_words = g_strv_length(words);
    bool is_remote = args->remote_address != NULL;
    size_t n_targets = args->selector == NULL && !is_remote && n_words > 0 ? 1 : 0;

    if (n_targets == 1)
        spec->target = g_strdup(words[0]);
    if (n_words > n_targets)
        spec->ports = g_strdupv(words + n_targets);
}

static void replace(char **text, const char *by)
{
    if (by == NULL)
        return;
    g_free(*text);
    *text = g_strdup(by);
}

static KftForwardSpec *make_spec(const Arguments *args)
{
    g_autoptr(KftForwardSpec) spec = NULL;
    bool is_lone = g_strv_length(args->common.words) == 1 && args->selector == NULL &&
                   args->remote_address == NULL && strchr(args->common.words[0], '/') == NULL;

    if (is_lone && !find_config(args->common.words[0], &spec))
        return NULL;
    if (spec == NULL) {
        spec = kft_forward_spec_new();
        take_words(args, spec);
    }
    if (args->transport != NULL && !kft_transport_parse(args->transport, &spec->transport)) {
        kft_print_error("--transport: \"%s\" is not one of auto, tunnel, spdy, websocket",
                        args->transport);
        return NULL;
    }
    if (args->relay != NULL && !kft_relay_use_parse(args->relay, &spec->relay)) {
        kft_print_error("--relay: \"%s\" is not one of auto, own, shared, none", args->relay);
        return NULL;
    }
    if (args->is_udp)
        spec->protocol = KFT_PROTOCOL_UDP;
    if (args->addresses != NULL) {
        g_autofree char *joined = g_strjoinv(",", args->addresses);
        g_strfreev(spec->addresses);
        spec->addresses = g_strsplit(joined, ",", -1);
    }
    replace(&spec->remote_address, args->remote_address);
    replace(&spec->selector, args->selector);
    replace(&spec->kubeconfig, args->kubeconfig);
    replace(&spec->context, args->context);
    replace(&spec->namespace_, args->namespace_);
    return g_steal_pointer(&spec);
}

/* --- output --- */

static bool is_settled(const KftDiagnoseResult *result)
{
    return result->state != KFT_DIAGNOSE_STATE_WAITING &&
           result->state != KFT_DIAGNOSE_STATE_RUNNING;
}

static void clear_live_line(State *self)
{
    if (self->has_live_line)
        (void)fputs("\r\033[K", stdout);
    self->has_live_line = false;
}

/* The names of the steps that run, on the line that the next one replaces. */
static void show_live_line(State *self)
{
    g_autoptr(GString) names = g_string_new(NULL);
    if (!self->is_live)
        return;
    for (unsigned i = 0; i < KFT_DIAGNOSE_N_STEPS; i++) {
        if (self->results[i].state == KFT_DIAGNOSE_STATE_RUNNING)
            g_string_append_printf(names, "%s%s", names->len == 0 ? "" : ", ",
                                   kft_diagnose_step_name((KftDiagnoseStep)i));
    }
    clear_live_line(self);
    if (names->len == 0)
        return;
    (void)printf("…        %s", names->str);
    (void)fflush(stdout);
    self->has_live_line = true;
}

/* @text in lines of at most @width columns, broken at blanks, all but the first indented to the
 * column of the texts. A word that is longer stays whole. */
static char *wrap(const char *text, unsigned width)
{
    g_auto(GStrv) words = g_strsplit(text, " ", -1);
    GString *out = g_string_new(NULL);
    size_t column = 0;

    for (size_t i = 0; words[i] != NULL; i++) {
        size_t length = kft_text_width(words[i]);
        if (i > 0 && column + 1 + length > width) {
            g_string_append_printf(out, "\n%*s", TEXT_COLUMN, "");
            column = 0;
        } else if (i > 0) {
            g_string_append_c(out, ' ');
            column++;
        }
        g_string_append(out, words[i]);
        column += length;
    }
    return g_string_free(out, FALSE);
}

/* Wrapped where somebody looks at it; scripts get it in one line. */
static char *dup_shown(const char *text)
{
    unsigned width = kft_terminal_width();
    return width < TEXT_COLUMN + MIN_TEXT_COLUMNS ? g_strdup(text)
                                                  : wrap(text, width - TEXT_COLUMN);
}

static void print_step(const KftDiagnoseResult *result)
{
    static const KftStyle styles[] = {
        [KFT_DIAGNOSE_STATE_OK] = KFT_STYLE_GOOD,
        [KFT_DIAGNOSE_STATE_FAILED] = KFT_STYLE_BAD,
        [KFT_DIAGNOSE_STATE_SKIPPED] = KFT_STYLE_DIM,
    };
    KftStyle style = styles[result->state];
    bool is_failed = result->state == KFT_DIAGNOSE_STATE_FAILED;
    bool is_skipped = result->state == KFT_DIAGNOSE_STATE_SKIPPED;
    g_autofree char *time =
        is_skipped ? g_strdup("") : g_strdup_printf("%u ms", result->duration_ms);
    g_autofree char *text = dup_shown(result->text);
    kft_print_line("%s%-8s%s %-*s %*s  %s", kft_style_begin(style, STDOUT_FILENO),
                   is_failed ? "FAILED" : kft_diagnose_state_name(result->state),
                   kft_style_end(style, STDOUT_FILENO), NAME_COLUMNS,
                   kft_diagnose_step_name(result->step), TIME_COLUMNS, time, text);
    if (result->advice == NULL)
        return;
    g_autofree char *advice = g_strconcat("-> ", result->advice->terminal, NULL);
    g_autofree char *shown = dup_shown(advice);
    kft_print_line("%*s%s", TEXT_COLUMN, "", shown);
}

/* Steps are printed in the ladder's order, each as soon as all before it are done. */
static void print_settled(State *self)
{
    if (self->is_json)
        return;
    while (self->n_printed < KFT_DIAGNOSE_N_STEPS && is_settled(&self->results[self->n_printed])) {
        clear_live_line(self);
        print_step(&self->results[self->n_printed]);
        self->n_printed++;
    }
    show_live_line(self);
}

/* Commands of the steps that failed: the others need none. */
static void print_commands(const State *self)
{
    bool is_first = true;
    for (unsigned i = 0; i < KFT_DIAGNOSE_N_STEPS; i++) {
        const KftDiagnoseResult *result = &self->results[i];
        if (result->state != KFT_DIAGNOSE_STATE_FAILED || result->command == NULL)
            continue;
        if (is_first)
            kft_print_line("\nThe same by hand:");
        kft_print_line("  %s", result->command);
        is_first = false;
    }
}

/* --- events --- */

static void take_step(State *self, const KftDiagnoseResult *result)
{
    KftDiagnoseResult *own = &self->results[result->step];
    kft_diagnose_result_clear(own);
    *own = *result;
    own->text = g_strdup(result->text);
    own->command = g_strdup(result->command);
    print_settled(self);
}

static void on_event(const KftEvent *event, void *user_data)
{
    State *self = user_data;

    switch (event->type) {
    case KFT_EVENT_DIAGNOSE_STEP:
        take_step(self, &event->diagnose_step);
        return;
    case KFT_EVENT_DIAGNOSE_DONE:
        clear_live_line(self);
        if (!event->diagnosis.is_ok && kft_runner_count_logins(self->runner) > self->n_logins) {
            self->must_start_anew = true;
            return;
        }
        self->is_over = true;
        self->is_ok = event->diagnosis.is_ok;
        if (event->diagnosis.error != NULL)
            kft_print_error("%s", event->diagnosis.error);
        else if (self->is_json)
            kft_print_line("%s", event->diagnosis.json);
        else
            print_commands(self);
        return;
    case KFT_EVENT_FORWARD_STATUS:
    case KFT_EVENT_FORWARD_LISTENING:
    case KFT_EVENT_FORWARD_NOTICE:
    case KFT_EVENT_FORWARD_CONNECTION:
    case KFT_EVENT_FORWARD_CONNECTION_ERROR:
    case KFT_EVENT_FORWARD_STATISTICS:
    case KFT_EVENT_FORWARD_CLOSING:
    case KFT_EVENT_PROXY_LOGIN:
    case KFT_EVENT_ANSWER:
    case KFT_EVENT_STOPPED:
        return;
    }
}

/* With the login that a proxy wanted and that was found meanwhile. */
static void start_anew(State *self, const Arguments *args)
{
    KftForwardSpec *spec = make_spec(args);

    self->must_start_anew = false;
    if (spec == NULL) {
        self->is_over = true;
        return;
    }
    kft_print_note("Once more, with the login for the proxy");
    for (unsigned i = 0; i < KFT_DIAGNOSE_N_STEPS; i++) {
        kft_diagnose_result_clear(&self->results[i]);
        self->results[i] = (KftDiagnoseResult){0};
    }
    self->n_printed = 0;
    self->n_logins = kft_runner_count_logins(self->runner);
    kft_runner_start_diagnosis(self->runner, the_diagnosis, spec);
}

static void set_relays(KftRunner *runner, const Arguments *args, const KftForwardSpec *spec)
{
    bool needs_relay = spec->remote_address != NULL || spec->protocol == KFT_PROTOCOL_UDP;
    KftRelaySettings settings = {0};

    kft_relay_settings_choose(needs_relay, args->relay_image, args->relay_template, &settings);
    kft_runner_set_relays(runner, &settings);
    kft_relay_settings_clear(&settings);
}

static int run_diagnosis(const Arguments *args, KftForwardSpec *spec)
{
    g_autoptr(GError) error = NULL;
    State state = {
        .is_json = args->common.is_json,
        .is_live = !args->common.is_json && isatty(STDOUT_FILENO) == 1,
    };
    KftRunner *runner = kft_runner_new(on_event, &state, &error);
    if (runner == NULL) {
        kft_forward_spec_free(spec);
        kft_print_error("%s", error->message);
        return KFT_EXIT_FAILURE;
    }
    kft_runner_set_ca_bundle(runner, args->ca_bundle);
    kft_runner_find_logins(runner);
    set_relays(runner, args, spec);
    state.runner = runner;
    kft_runner_start_diagnosis(runner, the_diagnosis, spec);
    while (!state.is_over &&
           (kft_runner_wait(runner, -1, -1) & (KFT_WAKE_SIGNAL | KFT_WAKE_BROKEN)) == 0) {
        if (state.must_start_anew)
            start_anew(&state, args);
    }
    clear_live_line(&state);
    kft_runner_free(runner);
    for (unsigned i = 0; i < KFT_DIAGNOSE_N_STEPS; i++)
        kft_diagnose_result_clear(&state.results[i]);
    return state.is_over && state.is_ok ? KFT_EXIT_OK : KFT_EXIT_FAILURE;
}

static int run(int argc, char **argv)
{
    Arguments args = {0};
    int status = KFT_EXIT_FAILURE;

    if (!kft_options_parse(&kft_cli_diagnose, argc, argv, &args.common, &status))
        return status;
    KftForwardSpec *spec = make_spec(&args);
    if (spec != NULL)
        status = run_diagnosis(&args, spec);
    kft_options_clear(&kft_cli_diagnose, &args.common);
    return status;
}

const KftCliCommand kft_cli_diagnose = {
    .name = "diagnose",
    .summary = "Find out what is wrong on the way to a target",
    .usage = "[TARGET [[LOCAL:]REMOTE…]]",
    .description = description,
    .examples = examples,
    .options = options,
    .words = KFT_VALUE_TARGET,
    .run = run,
};
