#include <uv.h>

#include "engine/mailbox.h"

#define N_PRODUCERS 4
#define N_MESSAGES 2000

typedef struct {
    unsigned producer;
    unsigned number;
} Message;

typedef struct {
    KftMailbox *mailbox;
    uv_sem_t woken;
    unsigned n_wakes; /* under the mailbox's lock */
} Box;

typedef struct {
    Box *box;
    unsigned index;
    unsigned n_accepted;
} Producer;

static void on_wake(void *user_data)
{
    Box *box = user_data;
    box->n_wakes++;
    uv_sem_post(&box->woken);
}

static void box_init(Box *box)
{
    *box = (Box){0};
    g_assert_cmpint(uv_sem_init(&box->woken, 0), ==, 0);
    box->mailbox = kft_mailbox_new(on_wake, box, g_free);
}

static void box_clear(Box *box)
{
    kft_mailbox_free(box->mailbox);
    uv_sem_destroy(&box->woken);
}

static Message *new_message(unsigned producer, unsigned number)
{
    Message *message = g_new0(Message, 1);
    *message = (Message){.producer = producer, .number = number};
    return message;
}

static void run_producer(void *user_data)
{
    Producer *self = user_data;
    for (unsigned i = 0; i < N_MESSAGES; i++) {
        if (kft_mailbox_post(self->box->mailbox, new_message(self->index, i), NULL))
            self->n_accepted++;
    }
}

/* Checks that the messages of each producer come in its order; returns how many there were. */
static unsigned take_in_order(Box *box, unsigned next[N_PRODUCERS])
{
    GQueue messages;
    unsigned n_taken = 0;
    Message *message = NULL;

    kft_mailbox_take_all(box->mailbox, &messages);
    while ((message = g_queue_pop_head(&messages)) != NULL) {
        g_assert_cmpuint(message->number, ==, next[message->producer]);
        next[message->producer]++;
        n_taken++;
        g_free(message);
    }
    return n_taken;
}

static void test_threads_keep_order(void)
{
    Box box;
    Producer producers[N_PRODUCERS];
    uv_thread_t threads[N_PRODUCERS];
    unsigned next[N_PRODUCERS] = {0};
    unsigned n_taken = 0;

    box_init(&box);
    for (unsigned i = 0; i < N_PRODUCERS; i++) {
        producers[i] = (Producer){.box = &box, .index = i};
        g_assert_cmpint(uv_thread_create(&threads[i], run_producer, &producers[i]), ==, 0);
    }
    while (n_taken < N_PRODUCERS * N_MESSAGES) {
        uv_sem_wait(&box.woken);
        n_taken += take_in_order(&box, next);
    }
    for (unsigned i = 0; i < N_PRODUCERS; i++) {
        g_assert_cmpint(uv_thread_join(&threads[i]), ==, 0);
        g_assert_cmpuint(producers[i].n_accepted, ==, N_MESSAGES);
    }
    box_clear(&box);
}

/* Closing races with posting: what was accepted is there, the rest was freed, nobody is woken
 * later. */
static void test_close_races_with_post(void)
{
    for (unsigned round = 0; round < 50; round++) {
        Box box;
        Producer producer = {.box = &box};
        uv_thread_t thread;
        unsigned next[N_PRODUCERS] = {0};

        box_init(&box);
        g_assert_cmpint(uv_thread_create(&thread, run_producer, &producer), ==, 0);
        kft_mailbox_close(box.mailbox);
        unsigned n_wakes = box.n_wakes;
        g_assert_cmpint(uv_thread_join(&thread), ==, 0);
        g_assert_cmpuint(box.n_wakes, ==, n_wakes);
        g_assert_cmpuint(take_in_order(&box, next), ==, producer.n_accepted);
        box_clear(&box);
    }
}

static void test_wakes_once_per_batch(void)
{
    Box box;
    unsigned next[N_PRODUCERS] = {0};

    box_init(&box);
    for (unsigned i = 0; i < 3; i++)
        g_assert_true(kft_mailbox_post(box.mailbox, new_message(0, i), NULL));
    g_assert_cmpuint(box.n_wakes, ==, 1);
    g_assert_cmpuint(kft_mailbox_get_length(box.mailbox), ==, 3);
    g_assert_cmpuint(take_in_order(&box, next), ==, 3);
    g_assert_cmpuint(kft_mailbox_get_length(box.mailbox), ==, 0);
    g_assert_true(kft_mailbox_post(box.mailbox, new_message(0, 3), NULL));
    g_assert_cmpuint(box.n_wakes, ==, 2);
    box_clear(&box);
}

static bool replace_number(void *queued, void *message)
{
    Message *old = queued;
    const Message *new = message;
    if (old->producer != new->producer)
        return false;
    old->number = new->number;
    return true;
}

static void test_merge(void)
{
    Box box;
    GQueue messages;

    box_init(&box);
    g_assert_true(kft_mailbox_post(box.mailbox, new_message(0, 1), replace_number));
    g_assert_true(kft_mailbox_post(box.mailbox, new_message(1, 1), replace_number));
    g_assert_true(kft_mailbox_post(box.mailbox, new_message(0, 7), replace_number));
    kft_mailbox_take_all(box.mailbox, &messages);
    g_assert_cmpuint(g_queue_get_length(&messages), ==, 2);
    const Message *first = g_queue_peek_head(&messages);
    g_assert_cmpuint(first->number, ==, 7);
    g_queue_clear_full(&messages, g_free);
    box_clear(&box);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/mailbox/threads-keep-order", test_threads_keep_order);
    g_test_add_func("/mailbox/close-races-with-post", test_close_races_with_post);
    g_test_add_func("/mailbox/wakes-once-per-batch", test_wakes_once_per_batch);
    g_test_add_func("/mailbox/merge", test_merge);
    return g_test_run();
}
