/* A pod's JSON reduced to what forwarding needs. What is wrong with a pod that does not run stands
 * in several places (conditions, the status of each container, the pod's own reason); here the
 * first one that explains it becomes one line. */
#include "kube/pod.h"

#include <string.h>

#include "base/json.h"
#include "base/redact.h"

#define MAX_REASON_CHARS 300

static void port_free(gpointer data)
{
    KftPodPort *port = data;
    g_free(port->name);
    g_free(port->container);
    g_free(port);
}

static KftPodPhase read_phase(json_object *object)
{
    static const struct {
        const char *name;
        KftPodPhase phase;
    } phases[] = {
        {"Pending", KFT_POD_PHASE_PENDING},
        {"Running", KFT_POD_PHASE_RUNNING},
        {"Succeeded", KFT_POD_PHASE_SUCCEEDED},
        {"Failed", KFT_POD_PHASE_FAILED},
    };
    const char *name = kft_json_string(object, "status.phase");
    for (size_t i = 0; i < G_N_ELEMENTS(phases); i++) {
        if (g_strcmp0(name, phases[i].name) == 0)
            return phases[i].phase;
    }
    /* A pod that was just created has no phase yet. */
    return name == NULL ? KFT_POD_PHASE_PENDING : KFT_POD_PHASE_UNKNOWN;
}

static void add_ports(KftPod *self, json_object *object, const char *path)
{
    for (size_t i = 0; i < kft_json_length(object, path); i++) {
        json_object *container = kft_json_at(object, path, i);
        for (size_t k = 0; k < kft_json_length(container, "ports"); k++) {
            json_object *entry = kft_json_at(container, "ports", k);
            const char *protocol = kft_json_string(entry, "protocol");
            uint16_t number = kft_json_port(entry, "containerPort");
            if (number == 0)
                continue;
            KftPodPort *port = g_new0(KftPodPort, 1);
            port->name = g_strdup(kft_json_string(entry, "name"));
            port->container = g_strdup(kft_json_string(container, "name"));
            port->number = number;
            port->is_tcp = protocol == NULL || strcmp(protocol, "TCP") == 0;
            g_ptr_array_add(self->ports, port);
        }
    }
}

static json_object *find_condition(json_object *object, const char *type)
{
    for (size_t i = 0; i < kft_json_length(object, "status.conditions"); i++) {
        json_object *condition = kft_json_at(object, "status.conditions", i);
        if (g_strcmp0(kft_json_string(condition, "type"), type) == 0)
            return condition;
    }
    return NULL;
}

static void read_restarts(KftPod *self, json_object *object, const char *path)
{
    for (size_t i = 0; i < kft_json_length(object, path); i++) {
        int64_t count = kft_json_int(kft_json_at(object, path, i), "restartCount", 0);
        if (count > self->n_restarts && count <= UINT32_MAX)
            self->n_restarts = (uint32_t)count;
    }
}

/* --- why a pod does not run --- */

/* "exit code 137 (OOMKilled)" of a terminated state. */
static void append_exit(GString *out, json_object *terminated)
{
    const char *reason = kft_json_string(terminated, "reason");
    g_string_append_printf(out, "exit code %" G_GINT64_FORMAT,
                           kft_json_int(terminated, "exitCode", 0));
    if (reason != NULL)
        g_string_append_printf(out, " (%s)", reason);
}

static void append_message(GString *out, json_object *state)
{
    const char *message = kft_json_string(state, "message");
    if (message != NULL && message[0] != '\0')
        g_string_append_printf(out, ": %s", message);
}

/* A container that waits; reasons that only mean "not its turn yet" are told by the others. */
static bool append_waiting(GString *out, json_object *status, const char *kind)
{
    json_object *waiting = kft_json_get(status, "state.waiting");
    const char *reason = kft_json_string(waiting, "reason");
    const char *name = kft_json_string(status, "name");
    const char *image = kft_json_string(status, "image");

    if (waiting == NULL || reason == NULL || strcmp(reason, "PodInitializing") == 0)
        return false;
    if (strcmp(reason, "CrashLoopBackOff") == 0) {
        json_object *last = kft_json_get(status, "lastState.terminated");
        g_string_append_printf(out, "CrashLoopBackOff: %s \"%s\"", kind, name != NULL ? name : "?");
        g_string_append(out, last != NULL ? " last ended with " : " ends again and again");
        if (last != NULL) {
            append_exit(out, last);
            append_message(out, last);
        }
        return true;
    }
    g_string_append(out, reason);
    const char *message = kft_json_string(waiting, "message");
    bool names_image = image != NULL && message != NULL && strstr(message, image) != NULL;
    if (strstr(reason, "Image") != NULL && image != NULL && !names_image)
        g_string_append_printf(out, ": image \"%s\"", image);
    else if (!names_image && strcmp(reason, "ContainerCreating") != 0)
        g_string_append_printf(out, ": %s \"%s\"", kind, name != NULL ? name : "?");
    append_message(out, waiting);
    return true;
}

static bool append_init(GString *out, json_object *object)
{
    const char *path = "status.initContainerStatuses";
    size_t n = kft_json_length(object, path);

    for (size_t i = 0; i < n; i++) {
        json_object *status = kft_json_at(object, path, i);
        json_object *ended = kft_json_get(status, "state.terminated");
        const char *name = kft_json_string(status, "name");
        if (name == NULL)
            continue;
        if (append_waiting(out, status, "init container"))
            return true;
        if (ended != NULL && kft_json_int(ended, "exitCode", 0) != 0) {
            g_string_append_printf(out, "Init:Error: init container \"%s\" ended with ", name);
            append_exit(out, ended);
            return true;
        }
        /* A sidecar (restartPolicy Always) runs on and says "started". */
        if (kft_json_get(status, "state.running") != NULL &&
            !kft_json_bool(status, "started", false)) {
            g_string_append_printf(out,
                                   "init container \"%s\" (%" G_GSIZE_FORMAT " of %" G_GSIZE_FORMAT
                                   ") is running",
                                   name, i + 1, n);
            return true;
        }
    }
    return false;
}

static bool append_containers(GString *out, json_object *object)
{
    const char *path = "status.containerStatuses";

    for (size_t i = 0; i < kft_json_length(object, path); i++) {
        if (append_waiting(out, kft_json_at(object, path, i), "container"))
            return true;
    }
    for (size_t i = 0; i < kft_json_length(object, path); i++) {
        json_object *status = kft_json_at(object, path, i);
        json_object *ended = kft_json_get(status, "state.terminated");
        const char *name = kft_json_string(status, "name");
        if (ended == NULL)
            continue;
        g_string_append_printf(out, "container \"%s\" ended with ", name != NULL ? name : "?");
        append_exit(out, ended);
        append_message(out, ended);
        return true;
    }
    return false;
}

/* "Unschedulable: 0/3 nodes are available: …". */
static bool append_condition(GString *out, json_object *object, const char *type)
{
    json_object *condition = find_condition(object, type);
    const char *reason = kft_json_string(condition, "reason");

    if (g_strcmp0(kft_json_string(condition, "status"), "False") != 0 || reason == NULL)
        return false;
    g_string_append(out, reason);
    append_message(out, condition);
    return true;
}

static bool append_pod_reason(GString *out, json_object *object)
{
    const char *reason = kft_json_string(object, "status.reason");
    if (reason == NULL)
        return false;
    g_string_append(out, reason);
    append_message(out, kft_json_get(object, "status"));
    return true;
}

/* Whether a container runs, or nothing is known about any. */
static bool has_running_container(json_object *object)
{
    const char *path = "status.containerStatuses";
    size_t n = kft_json_length(object, path);

    for (size_t i = 0; i < n; i++) {
        if (kft_json_get(kft_json_at(object, path, i), "state.running") != NULL)
            return true;
    }
    return n == 0;
}

static char *read_waiting_reason(const KftPod *self, json_object *object)
{
    g_autoptr(GString) out = g_string_new(NULL);
    bool is_known = false;

    switch (self->phase) {
    case KFT_POD_PHASE_RUNNING:
        if (has_running_container(object))
            return NULL;
        is_known = append_containers(out, object);
        break;
    case KFT_POD_PHASE_PENDING:
        is_known = append_condition(out, object, "PodScheduled") || append_init(out, object) ||
                   append_containers(out, object) || append_pod_reason(out, object);
        if (!is_known)
            g_string_append(out, self->is_scheduled ? "its containers are not started yet"
                                                    : "not assigned to a node yet");
        is_known = true;
        break;
    case KFT_POD_PHASE_SUCCEEDED:
        g_string_append(out, "Completed: all its containers have ended");
        is_known = true;
        break;
    case KFT_POD_PHASE_FAILED:
        is_known = append_pod_reason(out, object) || append_init(out, object) ||
                   append_containers(out, object);
        break;
    case KFT_POD_PHASE_UNKNOWN:
        is_known = append_pod_reason(out, object);
        break;
    }
    if (!is_known)
        g_string_append(out, "the server gives no reason");
    char *line = kft_one_line(out->str, MAX_REASON_CHARS);
    while (g_str_has_suffix(line, "."))
        line[strlen(line) - 1] = '\0';
    return line;
}

/* --- the model --- */

KftPod *kft_pod_new_from_json(json_object *object)
{
    const char *name = kft_json_string(object, "metadata.name");
    const char *uid = kft_json_string(object, "metadata.uid");
    const char *namespace_ = kft_json_string(object, "metadata.namespace");
    const char *node = kft_json_string(object, "spec.nodeName");
    json_object *ready = find_condition(object, "Ready");

    if (name == NULL)
        return NULL;
    KftPod *self = g_new0(KftPod, 1);
    self->ref_count = 1;
    self->name = g_strdup(name);
    self->uid = g_strdup(uid != NULL ? uid : "");
    self->namespace_ = g_strdup(namespace_ != NULL ? namespace_ : "");
    self->ip = g_strdup(kft_json_string(object, "status.podIP"));
    self->phase = read_phase(object);
    self->is_scheduled = node != NULL && node[0] != '\0';
    self->node = self->is_scheduled ? g_strdup(node) : NULL;
    self->is_ready = g_strcmp0(kft_json_string(ready, "status"), "True") == 0;
    self->is_terminating = kft_json_string(object, "metadata.deletionTimestamp") != NULL;
    self->ready_since = self->is_ready ? kft_json_time(ready, "lastTransitionTime") : 0;
    self->created = kft_json_time(object, "metadata.creationTimestamp");
    self->ports = g_ptr_array_new_with_free_func(port_free);
    add_ports(self, object, "spec.containers");
    add_ports(self, object, "spec.initContainers");
    read_restarts(self, object, "status.containerStatuses");
    read_restarts(self, object, "status.initContainerStatuses");
    self->waiting_reason = read_waiting_reason(self, object);
    return self;
}

KftPod *kft_pod_ref(KftPod *self)
{
    self->ref_count++;
    return self;
}

void kft_pod_unref(KftPod *self)
{
    if (self == NULL || --self->ref_count > 0)
        return;
    g_free(self->namespace_);
    g_free(self->name);
    g_free(self->uid);
    g_free(self->ip);
    g_free(self->node);
    g_free(self->waiting_reason);
    g_ptr_array_unref(self->ports);
    g_free(self);
}

uint16_t kft_pod_find_port(const KftPod *self, const char *name, bool *ret_is_udp)
{
    bool is_udp = false;

    for (guint i = 0; i < self->ports->len; i++) {
        const KftPodPort *port = g_ptr_array_index(self->ports, i);
        if (g_strcmp0(port->name, name) != 0)
            continue;
        if (port->is_tcp)
            return port->number;
        is_udp = true;
    }
    if (ret_is_udp != NULL)
        *ret_is_udp = is_udp;
    return 0;
}

bool kft_pod_has_port(const KftPod *self, uint16_t number, bool *ret_is_udp)
{
    bool is_udp = false;

    for (guint i = 0; i < self->ports->len; i++) {
        const KftPodPort *port = g_ptr_array_index(self->ports, i);
        if (port->number != number)
            continue;
        if (port->is_tcp)
            return true;
        is_udp = true;
    }
    if (ret_is_udp != NULL)
        *ret_is_udp = is_udp;
    return false;
}

/* Succeeded and Failed rank like a pod whose phase is not known to kubectl's table: last. */
static int phase_rank(const KftPod *pod)
{
    switch (pod->phase) {
    case KFT_POD_PHASE_RUNNING:
        return 2;
    case KFT_POD_PHASE_UNKNOWN:
        return 1;
    case KFT_POD_PHASE_PENDING:
    case KFT_POD_PHASE_SUCCEEDED:
    case KFT_POD_PHASE_FAILED:
        return 0;
    }
    g_assert_not_reached();
}

/* Earlier first; 0 means unknown and comes last. */
static int compare_times(int64_t a, int64_t b)
{
    if (a == b)
        return 0;
    if (a == 0 || b == 0)
        return a == 0 ? 1 : -1;
    return a < b ? -1 : 1;
}

int kft_pod_compare(const KftPod *a, const KftPod *b)
{
    if (a->is_scheduled != b->is_scheduled)
        return a->is_scheduled ? -1 : 1;
    if (phase_rank(a) != phase_rank(b))
        return phase_rank(b) - phase_rank(a);
    if (a->is_ready != b->is_ready)
        return a->is_ready ? -1 : 1;
    if (a->is_terminating != b->is_terminating)
        return a->is_terminating ? 1 : -1;
    int order = compare_times(a->ready_since, b->ready_since);
    if (order != 0)
        return order;
    if (a->n_restarts != b->n_restarts)
        return a->n_restarts < b->n_restarts ? -1 : 1;
    order = compare_times(a->created, b->created);
    return order != 0 ? order : strcmp(a->name, b->name);
}

bool kft_pod_is_usable(const KftPod *self)
{
    return self->phase == KFT_POD_PHASE_RUNNING && !self->is_terminating &&
           self->waiting_reason == NULL;
}
