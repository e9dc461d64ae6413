/* One entry per bad node. Its timer runs while somebody waits; when it fires, the first in the
 * queue tries, and either makes the node a good one or comes back to the end of the queue. A good
 * node has no entry: its waits are then loose and told in a turn of the loop of their own, since
 * the news comes from inside a negotiation. */
#include "kube/nodes.h"

#include "base/backoff.h"
#include "base/log.h"
#include "net/timer.h"

/* What was said so long ago, with nobody trying since, is no news any more. */
#define STALE_MS 60000

typedef struct {
    KftNodes *owner;
    char *name;
    uint64_t since_ms;
    uint64_t last_ms; /* when it refused last */
    unsigned n_tries;
    KftTimer *next_try;
    uint64_t next_try_ms;
    GQueue waiting; /* KftNodeWait */
} Node;

struct KftNodeWait {
    KftNodes *owner;
    GQueue *queue; /* that it is in; NULL = it had its turn */
    KftNodeFunc on_turn;
    void *user_data;
};

struct KftNodes {
    KftLoop *loop;
    GHashTable *bad; /* name → Node, owned */
    GQueue going;    /* KftNodeWait whose node is good again */
    KftDeferred *tell;
};

static void node_free(void *data)
{
    Node *node = data;
    g_assert(node->waiting.length == 0);
    kft_timer_free(node->next_try);
    g_free(node->name);
    g_free(node);
}

/* The wait may be freed in there, and the nodes with it. */
static void give_turn(KftNodeWait *wait)
{
    wait->queue = NULL;
    wait->on_turn(wait->user_data);
}

static void schedule_try(Node *node)
{
    uint64_t now = kft_loop_now_ms(node->owner->loop);
    if (kft_timer_is_active(node->next_try) || node->waiting.length == 0)
        return;
    uint32_t delay_ms = kft_backoff_outage_ms(now - node->since_ms, node->n_tries);
    node->next_try_ms = now + delay_ms;
    kft_timer_start(node->next_try, delay_ms);
}

static void on_next_try(void *user_data)
{
    Node *node = user_data;
    if (node->waiting.length == 0)
        return;
    node->n_tries++;
    KftNodeWait *first = g_queue_pop_head(&node->waiting);
    /* Should that one never come back, the next one tries. */
    schedule_try(node);
    give_turn(first);
}

void kft_nodes_note_bad(KftNodes *self, const char *name)
{
    Node *node = name == NULL ? NULL : g_hash_table_lookup(self->bad, name);
    uint64_t now = kft_loop_now_ms(self->loop);

    if (name == NULL)
        return;
    if (node == NULL) {
        kft_log(KFT_LOG_KUBE, KFT_LEVEL_INFO, "node %s takes no port-forwards", name);
        node = g_new0(Node, 1);
        node->owner = self;
        node->name = g_strdup(name);
        node->next_try = kft_timer_new(self->loop, on_next_try, node);
        node->since_ms = now;
        g_hash_table_insert(self->bad, node->name, node);
    } else if (node->waiting.length == 0 && now - node->last_ms > STALE_MS) {
        node->since_ms = now;
        node->n_tries = 0;
    }
    node->last_ms = now;
}

static void on_tell(void *user_data)
{
    KftNodes *self = user_data;
    self->tell = NULL;
    if (self->going.length == 0)
        return;
    KftNodeWait *first = g_queue_pop_head(&self->going);
    /* One per turn of the loop: it may free this. */
    if (self->going.length > 0)
        self->tell = kft_loop_defer(self->loop, on_tell, self);
    give_turn(first);
}

void kft_nodes_note_good(KftNodes *self, const char *name)
{
    Node *node = name == NULL ? NULL : g_hash_table_lookup(self->bad, name);

    if (node == NULL)
        return;
    kft_log(KFT_LOG_KUBE, KFT_LEVEL_INFO, "node %s takes port-forwards again", name);
    while (node->waiting.length > 0) {
        KftNodeWait *wait = g_queue_pop_head(&node->waiting);
        wait->queue = &self->going;
        g_queue_push_tail(&self->going, wait);
    }
    (void)g_hash_table_remove(self->bad, name);
    if (self->going.length > 0 && self->tell == NULL)
        self->tell = kft_loop_defer(self->loop, on_tell, self);
}

bool kft_nodes_is_bad(const KftNodes *self, const char *name)
{
    const Node *node = name == NULL ? NULL : g_hash_table_lookup(self->bad, name);
    return node != NULL && kft_loop_now_ms(self->loop) - node->last_ms <= STALE_MS;
}

KftNodeWait *kft_nodes_wait(
    KftNodes *self, const char *name, KftNodeFunc on_turn, void *user_data, uint32_t *ret_next_ms)
{
    Node *node = g_hash_table_lookup(self->bad, name);
    g_assert(node != NULL);
    KftNodeWait *wait = g_new0(KftNodeWait, 1);
    *wait = (KftNodeWait){
        .owner = self,
        .queue = &node->waiting,
        .on_turn = on_turn,
        .user_data = user_data,
    };
    g_queue_push_tail(&node->waiting, wait);
    schedule_try(node);
    uint64_t now = kft_loop_now_ms(self->loop);
    *ret_next_ms = node->next_try_ms > now ? (uint32_t)(node->next_try_ms - now) : 1;
    return wait;
}

void kft_node_wait_free(KftNodeWait *wait)
{
    if (wait == NULL)
        return;
    if (wait->queue != NULL)
        (void)g_queue_remove(wait->queue, wait);
    g_free(wait);
}

KftNodes *kft_nodes_new(KftLoop *loop)
{
    KftNodes *self = g_new0(KftNodes, 1);
    self->loop = loop;
    self->bad = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, node_free);
    return self;
}

void kft_nodes_free(KftNodes *self)
{
    if (self == NULL)
        return;
    g_assert(self->going.length == 0);
    if (self->tell != NULL)
        kft_deferred_cancel(self->tell);
    g_hash_table_unref(self->bad);
    g_free(self);
}
