#include "net/network.h"

void kft_network_clear(KftNetwork *self)
{
    g_clear_pointer(&self->ca_bundle, g_free);
    g_clear_pointer(&self->proxy_url, kft_secret_free);
    g_clear_pointer(&self->no_proxy, g_free);
}

void kft_network_set(KftNetwork *self,
                     const char *ca_bundle,
                     const char *proxy_url,
                     const char *no_proxy)
{
    kft_network_clear(self);
    self->ca_bundle = g_strdup(ca_bundle);
    self->proxy_url = proxy_url == NULL ? NULL : kft_secret_new(proxy_url);
    self->no_proxy = g_strdup(no_proxy);
}

void kft_network_copy(KftNetwork *self, const KftNetwork *from)
{
    kft_network_set(self, from->ca_bundle,
                    from->proxy_url == NULL ? NULL : kft_secret_reveal(from->proxy_url),
                    from->no_proxy);
}
