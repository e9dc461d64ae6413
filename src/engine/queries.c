/* Queries from the command to the answer. Lists use the cluster that forwards use, so that what
 * runs shares its credential. A probe has a cluster of its own, which ends with it: hundreds of
 * contexts that are only looked at leave nothing behind, and a plugin that hangs is ended with its
 * probe. */
#include "engine/queries.h"

#include <string.h>

#include "kube/found.h"
#include "kube/inventory.h"
#include "kube/probe.h"
#include "net/timer.h"
#include "relay/removal.h"

/* A program that asks more at a time has a defect. */
#define MAX_OPEN 5000
#define EXCHANGE_LATER_MS 5000

struct KftQueries {
    KftLoop *loop;
    KftRelayHome *relays;
    KftQueriesFuncs funcs;
    void *user_data;
    GHashTable *open;  /* id → Open */
    GQueue waiting;    /* Open: probes that wait for their turn */
    unsigned n_probes; /* that run */
    bool is_shut_down;
    /* The kubeconfig that was last read, kept to the end of the loop's turn: the commands of a
     * burst, one for each context, read it once. */
    KftKubeconfig *loaded;
    char *loaded_name; /* "" = the default one */
    KftDeferred *forget;
};

typedef struct {
    KftQueries *owner;
    KftQueryId id;
    KftQueryType type;
    uint32_t timeout_ms;
    char *context;
    char *namespace_;
    KftCluster *cluster; /* of a probe */
    KftTimer *deadline;
    KftProbe *probe;
    KftInventory *inventory;
    KftRemoval *removal; /* of a relay */
} Open;

static void open_free(gpointer data)
{
    Open *open = data;
    if (open->probe != NULL)
        open->owner->n_probes--;
    (void)g_queue_remove(&open->owner->waiting, open);
    kft_probe_free(open->probe);
    kft_inventory_free(open->inventory);
    kft_removal_free(open->removal);
    kft_timer_free(open->deadline);
    kft_cluster_unref(open->cluster);
    g_free(open->context);
    g_free(open->namespace_);
    g_free(open);
}

/* --- answers --- */

static KftAnswer *answer_new(KftQueryId id, KftQueryType type)
{
    KftAnswer *answer = g_new0(KftAnswer, 1);
    answer->id = id;
    answer->type = type;
    return answer;
}

/* Takes @answer over. */
static void post_answer(KftQueries *self, KftAnswer *answer)
{
    KftEvent *event = g_new0(KftEvent, 1);
    event->type = KFT_EVENT_ANSWER;
    if (answer->items == NULL)
        answer->items = g_ptr_array_new();
    event->answer = answer;
    self->funcs.post(event, self->user_data);
}

static void set_error(KftAnswer *answer, const GError *error)
{
    answer->error = g_strdup(error->message);
    answer->error_code =
        error->domain == KFT_ERROR ? (KftErrorCode)error->code : KFT_ERROR_INTERNAL;
}

static void start_waiting(KftQueries *self);

/* The answer of @open, to be filled in and given to close_query(). */
static KftAnswer *open_answer(const Open *open)
{
    KftAnswer *answer = answer_new(open->id, open->type);
    answer->context = g_strdup(open->context);
    answer->namespace_ = g_strdup(open->namespace_);
    return answer;
}

/* Takes @answer over and frees @open. */
static void close_query(Open *open, KftAnswer *answer)
{
    KftQueries *self = open->owner;

    post_answer(self, answer);
    (void)g_hash_table_remove(self->open, GUINT_TO_POINTER(open->id.v));
    start_waiting(self);
}

static void close_with_error(Open *open, const GError *error)
{
    KftAnswer *answer = open_answer(open);
    set_error(answer, error);
    close_query(open, answer);
}

static void on_deadline(void *user_data)
{
    Open *open = user_data;
    g_autofree char *waits = open->probe != NULL ? kft_probe_describe_wait(open->probe)
                                                 : g_strdup_printf("the list of %s did not arrive",
                                                                   kft_query_type_name(open->type));
    g_autoptr(GError) error =
        g_error_new(KFT_ERROR, KFT_ERROR_TIMEOUT, "%s within %g s", waits, open->timeout_ms / 1e3);
    close_with_error(open, error);
}

/* --- kubeconfigs --- */

static void forget_loaded(void *user_data)
{
    KftQueries *self = user_data;
    self->forget = NULL;
    g_clear_pointer(&self->loaded, kft_kubeconfig_unref);
    g_clear_pointer(&self->loaded_name, g_free);
}

/* (transfer none), until the end of the turn. */
static KftKubeconfig *load(KftQueries *self, const char *kubeconfig, GError **error)
{
    const char *name = kubeconfig != NULL ? kubeconfig : "";

    if (self->loaded != NULL && strcmp(self->loaded_name, name) == 0)
        return self->loaded;
    KftKubeconfig *config = kft_kubeconfig_load(kubeconfig, error);
    if (config == NULL)
        return NULL;
    kft_kubeconfig_unref(self->loaded);
    g_free(self->loaded_name);
    self->loaded = config;
    self->loaded_name = g_strdup(name);
    if (self->forget == NULL)
        self->forget = kft_loop_defer(self->loop, forget_loaded, self);
    return config;
}

static void free_found_context(gpointer data)
{
    kft_found_context_free(data);
}

static KftFoundContext *describe_context(const KftKubeconfig *config, const char *name)
{
    g_autoptr(GError) error = NULL;
    KftKubeContextNames names = {0};
    KftKubeContext usable;

    if (!kft_kubeconfig_peek(config, name, &names))
        g_assert_not_reached();
    KftFoundContext *found = g_new0(KftFoundContext, 1);
    found->name = g_strdup(name);
    found->cluster = g_strdup(names.cluster);
    found->server = g_strdup(names.server);
    found->user = g_strdup(names.user);
    found->namespace_ = g_strdup(names.namespace_);
    found->is_current = g_strcmp0(kft_kubeconfig_get_current(config), name) == 0;
    if (!kft_kubeconfig_select(config, name, &usable, &error))
        found->error = g_strdup(error->message);
    return found;
}

static bool answer_contexts(KftQueries *self, const KftQuery *query, GError **error)
{
    KftKubeconfig *config = load(self, query->kubeconfig, error);
    if (config == NULL)
        return false;
    KftAnswer *answer = answer_new(query->id, query->type);
    g_autofree const char **names = kft_kubeconfig_list_contexts(config);
    answer->items = g_ptr_array_new_with_free_func(free_found_context);
    for (size_t i = 0; names[i] != NULL; i++)
        g_ptr_array_add(answer->items, describe_context(config, names[i]));
    post_answer(self, answer);
    return true;
}

/* --- probes --- */

static void on_probe_done(const KftProbeResult *result, const GError *error, void *user_data)
{
    Open *open = user_data;

    if (error != NULL) {
        close_with_error(open, error);
        return;
    }
    KftAnswer *answer = open_answer(open);
    answer->version = g_strdup(result->version);
    answer->note = g_strdup(result->refusal);
    answer->latency_ms = result->latency_ms;
    close_query(open, answer);
}

static void start_waiting(KftQueries *self)
{
    while (self->n_probes < KFT_QUERY_MAX_PROBES && !g_queue_is_empty(&self->waiting)) {
        Open *open = g_queue_pop_head(&self->waiting);
        self->n_probes++;
        kft_timer_start(open->deadline, open->timeout_ms);
        /* Behind the deadline, which says what was waited for. */
        open->probe = kft_probe_start(open->cluster, open->timeout_ms + EXCHANGE_LATER_MS,
                                      on_probe_done, open);
    }
}

/* --- starting --- */

/* Whose they are, as far as this installation can know. */
static void mark_relays(KftQueries *self, const GPtrArray *items)
{
    const char *state_dir = kft_relay_home_get_state_dir(self->relays);
    g_autofree char *installation = kft_journal_dup_installation(state_dir);

    for (guint i = 0; i < items->len; i++) {
        KftFoundRelay *relay = g_ptr_array_index(items, i);
        relay->is_own = installation != NULL && g_strcmp0(installation, relay->installation) == 0;
        relay->is_active = relay->is_own && relay->session != NULL &&
                           kft_journal_is_alive(state_dir, relay->session);
    }
}

static void on_relay_removed(KftRemoval *removal, void *user_data)
{
    Open *open = user_data;
    const GError *error = kft_removal_get_error(removal);

    if (error != NULL)
        close_with_error(open, error);
    else
        close_query(open, open_answer(open));
}

static bool start_removal(KftQueries *self, const KftQuery *query, KftCluster *cluster, Open *open)
{
    const char *state_dir = kft_relay_home_get_state_dir(self->relays);
    g_autofree char *installation = kft_journal_dup_installation(state_dir);
    const char *namespace_ = query->namespace_ != NULL ? query->namespace_ : open->namespace_;

    if (installation == NULL || query->name == NULL)
        return false;
    kft_timer_start(open->deadline, open->timeout_ms);
    open->removal =
        kft_removal_start(cluster, namespace_, query->name, installation, on_relay_removed, open);
    return true;
}

static void
on_inventory_done(GPtrArray *items, const char *note, const GError *error, void *user_data)
{
    Open *open = user_data;

    if (error != NULL) {
        close_with_error(open, error);
        return;
    }
    KftAnswer *answer = open_answer(open);
    answer->items = items;
    answer->note = g_strdup(note);
    if (open->type == KFT_QUERY_RELAYS)
        mark_relays(open->owner, items);
    if (open->type == KFT_QUERY_PODS)
        answer->selectors = kft_found_list_selectors(items);
    close_query(open, answer);
}

static Open *open_new(KftQueries *self, const KftQuery *query, const KftKubeContext *context)
{
    bool is_probe = query->type == KFT_QUERY_PROBE;
    Open *open = g_new0(Open, 1);
    open->owner = self;
    open->id = query->id;
    open->type = query->type;
    open->timeout_ms = query->timeout_ms;
    if (open->timeout_ms == 0)
        open->timeout_ms = is_probe ? KFT_DEFAULT_PROBE_MS : KFT_DEFAULT_QUERY_MS;
    open->context = g_strdup(context->name);
    open->namespace_ = g_strdup(context->namespace_);
    open->deadline = kft_timer_new(self->loop, on_deadline, open);
    g_hash_table_insert(self->open, GUINT_TO_POINTER(open->id.v), open);
    return open;
}

static void
start_inventory(Open *open, const KftQuery *query, KftKubeconfig *config, KftCluster *cluster)
{
    g_auto(GStrv) known = kft_kubeconfig_list_namespaces(config, open->context);
    bool is_relays = query->type == KFT_QUERY_RELAYS;
    KftInventorySpec spec = {
        .type = query->type,
        .selector = is_relays ? KFT_RELAY_LABEL_INSTALLATION : query->selector,
        .known = known,
    };

    if (query->type != KFT_QUERY_NAMESPACES && !query->all_namespaces)
        spec.namespace_ = query->namespace_ != NULL ? query->namespace_ : open->namespace_;
    kft_timer_start(open->deadline, open->timeout_ms);
    open->inventory = kft_inventory_start(cluster, &spec, on_inventory_done, open);
}

static bool start_query(KftQueries *self, const KftQuery *query, GError **error)
{
    KftKubeContext context;

    if (query->type == KFT_QUERY_CONTEXTS)
        return answer_contexts(self, query, error);
    KftKubeconfig *config = load(self, query->kubeconfig, error);
    if (config == NULL || !kft_kubeconfig_select(config, query->context, &context, error))
        return false;
    if (query->type == KFT_QUERY_PROBE) {
        Open *open = open_new(self, query, &context);
        open->cluster = kft_cluster_new(self->loop, config, &context);
        g_queue_push_tail(&self->waiting, open);
        start_waiting(self);
        return true;
    }
    KftCluster *cluster =
        self->funcs.find_cluster(query->kubeconfig, context.name, error, self->user_data);
    if (cluster == NULL)
        return false;
    Open *open = open_new(self, query, &context);
    if (query->type != KFT_QUERY_DELETE_RELAY) {
        start_inventory(open, query, config, cluster);
    } else if (!start_removal(self, query, cluster, open)) {
        g_autoptr(GError) refusal = g_error_new_literal(
            KFT_ERROR, KFT_ERROR_NOT_FOUND, "this installation has not deployed any relay");
        close_with_error(open, refusal);
    }
    return true;
}

void kft_queries_start(KftQueries *self, const KftQuery *query)
{
    g_autoptr(GError) error = NULL;

    if (self->is_shut_down)
        error = g_error_new_literal(KFT_ERROR, KFT_ERROR_CANCELLED, "the engine is stopping");
    else if (g_hash_table_contains(self->open, GUINT_TO_POINTER(query->id.v)))
        error =
            g_error_new(KFT_ERROR, KFT_ERROR_BAD_CONFIG, "query %u is open already", query->id.v);
    else if (g_hash_table_size(self->open) >= MAX_OPEN)
        error = g_error_new(KFT_ERROR, KFT_ERROR_LIMIT, "%d queries are open already", MAX_OPEN);
    else if (start_query(self, query, &error))
        return;
    KftAnswer *answer = answer_new(query->id, query->type);
    answer->context = g_strdup(query->context);
    set_error(answer, error);
    post_answer(self, answer);
}

/* --- ending --- */

static void cancel(Open *open)
{
    g_autoptr(GError) error = g_error_new_literal(KFT_ERROR, KFT_ERROR_CANCELLED, "cancelled");
    close_with_error(open, error);
}

void kft_queries_cancel(KftQueries *self, KftQueryId id)
{
    Open *open = g_hash_table_lookup(self->open, GUINT_TO_POINTER(id.v));
    if (open != NULL)
        cancel(open);
}

void kft_queries_shutdown(KftQueries *self)
{
    GHashTableIter iter;
    gpointer value = NULL;

    self->is_shut_down = true;
    g_queue_clear(&self->waiting);
    g_hash_table_iter_init(&iter, self->open);
    while (g_hash_table_iter_next(&iter, NULL, &value)) {
        cancel(value);
        /* The table has changed. */
        g_hash_table_iter_init(&iter, self->open);
    }
}

KftQueries *
kft_queries_new(KftLoop *loop, KftRelayHome *relays, const KftQueriesFuncs *funcs, void *user_data)
{
    KftQueries *self = g_new0(KftQueries, 1);
    self->loop = loop;
    self->relays = relays;
    self->funcs = *funcs;
    self->user_data = user_data;
    self->open = g_hash_table_new_full(g_direct_hash, g_direct_equal, NULL, open_free);
    g_queue_init(&self->waiting);
    return self;
}

void kft_queries_free(KftQueries *self)
{
    if (self == NULL)
        return;
    g_hash_table_unref(self->open);
    if (self->forget != NULL)
        kft_deferred_cancel(self->forget);
    kft_kubeconfig_unref(self->loaded);
    g_free(self->loaded_name);
    g_free(self);
}
