/* kftrayctl run: many configs in the foreground, without a screen, until a signal. */
#include <kftray/share.h>
#include <kftray/store.h>
#include <string.h>
#include <unistd.h>

#include "catalog.h"
#include "command.h"
#include "input.h"
#include "output.h"
#include "relay-settings.h"
#include "run-report.h"
#include "run-set.h"
#include "runner.h"
#include "select.h"

typedef struct {
    KftCliArguments common;
    gboolean all;
    char **files;
    char **texts;
    gboolean from_stdin;
    char *output;
} Arguments;

typedef struct {
    const Arguments *args;
    KftCatalog *catalog; /* NULL if nothing stored is run and the store cannot be opened */
    GPtrArray *stored;   /* KftConfig, borrowed from the catalog */
    GPtrArray *others;   /* KftConfig without IDs, owned */
} Plan;

static void plan_clear(Plan *self)
{
    g_clear_pointer(&self->stored, g_ptr_array_unref);
    g_clear_pointer(&self->others, g_ptr_array_unref);
    g_clear_pointer(&self->catalog, kft_catalog_free);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Plan, plan_clear)

/* --- which configs --- */

static bool add_text(Plan *plan, const char *text, size_t size, const char *name)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GPtrArray) configs = kft_share_parse(text, size, name, &error);

    if (configs == NULL) {
        kft_print_error("%s", error->message);
        return false;
    }
    g_ptr_array_extend_and_steal(plan->others, g_steal_pointer(&configs));
    return true;
}

static bool add_file(Plan *plan, const char *path)
{
    size_t size = 0;
    g_autofree char *text = kft_input_read(path, KFT_SHARE_MAX_BYTES, &size);

    return text != NULL && add_text(plan, text, size, kft_input_name(path));
}

static bool add_others(Plan *plan)
{
    const Arguments *args = plan->args;

    for (char **file = args->files; file != NULL && *file != NULL; file++) {
        if (!add_file(plan, *file))
            return false;
    }
    for (char **text = args->texts; text != NULL && *text != NULL; text++) {
        if (!add_text(plan, *text, strlen(*text), "--json"))
            return false;
    }
    return !args->from_stdin || add_file(plan, "-");
}

static bool add_stored(Plan *plan)
{
    const Arguments *args = plan->args;

    if (*args->common.words == NULL && !args->all)
        return true;
    plan->catalog = kft_catalog_open();
    if (plan->catalog == NULL)
        return false;
    plan->stored = kft_select_all(plan->catalog->configs, args->common.words);
    return plan->stored != NULL;
}

static bool check_words(const Arguments *args)
{
    bool has_words = *args->common.words != NULL;

    if (has_words && args->all) {
        kft_print_error("names and --all together make no sense: say one of them");
        return false;
    }
    if (has_words || args->all || args->files != NULL || args->texts != NULL || args->from_stdin)
        return true;
    kft_print_error("say what to run: kftrayctl run NAME…, --all, --file FILE, --json TEXT or "
                    "--stdin");
    return false;
}

static bool make_plan(Plan *plan)
{
    plan->others = g_ptr_array_new_with_free_func((GDestroyNotify)kft_config_free);
    if (!check_words(plan->args) || !add_others(plan) || !add_stored(plan))
        return false;
    if (plan->others->len > 0 || (plan->stored != NULL && plan->stored->len > 0))
        return true;
    kft_print_error("there is nothing to run: no configs %s",
                    plan->stored == NULL ? "were given" : "are stored");
    return false;
}

/* --- how --- */

static uint32_t get_milliseconds(KftStore *store, KftSetting setting)
{
    g_autoptr(GError) error = NULL;
    guint64 seconds = 0;
    g_autofree char *text = store == NULL ? NULL : kft_store_get_setting(store, setting, &error);

    if (text == NULL)
        text = g_strdup(kft_setting_info(setting)->default_value);
    (void)g_ascii_string_to_unsigned(text, 10, 0, G_MAXUINT32 / 1000, &seconds, NULL);
    return (uint32_t)seconds * 1000;
}

/* Configs that are not stored run without a store, too: on a read-only home. */
static KftStore *open_for_settings(void)
{
    g_autoptr(GError) error = NULL;
    KftStore *store = kft_store_open(/* dir */ NULL, &error);

    if (store == NULL)
        kft_print_note("Settings have their defaults: %s", error->message);
    return store;
}

/* @relays: filled in. */
static KftRunSetOptions make_options(const Plan *plan, KftRelaySettings *relays)
{
    bool is_stored = plan->catalog != NULL;
    g_autoptr(KftStore) opened = is_stored ? NULL : open_for_settings();
    KftStore *store = is_stored ? plan->catalog->store : opened;

    kft_relay_settings_read(store, relays);
    return (KftRunSetOptions){
        .relays = relays,
        .store = is_stored ? store : NULL,
        .hold_ms = get_milliseconds(store, KFT_SETTING_HOLD_SECONDS),
        .half_close_ms = get_milliseconds(store, KFT_SETTING_HALF_CLOSE_SECONDS),
        .auto_close_ms = get_milliseconds(store, KFT_SETTING_DISCONNECT_TIMEOUT_MINUTES) * 60,
        .takes_new = plan->args->all,
    };
}

static bool take_output(const Arguments *args, KftRunReportMode *ret_mode)
{
    static const char *const words[] = {[KFT_RUN_REPORT_LINES] = "lines",
                                        [KFT_RUN_REPORT_TABLE] = "table",
                                        [KFT_RUN_REPORT_JSON] = "json"};

    bool is_terminal = isatty(STDOUT_FILENO) == 1 && g_strcmp0(g_getenv("TERM"), "dumb") != 0;
    *ret_mode = is_terminal ? KFT_RUN_REPORT_TABLE : KFT_RUN_REPORT_LINES;
    if (args->output == NULL)
        return true;
    for (size_t i = 0; i < G_N_ELEMENTS(words); i++) {
        if (strcmp(args->output, words[i]) == 0) {
            *ret_mode = (KftRunReportMode)i;
            return true;
        }
    }
    kft_print_error("--output: \"%s\" is not one of lines, table, json", args->output);
    return false;
}

/* --- running --- */

/* True if a signal ended it. */
static bool run_until_end(KftRunSet *set, KftRunReport *report)
{
    while (kft_run_set_count_alive(set) > 0) {
        unsigned wake = kft_run_set_wait(set, kft_run_report_get_timeout(report, set));
        if ((wake & KFT_WAKE_RESIZE) != 0)
            kft_run_report_resize(report);
        kft_run_report_update(report, set);
        if ((wake & (KFT_WAKE_SIGNAL | KFT_WAKE_BROKEN)) != 0)
            return true;
    }
    return false;
}

static void add_all(KftRunSet *set, const GPtrArray *configs)
{
    for (guint i = 0; configs != NULL && i < configs->len; i++)
        kft_run_set_add(set, configs->pdata[i]);
}

static guint count_failed(const GPtrArray *entries)
{
    guint n = 0;

    for (guint i = 0; i < entries->len; i++)
        n += ((const KftRunEntry *)entries->pdata[i])->state == KFT_FORWARD_STATE_FAILED;
    return n;
}

static int report_end(const KftRunSet *set, bool was_signal)
{
    if (was_signal)
        return KFT_EXIT_OK;
    const GPtrArray *entries = kft_run_set_get_entries(set);
    guint n_failed = count_failed(entries);
    if (n_failed == 0) {
        kft_print_note("All configs %s", entries->len == 0 ? "were removed" : "have ended");
        return KFT_EXIT_OK;
    }
    kft_print_error("%s", n_failed == entries->len ? "none of the configs can run"
                                                   : "some configs failed, the others have ended");
    return KFT_EXIT_FAILURE;
}

static int run_plan(const Plan *plan, KftRunReportMode mode)
{
    g_autoptr(GError) error = NULL;
    KftRelaySettings relays = {0};
    KftRunSetOptions set_options = make_options(plan, &relays);
    KftRunReport *report = kft_run_report_new(mode);
    KftRunSet *set = kft_run_set_new(&set_options, &kft_run_report_funcs, report, &error);
    int status = KFT_EXIT_FAILURE;

    if (set == NULL) {
        kft_print_error("%s", error->message);
    } else {
        add_all(set, plan->stored);
        add_all(set, plan->others);
        bool was_signal = run_until_end(set, report);
        kft_run_report_finish(report, set);
        status = report_end(set, was_signal);
        kft_run_set_free(set);
    }
    kft_relay_settings_clear(&relays);
    kft_run_report_free(report);
    return status;
}

static int run(int argc, char **argv)
{
    Arguments args = {0};
    g_auto(Plan) plan = {.args = &args};
    KftRunReportMode mode = KFT_RUN_REPORT_LINES;
    int status = KFT_EXIT_FAILURE;

    if (!kft_options_parse(&kft_cli_run, argc, argv, &args.common, &status))
        return status;
    if (take_output(&args, &mode) && make_plan(&plan))
        status = run_plan(&plan, mode);
    kft_options_clear(&kft_cli_run, &args.common);
    return status;
}

static const KftCliOption options[] = {
    {"all", 0, KFT_OPTION_FLAG, offsetof(Arguments, all),
     "All stored configs, and those that are added meanwhile", NULL, KFT_VALUE_NONE},
    {"file", 'f', KFT_OPTION_FILES, offsetof(Arguments, files),
     "Configs of a JSON file, which are not stored", "FILE", KFT_VALUE_FILE},
    {"json", 0, KFT_OPTION_TEXTS, offsetof(Arguments, texts), "Configs as JSON, not stored", "TEXT",
     KFT_VALUE_NONE},
    {"config-json", 0, KFT_OPTION_TEXTS, offsetof(Arguments, texts), "The same as --json", "TEXT",
     KFT_VALUE_NONE},
    {"stdin", 0, KFT_OPTION_FLAG, offsetof(Arguments, from_stdin),
     "Configs as JSON from standard input, not stored", NULL, KFT_VALUE_NONE},
    {"output", 'o', KFT_OPTION_TEXT, offsetof(Arguments, output),
     "table (default on a terminal), lines (default elsewhere) or json (an object per line)",
     "FORMAT", KFT_VALUE_RUN_OUTPUT},
    {0},
};

static const char description[] =
    "Runs in the foreground until SIGINT, SIGTERM or SIGHUP, and then ends with status 0; with "
    "status 1 if\n"
    "none of the configs can run. One that fails does not end the others. Stored configs show as "
    "running in\n"
    "\"kftrayctl list\"; one that is edited there starts again, one that is removed stops.";

const KftCliCommand kft_cli_run = {
    .name = "run",
    .summary = "Run configs in the foreground until a signal",
    .usage = "[NAME…]",
    .description = description,
    .examples = "  kftrayctl run web db\n"
                "\n"
                "  # Everything, as a service of systemd would\n"
                "  kftrayctl run --all -o lines\n"
                "\n"
                "  # A team's file, without storing it\n"
                "  kftrayctl run --file team.json\n"
                "\n"
                "  # One config from a script\n"
                "  kftrayctl run --json '{\"service\": \"web\", \"namespace\": \"shop\", "
                "\"local_port\": 8080,\n"
                "    \"remote_port\": 80, \"workload_type\": \"service\", \"protocol\": \"tcp\"}'",
    .options = options,
    .words = KFT_VALUE_CONFIG,
    .run = run,
};
