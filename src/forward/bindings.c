#include "forward/bindings.h"

#include <string.h>

#include "kftray/error.h"

typedef struct {
    KftBindings *owner;
    size_t port_index;
    KftListener *listener;
} Binding;

struct KftBindings {
    KftLoop *loop;
    KftBindingsFuncs funcs;
    void *user_data;
    GPtrArray *bindings; /* Binding, owned */
    uint16_t *ports;
    size_t n_ports;
};

static void binding_free(void *data)
{
    Binding *binding = data;
    kft_listener_free(binding->listener);
    g_free(binding);
}

void kft_bindings_free(KftBindings *self)
{
    if (self == NULL)
        return;
    g_ptr_array_unref(self->bindings);
    g_free(self->ports);
    g_free(self);
}

static bool is_localhost(const char *address)
{
    return strcmp(address, "localhost") == 0;
}

static bool is_numeric(const char *address)
{
    struct in6_addr out;
    return uv_inet_pton(AF_INET, address, &out) == 0 || uv_inet_pton(AF_INET6, address, &out) == 0;
}

bool kft_bindings_check_addresses(const char *const *addresses, GError **error)
{
    for (size_t i = 0; addresses[i] != NULL; i++) {
        if (is_localhost(addresses[i]) || is_numeric(addresses[i]))
            continue;
        g_set_error(error, KFT_ERROR, KFT_ERROR_BAD_CONFIG,
                    "\"%s\" is not an IP address: --address takes addresses of this machine or "
                    "\"localhost\"",
                    addresses[i]);
        return false;
    }
    return true;
}

static void on_listener_connection(KftSocket *socket, void *user_data)
{
    Binding *binding = user_data;
    KftBindings *self = binding->owner;
    self->funcs.on_connection(binding->port_index, socket, self->user_data);
}

/* The first address of a port decides what 0 means; the others take the same. */
static bool bind_one(KftBindings *self, size_t port_index, const char *address, GError **error)
{
    Binding *binding = g_new0(Binding, 1);

    binding->owner = self;
    binding->port_index = port_index;
    binding->listener = kft_listener_new(self->loop, address, self->ports[port_index],
                                         on_listener_connection, binding, error);
    if (binding->listener == NULL) {
        g_free(binding);
        return false;
    }
    self->ports[port_index] = kft_listener_get_port(binding->listener);
    g_ptr_array_add(self->bindings, binding);
    return true;
}

static bool bind_localhost(KftBindings *self, size_t port_index, GError **error)
{
    static const char *const loopbacks[] = {"127.0.0.1", "::1"};
    g_autoptr(GError) first = NULL;
    g_autoptr(GError) second = NULL;

    bool has_v4 = bind_one(self, port_index, loopbacks[0], &first);
    bool has_v6 = bind_one(self, port_index, loopbacks[1], &second);
    if (has_v4 || has_v6) {
        /* A machine without IPv6 is nothing to tell; a port that somebody else holds is. */
        if (!has_v4)
            self->funcs.on_notice(first->message, self->user_data);
        return true;
    }
    g_propagate_error(error, g_steal_pointer(&first));
    return false;
}

static void announce(KftBindings *self, guint first)
{
    for (guint i = first; i < self->bindings->len; i++) {
        const Binding *binding = g_ptr_array_index(self->bindings, i);
        self->funcs.on_listening(binding->port_index, kft_listener_get_name(binding->listener),
                                 self->user_data);
    }
}

/* A port must be bound on each given address; what was bound before the failure is closed again. */
static bool
bind_port(KftBindings *self, size_t port_index, const char *const *addresses, GError **error)
{
    guint first = self->bindings->len;

    for (size_t i = 0; addresses[i] != NULL; i++) {
        bool is_bound = is_localhost(addresses[i])
                            ? bind_localhost(self, port_index, error)
                            : bind_one(self, port_index, addresses[i], error);
        if (!is_bound) {
            g_ptr_array_set_size(self->bindings, (gint)first);
            self->ports[port_index] = 0;
            return false;
        }
    }
    announce(self, first);
    return true;
}

KftBindings *kft_bindings_new(KftLoop *loop,
                              const char *const *addresses,
                              const uint16_t *ports,
                              size_t n_ports,
                              const KftBindingsFuncs *funcs,
                              void *user_data,
                              GError **error)
{
    g_autoptr(GError) first_error = NULL;
    KftBindings *self = g_new0(KftBindings, 1);
    self->loop = loop;
    self->funcs = *funcs;
    self->user_data = user_data;
    self->bindings = g_ptr_array_new_with_free_func(binding_free);
    self->ports = g_memdup2(ports, n_ports * sizeof ports[0]);
    self->n_ports = n_ports;

    for (size_t i = 0; i < n_ports; i++) {
        g_autoptr(GError) port_error = NULL;
        if (bind_port(self, i, addresses, &port_error))
            continue;
        if (n_ports > 1)
            funcs->on_notice(port_error->message, user_data);
        if (first_error == NULL)
            first_error = g_steal_pointer(&port_error);
    }
    if (self->bindings->len > 0)
        return self;
    g_propagate_error(error, g_steal_pointer(&first_error));
    kft_bindings_free(self);
    return NULL;
}

uint16_t kft_bindings_get_port(const KftBindings *self, size_t index)
{
    g_assert(index < self->n_ports);
    return self->ports[index];
}
