#include "discovery.h"

#include <kftray/share.h>
#include <string.h>

#include "output.h"

/* More are not read in a message. */
#define MAX_NAMED 10

static void item_free(gpointer data)
{
    KftDiscovered *item = data;
    kft_config_free(item->config);
    g_free(item);
}

/* --- making --- */

/* An annotation names the port of the service or that of the container. */
static const KftFoundPort *find_port(const KftFoundService *service, const KftConfig *config)
{
    const KftFoundPort *found = NULL;

    for (guint i = 0; i < service->ports->len; i++) {
        const KftFoundPort *port = g_ptr_array_index(service->ports, i);
        if (port->number == config->remote_port)
            return port;
        if (port->target_number == config->remote_port && found == NULL)
            found = port;
    }
    return found;
}

static GArray *make_ports(const KftFoundService *service)
{
    GArray *ports =
        g_array_new(/* zero_terminated */ FALSE, /* clear */ TRUE, (guint)sizeof(KftSharePort));

    for (guint i = 0; i < service->ports->len; i++) {
        const KftFoundPort *port = g_ptr_array_index(service->ports, i);
        KftSharePort copy = {
            .name = port->name,
            .port = port->number,
            .target_port = port->target_number,
            .target_name = port->target_name,
            .protocol = port->is_udp ? KFT_PROTOCOL_UDP : KFT_PROTOCOL_TCP,
        };
        g_array_append_val(ports, copy);
    }
    return ports;
}

static void add_service(KftDiscovery *self, const KftFoundService *service, KftConfig *origin)
{
    g_autoptr(GArray) ports = make_ports(service);
    g_autoptr(GPtrArray) skipped = NULL;
    g_autoptr(GPtrArray) configs = NULL;

    g_free(origin->namespace_);
    origin->namespace_ = g_strdup(service->namespace_);
    g_free(origin->service);
    origin->service = g_strdup(service->name);
    configs = kft_share_configs_from_annotation(
        service->is_enabled ? service->configs : NULL, origin,
        (const KftSharePort *)(const void *)ports->data, ports->len, &skipped);
    for (guint i = 0; i < configs->len; i++) {
        KftDiscovered *item = g_new0(KftDiscovered, 1);
        item->service = service;
        item->config = kft_config_copy(g_ptr_array_index(configs, i));
        item->port = find_port(service, item->config);
        g_ptr_array_add(self->items, item);
    }
    for (guint i = 0; i < skipped->len; i++)
        g_ptr_array_add(self->skipped,
                        g_strdup_printf("annotation of service \"%s\" in namespace \"%s\": %s",
                                        service->name, service->namespace_,
                                        (const char *)g_ptr_array_index(skipped, i)));
}

KftDiscovery *kft_discovery_new(const KftAnswer *answer, const char *kubeconfig)
{
    g_autoptr(KftConfig) origin = kft_config_new();
    KftDiscovery *self = g_new0(KftDiscovery, 1);

    self->services = g_ptr_array_ref(answer->items);
    self->items = g_ptr_array_new_with_free_func(item_free);
    self->skipped = g_ptr_array_new_with_free_func(g_free);
    origin->context = g_strdup(answer->context);
    origin->kubeconfig = g_strdup(kubeconfig);
    for (guint i = 0; i < self->services->len; i++) {
        const KftFoundService *service = g_ptr_array_index(self->services, i);
        if (service->ports->len > 0 && strcmp(service->type, "ExternalName") != 0)
            add_service(self, service, origin);
    }
    return self;
}

void kft_discovery_free(KftDiscovery *self)
{
    if (self == NULL)
        return;
    g_ptr_array_unref(self->items);
    g_ptr_array_unref(self->services);
    g_ptr_array_unref(self->skipped);
    g_free(self);
}

/* --- comparing --- */

void kft_discovery_compare(KftDiscovery *self, const GPtrArray *configs)
{
    for (guint i = 0; i < self->items->len; i++) {
        KftDiscovered *item = g_ptr_array_index(self->items, i);
        g_autoptr(KftConfig) any_port = kft_config_copy(item->config);
        any_port->local_port = 0;
        for (guint k = 0; k < configs->len && item->stored == NULL; k++) {
            if (kft_config_same_identity(any_port, g_ptr_array_index(configs, k)))
                item->stored = g_ptr_array_index(configs, k);
        }
    }
}

/* --- selecting --- */

static bool is_port(const KftDiscovered *item, const char *text)
{
    g_autofree char *remote = g_strdup_printf("%u", item->config->remote_port);
    g_autofree char *number = g_strdup_printf("%u", item->port != NULL ? item->port->number : 0);
    const char *name = item->port != NULL ? item->port->name : NULL;

    return strcmp(text, remote) == 0 || strcmp(text, number) == 0 || g_strcmp0(text, name) == 0;
}

static bool is_meant(const KftDiscovered *item, const char *name)
{
    const char *colon = strchr(name, ':');
    g_autofree char *pattern =
        colon != NULL ? g_strndup(name, (size_t)(colon - name)) : g_strdup(name);
    g_autofree char *full =
        g_strdup_printf("%s/%s", item->service->namespace_, item->service->name);

    return (colon == NULL || is_port(item, colon + 1)) &&
           g_pattern_match_simple(pattern,
                                  strchr(pattern, '/') != NULL ? full : item->service->name);
}

static void print_unknown(const KftDiscovery *self, const char *name)
{
    g_autoptr(GString) known = g_string_new(NULL);
    const KftFoundService *last = NULL;
    unsigned n = 0;

    for (guint i = 0; i < self->items->len; i++) {
        const KftDiscovered *item = g_ptr_array_index(self->items, i);
        if (item->service != last && n++ < MAX_NAMED)
            g_string_append_printf(known, "%s%s/%s", n > 1 ? ", " : "", item->service->namespace_,
                                   item->service->name);
        last = item->service;
    }
    if (n > MAX_NAMED)
        g_string_append_printf(known, " and %u more", n - MAX_NAMED);
    if (n == 0)
        kft_print_error("there is no service \"%s\", nor any other that can be forwarded", name);
    else
        kft_print_error("there is no service or port \"%s\" here; there are: %s", name, known->str);
}

/* Whether @name means any item; those are marked. */
static bool mark_meant(const KftDiscovery *self, const char *name, GArray *is_kept)
{
    bool means_any = false;

    for (guint i = 0; i < self->items->len; i++) {
        if (!is_meant(g_ptr_array_index(self->items, i), name))
            continue;
        g_array_index(is_kept, bool, i) = true;
        means_any = true;
    }
    return means_any;
}

bool kft_discovery_select(KftDiscovery *self, char *const *names)
{
    g_autoptr(GArray) is_kept =
        g_array_new(/* zero_terminated */ FALSE, /* clear */ TRUE, (guint)sizeof(bool));

    g_array_set_size(is_kept, self->items->len);
    for (size_t k = 0; names[k] != NULL; k++) {
        if (!mark_meant(self, names[k], is_kept)) {
            print_unknown(self, names[k]);
            return false;
        }
    }
    for (guint i = self->items->len; i > 0; i--) {
        if (!g_array_index(is_kept, bool, i - 1))
            (void)g_ptr_array_remove_index(self->items, i - 1);
    }
    return true;
}

void kft_discovery_select_annotated(KftDiscovery *self)
{
    for (guint i = self->items->len; i > 0; i--) {
        const KftDiscovered *item = g_ptr_array_index(self->items, i - 1);
        if (!item->service->is_enabled)
            (void)g_ptr_array_remove_index(self->items, i - 1);
    }
}
