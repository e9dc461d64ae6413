/* Services, pods and workloads reduced to what a person chooses from. What they have in common with
 * the models that forwards use is read by those. */
#include "kube/found.h"

#include <json-c/json_object.h>
#include <string.h>

#include "kftray/relay.h"

#include "base/redact.h"
#include "kube/pod.h"
#include "kube/service.h"
#include "kube/workload.h"

/* More are not looked through by anybody. */
#define MAX_SELECTORS 500
/* Of a label or an annotation, which anybody may have written. */
#define MAX_RELAY_TEXT_CHARS 250

/* NULL for what is not UTF-8, which no API server gives out. */
static char *take_text(char *text)
{
    if (text != NULL && !g_utf8_validate(text, -1, NULL))
        g_clear_pointer(&text, g_free);
    return text;
}

/* --- ports --- */

static void found_port_free(gpointer data)
{
    KftFoundPort *port = data;
    g_free(port->name);
    g_free(port->target_name);
    g_free(port);
}

static GPtrArray *new_ports(void)
{
    return g_ptr_array_new_with_free_func(found_port_free);
}

/* NULL if it has no number, or for a protocol that cannot be forwarded. */
static KftFoundPort *new_port(json_object *entry, const char *number_key)
{
    const char *protocol = kft_json_string(entry, "protocol");
    const char *name = kft_json_string(entry, "name");
    uint16_t number = kft_json_port(entry, number_key);
    bool is_udp = g_strcmp0(protocol, "UDP") == 0;

    if (number == 0 || !(protocol == NULL || is_udp || strcmp(protocol, "TCP") == 0))
        return NULL;
    KftFoundPort *port = g_new0(KftFoundPort, 1);
    port->name = name != NULL && name[0] != '\0' ? g_strdup(name) : NULL;
    port->number = number;
    port->is_udp = is_udp;
    return port;
}

static GPtrArray *read_service_ports(json_object *object)
{
    GPtrArray *ports = new_ports();

    for (size_t i = 0; i < kft_json_length(object, "spec.ports"); i++) {
        json_object *entry = kft_json_at(object, "spec.ports", i);
        const char *target = kft_json_string(entry, "targetPort");
        KftFoundPort *port = new_port(entry, "port");
        if (port == NULL)
            continue;
        port->target_number = kft_json_port(entry, "targetPort");
        if (port->target_number == 0 && target != NULL && target[0] != '\0')
            port->target_name = g_strdup(target);
        else if (port->target_number == 0)
            port->target_number = port->number; /* absent or 0 */
        g_ptr_array_add(ports, port);
    }
    return ports;
}

/* @path: of the containers. */
static void add_container_ports(GPtrArray *ports, json_object *object, const char *path)
{
    for (size_t i = 0; i < kft_json_length(object, path); i++) {
        json_object *container = kft_json_at(object, path, i);
        for (size_t k = 0; k < kft_json_length(container, "ports"); k++) {
            KftFoundPort *port = new_port(kft_json_at(container, "ports", k), "containerPort");
            if (port != NULL)
                g_ptr_array_add(ports, port);
        }
    }
}

static char *dup_namespace(json_object *object)
{
    const char *namespace_ = kft_json_string(object, "metadata.namespace");
    return g_strdup(namespace_ != NULL ? namespace_ : "");
}

/* --- contexts --- */

void kft_found_context_free(KftFoundContext *self)
{
    if (self == NULL)
        return;
    g_free(self->name);
    g_free(self->cluster);
    g_free(self->server);
    g_free(self->user);
    g_free(self->namespace_);
    g_free(self->error);
    g_free(self);
}

/* --- services --- */

/* Not by path: the key has dots. (transfer full), nullable. */
static char *dup_annotation(json_object *object, const char *key)
{
    json_object *annotations = kft_json_get(object, "metadata.annotations");
    json_object *value = NULL;

    if (!json_object_is_type(annotations, json_type_object) ||
        !json_object_object_get_ex(annotations, key, &value) ||
        !json_object_is_type(value, json_type_string))
        return NULL;
    return take_text(g_strdup(json_object_get_string(value)));
}

KftFoundService *kft_found_service_new_from_json(json_object *object)
{
    g_autofree char *enabled = dup_annotation(object, "kftray.app/enabled");
    const char *type = kft_json_string(object, "spec.type");
    KftService *service = kft_service_new_from_json(object);

    if (service == NULL)
        return NULL;
    KftFoundService *self = g_new0(KftFoundService, 1);
    self->namespace_ = dup_namespace(object);
    self->name = g_steal_pointer(&service->name);
    self->type = g_strdup(type != NULL ? type : "ClusterIP");
    self->selector = take_text(g_steal_pointer(&service->selector));
    self->ports = read_service_ports(object);
    self->is_enabled = g_strcmp0(enabled, "true") == 0;
    self->configs = dup_annotation(object, "kftray.app/configs");
    kft_service_free(service);
    return self;
}

void kft_found_service_free(KftFoundService *self)
{
    if (self == NULL)
        return;
    g_free(self->namespace_);
    g_free(self->name);
    g_free(self->type);
    g_free(self->selector);
    g_ptr_array_unref(self->ports);
    g_free(self->configs);
    g_free(self);
}

/* --- pods --- */

static const char *phase_name(KftPodPhase phase)
{
    switch (phase) {
    case KFT_POD_PHASE_PENDING:
        return "Pending";
    case KFT_POD_PHASE_RUNNING:
        return "Running";
    case KFT_POD_PHASE_SUCCEEDED:
        return "Succeeded";
    case KFT_POD_PHASE_FAILED:
        return "Failed";
    case KFT_POD_PHASE_UNKNOWN:
        return "Unknown";
    }
    g_assert_not_reached();
}

static char **read_labels(json_object *object)
{
    g_autoptr(GString) joined = g_string_new(NULL);

    kft_json_append_labels(joined, kft_json_get(object, "metadata.labels"));
    if (!g_utf8_validate(joined->str, -1, NULL))
        g_string_truncate(joined, 0);
    return g_strsplit(joined->str, ",", -1);
}

KftFoundPod *kft_found_pod_new_from_json(json_object *object)
{
    g_autoptr(KftPod) pod = kft_pod_new_from_json(object);

    if (pod == NULL)
        return NULL;
    KftFoundPod *self = g_new0(KftFoundPod, 1);
    self->namespace_ = dup_namespace(object);
    self->name = g_strdup(pod->name);
    self->phase = phase_name(pod->phase);
    self->reason = g_strdup(pod->waiting_reason);
    self->is_ready = pod->is_ready;
    self->is_terminating = pod->is_terminating;
    self->labels = read_labels(object);
    self->ports = new_ports();
    add_container_ports(self->ports, object, "spec.containers");
    add_container_ports(self->ports, object, "spec.initContainers");
    return self;
}

void kft_found_pod_free(KftFoundPod *self)
{
    if (self == NULL)
        return;
    g_free(self->namespace_);
    g_free(self->name);
    g_free(self->reason);
    g_strfreev(self->labels);
    g_ptr_array_unref(self->ports);
    g_free(self);
}

/* --- relays --- */

/* Keys have dots, so a path cannot name them. */
static char *dup_member(json_object *object, const char *path, const char *key)
{
    json_object *map = kft_json_get(object, path);
    json_object *value = NULL;

    if (json_object_get_type(map) != json_type_object ||
        !json_object_object_get_ex(map, key, &value) ||
        json_object_get_type(value) != json_type_string)
        return NULL;
    return kft_one_line(json_object_get_string(value), MAX_RELAY_TEXT_CHARS);
}

KftFoundRelay *kft_found_relay_new_from_json(json_object *object)
{
    g_autoptr(KftPod) pod = kft_pod_new_from_json(object);

    if (pod == NULL)
        return NULL;
    KftFoundRelay *self = g_new0(KftFoundRelay, 1);
    self->namespace_ = g_strdup(pod->namespace_);
    self->name = g_strdup(pod->name);
    self->phase = pod->is_terminating ? "Terminating" : phase_name(pod->phase);
    self->created = pod->created;
    self->installation = dup_member(object, "metadata.labels", KFT_RELAY_LABEL_INSTALLATION);
    self->session = dup_member(object, "metadata.labels", KFT_RELAY_LABEL_SESSION);
    self->owner = dup_member(object, "metadata.annotations", KFT_RELAY_ANNOTATION_OWNER);
    self->host = dup_member(object, "metadata.annotations", KFT_RELAY_ANNOTATION_HOST);
    self->purpose = dup_member(object, "metadata.annotations", KFT_RELAY_ANNOTATION_PURPOSE);
    return self;
}

void kft_found_relay_free(KftFoundRelay *self)
{
    if (self == NULL)
        return;
    g_free(self->namespace_);
    g_free(self->name);
    g_free(self->installation);
    g_free(self->session);
    g_free(self->owner);
    g_free(self->host);
    g_free(self->purpose);
    g_free(self);
}

/* --- workloads --- */

KftFoundWorkload *kft_found_workload_new_from_json(json_object *object, const char *short_kind)
{
    KftWorkload *workload = kft_workload_new_from_json(object);

    if (workload == NULL)
        return NULL;
    KftFoundWorkload *self = g_new0(KftFoundWorkload, 1);
    self->namespace_ = dup_namespace(object);
    self->name = g_steal_pointer(&workload->name);
    self->object = g_strconcat(short_kind, "/", self->name, NULL);
    self->selector = take_text(g_steal_pointer(&workload->selector));
    self->replicas = workload->replicas;
    self->ports = new_ports();
    add_container_ports(self->ports, object, "spec.template.spec.containers");
    add_container_ports(self->ports, object, "spec.template.spec.initContainers");
    kft_workload_free(workload);
    return self;
}

void kft_found_workload_free(KftFoundWorkload *self)
{
    if (self == NULL)
        return;
    g_free(self->namespace_);
    g_free(self->name);
    g_free(self->object);
    g_free(self->selector);
    g_ptr_array_unref(self->ports);
    g_free(self);
}

/* --- selectors --- */

static void selector_free(gpointer data)
{
    KftFoundSelector *self = data;
    g_free(self->namespace_);
    g_free(self->selector);
    g_free(self);
}

/* Whether @label, "key=value", has one of @keys. */
static bool has_key(const char *label, const char *const *keys, size_t n_keys)
{
    size_t length = strcspn(label, "=");

    for (size_t i = 0; i < n_keys; i++) {
        if (strlen(keys[i]) == length && strncmp(label, keys[i], length) == 0)
            return true;
    }
    return false;
}

/* Labels that controllers put on pods, with values that end with the pod or its revision. */
static bool is_volatile(const char *label)
{
    static const char *const keys[] = {
        "pod-template-hash",
        "controller-revision-hash",
        "pod-template-generation",
        "statefulset.kubernetes.io/pod-name",
        "apps.kubernetes.io/pod-index",
        "controller-uid",
        "batch.kubernetes.io/controller-uid",
        "batch.kubernetes.io/job-completion-index",
    };
    return has_key(label, keys, G_N_ELEMENTS(keys));
}

/* https://kubernetes.io/docs/concepts/overview/working-with-objects/common-labels/ and what was
 * usual before. */
static bool names_application(const char *label)
{
    static const char *const keys[] = {
        "app",
        "k8s-app",
        "app.kubernetes.io/name",
        "app.kubernetes.io/instance",
        "app.kubernetes.io/component",
        "job-name",
        "batch.kubernetes.io/job-name",
    };
    return has_key(label, keys, G_N_ELEMENTS(keys));
}

/* @counts: "namespace\nselector" → KftFoundSelector. */
static void count_selector(GHashTable *counts, const KftFoundPod *pod, const char *selector)
{
    g_autofree char *key = g_strconcat(pod->namespace_, "\n", selector, NULL);
    KftFoundSelector *found = g_hash_table_lookup(counts, key);

    if (found == NULL) {
        found = g_new0(KftFoundSelector, 1);
        found->namespace_ = g_strdup(pod->namespace_);
        found->selector = g_strdup(selector);
        g_hash_table_insert(counts, g_steal_pointer(&key), found);
    }
    found->n_pods++;
}

static void count_pod(GHashTable *counts, const KftFoundPod *pod)
{
    g_autoptr(GString) all = g_string_new(NULL);
    bool is_single = false;

    for (size_t i = 0; pod->labels[i] != NULL; i++) {
        if (is_volatile(pod->labels[i]))
            continue;
        is_single = all->len == 0 && names_application(pod->labels[i]);
        if (all->len > 0)
            g_string_append_c(all, ',');
        g_string_append(all, pod->labels[i]);
        if (names_application(pod->labels[i]))
            count_selector(counts, pod, pod->labels[i]);
    }
    if (all->len > 0 && !is_single)
        count_selector(counts, pod, all->str);
}

static int compare_selectors(gconstpointer a, gconstpointer b)
{
    const KftFoundSelector *left = *(KftFoundSelector *const *)a;
    const KftFoundSelector *right = *(KftFoundSelector *const *)b;

    if (left->n_pods != right->n_pods)
        return left->n_pods > right->n_pods ? -1 : 1;
    int order = strcmp(left->namespace_, right->namespace_);
    return order != 0 ? order : strcmp(left->selector, right->selector);
}

GPtrArray *kft_found_list_selectors(const GPtrArray *pods)
{
    g_autoptr(GHashTable) counts = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    GPtrArray *selectors = g_ptr_array_new_with_free_func(selector_free);
    GHashTableIter iter;
    gpointer value = NULL;

    for (guint i = 0; i < pods->len; i++)
        count_pod(counts, g_ptr_array_index(pods, i));
    g_hash_table_iter_init(&iter, counts);
    while (g_hash_table_iter_next(&iter, NULL, &value))
        g_ptr_array_add(selectors, value);
    g_ptr_array_sort(selectors, compare_selectors);
    if (selectors->len > MAX_SELECTORS)
        g_ptr_array_set_size(selectors, MAX_SELECTORS);
    return selectors;
}
