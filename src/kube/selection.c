/* The choice of pods and ports. Each asked-for port first becomes a want: a number to use as it is,
 * a name to look up per pod (pods of one service may map it to different numbers), or a number that
 * counts only if a container declares it. A pod that satisfies all wants and can be used is a
 * candidate. A want that no pod satisfies is an error, not a wait: more pods of the same kind would
 * not have it either. */
#include "kube/selection.h"

#include <string.h>

#include "kftray/error.h"

#include "base/log.h"

typedef enum {
    WANT_NUMBER,
    WANT_NAME,
    WANT_DECLARED,
} WantKind;

typedef struct {
    WantKind kind;
    uint16_t number;
    const char *name;
    const KftServicePort *service_port; /* nullable */
    const KftPortSpec *spec;
} Want;

typedef struct {
    const KftSelectionInput *input;
    Want *wants;
    GArray *slots;       /* Slot */
    GHashTable *by_name; /* pod name → index of its slot */
    KftSelection *selection;
} Builder;

/* A pod with where its ports begin in the array of all. */
typedef struct {
    KftPod *pod;
    uint16_t *ports;
} Slot;

/* --- wants --- */

static bool refuse_udp(const char *owner, const char *port, GError **error)
{
    g_set_error(error, KFT_ERROR, KFT_ERROR_BAD_CONFIG,
                "port %s of %s is not TCP, and only TCP can be forwarded", port, owner);
    return false;
}

static bool
make_service_want(const KftService *service, const KftPortSpec *spec, Want *want, GError **error)
{
    bool is_name = spec->remote_number == 0;
    const KftServicePort *port =
        kft_service_find_port(service, is_name ? spec->remote : NULL, spec->remote_number);

    if (port == NULL) {
        /* Perhaps a port of the containers that the service does not lead to. */
        want->kind = is_name ? WANT_NAME : WANT_DECLARED;
        return true;
    }
    if (!port->is_tcp) {
        g_autofree char *owner = g_strdup_printf("service \"%s\"", service->name);
        return refuse_udp(owner, spec->remote, error);
    }
    if (service->is_headless && port->target_number != port->number)
        kft_log(KFT_LOG_KUBE, KFT_LEVEL_DEBUG,
                "headless service %s: port %u leads to its target port, not to itself",
                service->name, port->number);
    want->service_port = port;
    want->kind = port->target_name != NULL ? WANT_NAME : WANT_NUMBER;
    want->name = port->target_name;
    want->number = port->target_number;
    return true;
}

static bool make_wants(Builder *self, GError **error)
{
    const KftSelectionInput *input = self->input;

    for (size_t i = 0; i < input->n_ports; i++) {
        const KftPortSpec *spec = &input->ports[i];
        Want *want = &self->wants[i];
        *want = (Want){.spec = spec, .number = spec->remote_number};
        want->kind = spec->remote_number == 0 ? WANT_NAME : WANT_NUMBER;
        want->name = spec->remote_number == 0 ? spec->remote : NULL;
        if (input->service != NULL && !make_service_want(input->service, spec, want, error))
            return false;
    }
    return true;
}

static uint16_t satisfy(const Want *want, const KftPod *pod)
{
    switch (want->kind) {
    case WANT_NUMBER:
        return want->number;
    case WANT_NAME:
        return kft_pod_find_port(pod, want->name, NULL);
    case WANT_DECLARED:
        return kft_pod_has_port(pod, want->number, NULL) ? want->number : 0;
    }
    g_assert_not_reached();
}

/* Endpoints hold the resolved target ports under the names of the service ports. */
static uint16_t satisfy_by_endpoints(const Want *want, const KftEndpointSet *set)
{
    if (want->service_port != NULL)
        return kft_endpoint_set_find_port(set, want->service_port->name);
    for (guint i = 0; i < set->ports->len && want->kind == WANT_DECLARED; i++) {
        const KftPodPort *port = g_ptr_array_index(set->ports, i);
        if (port->is_tcp && port->number == want->number)
            return want->number;
    }
    return 0;
}

/* --- the port is not there --- */

static char *describe_pod_ports(const KftPod *pod)
{
    g_autoptr(GString) out = g_string_new(NULL);

    for (guint i = 0; i < pod->ports->len; i++) {
        const KftPodPort *port = g_ptr_array_index(pod->ports, i);
        g_string_append_printf(out, "%s%u%s", out->len > 0 ? ", " : "", port->number,
                               port->is_tcp ? "" : "/UDP");
        if (port->name != NULL)
            g_string_append_printf(out, " (%s)", port->name);
    }
    return g_strdup(out->len > 0 ? out->str : "none");
}

static bool is_udp_only(const Want *want, const KftPod *pod)
{
    bool is_udp = false;

    if (want->kind == WANT_NAME)
        (void)kft_pod_find_port(pod, want->name, &is_udp);
    else
        (void)kft_pod_has_port(pod, want->number, &is_udp);
    return is_udp;
}

static void set_no_service_port(const KftService *service, const Want *want, GError **error)
{
    g_autofree char *ports = kft_service_describe_ports(service);

    if (want->service_port != NULL)
        g_set_error(error, KFT_ERROR, KFT_ERROR_NOT_FOUND,
                    "port %s of service \"%s\" leads to the container port \"%s\", which no "
                    "container of its pods declares",
                    want->spec->remote, service->name, want->name != NULL ? want->name : "?");
    else
        g_set_error(error, KFT_ERROR, KFT_ERROR_NOT_FOUND,
                    "service \"%s\" has no port %s, and no container of its pods declares it; its "
                    "ports are: %s",
                    service->name, want->spec->remote, ports);
}

static void set_no_port(const Builder *self, const Want *want, GError **error)
{
    const KftPod *pod = NULL;

    if (self->slots->len > 0)
        pod = g_array_index(self->slots, Slot, 0).pod;
    if (self->input->service != NULL) {
        set_no_service_port(self->input->service, want, error);
    } else if (pod != NULL) {
        g_autofree char *ports = describe_pod_ports(pod);
        g_set_error(error, KFT_ERROR, KFT_ERROR_NOT_FOUND,
                    "pod \"%s\" has no port named \"%s\"; its ports are: %s", pod->name,
                    want->spec->remote, ports);
    }
}

/* Fails if a want is out of reach for every pod that exists. */
static bool check_wants(const Builder *self, GError **error)
{
    for (size_t i = 0; i < self->input->n_ports; i++) {
        const Want *want = &self->wants[i];
        bool is_satisfied = self->slots->len == 0;
        for (guint k = 0; k < self->slots->len; k++) {
            const Slot *slot = &g_array_index(self->slots, Slot, k);
            g_autofree char *owner = g_strdup_printf("pod \"%s\"", slot->pod->name);
            if (want->service_port == NULL && is_udp_only(want, slot->pod))
                return refuse_udp(owner, want->spec->remote, error);
            is_satisfied |= slot->ports[i] != 0;
        }
        if (!is_satisfied) {
            set_no_port(self, want, error);
            return false;
        }
    }
    return true;
}

/* --- pods --- */

static void add_slot(Builder *self, KftPod *pod, const KftEndpointSet *set)
{
    size_t n_ports = self->input->n_ports;
    Slot slot = {.pod = pod, .ports = g_new0(uint16_t, MAX(n_ports, 1))};

    for (size_t i = 0; i < n_ports; i++)
        slot.ports[i] = set != NULL ? satisfy_by_endpoints(&self->wants[i], set)
                                    : satisfy(&self->wants[i], pod);
    (void)g_hash_table_insert(self->by_name, pod->name, GUINT_TO_POINTER(self->slots->len));
    g_array_append_val(self->slots, slot);
    g_ptr_array_add(self->selection->pods, kft_pod_ref(pod));
}

static Slot *find_slot(const Builder *self, const KftPod *pod)
{
    gpointer index = NULL;

    if (!g_hash_table_lookup_extended(self->by_name, pod->name, NULL, &index))
        return NULL;
    return &g_array_index(self->slots, Slot, GPOINTER_TO_UINT(index));
}

/* A pod stands in a slice per address family, and in several slices if ports differ. */
static void add_endpoint_sets(Builder *self)
{
    for (guint i = 0; i < self->input->endpoint_sets->len; i++) {
        const KftEndpointSet *set = g_ptr_array_index(self->input->endpoint_sets, i);
        for (guint k = 0; k < set->pods->len; k++) {
            KftPod *pod = g_ptr_array_index(set->pods, k);
            Slot *known = find_slot(self, pod);
            if (known == NULL) {
                add_slot(self, pod, set);
                continue;
            }
            for (size_t n = 0; n < self->input->n_ports; n++) {
                if (known->ports[n] == 0)
                    known->ports[n] = satisfy_by_endpoints(&self->wants[n], set);
            }
        }
    }
}

static bool has_all_ports(const Builder *self, const Slot *slot)
{
    for (size_t i = 0; i < self->input->n_ports; i++) {
        if (slot->ports[i] == 0)
            return false;
    }
    return true;
}

static int compare_slots(gconstpointer a, gconstpointer b)
{
    return kft_pod_compare(((const Slot *)a)->pod, ((const Slot *)b)->pod);
}

static void add_candidates(Builder *self)
{
    KftSelection *selection = self->selection;
    size_t n_ports = self->input->n_ports;

    selection->ports = g_new0(uint16_t, MAX(n_ports * self->slots->len, 1));
    for (guint i = 0; i < self->slots->len; i++) {
        const Slot *slot = &g_array_index(self->slots, Slot, i);
        if (!kft_pod_is_usable(slot->pod) || !has_all_ports(self, slot))
            continue;
        uint16_t *ports = selection->ports + n_ports * selection->candidates->len;
        for (size_t k = 0; k < n_ports; k++)
            ports[k] = slot->ports[k];
        KftCandidate candidate = {.pod = kft_pod_ref(slot->pod), .ports = ports};
        g_array_append_val(selection->candidates, candidate);
    }
}

/* A name alone as the port pair "http" listens on the service's port, else on the container's. */
static void set_local_numbers(Builder *self)
{
    KftSelection *selection = self->selection;

    for (size_t i = 0; i < self->input->n_ports; i++) {
        const Want *want = &self->wants[i];
        if (want->service_port != NULL)
            selection->local_numbers[i] = want->service_port->number;
        else if (want->spec->remote_number != 0)
            selection->local_numbers[i] = want->spec->remote_number;
        else if (selection->candidates->len > 0)
            selection->local_numbers[i] =
                g_array_index(selection->candidates, KftCandidate, 0).ports[i];
    }
}

/* --- waiting --- */

static char *describe_pod_wait(const KftPod *pod)
{
    static const char *const phases[] = {
        [KFT_POD_PHASE_PENDING] = "Pending",     [KFT_POD_PHASE_RUNNING] = "not running",
        [KFT_POD_PHASE_SUCCEEDED] = "Succeeded", [KFT_POD_PHASE_FAILED] = "Failed",
        [KFT_POD_PHASE_UNKNOWN] = "Unknown",
    };
    if (pod->is_terminating)
        return g_strdup_printf("pod \"%s\" is being deleted", pod->name);
    if (pod->waiting_reason == NULL)
        return g_strdup_printf("pod \"%s\" does not have the port", pod->name);
    return g_strdup_printf("pod \"%s\" is %s: %s", pod->name, phases[pod->phase],
                           pod->waiting_reason);
}

/* The pod whose state explains best why nothing can be used: one that is still to come. */
static const KftPod *find_hope(const Builder *self)
{
    const KftPod *best = NULL;

    for (guint i = 0; i < self->slots->len; i++) {
        const KftPod *pod = g_array_index(self->slots, Slot, i).pod;
        if (best == NULL || (best->is_terminating && !pod->is_terminating))
            best = pod;
    }
    return best;
}

static char *describe_no_pods(const KftSelectionInput *input)
{
    g_autofree char *target = kft_target_describe(input->target);
    const KftWorkload *workload = input->workload;

    if (input->target->kind == KFT_TARGET_POD)
        return g_strdup_printf("%s does not exist in namespace \"%s\"", target, input->namespace_);
    if (input->service != NULL && input->service->selector == NULL)
        return g_strdup_printf("%s has no endpoints, and no selector that would find pods", target);
    if (input->service != NULL)
        return g_strdup_printf("%s has no endpoints: no pod matches %s", target,
                               input->service->selector);
    if (workload != NULL && workload->replicas == 0)
        return g_strdup_printf("%s has no pods: it is scaled to 0 replicas", target);
    if (workload != NULL && workload->is_finished)
        return g_strdup_printf("%s has no pods: it has ended", target);
    if (workload != NULL)
        return g_strdup_printf("%s has no pods: none matches %s", target, workload->selector);
    return g_strdup_printf("no pod in namespace \"%s\" matches %s", input->namespace_,
                           input->target->selector);
}

static void set_waiting_reason(Builder *self)
{
    const KftPod *pod = find_hope(self);

    if (self->selection->candidates->len > 0)
        return;
    if (pod == NULL) {
        self->selection->waiting_reason = describe_no_pods(self->input);
        return;
    }
    g_autofree char *wait = describe_pod_wait(pod);
    guint n_others = self->slots->len - 1;
    if (n_others == 0)
        self->selection->waiting_reason = g_steal_pointer(&wait);
    else
        self->selection->waiting_reason =
            g_strdup_printf("%s (and %u more pod%s)", wait, n_others, n_others == 1 ? "" : "s");
}

/* --- the whole --- */

/* What cannot be forwarded to, whatever pods there are. */
static bool check_target(const KftSelectionInput *input, GError **error)
{
    const KftService *service = input->service;

    if (service != NULL && service->external_name != NULL) {
        g_set_error(error, KFT_ERROR, KFT_ERROR_BAD_CONFIG,
                    "service \"%s\" is only another name for \"%s\": there are no pods behind it",
                    service->name, service->external_name);
        return false;
    }
    if (input->workload != NULL && input->workload->selector == NULL) {
        g_autofree char *target = kft_target_describe(input->target);
        g_set_error(error, KFT_ERROR, KFT_ERROR_BAD_CONFIG,
                    "%s has no selector that this program understands", target);
        return false;
    }
    if (input->pods != NULL || service == NULL)
        return true;
    const char *foreign = NULL;
    for (guint i = 0; i < input->endpoint_sets->len; i++) {
        const KftEndpointSet *set = g_ptr_array_index(input->endpoint_sets, i);
        if (set->pods->len > 0)
            return true;
        if (foreign == NULL)
            foreign = set->foreign_address;
    }
    if (foreign == NULL)
        return true;
    g_set_error(error, KFT_ERROR, KFT_ERROR_BAD_CONFIG,
                "service \"%s\" leads to %s, which is no pod: only pods can be forwarded to",
                service->name, foreign);
    return false;
}

static void clear_slot(gpointer data)
{
    g_free(((Slot *)data)->ports);
}

static void clear_candidate(gpointer data)
{
    kft_pod_unref(((KftCandidate *)data)->pod);
}

static void unref_pod(gpointer data)
{
    kft_pod_unref(data);
}

static KftSelection *new_empty(size_t n_ports)
{
    KftSelection *self = g_new0(KftSelection, 1);
    self->candidates = g_array_new(FALSE, FALSE, sizeof(KftCandidate));
    g_array_set_clear_func(self->candidates, clear_candidate);
    self->pods = g_ptr_array_new_with_free_func(unref_pod);
    self->local_numbers = g_new0(uint16_t, MAX(n_ports, 1));
    self->n_ports = n_ports;
    return self;
}

static bool build(Builder *self, GError **error)
{
    if (!check_target(self->input, error) || !make_wants(self, error))
        return false;
    for (guint i = 0; self->input->pods != NULL && i < self->input->pods->len; i++)
        add_slot(self, g_ptr_array_index(self->input->pods, i), NULL);
    if (self->input->pods == NULL)
        add_endpoint_sets(self);
    g_array_sort(self->slots, compare_slots);
    if (!check_wants(self, error))
        return false;
    add_candidates(self);
    set_local_numbers(self);
    set_waiting_reason(self);
    return true;
}

KftSelection *kft_selection_new(const KftSelectionInput *input, GError **error)
{
    Builder builder = {
        .input = input,
        .wants = g_new0(Want, MAX(input->n_ports, 1)),
        .slots = g_array_new(FALSE, FALSE, sizeof(Slot)),
        .by_name = g_hash_table_new(g_str_hash, g_str_equal),
        .selection = new_empty(input->n_ports),
    };

    g_array_set_clear_func(builder.slots, clear_slot);
    if (!build(&builder, error))
        g_clear_pointer(&builder.selection, kft_selection_free);
    g_hash_table_unref(builder.by_name);
    g_array_unref(builder.slots);
    g_free(builder.wants);
    return builder.selection;
}

KftSelection *kft_selection_new_waiting(const char *reason, size_t n_ports)
{
    KftSelection *self = new_empty(n_ports);
    self->waiting_reason = g_strdup(reason);
    return self;
}

void kft_selection_free(KftSelection *self)
{
    if (self == NULL)
        return;
    g_array_unref(self->candidates);
    g_ptr_array_unref(self->pods);
    g_free(self->waiting_reason);
    g_free(self->ports);
    g_free(self->local_numbers);
    g_free(self);
}

static bool same_candidate(const KftCandidate *a, const KftCandidate *b, size_t n_ports)
{
    return strcmp(a->pod->uid, b->pod->uid) == 0 && strcmp(a->pod->name, b->pod->name) == 0 &&
           a->pod->is_ready == b->pod->is_ready &&
           memcmp(a->ports, b->ports, n_ports * sizeof *a->ports) == 0;
}

/* Whether both hold the same pods, in any order. */
static bool same_pods(const GPtrArray *a, const GPtrArray *b)
{
    g_autoptr(GHashTable) known = g_hash_table_new(g_str_hash, g_str_equal);

    for (guint i = 0; i < a->len; i++) {
        KftPod *pod = g_ptr_array_index(a, i);
        (void)g_hash_table_insert(known, pod->name, pod);
    }
    for (guint i = 0; i < b->len; i++) {
        const KftPod *pod = g_ptr_array_index(b, i);
        const KftPod *other = g_hash_table_lookup(known, pod->name);
        if (other == NULL || strcmp(other->uid, pod->uid) != 0)
            return false;
    }
    return a->len == b->len;
}

bool kft_selection_equal(const KftSelection *a, const KftSelection *b)
{
    if (a == NULL || b == NULL)
        return a == b;
    if (a->n_ports != b->n_ports || a->candidates->len != b->candidates->len ||
        g_strcmp0(a->waiting_reason, b->waiting_reason) != 0)
        return false;
    for (guint i = 0; i < a->candidates->len; i++) {
        if (!same_candidate(&g_array_index(a->candidates, KftCandidate, i),
                            &g_array_index(b->candidates, KftCandidate, i), a->n_ports))
            return false;
    }
    return same_pods(a->pods, b->pods) &&
           memcmp(a->local_numbers, b->local_numbers, a->n_ports * sizeof *a->local_numbers) == 0;
}
