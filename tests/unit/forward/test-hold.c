/* Silent connections in simulated time, with a kernel that sends again as Linux does: which of them
 * are kept until they go on, and when the others are given up. */
#include <glib.h>

#include "forward/hold.h"

#define START_MS 1000000
#define TICK_MS UINT64_C(2500)
#define SHORT_TICK_MS 500
#define FIRST_RTO_MS 200
/* Of Linux, and what kft_tcp_set_patience() asks for. */
#define LINUX_RTO_MS UINT64_C(120000)
#define PATIENT_RTO_MS UINT64_C(10000)
#define NEVER_MS UINT64_C(100000000)

/* What happens to a connection that sent something at 0, in ms after START_MS. */
typedef struct {
    uint64_t up_ms;       /* when the way comes back */
    uint64_t down_ms;     /* when it goes again, NEVER_MS = it stays */
    uint64_t up_again_ms; /* and comes back for the second time */
    bool is_forgotten;    /* the server, or a NAT, knows nothing of it any more */
    bool has_sent;        /* the server sent something, too, and has to send it again */
    bool is_mute;         /* the server's kernel is there, but no program */
    uint64_t answered_ms; /* when the server answers others after up_ms, and so on */
    uint64_t begins_ms;   /* when it is found silent */
    uint64_t max_rto_ms;  /* from then on */
} World;

typedef struct {
    uint64_t next_ms;
    uint64_t rto_ms;
    uint64_t sent_ms;
    uint8_t n_resent;
    bool is_acked;
} Kernel;

static void begin(KftHold *hold, uint64_t now_ms, uint64_t last_input_ms)
{
    const KftHoldInput input = {.now_ms = now_ms, .last_input_ms = last_input_ms};
    kft_hold_begin(hold, &input);
}

static bool is_up(const World *world, uint64_t at)
{
    return (at >= world->up_ms && at < world->down_ms) || at >= world->up_again_ms;
}

/* @max_rto_ms: from when the connection is held on. */
static void advance(Kernel *kernel, const World *world, uint64_t max_rto_ms, uint64_t at)
{
    while (kernel->next_ms <= at && !kernel->is_acked) {
        kernel->sent_ms = kernel->next_ms;
        kernel->is_acked = is_up(world, kernel->next_ms) && !world->is_forgotten;
        kernel->n_resent++;
        uint64_t max_ms = kernel->next_ms >= world->begins_ms ? max_rto_ms : LINUX_RTO_MS;
        kernel->rto_ms = MIN(kernel->rto_ms * 2, max_ms);
        kernel->next_ms += kernel->rto_ms;
    }
}

/* When the server last answered others by @at, START_MS added; 0 = never. @asked_ms: once more. */
static uint64_t find_answer(const World *world, uint64_t at, uint64_t asked_ms)
{
    uint64_t delay = world->answered_ms;
    if (at >= asked_ms + delay && is_up(world, asked_ms) && is_up(world, asked_ms + delay))
        return START_MS + asked_ms + delay;
    if (at >= world->up_again_ms + delay)
        return START_MS + world->up_again_ms + delay;
    uint64_t first = MAX(world->up_ms, world->begins_ms + 1) + delay;
    return at >= first && first < world->down_ms ? START_MS + first : 0;
}

/* When bytes last came. */
static uint64_t find_input(const World *world, const Kernel *ours, const Kernel *theirs)
{
    bool is_answered = ours->is_acked && !world->is_mute;
    if (world->has_sent ? !theirs->is_acked || !is_answered : !is_answered)
        return START_MS - 12500;
    return START_MS + (world->has_sent ? MAX(ours->sent_ms, theirs->sent_ms) : ours->sent_ms);
}

/* Returns when the verdict comes. */
static uint64_t run(const World *world, KftHoldVerdict *ret_verdict)
{
    Kernel kernel = {.next_ms = FIRST_RTO_MS, .rto_ms = FIRST_RTO_MS};
    Kernel theirs = kernel;
    KftHold hold = {0};
    advance(&kernel, world, world->max_rto_ms, world->begins_ms);
    /* It would not have been found silent. */
    *ret_verdict = kernel.is_acked ? KFT_HOLD_HEARD : KFT_HOLD_WAIT;
    if (kernel.is_acked)
        return world->begins_ms;
    begin(&hold, START_MS + world->begins_ms, START_MS - 12500);
    uint64_t asked_ms = NEVER_MS;
    uint64_t at = world->begins_ms;
    for (;; at += *ret_verdict == KFT_HOLD_ASK ? SHORT_TICK_MS : TICK_MS) {
        advance(&kernel, world, world->max_rto_ms, at);
        advance(&theirs, world, LINUX_RTO_MS, at);
        const KftHoldInput input = {
            .now_ms = START_MS + at,
            .last_input_ms = find_input(world, &kernel, &theirs),
            .answered_ms = find_answer(world, at, asked_ms),
            /* As a probe says that is 10 s late. */
            .is_away = at > world->begins_ms + 10000 && !is_up(world, at),
            .tcp = {.is_known = true,
                    .is_awaiting_ack = !kernel.is_acked,
                    .since_ack_ms = (uint32_t)(kernel.is_acked ? at - kernel.sent_ms : at + 12500),
                    .since_sent_ms = (uint32_t)(at - kernel.sent_ms),
                    .n_resent = kernel.is_acked ? 0 : kernel.n_resent,
                    .acked_bytes = kernel.is_acked ? 40 : 0},
        };
        *ret_verdict = kft_hold_check(&hold, &input);
        if (*ret_verdict == KFT_HOLD_HEARD || *ret_verdict == KFT_HOLD_OVER)
            return at;
        if (*ret_verdict == KFT_HOLD_ASK)
            asked_ms = at;
    }
}

static World make_world(uint64_t up_ms, uint64_t begins_ms, uint64_t max_rto_ms)
{
    return (World){
        .up_ms = up_ms,
        .down_ms = NEVER_MS,
        .up_again_ms = NEVER_MS,
        .answered_ms = 50,
        .begins_ms = begins_ms,
        .max_rto_ms = max_rto_ms,
    };
}

typedef void (*Check)(World *world);

static void for_all_times(uint64_t from_ms, uint64_t to_ms, Check check)
{
    static const uint64_t max_rtos[] = {PATIENT_RTO_MS, LINUX_RTO_MS};
    for (size_t i = 0; i < G_N_ELEMENTS(max_rtos); i++)
        for (uint64_t begins = 5000; begins < 30000; begins += 1300)
            for (uint64_t up = from_ms; up < to_ms; up += 700) {
                World world = make_world(up, begins, max_rtos[i]);
                check(&world);
            }
}

/* Back after any time for which the kernel goes on: the connection goes on. */
static void survives(World *world)
{
    KftHoldVerdict verdict = KFT_HOLD_WAIT;
    uint64_t at = run(world, &verdict);
    g_assert_cmpint(verdict, ==, KFT_HOLD_HEARD);
    uint64_t up_ms = world->up_again_ms < NEVER_MS ? world->up_again_ms : world->up_ms;
    g_assert_cmpuint(at, <=, MAX(up_ms, world->begins_ms) + LINUX_RTO_MS + TICK_MS);
}

/* The server has to send something again, too, at its own kernel's intervals. */
static void survives_both(World *world)
{
    survives(world);
    world->has_sent = true;
    survives(world);
}

static void test_outage(void)
{
    for_all_times(5000, KFT_HOLD_MAX_MS - LINUX_RTO_MS - 30000, survives_both);
}

/* That the way was there for a moment, between two tries, proves nothing. */
static void survives_flapping(World *world)
{
    world->down_ms = world->up_ms + 4000;
    world->up_again_ms = world->up_ms + 40000;
    if (world->down_ms > world->begins_ms)
        survives(world);
}

static void test_flapping(void)
{
    for_all_times(20000, 200000, survives_flapping);
}

/* The server answers others all the time: one more try of the kernel, and it is over. */
static void ends_soon(World *world)
{
    KftHoldVerdict verdict = KFT_HOLD_WAIT;
    world->is_forgotten = true;
    uint64_t at = run(world, &verdict);
    g_assert_cmpint(verdict, ==, KFT_HOLD_OVER);
    /* The next try, at the interval that was current when it was found silent. */
    g_assert_cmpuint(at, <=, 2 * world->begins_ms + PATIENT_RTO_MS + 2 * TICK_MS);
}

static void test_forgotten(void)
{
    for_all_times(0, 700, ends_soon);
}

/* The server was away, and knows nothing of the connection when it is back. */
static void ends_after_outage(World *world)
{
    KftHoldVerdict verdict = KFT_HOLD_WAIT;
    world->is_forgotten = true;
    uint64_t at = run(world, &verdict);
    g_assert_cmpint(verdict, ==, KFT_HOLD_OVER);
    bool is_patient = world->max_rto_ms == PATIENT_RTO_MS;
    /* Tries may be as far apart as they were before it was found. */
    uint64_t limit = is_patient && world->up_ms > 70000 ? 2 * PATIENT_RTO_MS : LINUX_RTO_MS;
    g_assert_cmpuint(at, <=, world->up_ms + limit + 4 * TICK_MS);
}

static void test_forgotten_in_outage(void)
{
    for_all_times(45000, 600000, ends_after_outage);
}

/* What is sent arrives, but there is nobody to answer. */
static void ends_mute(World *world)
{
    KftHoldVerdict verdict = KFT_HOLD_WAIT;
    world->is_mute = true;
    uint64_t at = run(world, &verdict);
    if (at == world->begins_ms)
        return;
    g_assert_cmpint(verdict, ==, KFT_HOLD_OVER);
    g_assert_cmpuint(at, <=, world->up_ms + 2 * LINUX_RTO_MS + 30000);
}

static void test_mute(void)
{
    for_all_times(30000, 600000, ends_mute);
}

/* Nobody ever answers. */
static void test_limit(void)
{
    KftHoldVerdict verdict = KFT_HOLD_WAIT;
    const World world = make_world(NEVER_MS, 27500, PATIENT_RTO_MS);
    uint64_t at = run(&world, &verdict);
    g_assert_cmpint(verdict, ==, KFT_HOLD_OVER);
    g_assert_cmpuint(at, ==, 27500 + KFT_HOLD_MAX_MS);
}

/* Another way, over which others are answered at once, while the old connection is tried in vain:
 * when the doubt ends after 5 s it is over. */
static void test_doubt(void)
{
    KftHold hold = {0};
    KftHoldInput input = {
        .now_ms = START_MS + 2300,
        .answered_ms = START_MS + 250,
        .tcp = {true, true, false, false, 9000, 3, 900, 0},
    };
    begin(&hold, START_MS, START_MS - 7000);
    g_assert_cmpint(kft_hold_check(&hold, &input), ==, KFT_HOLD_WAIT);
    input.now_ms = START_MS + 5000;
    input.tcp = (KftTcpState){true, true, false, false, 12000, 4, 2000, 0};
    g_assert_cmpint(kft_hold_check(&hold, &input), ==, KFT_HOLD_ASK);
    input.now_ms = START_MS + 5500;
    input.answered_ms = START_MS + 5050;
    input.tcp.since_sent_ms = 2500;
    g_assert_cmpint(kft_hold_check(&hold, &input), ==, KFT_HOLD_OVER);

    /* What counts is what is tried after the network changed once more. */
    kft_hold_forget_way(&hold, START_MS + 5500);
    g_assert_cmpint(kft_hold_check(&hold, &input), ==, KFT_HOLD_WAIT);
    input.answered_ms = START_MS + 5600;
    input.now_ms = START_MS + 7500;
    input.tcp.n_resent = 5;
    g_assert_cmpint(kft_hold_check(&hold, &input), ==, KFT_HOLD_WAIT);
}

/* The peer is heard, as it sends again what it thinks that we did not get, but gets nothing. */
static void test_one_way(void)
{
    KftHold hold = {0};
    const KftHoldInput input = {
        .now_ms = START_MS + 10000,
        .tcp = {true, true, false, false, 100, 7, 3000, 0},
    };
    begin(&hold, START_MS, START_MS - 27000);
    g_assert_cmpint(kft_hold_check(&hold, &input), ==, KFT_HOLD_WAIT);
}

/* Nothing is sent again, only a closed window probed: then time decides. */
static void test_window_probes(void)
{
    KftHold hold = {0};
    KftHoldInput input = {
        .answered_ms = START_MS + 1000,
        .tcp = {true, true, true, false, 40000, 0, 60000, 0},
    };
    begin(&hold, START_MS, START_MS - 27000);
    input.now_ms = START_MS + 25000;
    g_assert_cmpint(kft_hold_check(&hold, &input), ==, KFT_HOLD_WAIT);
    input.now_ms = START_MS + 35000;
    g_assert_cmpint(kft_hold_check(&hold, &input), ==, KFT_HOLD_OVER);
    input.tcp.since_ack_ms = 2000; /* one was answered */
    input.tcp.is_awaiting_ack = false;
    g_assert_cmpint(kft_hold_check(&hold, &input), ==, KFT_HOLD_WAIT);
    input.last_input_ms = START_MS + 34000;
    g_assert_cmpint(kft_hold_check(&hold, &input), ==, KFT_HOLD_HEARD);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/hold/outage", test_outage);
    g_test_add_func("/hold/flapping", test_flapping);
    g_test_add_func("/hold/forgotten", test_forgotten);
    g_test_add_func("/hold/forgotten-in-outage", test_forgotten_in_outage);
    g_test_add_func("/hold/mute", test_mute);
    g_test_add_func("/hold/limit", test_limit);
    g_test_add_func("/hold/doubt", test_doubt);
    g_test_add_func("/hold/one-way", test_one_way);
    g_test_add_func("/hold/window-probes", test_window_probes);
    return g_test_run();
}
