/* kubectl's rules, in this order: addresses sorted by their text, each once; of the two that stand
 * for "localhost" one suffices; a port that cannot be bound on one of the others is closed on all
 * and left out, as long as there is another port. Port 0 takes on the first address what is free,
 * and the same on the others; where somebody else has it there, another one is tried. */
#include "forward/bindings.h"

#include <string.h>

#include "kftray/error.h"

/* Of port 0. Few numbers are taken on one address alone. */
#define MAX_TRIES 16

typedef struct {
    KftBindings *owner;
    size_t port_index;
    KftListener *listener;        /* TCP */
    KftUdpListener *udp_listener; /* UDP */
} Binding;

typedef struct {
    const char *text;
    bool may_fail; /* stands for "localhost" together with another one */
} Address;

struct KftBindings {
    KftLoop *loop;
    KftProtocol protocol;
    KftBindingsFuncs funcs;
    void *user_data;
    GPtrArray *bindings; /* Binding, owned */
    uint16_t *ports;
    size_t n_ports;
    GArray *addresses; /* Address; only while binding */
    bool has_localhost;
};

static void binding_free(void *data)
{
    Binding *binding = data;
    kft_listener_free(binding->listener);
    kft_udp_listener_free(binding->udp_listener);
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
                    "\"%s\" is not an IP address: a local address is one of this machine, or "
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

static void on_udp_datagram(const KftUdpAddress *peer, KftUdpDatagram datagram, void *user_data)
{
    const Binding *binding = user_data;
    KftBindings *self = binding->owner;
    self->funcs.on_datagram(binding->port_index, binding->udp_listener, peer, datagram,
                            self->user_data);
}

static void on_udp_lost(uint32_t n, void *user_data)
{
    const Binding *binding = user_data;
    binding->owner->funcs.on_lost(n, binding->owner->user_data);
}

/* Returns the port that was bound, 0 if none could be. */
static uint16_t listen_on(Binding *binding, const char *address, uint16_t port, GError **error)
{
    static const KftUdpListenerFuncs udp_funcs = {
        .on_datagram = on_udp_datagram,
        .on_lost = on_udp_lost,
    };
    KftLoop *loop = binding->owner->loop;

    if (binding->owner->protocol == KFT_PROTOCOL_UDP) {
        binding->udp_listener =
            kft_udp_listener_new(loop, address, port, &udp_funcs, binding, error);
        return binding->udp_listener == NULL ? 0 : kft_udp_listener_get_port(binding->udp_listener);
    }
    binding->listener =
        kft_listener_new(loop, address, port, on_listener_connection, binding, error);
    return binding->listener == NULL ? 0 : kft_listener_get_port(binding->listener);
}

static const char *name_of(const Binding *binding)
{
    return binding->listener != NULL ? kft_listener_get_name(binding->listener)
                                     : kft_udp_listener_get_name(binding->udp_listener);
}

/* The first address of a port decides what 0 means; the others take the same. */
static bool bind_one(KftBindings *self, size_t port_index, const char *address, GError **error)
{
    Binding *binding = g_new0(Binding, 1);

    binding->owner = self;
    binding->port_index = port_index;
    uint16_t port = listen_on(binding, address, self->ports[port_index], error);
    if (port == 0) {
        g_free(binding);
        return false;
    }
    self->ports[port_index] = port;
    g_ptr_array_add(self->bindings, binding);
    return true;
}

static void announce(KftBindings *self, guint first)
{
    for (guint i = first; i < self->bindings->len; i++) {
        const Binding *binding = g_ptr_array_index(self->bindings, i);
        self->funcs.on_listening(binding->port_index, name_of(binding), self->user_data);
    }
}

/* Of the two loopback addresses that stand for "localhost" one suffices, and *@ret_left_out is why
 * the other one is not bound; any other must be bound. */
static bool
bind_addresses(KftBindings *self, size_t port_index, GError **ret_left_out, GError **error)
{
    g_autoptr(GError) loopback_error = NULL;
    bool has_loopback = false;

    for (size_t i = 0; i < self->addresses->len; i++) {
        const Address *address = &g_array_index(self->addresses, Address, i);
        g_autoptr(GError) one_error = NULL;
        bool is_bound = bind_one(self, port_index, address->text, &one_error);
        if (address->may_fail) {
            has_loopback = has_loopback || is_bound;
            if (one_error != NULL && loopback_error == NULL)
                loopback_error = g_steal_pointer(&one_error);
        } else if (!is_bound) {
            g_propagate_error(error, g_steal_pointer(&one_error));
            return false;
        }
    }
    bool is_enough = has_loopback || !self->has_localhost;
    if (loopback_error != NULL)
        g_propagate_error(is_enough ? ret_left_out : error, g_steal_pointer(&loopback_error));
    return is_enough;
}

/* By somebody else. A machine without IPv6 is another matter. */
static bool is_taken(const GError *error)
{
    return error != NULL && error->code == KFT_ERROR_PORT_IN_USE &&
           strstr(error->message, "in use") != NULL;
}

/* What was bound of a port before a failure is closed again. */
static bool bind_port(KftBindings *self, size_t port_index, GError **error)
{
    guint first = self->bindings->len;
    unsigned n_tries = self->ports[port_index] == 0 ? MAX_TRIES : 1;

    for (;;) {
        g_autoptr(GError) left_out = NULL;
        g_autoptr(GError) failure = NULL;
        bool is_bound = bind_addresses(self, port_index, &left_out, &failure);
        bool is_last = --n_tries == 0 || !is_taken(is_bound ? left_out : failure);
        if (is_bound && is_last) {
            if (is_taken(left_out))
                self->funcs.on_notice(left_out->message, self->user_data);
            announce(self, first);
            return true;
        }
        g_ptr_array_set_size(self->bindings, (gint)first);
        self->ports[port_index] = 0;
        if (is_last) {
            g_propagate_error(error, g_steal_pointer(&failure));
            return false;
        }
    }
}

static gint compare_addresses(gconstpointer a, gconstpointer b)
{
    return strcmp(((const Address *)a)->text, ((const Address *)b)->text);
}

static void add_address(KftBindings *self, const char *text, bool may_fail)
{
    for (guint i = 0; i < self->addresses->len; i++) {
        Address *known = &g_array_index(self->addresses, Address, i);
        if (strcmp(known->text, text) == 0) {
            known->may_fail = known->may_fail && may_fail;
            return;
        }
    }
    const Address address = {.text = text, .may_fail = may_fail};
    g_array_append_val(self->addresses, address);
}

/* "localhost" in its two forms, each address once, in the order of kubectl: that of their text. */
static void expand_addresses(KftBindings *self, const char *const *addresses)
{
    for (size_t i = 0; addresses[i] != NULL; i++) {
        if (is_localhost(addresses[i])) {
            self->has_localhost = true;
            add_address(self, "127.0.0.1", /* may_fail= */ true);
            add_address(self, "::1", /* may_fail= */ true);
        } else {
            add_address(self, addresses[i], /* may_fail= */ false);
        }
    }
    g_array_sort(self->addresses, compare_addresses);
}

KftBindings *kft_bindings_new(KftLoop *loop,
                              const KftBindingsOptions *options,
                              const KftBindingsFuncs *funcs,
                              void *user_data,
                              GError **error)
{
    g_autoptr(GError) first_error = NULL;
    KftBindings *self = g_new0(KftBindings, 1);
    self->loop = loop;
    self->protocol = options->protocol;
    self->funcs = *funcs;
    self->user_data = user_data;
    self->bindings = g_ptr_array_new_with_free_func(binding_free);
    self->ports = g_memdup2(options->ports, options->n_ports * sizeof options->ports[0]);
    self->n_ports = options->n_ports;
    self->addresses = g_array_new(FALSE, FALSE, sizeof(Address));
    expand_addresses(self, options->addresses);

    for (size_t i = 0; i < self->n_ports; i++) {
        g_autoptr(GError) port_error = NULL;
        if (bind_port(self, i, &port_error))
            continue;
        if (self->n_ports > 1)
            funcs->on_notice(port_error->message, user_data);
        if (first_error == NULL)
            first_error = g_steal_pointer(&port_error);
    }
    g_clear_pointer(&self->addresses, g_array_unref);
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
