/* Services, EndpointSlices and Endpoints as models. Endpoints of both APIs are read into one form:
 * sets of pods that share resolved ports. A pod of such a set is known by name, uid and readiness
 * only; that is enough to forward to it without the right to read pods. */
#include "kube/service.h"

#include <string.h>

/* --- services --- */

static void service_port_free(gpointer data)
{
    KftServicePort *port = data;
    g_free(port->name);
    g_free(port->target_name);
    g_free(port);
}

static void read_target(KftServicePort *port, json_object *entry)
{
    const char *name = kft_json_string(entry, "targetPort");

    port->target_number = kft_json_port(entry, "targetPort");
    if (port->target_number == 0 && name != NULL && name[0] != '\0')
        port->target_name = g_strdup(name);
    else if (port->target_number == 0)
        port->target_number = port->number; /* absent or 0 */
}

static void read_service_ports(KftService *self, json_object *object)
{
    for (size_t i = 0; i < kft_json_length(object, "spec.ports"); i++) {
        json_object *entry = kft_json_at(object, "spec.ports", i);
        const char *protocol = kft_json_string(entry, "protocol");
        uint16_t number = kft_json_port(entry, "port");
        if (number == 0)
            continue;
        KftServicePort *port = g_new0(KftServicePort, 1);
        port->name = g_strdup(kft_json_string(entry, "name"));
        port->number = number;
        port->is_tcp = protocol == NULL || strcmp(protocol, "TCP") == 0;
        read_target(port, entry);
        g_ptr_array_add(self->ports, port);
    }
}

/* A service's selector is a plain map. NULL if it is empty. */
static char *read_selector(json_object *map)
{
    g_autoptr(GString) out = g_string_new(NULL);

    kft_json_append_labels(out, map);
    return out->len > 0 ? g_strdup(out->str) : NULL;
}

KftService *kft_service_new_from_json(json_object *object)
{
    const char *name = kft_json_string(object, "metadata.name");
    const char *uid = kft_json_string(object, "metadata.uid");
    const char *type = kft_json_string(object, "spec.type");
    const char *external = kft_json_string(object, "spec.externalName");

    if (name == NULL)
        return NULL;
    KftService *self = g_new0(KftService, 1);
    self->name = g_strdup(name);
    self->uid = g_strdup(uid != NULL ? uid : "");
    self->selector = read_selector(kft_json_get(object, "spec.selector"));
    self->is_headless = g_strcmp0(kft_json_string(object, "spec.clusterIP"), "None") == 0;
    if (g_strcmp0(type, "ExternalName") == 0)
        self->external_name = g_strdup(external != NULL ? external : "");
    self->ports = g_ptr_array_new_with_free_func(service_port_free);
    read_service_ports(self, object);
    return self;
}

void kft_service_free(KftService *self)
{
    if (self == NULL)
        return;
    g_free(self->name);
    g_free(self->uid);
    g_free(self->selector);
    g_free(self->external_name);
    g_ptr_array_unref(self->ports);
    g_free(self);
}

const KftServicePort *
kft_service_find_port(const KftService *self, const char *name, uint16_t number)
{
    const KftServicePort *found = NULL;

    for (guint i = 0; i < self->ports->len; i++) {
        const KftServicePort *port = g_ptr_array_index(self->ports, i);
        bool is_match = name != NULL ? g_strcmp0(port->name, name) == 0 : port->number == number;
        if (is_match && (found == NULL || (port->is_tcp && !found->is_tcp)))
            found = port;
    }
    return found;
}

char *kft_service_describe_ports(const KftService *self)
{
    GString *out = g_string_new(NULL);

    for (guint i = 0; i < self->ports->len; i++) {
        const KftServicePort *port = g_ptr_array_index(self->ports, i);
        g_string_append_printf(out, "%s%u", out->len > 0 ? ", " : "", port->number);
        if (!port->is_tcp)
            g_string_append(out, "/UDP");
        if (port->name != NULL && port->name[0] != '\0')
            g_string_append_printf(out, " (%s)", port->name);
    }
    if (out->len == 0)
        g_string_append(out, "none");
    return g_string_free(out, FALSE);
}

/* --- endpoints --- */

static void pod_port_free(gpointer data)
{
    KftPodPort *port = data;
    g_free(port->name);
    g_free(port->container);
    g_free(port);
}

static void set_free(gpointer data)
{
    KftEndpointSet *set = data;
    g_ptr_array_unref(set->pods);
    g_ptr_array_unref(set->ports);
    g_free(set->foreign_address);
    g_free(set);
}

static void pod_unref(gpointer data)
{
    kft_pod_unref(data);
}

static KftEndpointSet *add_set(KftEndpoints *self)
{
    KftEndpointSet *set = g_new0(KftEndpointSet, 1);
    set->pods = g_ptr_array_new_with_free_func(pod_unref);
    set->ports = g_ptr_array_new_with_free_func(pod_port_free);
    g_ptr_array_add(self->sets, set);
    return set;
}

/* @ref: the targetRef of an endpoint. */
static KftPod *pod_from_reference(json_object *ref, bool is_ready, bool is_terminating)
{
    const char *name = kft_json_string(ref, "name");
    const char *uid = kft_json_string(ref, "uid");
    const char *namespace_ = kft_json_string(ref, "namespace");

    if (g_strcmp0(kft_json_string(ref, "kind"), "Pod") != 0 || name == NULL)
        return NULL;
    KftPod *pod = g_new0(KftPod, 1);
    pod->ref_count = 1;
    pod->name = g_strdup(name);
    pod->uid = g_strdup(uid != NULL ? uid : "");
    pod->namespace_ = g_strdup(namespace_ != NULL ? namespace_ : "");
    pod->phase = KFT_POD_PHASE_RUNNING;
    pod->is_scheduled = true;
    pod->is_ready = is_ready;
    pod->is_terminating = is_terminating;
    pod->ports = g_ptr_array_new_with_free_func(pod_port_free);
    return pod;
}

static void add_endpoint(KftEndpointSet *set, json_object *ref, const char *address, KftPod *pod)
{
    if (pod != NULL)
        g_ptr_array_add(set->pods, pod);
    else if (ref == NULL && address != NULL && set->foreign_address == NULL)
        set->foreign_address = g_strdup(address);
}

static void read_endpoint_ports(KftEndpointSet *set, json_object *object, const char *path)
{
    for (size_t i = 0; i < kft_json_length(object, path); i++) {
        json_object *entry = kft_json_at(object, path, i);
        const char *protocol = kft_json_string(entry, "protocol");
        uint16_t number = kft_json_port(entry, "port");
        if (number == 0)
            continue;
        KftPodPort *port = g_new0(KftPodPort, 1);
        port->name = g_strdup(kft_json_string(entry, "name"));
        port->number = number;
        port->is_tcp = protocol == NULL || strcmp(protocol, "TCP") == 0;
        g_ptr_array_add(set->ports, port);
    }
}

static void read_slice(KftEndpoints *self, json_object *object)
{
    KftEndpointSet *set = add_set(self);

    for (size_t i = 0; i < kft_json_length(object, "endpoints"); i++) {
        json_object *endpoint = kft_json_at(object, "endpoints", i);
        json_object *ref = kft_json_get(endpoint, "targetRef");
        json_object *first = kft_json_at(endpoint, "addresses", 0);
        const char *address =
            json_object_is_type(first, json_type_string) ? json_object_get_string(first) : NULL;
        /* An absent condition means ready. */
        bool is_ready = kft_json_bool(endpoint, "conditions.ready", true);
        bool is_terminating = kft_json_bool(endpoint, "conditions.terminating", false);
        add_endpoint(set, ref, address, pod_from_reference(ref, is_ready, is_terminating));
    }
    read_endpoint_ports(set, object, "ports");
}

static void
read_addresses(KftEndpointSet *set, json_object *subset, const char *path, bool is_ready)
{
    for (size_t i = 0; i < kft_json_length(subset, path); i++) {
        json_object *address = kft_json_at(subset, path, i);
        json_object *ref = kft_json_get(address, "targetRef");
        add_endpoint(set, ref, kft_json_string(address, "ip"),
                     pod_from_reference(ref, is_ready, /* is_terminating */ false));
    }
}

KftEndpoints *kft_endpoints_new_from_json(json_object *object)
{
    const char *name = kft_json_string(object, "metadata.name");

    if (name == NULL)
        return NULL;
    KftEndpoints *self = g_new0(KftEndpoints, 1);
    self->name = g_strdup(name);
    self->sets = g_ptr_array_new_with_free_func(set_free);
    /* Items of a list carry no kind, so the members tell the two APIs apart. */
    if (kft_json_get(object, "addressType") != NULL || kft_json_get(object, "endpoints") != NULL)
        read_slice(self, object);
    for (size_t i = 0; i < kft_json_length(object, "subsets"); i++) {
        json_object *subset = kft_json_at(object, "subsets", i);
        KftEndpointSet *set = add_set(self);
        read_addresses(set, subset, "addresses", /* is_ready */ true);
        read_addresses(set, subset, "notReadyAddresses", /* is_ready */ false);
        read_endpoint_ports(set, subset, "ports");
    }
    return self;
}

void kft_endpoints_free(KftEndpoints *self)
{
    if (self == NULL)
        return;
    g_free(self->name);
    g_ptr_array_unref(self->sets);
    g_free(self);
}

uint16_t kft_endpoint_set_find_port(const KftEndpointSet *self, const char *name)
{
    for (guint i = 0; i < self->ports->len; i++) {
        const KftPodPort *port = g_ptr_array_index(self->ports, i);
        const char *own = port->name != NULL ? port->name : "";
        if (port->is_tcp && strcmp(own, name != NULL ? name : "") == 0)
            return port->number;
    }
    return 0;
}
