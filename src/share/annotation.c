/* Forwards that a service itself declares, in upstream's annotation. Aliases and the names of ports
 * may hold dashes, which also separate the three parts; what is meant is found by looking for a
 * number between two dashes behind which a target of this service stands. */
#include <string.h>

#include "kftray/share.h"

#include "base/number.h"
#include "base/redact.h"

#define MAX_SHOWN_BYTES 80
/* The longest alias, a port, the longest name of a port, and dashes fit. */
#define MAX_PART_BYTES 512
/* Ports below need rights that a desktop user rarely has. */
#define FIRST_UNPRIVILEGED_PORT 1024

typedef struct {
    const KftConfig *origin;
    const KftSharePort *ports;
    size_t n_ports;
    GPtrArray *configs;
    GPtrArray *skipped;
} Reader;

static void skip(Reader *self, const char *part, const char *why)
{
    g_autofree char *shown = kft_one_line(part, MAX_SHOWN_BYTES);
    g_ptr_array_add(self->skipped, g_strdup_printf("\"%s\": %s", shown, why));
}

static bool has_service_port(const Reader *self, uint16_t number)
{
    for (size_t i = 0; i < self->n_ports; i++) {
        if (self->ports[i].port == number)
            return true;
    }
    return false;
}

/* The remote port that leads to @port: its container port, which upstream needs, too; but a number
 * that is also a port of the service is read as that one. */
static uint16_t get_remote_port(const Reader *self, const KftSharePort *port)
{
    if (port->target_port == 0 || has_service_port(self, port->target_port))
        return port->port;
    return port->target_port;
}

/* False if @target is neither a number nor the name of a port. */
static bool resolve_target(const Reader *self,
                           const char *target,
                           uint16_t *ret_remote_port,
                           KftProtocol *ret_protocol)
{
    uint16_t number = 0;

    if (kft_parse_port(target, 1, &number)) {
        *ret_remote_port = number;
        *ret_protocol = KFT_PROTOCOL_TCP;
        for (size_t i = 0; i < self->n_ports; i++) {
            if (self->ports[i].port == number || self->ports[i].target_port == number) {
                *ret_protocol = self->ports[i].protocol;
                break;
            }
        }
        return true;
    }
    for (size_t i = 0; i < self->n_ports; i++) {
        const KftSharePort *port = &self->ports[i];
        if (g_strcmp0(port->name, target) == 0 || g_strcmp0(port->target_name, target) == 0) {
            *ret_remote_port = get_remote_port(self, port);
            *ret_protocol = port->protocol;
            return true;
        }
    }
    return false;
}

/* Takes @config, which came from @part. */
static void add_config(Reader *self, KftConfig *config, const char *part)
{
    g_autoptr(GError) error = NULL;

    kft_config_normalize(config);
    if (kft_config_validate(config, &error)) {
        g_ptr_array_add(self->configs, config);
        return;
    }
    skip(self, part, error->message);
    kft_config_free(config);
}

static KftConfig *new_config(const Reader *self, char *alias)
{
    KftConfig *config = kft_config_copy(self->origin);
    config->id.v = 0;
    config->workload_type = KFT_WORKLOAD_TYPE_SERVICE;
    g_free(config->alias);
    config->alias = alias;
    return config;
}

/* The dash before @end, NULL if there is none behind @start. */
static const char *find_dash(const char *start, const char *end)
{
    return end <= start ? NULL : memrchr(start, '-', (size_t)(end - start));
}

/* A port, 0 for a free one, between the two dashes. */
static bool read_local_port(const char *dash, const char *next_dash, uint16_t *ret_port)
{
    g_autofree char *text = g_strndup(dash + 1, (size_t)(next_dash - dash - 1));
    return kft_parse_port(text, 0, ret_port);
}

static void read_part(Reader *self, const char *part)
{
    const char *bad_target = NULL;

    if (strlen(part) > MAX_PART_BYTES) {
        skip(self, part, "is too long");
        return;
    }
    /* From the right: an alias may end in a number, and the target is the shorter one. */
    for (const char *last = strrchr(part, '-'); last != NULL; last = find_dash(part, last)) {
        const char *middle = find_dash(part, last);
        uint16_t local_port = 0;
        uint16_t remote_port = 0;
        KftProtocol protocol = KFT_PROTOCOL_TCP;
        if (middle == NULL || middle == part || !read_local_port(middle, last, &local_port))
            continue;
        if (!resolve_target(self, last + 1, &remote_port, &protocol)) {
            bad_target = bad_target == NULL ? last + 1 : bad_target;
            continue;
        }
        KftConfig *config = new_config(self, g_strndup(part, (size_t)(middle - part)));
        config->local_port = local_port;
        config->remote_port = remote_port;
        config->protocol = protocol;
        add_config(self, config, part);
        return;
    }
    if (bad_target == NULL) {
        skip(self, part, "is not of the form alias-localPort-target");
        return;
    }
    g_autofree char *shown = kft_one_line(bad_target, MAX_SHOWN_BYTES);
    g_autofree char *why =
        g_strdup_printf("\"%s\" is neither a port number nor a port of the service", shown);
    skip(self, part, why);
}

static void read_annotation(Reader *self, const char *annotation)
{
    g_auto(GStrv) parts = g_strsplit(annotation, ",", -1);
    bool has_any = false;

    for (size_t i = 0; parts[i] != NULL; i++) {
        g_strstrip(parts[i]);
        if (*parts[i] == '\0')
            continue;
        has_any = true;
        read_part(self, parts[i]);
    }
    if (!has_any)
        skip(self, annotation, "names no forward");
}

static char *make_port_alias(const Reader *self, const KftSharePort *port)
{
    if (self->n_ports == 1)
        return g_strdup(self->origin->service);
    if (port->name != NULL)
        return g_strdup_printf("%s-%s", self->origin->service, port->name);
    return g_strdup_printf("%s-%u", self->origin->service, port->port);
}

static void read_ports(Reader *self)
{
    for (size_t i = 0; i < self->n_ports; i++) {
        const KftSharePort *port = &self->ports[i];
        g_autofree char *alias = make_port_alias(self, port);
        KftConfig *config = new_config(self, g_strdup(alias));
        config->remote_port = get_remote_port(self, port);
        config->local_port =
            config->remote_port < FIRST_UNPRIVILEGED_PORT ? 0 : config->remote_port;
        config->protocol = port->protocol;
        add_config(self, config, alias);
    }
}

GPtrArray *kft_share_configs_from_annotation(const char *annotation,
                                             const KftConfig *origin,
                                             const KftSharePort *ports,
                                             size_t n_ports,
                                             GPtrArray **ret_skipped)
{
    Reader reader = {
        .origin = origin,
        .ports = ports,
        .n_ports = n_ports,
        .configs = g_ptr_array_new_with_free_func((GDestroyNotify)kft_config_free),
        .skipped = g_ptr_array_new_with_free_func(g_free),
    };

    if (annotation == NULL)
        read_ports(&reader);
    else
        read_annotation(&reader, annotation);
    *ret_skipped = reader.skipped;
    return reader.configs;
}
