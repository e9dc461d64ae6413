/* From a stored config to what the engine runs. The one place that knows which configs this version
 * can forward. */
#include <string.h>

#include "kftray/config.h"
#include "kftray/error.h"

/* Errors: BAD_CONFIG if the config is right but asks for what is not there yet. */
static bool check_possible(const KftConfig *config, GError **error)
{
    if (config->workload_type != KFT_WORKLOAD_TYPE_EXPOSE)
        return true;
    g_set_error_literal(error, KFT_ERROR, KFT_ERROR_BAD_CONFIG,
                        "workload_type \"expose\" is not there yet; the config is kept");
    return false;
}

/* The next time that clocks here show @time_of_day; with a change to summer time the one nearby. */
static int64_t find_next_s(const char *time_of_day)
{
    int hour = (int)g_ascii_strtoll(time_of_day, NULL, 10);
    int minute = (int)g_ascii_strtoll(strchr(time_of_day, ':') + 1, NULL, 10);
    g_autoptr(GDateTime) now = g_date_time_new_now_local();

    for (int day = 0;; day++) {
        g_autoptr(GDateTime) date = g_date_time_add_days(now, day);
        g_autoptr(GDateTime) time =
            g_date_time_new_local(g_date_time_get_year(date), g_date_time_get_month(date),
                                  g_date_time_get_day_of_month(date), hour, minute, 0);
        if (time != NULL && g_date_time_compare(time, now) > 0)
            return g_date_time_to_unix(time);
    }
}

KftForwardSpec *kft_config_to_spec(const KftConfig *self, GError **error)
{
    if (!kft_config_validate(self, error) || !check_possible(self, error))
        return NULL;
    g_autoptr(KftForwardSpec) spec = kft_forward_spec_new();
    spec->kubeconfig = g_strdup(self->kubeconfig);
    spec->context = g_strdup(self->context);
    spec->namespace_ = g_strdup(self->namespace_);
    spec->protocol = self->protocol;
    if (self->workload_type == KFT_WORKLOAD_TYPE_PROXY)
        spec->remote_address = g_strdup(self->remote_address);
    else if (self->workload_type == KFT_WORKLOAD_TYPE_SERVICE)
        spec->target = g_strdup_printf("svc/%s", self->service);
    else if (self->object != NULL)
        spec->target = g_strdup(self->object);
    else
        spec->selector = g_strdup(self->target);
    spec->ports = g_new0(char *, 2);
    /* 0 as the local port means a free one, as it does for kubectl. */
    spec->ports[0] = g_strdup_printf("%u:%u", self->local_port, self->remote_port);
    spec->addresses = g_new0(char *, 2);
    spec->addresses[0] = g_strdup(self->local_address == NULL ? "127.0.0.1" : self->local_address);
    spec->transport = self->transport;
    spec->balance = self->balance;
    if (self->disconnect_timeout_minutes != KFT_CONFIG_UNSET)
        spec->auto_close_ms = (uint32_t)self->disconnect_timeout_minutes * 60000;
    if (self->stop_at != NULL)
        spec->stop_at_s = find_next_s(self->stop_at);
    return g_steal_pointer(&spec);
}
