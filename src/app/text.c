#include "text.h"

#include <glib/gi18n.h>
#include <string.h>

static const struct {
    const char *word;
    const char *icon;
    const char *style_class;
} states[KFT_ITEM_N_STATES] = {
    [KFT_ITEM_STOPPED] = {N_("Stopped"), "kftray-stopped-symbolic", "kft-stopped"},
    [KFT_ITEM_STARTING] = {N_("Starting"), "kftray-starting-symbolic", "kft-starting"},
    [KFT_ITEM_RUNNING] = {N_("Running"), "kftray-running-symbolic", "kft-running"},
    [KFT_ITEM_RECONNECTING] = {N_("Reconnecting"), "kftray-reconnecting-symbolic",
                               "kft-reconnecting"},
    [KFT_ITEM_FAILED] = {N_("Failed"), "kftray-failed-symbolic", "kft-failed"},
    [KFT_ITEM_STOPPING] = {N_("Stopping"), "kftray-starting-symbolic", "kft-stopped"},
    [KFT_ITEM_ELSEWHERE] = {N_("Running elsewhere"), "kftray-running-symbolic", "kft-running"},
};

const char *kft_text_state(KftItemState state)
{
    return _(states[state].word);
}

const char *kft_text_state_icon(KftItemState state)
{
    return states[state].icon;
}

const char *kft_text_state_class(KftItemState state)
{
    return states[state].style_class;
}

/* --- status --- */

static void append_reason(GString *out, const KftItemStatus *status)
{
    const char *reason = status->waiting_for != NULL ? status->waiting_for : status->error;
    if (reason != NULL)
        g_string_append_printf(out, ": %s", reason);
}

static void append_attempt(GString *out, const KftItemStatus *status)
{
    gint64 left_us = status->next_try_us - g_get_monotonic_time();

    if (status->attempt > 0) {
        g_string_append(out, ", ");
        /* Translators: follows "Reconnecting, "; %u is how many tries failed in a row. */
        g_string_append_printf(out, _("attempt %u"), status->attempt);
    }
    if (status->next_try_us != 0 && left_us > 0) {
        g_string_append(out, ", ");
        g_string_append_printf(out, _("next try in %d s"),
                               (int)((left_us + G_USEC_PER_SEC - 1) / G_USEC_PER_SEC));
    }
}

static void append_end(GString *out, KftForwardItem *item)
{
    gint64 end_us = kft_forward_item_get_end_us(item);
    gint64 left_us = end_us - g_get_monotonic_time();

    if (end_us == 0 || left_us <= 0)
        return;
    g_string_append(out, " · ");
    g_string_append_printf(out, _("ends in %d s"),
                           (int)((left_us + G_USEC_PER_SEC - 1) / G_USEC_PER_SEC));
}

char *kft_text_status(KftForwardItem *item)
{
    const KftItemStatus *status = kft_forward_item_get_status(item);
    GString *out = g_string_new(kft_text_state(status->state));

    switch (status->state) {
    case KFT_ITEM_RUNNING:
        if (status->pod != NULL) {
            g_string_append(out, " · ");
            g_string_append(out, status->pod);
        }
        break;
    case KFT_ITEM_STARTING:
        append_reason(out, status);
        break;
    case KFT_ITEM_RECONNECTING:
        append_attempt(out, status);
        append_reason(out, status);
        break;
    case KFT_ITEM_FAILED:
        g_string_append_printf(out, ": %s", kft_error_sentence(status->error_code));
        if (status->error != NULL)
            g_string_append_printf(out, " (%s)", status->error);
        break;
    case KFT_ITEM_ELSEWHERE:
        g_string_append(out, ", ");
        g_string_append_printf(out, _("process %lld"), (long long)status->other_pid);
        break;
    case KFT_ITEM_STOPPED:
    case KFT_ITEM_STOPPING:
        break;
    }
    append_end(out, item);
    return g_string_free(out, FALSE);
}

char *kft_text_tray_label(KftForwardItem *item)
{
    const KftItemStatus *status = kft_forward_item_get_status(item);
    const KftConfig *config = kft_forward_item_get_config(item);
    GString *out = g_string_new(NULL);

    g_string_append_printf(out, "%s   %s", config->alias, kft_forward_item_get_address(item));
    if (status->state == KFT_ITEM_FAILED) {
        g_string_append_printf(out, "   ✗ %s: %s", kft_text_state(status->state),
                               kft_error_sentence(status->error_code));
    } else if (status->state == KFT_ITEM_RECONNECTING) {
        /* No seconds to the next try: each one would be a message to the panel. */
        const char *reason = status->waiting_for != NULL ? status->waiting_for
                             : status->error != NULL     ? kft_error_sentence(status->error_code)
                                                         : NULL;
        g_string_append_printf(out, "   ⚠ %s", kft_text_state(status->state));
        if (reason != NULL)
            g_string_append_printf(out, ": %s", reason);
    } else if (status->state == KFT_ITEM_STARTING) {
        g_string_append_printf(out, "   … %s", kft_text_state(status->state));
    }
    return g_string_free(out, FALSE);
}

char *kft_text_summary(const KftSummary *summary)
{
    GString *out = g_string_new(NULL);
    unsigned n_running = summary->n[KFT_ITEM_RUNNING] + summary->n[KFT_ITEM_ELSEWHERE];
    unsigned n_starting = summary->n[KFT_ITEM_STARTING];
    unsigned n_reconnecting = summary->n[KFT_ITEM_RECONNECTING];
    unsigned n_failed = summary->n[KFT_ITEM_FAILED];

    if (summary->n_total == 0)
        g_string_append(out, _("No forwards yet"));
    else
        /* Translators: "3 of 12 running" */
        g_string_append_printf(out, _("%u of %u running"), n_running, summary->n_total);
    if (n_starting > 0) {
        g_string_append(out, ", ");
        g_string_append_printf(out, ngettext("%u starting", "%u starting", n_starting), n_starting);
    }
    if (n_reconnecting > 0) {
        g_string_append(out, ", ");
        g_string_append_printf(out, ngettext("%u reconnecting", "%u reconnecting", n_reconnecting),
                               n_reconnecting);
    }
    if (n_failed > 0) {
        g_string_append(out, ", ");
        g_string_append_printf(out, ngettext("%u failed", "%u failed", n_failed), n_failed);
    }
    return g_string_free(out, FALSE);
}

const char *kft_text_tray_icon(const KftSummary *summary)
{
    if (summary->n[KFT_ITEM_FAILED] > 0)
        return "kftray-tray-failed-symbolic";
    if (summary->n[KFT_ITEM_RECONNECTING] > 0)
        return "kftray-tray-reconnecting-symbolic";
    if (kft_summary_count_active(summary) + summary->n[KFT_ITEM_ELSEWHERE] > 0)
        return "kftray-tray-active-symbolic";
    return "kftray-tray-idle-symbolic";
}

/* --- numbers --- */

char *kft_text_rate(double bytes_per_second)
{
    g_autofree char *size = g_format_size((guint64)MAX(bytes_per_second, 0));
    /* Translators: bytes per second; %s is "1.2 MB" */
    return g_strdup_printf(_("%s/s"), size);
}

char *kft_text_duration(gint64 seconds)
{
    if (seconds < 60)
        return g_strdup_printf(_("%d s"), (int)seconds);
    if (seconds < 3600)
        return g_strdup_printf(_("%d min"), (int)(seconds / 60));
    if (seconds < 86400)
        return g_strdup_printf(_("%d h %d min"), (int)(seconds / 3600), (int)(seconds / 60 % 60));
    return g_strdup_printf(_("%d d %d h"), (int)(seconds / 86400), (int)(seconds / 3600 % 24));
}

const char *kft_text_group(const char *group, bool by_group)
{
    if (group[0] != '\0')
        return group;
    return by_group ? _("No group") : _("Current context");
}

/* --- for copying --- */

/* @option: with what joins it to the value, "--context " or "svc/". */
static void append_option(GString *out, const char *option, const char *value)
{
    if (value == NULL)
        return;
    bool is_plain = *value != '\0';
    for (const char *c = value; *c != '\0'; c++)
        is_plain = is_plain && (g_ascii_isalnum(*c) || strchr("-_./:@=+,%", *c) != NULL);
    g_autofree char *quoted = is_plain ? g_strdup(value) : g_shell_quote(value);
    g_string_append_printf(out, " %s%s", option, quoted);
}

static void append_scope(GString *out, const KftConfig *config)
{
    append_option(out, "--kubeconfig ", config->kubeconfig);
    append_option(out, "--context ", config->context);
    append_option(out, "--namespace ", config->namespace_);
}

static bool append_target(GString *out, const KftConfig *config)
{
    switch (config->workload_type) {
    case KFT_WORKLOAD_TYPE_SERVICE:
        append_option(out, "svc/", config->service);
        return config->service != NULL;
    case KFT_WORKLOAD_TYPE_POD:
        if (config->object != NULL) {
            append_option(out, "", config->object);
            return true;
        }
        /* kubectl port-forward takes no selector. */
        g_string_append(out, " \"$(kubectl get pods");
        append_scope(out, config);
        append_option(out, "--selector ", config->target);
        g_string_append(out, " --output name | head -n 1)\"");
        return config->target != NULL;
    case KFT_WORKLOAD_TYPE_PROXY:
    case KFT_WORKLOAD_TYPE_EXPOSE:
        return false;
    }
    g_assert_not_reached();
}

char *kft_text_kubectl(const KftConfig *config)
{
    g_autoptr(GString) out = g_string_new("kubectl port-forward");

    append_scope(out, config);
    append_option(out, "--address ", config->local_address);
    if (!append_target(out, config) || config->protocol != KFT_PROTOCOL_TCP)
        return NULL;
    g_string_append_printf(out, " %u:%u", config->local_port, config->remote_port);
    return g_strdup(out->str);
}

char *kft_text_connection(KftForwardItem *item)
{
    static const struct {
        uint16_t port;
        const char *format;
    } known[] = {
        {80, "http://%s/"},       {443, "https://%s/"},       {3000, "http://%s/"},
        {3306, "mysql://%s/"},    {5432, "postgresql://%s/"}, {5672, "amqp://%s/"},
        {6379, "redis://%s/"},    {8000, "http://%s/"},       {8080, "http://%s/"},
        {8443, "https://%s/"},    {9090, "http://%s/"},       {9200, "http://%s/"},
        {27017, "mongodb://%s/"}, {4222, "nats://%s"},        {9000, "http://%s/"},
    };
    const KftConfig *config = kft_forward_item_get_config(item);
    const char *address = kft_forward_item_get_address(item);

    for (size_t i = 0; i < G_N_ELEMENTS(known); i++) {
        if (known[i].port == config->remote_port && config->protocol == KFT_PROTOCOL_TCP) {
            g_auto(GStrv) parts = g_strsplit(known[i].format, "%s", 2);
            return g_strjoinv(address, parts);
        }
    }
    return g_strdup(address);
}

char *kft_text_browser_uri(KftForwardItem *item)
{
    g_autofree char *text = kft_text_connection(item);
    if (g_str_has_prefix(text, "http"))
        return g_steal_pointer(&text);
    return g_strdup_printf("http://%s/", kft_forward_item_get_address(item));
}

char *kft_text_strip_mnemonic(const char *label)
{
    g_auto(GStrv) parts = g_strsplit(label, "_", -1);
    return g_strjoinv("", parts);
}
