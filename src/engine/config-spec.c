/* From a stored config to what the engine runs. The one place that knows which configs this version
 * can forward. */
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
    return g_steal_pointer(&spec);
}
