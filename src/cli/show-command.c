/* kftrayctl show: everything about one config. */
#include <kftray/store.h>
#include <string.h>
#include <unistd.h>

#include "catalog.h"
#include "command.h"
#include "output.h"
#include "select.h"

#define LABEL_WIDTH 26
/* Of the history, in text. */
#define MAX_CHANGES 10

static void print_row(const char *label, const char *value, KftStyle style)
{
    if (value == NULL)
        return;
    g_autofree char *shown = kft_text_printable(value);
    kft_print_line("%s%s%s%s%*s%s%s%s", kft_style_begin(KFT_STYLE_HEADING, STDOUT_FILENO), label,
                   *label == '\0' ? " " : ":", kft_style_end(KFT_STYLE_HEADING, STDOUT_FILENO),
                   (int)(LABEL_WIDTH - 1 - strlen(label)), "",
                   kft_style_begin(style, STDOUT_FILENO), shown,
                   kft_style_end(style, STDOUT_FILENO));
}

/* --- the command of kubectl that does the same --- */

static void append_quoted(GString *out, const char *option, const char *value)
{
    if (value == NULL)
        return;
    /* Most values need no quotes, and are easier to read without. */
    bool is_plain = *value != '\0' && value[strspn(value, "abcdefghijklmnopqrstuvwxyz"
                                                          "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                                          "0123456789-_./:=,@%+")] == '\0';
    g_autofree char *quoted = is_plain ? g_strdup(value) : g_shell_quote(value);
    g_string_append_printf(out, " %s%s", option, quoted);
}

static void append_cluster(GString *out, const KftConfig *config)
{
    append_quoted(out, "--kubeconfig ", config->kubeconfig);
    append_quoted(out, "--context ", config->context);
    append_quoted(out, "-n ", config->namespace_);
}

/* NULL if kubectl cannot do it. */
static char *make_kubectl(const KftConfig *config)
{
    bool is_service = config->workload_type == KFT_WORKLOAD_TYPE_SERVICE;
    g_autoptr(GString) out = g_string_new("kubectl port-forward");

    if ((!is_service && config->workload_type != KFT_WORKLOAD_TYPE_POD) ||
        config->protocol != KFT_PROTOCOL_TCP)
        return NULL;
    append_cluster(out, config);
    append_quoted(out, "--address ", config->local_address);
    if (is_service) {
        append_quoted(out, "svc/", config->service);
    } else if (config->object != NULL) {
        append_quoted(out, "", config->object);
    } else {
        g_string_append(out, " \"$(kubectl get pod");
        append_cluster(out, config);
        append_quoted(out, "-l ", config->target);
        g_string_append(out, " -o name | head -n 1)\"");
    }
    g_string_append_printf(out, " %u:%u", config->local_port, config->remote_port);
    return g_strdup(out->str);
}

/* --- output --- */

static void print_fields(const KftConfig *config)
{
    for (const char *const *key = kft_config_keys(); *key != NULL; key++) {
        g_autofree char *value = kft_config_dup(config, *key);
        if (strcmp(*key, "alias") != 0)
            print_row(*key, value, KFT_STYLE_PLAIN);
    }
    print_row("unknown keys", config->extra, KFT_STYLE_PLAIN);
}

static void print_state(const KftRunState *state)
{
    KftForwardState now = state == NULL ? KFT_FORWARD_STATE_IDLE : state->state;
    g_autofree char *since = state == NULL ? NULL : kft_format_time(state->changed_s);
    g_autofree char *text =
        since == NULL ? g_strdup(kft_forward_state_name(now))
                      : g_strdup_printf("%s since %s", kft_forward_state_name(now), since);

    print_row("Status", text, kft_state_style(now));
    if (state == NULL)
        return;
    g_autofree char *pid =
        state->owner_pid == 0 ? NULL : g_strdup_printf("%" G_GINT64_FORMAT, state->owner_pid);
    print_row("Process", pid, KFT_STYLE_PLAIN);
    print_row("Pod", state->pod, KFT_STYLE_PLAIN);
    print_row("Error", state->error, KFT_STYLE_BAD);
}

static void print_health(const KftRunState *state)
{
    if (state == NULL || state->state != KFT_FORWARD_STATE_READY)
        return;
    const KftForwardHealth *health = &state->health;
    g_autofree char *ping = health->round_trip_us == 0
                                ? g_strdup("")
                                : g_strdup_printf(", ping %.1f ms", health->round_trip_us / 1e3);
    g_autofree char *opened = kft_format_time(health->connected_ms / 1000);
    g_autofree char *connected =
        opened == NULL ? NULL
                       : g_strdup_printf("%s, took %u ms%s", opened, health->handshake_ms, ping);
    g_autofree char *connections =
        g_strdup_printf("%u open, %u reconnect%s", health->n_open, health->n_reconnects,
                        health->n_reconnects == 1 ? "" : "s");
    g_autofree char *end = kft_describe_end(health);

    print_row("Last handshake", connected, KFT_STYLE_PLAIN);
    print_row("Connections", connections, KFT_STYLE_PLAIN);
    print_row("By itself", end, KFT_STYLE_PLAIN);
}

static void print_change(const KftRunChange *change, bool is_first)
{
    g_autofree char *time = kft_format_time(change->time_ms / 1000);
    const char *detail = change->reason != NULL ? change->reason : change->pod;
    g_autofree char *text =
        g_strdup_printf("%s  %s%s%s", time, kft_forward_state_name(change->state),
                        detail == NULL ? "" : ": ", detail == NULL ? "" : detail);

    print_row(is_first ? "History" : "", text, kft_state_style(change->state));
}

/* The last ones; all are in the JSON. */
static void print_history(const KftCatalog *catalog, const KftConfig *config)
{
    g_autoptr(GPtrArray) changes = kft_store_list_history(catalog->store, config->id, NULL);
    guint n = changes == NULL ? 0 : changes->len;

    for (guint i = n > MAX_CHANGES ? n - MAX_CHANGES : 0, first = i; i < n; i++)
        print_change(changes->pdata[i], i == first);
}

static void print_traffic(const KftTraffic *traffic)
{
    if (traffic == NULL)
        return;
    g_autofree char *up = kft_format_bytes(traffic->bytes_up);
    g_autofree char *down = kft_format_bytes(traffic->bytes_down);
    g_autofree char *text =
        g_strdup_printf("%s sent, %s received, %" G_GUINT64_FORMAT " connection%s", up, down,
                        traffic->n_connections, traffic->n_connections == 1 ? "" : "s");
    g_autofree char *last = kft_format_time(traffic->last_used_s);
    print_row("Traffic", text, KFT_STYLE_PLAIN);
    print_row("Last used", last, KFT_STYLE_PLAIN);
}

static void print_text(const KftCatalog *catalog, const KftConfig *config)
{
    g_autofree char *name =
        g_strdup_printf("%s (ID %" G_GINT64_FORMAT ")", config->alias, config->id.v);
    g_autofree char *local = kft_config_describe_local(config);
    g_autofree char *target = kft_config_describe_target(config);
    g_autofree char *kubectl = make_kubectl(config);

    print_row("Config", name, KFT_STYLE_HEADING);
    print_row("Local", local, KFT_STYLE_PLAIN);
    print_row("Target", target, KFT_STYLE_PLAIN);
    print_state(kft_catalog_get_state(catalog, config->id));
    print_health(kft_catalog_get_state(catalog, config->id));
    print_traffic(kft_catalog_get_traffic(catalog, config->id));
    print_history(catalog, config);
    print_row("kubectl", kubectl, KFT_STYLE_DIM);
    kft_print_line("%s", "");
    print_fields(config);
}

static bool show(const KftCliArguments *args)
{
    if (*args->words == NULL) {
        kft_print_error("say which config: kftrayctl show NAME");
        return false;
    }
    if (!kft_options_check_words(&kft_cli_show, args, 1))
        return false;
    g_autoptr(KftCatalog) catalog = kft_catalog_open();
    const KftConfig *config =
        catalog == NULL ? NULL : kft_select_one(catalog->configs, args->words[0]);
    if (config == NULL)
        return false;
    if (args->is_json)
        kft_catalog_print_json(catalog, config);
    else
        print_text(catalog, config);
    return true;
}

static int run(int argc, char **argv)
{
    KftCliArguments args = {0};
    int status = KFT_EXIT_FAILURE;

    if (!kft_options_parse(&kft_cli_show, argc, argv, &args, &status))
        return status;
    if (show(&args))
        status = KFT_EXIT_OK;
    kft_options_clear(&kft_cli_show, &args);
    return status;
}

static const KftCliOption options[] = {KFT_OPTION_JSON, {0}};

const KftCliCommand kft_cli_show = {
    .name = "show",
    .summary = "Show all about a config: fields, state, traffic",
    .usage = "NAME",
    .description =
        "NAME is an ID, an alias, or the beginning of one. Fields that are unset or have "
        "their\ndefault are left out.",
    .examples = "  kftrayctl show web\n"
                "  kftrayctl show 3 --json",
    .options = options,
    .words = KFT_VALUE_CONFIG,
    .run = run,
};
