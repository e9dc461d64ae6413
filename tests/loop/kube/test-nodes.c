/* Many who wait for a node that refuses: one tries at a time, each in turn, and all go on when one
 * of them finds it good. */
#include "kube/nodes.h"
#include "test-loop.h"

#define NODE "worker"
#define N_MANY 50
/* The first 0.2 s after the refusal, the others 0.2 to 1 s apart. */
#define OUTAGE_MS 3000
#define MAX_TRIES 15

typedef struct Fixture Fixture;

typedef struct {
    Fixture *fixture;
    KftNodeWait *wait;
    unsigned n_turns;
} Waiter;

struct Fixture {
    KftTestLoop test;
    KftNodes *nodes;
    Waiter waiters[N_MANY];
    bool is_good;
    unsigned n_turns;
    unsigned n_gone; /* those that found it good, or heard of it */
    bool is_done;
};

static void on_turn(void *user_data);

static void wait_again(Waiter *waiter)
{
    uint32_t next_ms = 0;
    waiter->wait = kft_nodes_wait(waiter->fixture->nodes, NODE, on_turn, waiter, &next_ms);
    g_assert_cmpuint(next_ms, >=, 1);
    g_assert_cmpuint(next_ms, <=, 1000);
}

static void on_turn(void *user_data)
{
    Waiter *waiter = user_data;
    Fixture *self = waiter->fixture;

    kft_node_wait_free(g_steal_pointer(&waiter->wait));
    waiter->n_turns++;
    self->n_turns++;
    if (self->is_good) {
        kft_nodes_note_good(self->nodes, NODE);
        self->n_gone++;
        self->is_done = self->n_gone == N_MANY;
        return;
    }
    kft_nodes_note_bad(self->nodes, NODE);
    wait_again(waiter);
}

static void set_up(Fixture *self, gconstpointer data)
{
    (void)data;
    kft_test_loop_init(&self->test);
    self->nodes = kft_nodes_new(self->test.loop);
    for (size_t i = 0; i < N_MANY; i++)
        self->waiters[i].fixture = self;
}

static void tear_down(Fixture *self, gconstpointer data)
{
    (void)data;
    for (size_t i = 0; i < N_MANY; i++)
        kft_node_wait_free(self->waiters[i].wait);
    kft_nodes_free(self->nodes);
    kft_test_loop_clear(&self->test);
}

static void test_outage(Fixture *self, gconstpointer data)
{
    (void)data;
    kft_nodes_note_bad(self->nodes, NODE);
    g_assert_true(kft_nodes_is_bad(self->nodes, NODE));
    for (size_t i = 0; i < N_MANY; i++)
        wait_again(&self->waiters[i]);
    g_assert_cmpuint(self->n_turns, ==, 0);
    kft_test_loop_run_for(&self->test, OUTAGE_MS);
    g_assert_cmpuint(self->n_turns, <=, MAX_TRIES);
    for (size_t i = 0; i < N_MANY; i++)
        g_assert_cmpuint(self->waiters[i].n_turns, ==, i < self->n_turns ? 1 : 0);
    self->is_good = true;
    kft_test_loop_run_until_true(&self->test, &self->is_done);
    g_assert_false(kft_nodes_is_bad(self->nodes, NODE));
}

/* One that leaves while it waits, or between the good news and its turn, is not told. */
static void test_leaving(Fixture *self, gconstpointer data)
{
    (void)data;
    kft_nodes_note_bad(self->nodes, NODE);
    for (size_t i = 0; i < 3; i++)
        wait_again(&self->waiters[i]);
    kft_node_wait_free(g_steal_pointer(&self->waiters[0].wait));
    self->is_good = true;
    kft_nodes_note_good(self->nodes, NODE);
    kft_node_wait_free(g_steal_pointer(&self->waiters[1].wait));
    self->n_gone = N_MANY - 1;
    kft_test_loop_run_until_true(&self->test, &self->is_done);
    g_assert_cmpuint(self->waiters[0].n_turns + self->waiters[1].n_turns, ==, 0);
}

/* Without a name nothing is known, and a good node is none that anybody waits for. */
static void test_unknown(Fixture *self, gconstpointer data)
{
    (void)data;
    kft_nodes_note_bad(self->nodes, NULL);
    kft_nodes_note_good(self->nodes, NULL);
    kft_nodes_note_good(self->nodes, NODE);
    g_assert_false(kft_nodes_is_bad(self->nodes, NULL));
    g_assert_false(kft_nodes_is_bad(self->nodes, NODE));
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
#define ADD(path, func) g_test_add(path, Fixture, NULL, set_up, func, tear_down)
    ADD("/kube/nodes/outage", test_outage);
    ADD("/kube/nodes/leaving", test_leaving);
    ADD("/kube/nodes/unknown", test_unknown);
    return g_test_run();
}
