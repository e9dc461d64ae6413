/* What a forward is made from. */
#include "forward/forward.h"

KftForwardOptions *kft_forward_options_new(void)
{
    return g_new0(KftForwardOptions, 1);
}

void kft_forward_options_free(KftForwardOptions *self)
{
    if (self == NULL)
        return;
    for (size_t i = 0; i < self->n_ports; i++)
        kft_port_spec_clear(&self->ports[i]);
    g_free(self->ports);
    g_free(self->port_is_local_from_remote);
    kft_target_free(self->target);
    kft_relay_spec_free(self->relay);
    g_free(self->label);
    g_free(self->namespace_);
    g_strfreev(self->addresses);
    g_free(self->via_host);
    g_free(self);
}
