/* Two lists: the candidates as the resolver gave them, and the backends, which have pools. A
 * backend is chosen (new connections go there), a guest (opened for a connection that a chosen pod
 * refused), or neither: then it drains and is freed with its last pair. choose() is the only place
 * that chooses, from the candidates and the way to balance; everything else only calls it. */
#include "forward/backends.h"

#include <string.h>

#include "kftray/error.h"

#include "base/backoff.h"
#include "base/log.h"
#include "net/timer.h"

/* Balanced forwards use at most so many pods at once. */
#define MAX_CHOSEN 8
/* How long a pod that is gone, though a watch has not said so yet, is passed over. */
#define SUSPECT_MS 10000
#define GUEST_IDLE_MS 30000
#define RETRY_BASE_MS 1000
#define RETRY_CAP_MS 30000

typedef struct {
    KftPod *pod;
    uint16_t *ports;
    uint64_t suspect_until_ms;
} Candidate;

typedef struct {
    KftBackends *owner;
    KftPod *pod;
    KftPool *pool;
    uint16_t *ports;
    bool is_chosen;
    bool is_guest;
    bool is_connecting;
    KftTimer *retry;
    KftBackoff backoff;
} Backend;

struct KftBackends {
    KftCluster *cluster;
    KftLoop *loop;
    KftTransport transport;
    KftBalance balance;
    size_t n_ports;
    KftBackendsFuncs funcs;
    void *user_data;
    GPtrArray *candidates; /* Candidate, owned, best first */
    GPtrArray *backends;   /* Backend, owned */
    guint turn;            /* of round robin */
    KftTimer *guests;      /* frees idle ones */
    KftHeldList held;      /* of all pools */
};

/* --- candidates --- */

static bool is_same_pod(const KftPod *a, const KftPod *b)
{
    return strcmp(a->uid, b->uid) == 0 && strcmp(a->name, b->name) == 0;
}

static void candidate_free(void *data)
{
    Candidate *candidate = data;
    kft_pod_unref(candidate->pod);
    g_free(candidate->ports);
    g_free(candidate);
}

static Candidate *find_candidate(const GPtrArray *candidates, const KftPod *pod)
{
    for (guint i = 0; i < candidates->len; i++) {
        Candidate *candidate = g_ptr_array_index(candidates, i);
        if (is_same_pod(candidate->pod, pod))
            return candidate;
    }
    return NULL;
}

static bool is_suspect(const KftBackends *self, const Candidate *candidate)
{
    return candidate->suspect_until_ms > kft_loop_now_ms(self->loop);
}

/* Whether @a is to be preferred to @b, which stands behind it. */
static bool is_better(const KftBackends *self, const Candidate *a, const Candidate *b)
{
    if (is_suspect(self, a) != is_suspect(self, b))
        return is_suspect(self, b);
    return a->pod->is_ready && !b->pod->is_ready;
}

static const Candidate *find_best(const KftBackends *self)
{
    const Candidate *best = NULL;
    for (guint i = 0; i < self->candidates->len; i++) {
        const Candidate *candidate = g_ptr_array_index(self->candidates, i);
        if (best == NULL || is_better(self, candidate, best))
            best = candidate;
    }
    return best;
}

/* --- backends --- */

static void backend_free(void *data)
{
    Backend *backend = data;
    kft_timer_free(backend->retry);
    kft_pool_free(backend->pool);
    kft_pod_unref(backend->pod);
    g_free(backend->ports);
    g_free(backend);
}

/* No new connections from now on. */
static void retire(KftBackends *self, Backend *backend)
{
    if (backend->is_chosen)
        kft_log(KFT_LOG_FORWARD, KFT_LEVEL_INFO, "pod=%s gets no new connections",
                backend->pod->name);
    backend->is_chosen = false;
    backend->is_guest = false;
    kft_timer_stop(backend->retry);
    if (kft_pool_get_n_pairs(backend->pool) == 0)
        (void)g_ptr_array_remove_fast(self->backends, backend);
    else
        kft_pool_drain(backend->pool);
}

/* The one of @pod that may get connections; a pod has one at most. */
static Backend *find_active(const KftBackends *self, const KftPod *pod)
{
    for (guint i = 0; i < self->backends->len; i++) {
        Backend *backend = g_ptr_array_index(self->backends, i);
        if ((backend->is_chosen || backend->is_guest) && is_same_pod(backend->pod, pod))
            return backend;
    }
    return NULL;
}

static bool is_usable(const Backend *backend)
{
    return backend->is_chosen && kft_pool_is_ready(backend->pool);
}

size_t kft_backends_get_n_ready(const KftBackends *self)
{
    size_t n = 0;
    for (guint i = 0; i < self->backends->len; i++)
        n += is_usable(g_ptr_array_index(self->backends, i)) ? 1 : 0;
    return n;
}

bool kft_backends_is_ready(const KftBackends *self)
{
    return kft_backends_get_n_ready(self) > 0;
}

static bool is_any_connecting(const KftBackends *self)
{
    for (guint i = 0; i < self->backends->len; i++) {
        const Backend *backend = g_ptr_array_index(self->backends, i);
        if (backend->is_chosen && backend->is_connecting)
            return true;
    }
    return false;
}

static void connect_backend(Backend *backend)
{
    backend->is_connecting = true;
    kft_pool_connect(backend->pool);
}

static void on_retry(void *user_data)
{
    connect_backend(user_data);
}

static void on_pool_ready(KftPool *pool, void *user_data)
{
    Backend *backend = user_data;
    KftBackends *self = backend->owner;
    (void)pool;

    backend->is_connecting = false;
    kft_backoff_reset(&backend->backoff);
    if (backend->is_chosen || backend->is_guest)
        self->funcs.on_ready(self->user_data);
}

static void on_pool_failed(KftPool *pool, const GError *error, void *user_data)
{
    Backend *backend = user_data;
    KftBackends *self = backend->owner;
    (void)pool;

    backend->is_connecting = false;
    if (!backend->is_chosen) {
        retire(self, backend);
        return;
    }
    if (!kft_backends_is_ready(self) && !is_any_connecting(self)) {
        self->funcs.on_failed(error, self->user_data);
        return;
    }
    kft_log(KFT_LOG_FORWARD, KFT_LEVEL_INFO, "pod=%s is left out for now: %s", backend->pod->name,
            error->message);
    kft_timer_start(backend->retry, kft_backoff_next_ms(&backend->backoff));
}

static void on_pool_lost(KftPool *pool, const char *reason, void *user_data)
{
    Backend *backend = user_data;
    KftBackends *self = backend->owner;
    (void)pool;

    if (!backend->is_chosen) {
        retire(self, backend);
        return;
    }
    if (kft_backends_is_ready(self)) {
        connect_backend(backend);
        return;
    }
    g_autoptr(GError) error =
        g_error_new(KFT_ERROR, KFT_ERROR_UNREACHABLE, "lost connection to pod \"%s\": %s",
                    backend->pod->name, reason);
    self->funcs.on_lost(error, self->user_data);
}

static void on_pool_idle(KftPool *pool, void *user_data)
{
    Backend *backend = user_data;
    KftBackends *self = backend->owner;
    (void)pool;

    if (backend->is_guest)
        kft_timer_start(self->guests, GUEST_IDLE_MS);
    else if (!backend->is_chosen)
        retire(self, backend);
}

static Backend *add_backend(KftBackends *self, const Candidate *candidate)
{
    static const KftPoolFuncs funcs = {
        .on_ready = on_pool_ready,
        .on_failed = on_pool_failed,
        .on_lost = on_pool_lost,
        .on_idle = on_pool_idle,
    };
    Backend *backend = g_new0(Backend, 1);
    backend->owner = self;
    backend->pod = kft_pod_ref(candidate->pod);
    backend->ports = g_memdup2(candidate->ports, self->n_ports * sizeof *candidate->ports);
    backend->retry = kft_timer_new(self->loop, on_retry, backend);
    kft_backoff_init(&backend->backoff, RETRY_BASE_MS, RETRY_CAP_MS);
    backend->pool = kft_pool_new(self->cluster, &self->held, candidate->pod, candidate->ports[0],
                                 self->transport, &funcs, backend);
    g_ptr_array_add(self->backends, backend);
    return backend;
}

/* --- choosing --- */

/* Stays with the pod in use as long as it is as good as any. */
static const Candidate *choose_sticky(const KftBackends *self)
{
    const Candidate *best = find_best(self);
    for (guint i = 0; i < self->backends->len && best != NULL; i++) {
        const Backend *backend = g_ptr_array_index(self->backends, i);
        const Candidate *current =
            backend->is_chosen ? find_candidate(self->candidates, backend->pod) : NULL;
        if (current != NULL && !is_better(self, best, current))
            return current;
    }
    return best;
}

/* The candidates that should have connections; borrowed. */
static GPtrArray *list_choice(const KftBackends *self)
{
    GPtrArray *choice = g_ptr_array_new();
    bool is_sticky = self->balance == KFT_BALANCE_STICKY;

    for (guint i = 0; i < self->candidates->len && !is_sticky && choice->len < MAX_CHOSEN; i++) {
        Candidate *candidate = g_ptr_array_index(self->candidates, i);
        if (candidate->pod->is_ready && !is_suspect(self, candidate))
            g_ptr_array_add(choice, candidate);
    }
    const Candidate *one = choice->len == 0 ? choose_sticky(self) : NULL;
    if (one != NULL)
        g_ptr_array_add(choice, find_candidate(self->candidates, one->pod));
    return choice;
}

/* Retires what is not to be used any more: a guest may stay as long as its pod is listed. */
static void retire_others(KftBackends *self, const GPtrArray *choice)
{
    for (guint i = self->backends->len; i-- > 0;) {
        Backend *backend = g_ptr_array_index(self->backends, i);
        const GPtrArray *allowed = backend->is_chosen ? choice : self->candidates;
        const Candidate *candidate = find_candidate(allowed, backend->pod);
        if (!backend->is_chosen && !backend->is_guest)
            continue;
        if (candidate == NULL)
            retire(self, backend);
        else /* a service may now name another port of the same pod */
            memcpy(backend->ports, candidate->ports, self->n_ports * sizeof *backend->ports);
    }
}

/* Returns whether there is a chosen one that was none before. */
static bool choose(KftBackends *self)
{
    g_autoptr(GPtrArray) choice = list_choice(self);
    bool has_new = false;

    retire_others(self, choice);
    for (guint i = 0; i < choice->len; i++) {
        const Candidate *candidate = g_ptr_array_index(choice, i);
        Backend *backend = find_active(self, candidate->pod);
        if (backend != NULL && backend->is_chosen)
            continue;
        if (backend == NULL)
            backend = add_backend(self, candidate);
        backend->is_chosen = true;
        backend->is_guest = false;
        has_new = true;
    }
    return has_new;
}

bool kft_backends_set_candidates(KftBackends *self, const KftCandidate *candidates, size_t n)
{
    GPtrArray *list = g_ptr_array_new_with_free_func(candidate_free);

    for (size_t i = 0; i < n; i++) {
        Candidate *candidate = g_new0(Candidate, 1);
        const Candidate *known = find_candidate(self->candidates, candidates[i].pod);
        candidate->pod = kft_pod_ref(candidates[i].pod);
        candidate->ports =
            g_memdup2(candidates[i].ports, self->n_ports * sizeof *candidates[i].ports);
        candidate->suspect_until_ms = known == NULL ? 0 : known->suspect_until_ms;
        g_ptr_array_add(list, candidate);
    }
    g_ptr_array_unref(self->candidates);
    self->candidates = list;
    return choose(self);
}

void kft_backends_suspect(KftBackends *self, const KftPod *pod)
{
    Candidate *candidate = find_candidate(self->candidates, pod);
    Backend *backend = find_active(self, pod);

    if (candidate != NULL)
        candidate->suspect_until_ms = kft_loop_now_ms(self->loop) + SUSPECT_MS;
    /* A tunnel is bound to the sandbox that is gone, so also the same pod would need another. */
    if (backend != NULL)
        retire(self, backend);
}

void kft_backends_drain(KftBackends *self)
{
    g_ptr_array_set_size(self->candidates, 0);
    (void)choose(self);
}

void kft_backends_connect(KftBackends *self)
{
    (void)choose(self);
    for (guint i = 0; i < self->backends->len; i++) {
        Backend *backend = g_ptr_array_index(self->backends, i);
        if (backend->is_chosen)
            connect_backend(backend);
    }
}

bool kft_backends_has_any(const KftBackends *self)
{
    return kft_backends_get_pod(self) != NULL;
}

/* --- connections --- */

static bool is_tried(GPtrArray *tried, const KftPod *pod)
{
    return tried != NULL && g_ptr_array_find_with_equal_func(tried, pod->uid, g_str_equal, NULL);
}

/* Whether @backend is a better place than @best, which stands before it. */
static bool is_preferred(const KftBackends *self, const Backend *backend, const Backend *best)
{
    if (best == NULL || self->balance == KFT_BALANCE_STICKY)
        return best == NULL || (backend->is_chosen && !best->is_chosen);
    return self->balance == KFT_BALANCE_LEAST &&
           kft_pool_get_n_pairs(backend->pool) < kft_pool_get_n_pairs(best->pool);
}

static Backend *pick(KftBackends *self, GPtrArray *tried)
{
    guint n = self->backends->len;
    Backend *best = NULL;

    for (guint i = 0; i < n; i++) {
        /* For all but round robin, too: equally good pods take turns. */
        Backend *backend = g_ptr_array_index(self->backends, (self->turn + i) % n);
        bool may_take = backend->is_chosen || (backend->is_guest && tried != NULL);
        if (may_take && kft_pool_is_ready(backend->pool) && !is_tried(tried, backend->pod) &&
            is_preferred(self, backend, best))
            best = backend;
    }
    return best;
}

static const Candidate *find_other(const KftBackends *self, GPtrArray *tried)
{
    for (guint i = 0; i < self->candidates->len; i++) {
        const Candidate *candidate = g_ptr_array_index(self->candidates, i);
        if (candidate->pod->is_ready && !is_suspect(self, candidate) &&
            !is_tried(tried, candidate->pod))
            return candidate;
    }
    return NULL;
}

bool kft_backends_is_listed(const KftBackends *self, const KftPod *pod)
{
    return find_candidate(self->candidates, pod) != NULL;
}

bool kft_backends_has_other(const KftBackends *self, GPtrArray *tried)
{
    return find_other(self, tried) != NULL;
}

/* Opens a further pod for a connection that the chosen ones refused; others stay where they are. */
static void invite(KftBackends *self, GPtrArray *tried)
{
    const Candidate *other = find_other(self, tried);

    if (other == NULL || find_active(self, other->pod) != NULL)
        return;
    Backend *guest = add_backend(self, other);
    guest->is_guest = true;
    connect_backend(guest);
}

static void on_guests(void *user_data)
{
    KftBackends *self = user_data;
    for (guint i = self->backends->len; i-- > 0;) {
        Backend *backend = g_ptr_array_index(self->backends, i);
        if (backend->is_guest && kft_pool_get_n_pairs(backend->pool) == 0)
            retire(self, backend);
    }
}

KftPod *kft_backends_attach(KftBackends *self,
                            KftAttachFunc attach,
                            void *carried,
                            size_t port_index,
                            GPtrArray *tried,
                            uint16_t *ret_remote_port)
{
    Backend *backend = pick(self, tried);

    if (backend == NULL) {
        if (tried != NULL)
            invite(self, tried);
        return NULL;
    }
    uint16_t port = backend->ports[port_index];
    if (self->balance != KFT_BALANCE_STICKY)
        self->turn++;
    if (!attach(carried, backend->pool, port))
        return NULL;
    *ret_remote_port = port;
    return backend->pod;
}

KftPair *kft_backends_open_pair_to(KftBackends *self,
                                   uint16_t port,
                                   const KftPairFuncs *funcs,
                                   void *user_data,
                                   KftPool **ret_pool)
{
    Backend *backend = pick(self, NULL);
    if (backend == NULL)
        return NULL;
    *ret_pool = backend->pool;
    return kft_pool_open_pair(backend->pool, port, funcs, user_data);
}

void kft_backends_verify(KftBackends *self, uint32_t limit_ms)
{
    for (guint i = 0; i < self->backends->len; i++) {
        const Backend *backend = g_ptr_array_index(self->backends, i);
        kft_pool_verify(backend->pool, limit_ms, /* opens_another= */ backend->is_chosen);
    }
}

/* --- what is told --- */

void kft_backends_get_health(const KftBackends *self, KftPoolHealth *ret_health)
{
    *ret_health = (KftPoolHealth){0};
    for (guint i = 0; i < self->backends->len; i++) {
        const Backend *backend = g_ptr_array_index(self->backends, i);
        if (is_usable(backend)) {
            kft_pool_get_health(backend->pool, ret_health);
            return;
        }
    }
}

KftPod *kft_backends_get_pod(const KftBackends *self)
{
    KftPod *first = NULL;
    for (guint i = 0; i < self->backends->len; i++) {
        const Backend *backend = g_ptr_array_index(self->backends, i);
        if (is_usable(backend))
            return backend->pod;
        if (backend->is_chosen && first == NULL)
            first = backend->pod;
    }
    return first;
}

KftTransport kft_backends_get_transport(const KftBackends *self)
{
    for (guint i = 0; i < self->backends->len; i++) {
        const Backend *backend = g_ptr_array_index(self->backends, i);
        KftTransport found = kft_pool_get_transport(backend->pool);
        if (backend->is_chosen && found != KFT_TRANSPORT_AUTO)
            return found;
    }
    return KFT_TRANSPORT_AUTO;
}

/* --- life --- */

KftBackends *kft_backends_new(KftCluster *cluster,
                              KftTransport transport,
                              KftBalance balance,
                              size_t n_ports,
                              const KftBackendsFuncs *funcs,
                              void *user_data)
{
    KftBackends *self = g_new0(KftBackends, 1);
    self->cluster = kft_cluster_ref(cluster);
    self->loop = kft_cluster_get_loop(cluster);
    self->transport = transport;
    self->balance = balance;
    self->n_ports = n_ports;
    self->funcs = *funcs;
    self->user_data = user_data;
    self->candidates = g_ptr_array_new_with_free_func(candidate_free);
    self->backends = g_ptr_array_new_with_free_func(backend_free);
    self->guests = kft_timer_new(self->loop, on_guests, self);
    return self;
}

void kft_backends_free(KftBackends *self)
{
    if (self == NULL)
        return;
    g_ptr_array_unref(self->backends);
    g_ptr_array_unref(self->candidates);
    kft_timer_free(self->guests);
    kft_cluster_unref(self->cluster);
    g_free(self);
}
