/* Connections in simulated time: when the dead are found, and that the slow are not taken for
 * dead. */
#include <glib.h>

#include "forward/liveness.h"

#define START_MS 1000000
#define FOUND_WITHIN_MS 30000
#define LONG_MS 600000

/* What happens at a moment of a connection's life; fills in all but now_ms. @since_ping_ms: since
 * the last ping, UINT64_MAX = none was sent. */
typedef void (*Situation)(uint64_t at_ms, uint64_t since_ping_ms, KftLivenessInput *input);

typedef struct {
    uint64_t found_ms; /* after the last sign of it; LONG_MS if it is not found dead */
    bool is_silent;    /* as the other machine's TCP is, too */
    unsigned n_checks;
    unsigned n_pings;
    unsigned n_pings_beside; /* those not at a multiple of KFT_LIVENESS_ROUND_MS */
} Course;

/* Checks as often as is asked for, for the first time @first_check_ms after START_MS + @phase_ms,
 * at which it was heard last. */
static Course run(Situation situation, uint64_t phase_ms, uint64_t first_check_ms, bool is_idle)
{
    KftLiveness liveness = {0};
    Course course = {.found_ms = LONG_MS};
    uint64_t pinged_ms = UINT64_MAX;
    uint64_t at = first_check_ms;
    while (at < LONG_MS) {
        KftLivenessInput input = {.now_ms = START_MS + at, .last_input_ms = START_MS};
        situation(at, pinged_ms == UINT64_MAX ? UINT64_MAX : at - pinged_ms, &input);
        input.now_ms += phase_ms;
        input.last_input_ms += phase_ms;
        input.is_idle = is_idle;
        course.n_checks++;
        KftLivenessVerdict verdict = kft_liveness_check(&liveness, &input);
        if (verdict == KFT_LIVENESS_SILENT || verdict == KFT_LIVENESS_DEAD) {
            course.is_silent = verdict == KFT_LIVENESS_SILENT;
            course.found_ms = at;
            break;
        }
        if (verdict == KFT_LIVENESS_PING) {
            kft_liveness_note_ping(&liveness, input.now_ms);
            pinged_ms = at;
            course.n_pings++;
            course.n_pings_beside += input.now_ms % KFT_LIVENESS_ROUND_MS != 0;
        }
        at += kft_liveness_get_delay_ms(&liveness, &input);
    }
    return course;
}

/* An idle one, from the moment of its last sign on. */
static Course run_idle(Situation situation, uint64_t phase_ms)
{
    const KftLiveness liveness = {0};
    const KftLivenessInput heard = {
        .now_ms = START_MS + phase_ms,
        .last_input_ms = START_MS + phase_ms,
        .is_idle = true,
    };
    uint64_t delay_ms = kft_liveness_get_delay_ms(&liveness, &heard);
    return run(situation, phase_ms, delay_ms, /* is_idle= */ true);
}

static void assert_found_at(uint64_t found_ms, uint64_t least_ms)
{
    g_assert_cmpuint(found_ms, <=, FOUND_WITHIN_MS + KFT_LIVENESS_TICK_MS);
    g_assert_cmpuint(found_ms, >=, least_ms);
}

static void assert_found(Situation situation)
{
    for (uint64_t first = 0; first < KFT_LIVENESS_TICK_MS; first += 100)
        assert_found_at(run(situation, 0, first, /* is_idle= */ false).found_ms, 20000);
}

/* The ping may go soon after the last sign, but then has the time that any has. */
static void assert_found_idle(Situation situation)
{
    assert_found(situation);
    for (uint64_t phase = 0; phase < KFT_LIVENESS_ROUND_MS; phase += 100)
        assert_found_at(run_idle(situation, phase).found_ms, 13000);
}

static void assert_lives(Situation situation)
{
    for (uint64_t first = 0; first < KFT_LIVENESS_TICK_MS; first += 100) {
        Course course = run(situation, 0, first, /* is_idle= */ false);
        g_assert_cmpuint(course.found_ms, ==, LONG_MS);
    }
}

/* --- dead --- */

static void idle_black_hole(uint64_t at, uint64_t since_ping, KftLivenessInput *input)
{
    input->tcp = (KftTcpState){true, since_ping != UINT64_MAX, false, false, (uint32_t)at, 0, 0, 0};
}

static void upload_black_hole(uint64_t at, uint64_t since_ping, KftLivenessInput *input)
{
    (void)since_ping;
    input->is_output_stuck = true;
    input->is_busy = true;
    input->tcp = (KftTcpState){true, true, true, false, (uint32_t)at, 0, 0, 0};
}

/* We do not read because a local program does not; its upload disappears. */
static void paused_black_hole(uint64_t at, uint64_t since_ping, KftLivenessInput *input)
{
    upload_black_hole(at, since_ping, input);
    input->is_paused = true;
}

/* What the peer sent last was acknowledged in vain: it sends the same again at 25 s, and is heard.
 */
static void one_way_black_hole(uint64_t at, uint64_t since_ping, KftLivenessInput *input)
{
    bool is_pinged = since_ping != UINT64_MAX;
    uint64_t since_ack = at < 25000 ? at % 12600 : at - 25000;
    uint8_t n_resent = is_pinged && since_ping > 6000 ? 5 : 0;
    input->tcp = (KftTcpState){true, is_pinged, false, false, (uint32_t)since_ack, n_resent, 0, 0};
}

/* Nothing can be sent for want of a route, while the peer asks from time to time whether we are
 * there. */
static void no_route(uint64_t at, uint64_t since_ping, KftLivenessInput *input)
{
    bool is_pinged = since_ping != UINT64_MAX;
    input->tcp = (KftTcpState){true, false, is_pinged, is_pinged, (uint32_t)(at % 15000), 0, 0, 0};
}

/* A proxy acknowledges everything, and nobody is behind it. */
static void silent_proxy(uint64_t at, uint64_t since_ping, KftLivenessInput *input)
{
    (void)since_ping;
    (void)at;
    input->tcp = (KftTcpState){.is_known = true};
}

/* The kernel tells nothing: the ping decides. */
static void unknown_silence(uint64_t at, uint64_t since_ping, KftLivenessInput *input)
{
    (void)at;
    (void)since_ping;
    (void)input;
}

/* --- alive --- */

/* Pings are answered within a moment. */
static void idle(uint64_t at, uint64_t since_ping, KftLivenessInput *input)
{
    if (since_ping != UINT64_MAX)
        input->last_input_ms = START_MS + at - since_ping + 50;
    input->tcp = (KftTcpState){.is_known = true, .since_ack_ms = 1000};
}

/* Megabytes are queued in the kernel of a slow line: acknowledged bit by bit, no word from the
 * other side. */
static void slow_upload(uint64_t at, uint64_t since_ping, KftLivenessInput *input)
{
    (void)since_ping;
    (void)at;
    input->is_busy = true;
    input->is_output_stuck = at % 5000 < 2500;
    input->tcp = (KftTcpState){true, true, true, false, 900, 0, 0, 0};
}

/* A pod that does not read: the window is closed, its probes are answered more and more rarely. */
static void closed_window(uint64_t at, uint64_t since_ping, KftLivenessInput *input)
{
    (void)since_ping;
    input->is_busy = true;
    input->is_output_stuck = true;
    input->tcp = (KftTcpState){true, false, true, false, (uint32_t)(at % 120000), 0, 0, 0};
}

/* 20 % loss: no acknowledgement for 14 s now and then. */
static void lossy(uint64_t at, uint64_t since_ping, KftLivenessInput *input)
{
    (void)since_ping;
    input->is_busy = true;
    input->last_input_ms = START_MS + at - at % 14000;
    input->tcp = (KftTcpState){true, true, true, false, (uint32_t)(at % 14000), 0, 0, 0};
}

/* A short upload gets lost for 7 s, again and again, and then the ping is answered. */
static void flaky_upload(uint64_t at, uint64_t since_ping, KftLivenessInput *input)
{
    uint8_t n_resent = at % 20000 < 7000 ? 5 : 0;
    if (since_ping != UINT64_MAX && since_ping > 9000)
        input->last_input_ms = START_MS + at;
    input->is_busy = true;
    input->tcp =
        (KftTcpState){true, n_resent > 0, false, false, (uint32_t)(at % 20000), n_resent, 0, 0};
}

/* Not read for minutes, then a few bytes are sent: the last sign is old, and no answer is due yet.
 */
static void wakes_up(uint64_t at, uint64_t since_ping, KftLivenessInput *input)
{
    (void)since_ping;
    input->is_paused = true;
    input->tcp =
        (KftTcpState){true, at % 100000 < 2500, false, false, (uint32_t)(at % 100000), 0, 0, 0};
}

/* What its TCP does not acknowledge may yet get there; what it acknowledged will not be answered
 * later. */
static void assert_silent(Situation situation, bool is_silent)
{
    g_assert_cmpint(run(situation, 0, 0, /* is_idle= */ false).is_silent, ==, is_silent);
}

static void test_dead(void)
{
    assert_found_idle(idle_black_hole);
    assert_found_idle(one_way_black_hole);
    assert_found_idle(no_route);
    assert_found(upload_black_hole);
    assert_found(paused_black_hole);
    assert_found_idle(silent_proxy);
    assert_found_idle(unknown_silence);
    assert_silent(idle_black_hole, true);
    assert_silent(one_way_black_hole, true);
    assert_silent(no_route, true);
    assert_silent(upload_black_hole, true);
    assert_silent(silent_proxy, false);
    assert_silent(unknown_silence, false);
}

static void test_alive(void)
{
    assert_lives(idle);
    assert_lives(slow_upload);
    assert_lives(closed_window);
    assert_lives(lossy);
    assert_lives(flaky_upload);
    assert_lives(wakes_up);
}

/* A thousand idle connections must not wake the process a thousand times. */
static void test_idle_together(void)
{
    const unsigned n_rounds = LONG_MS / KFT_LIVENESS_ROUND_MS;
    for (uint64_t phase = 0; phase < KFT_LIVENESS_ROUND_MS; phase += 100) {
        Course course = run_idle(idle, phase);
        g_assert_cmpuint(course.found_ms, ==, LONG_MS);
        g_assert_cmpuint(course.n_pings, >=, n_rounds - 1);
        g_assert_cmpuint(course.n_pings, <=, n_rounds);
        g_assert_cmpuint(course.n_pings_beside, ==, 0);
        /* One more for each ping, if it is not answered before. */
        g_assert_cmpuint(course.n_checks, <=, 2 * n_rounds + 1);
    }
}

static void assert_judged(const KftLivenessInput *input, KftLivenessVerdict verdict)
{
    g_assert_cmpint(kft_liveness_judge_ping(input, START_MS, 1000), ==, verdict);
}

/* 5 s after a ping. */
static void test_judge_ping(void)
{
    KftLivenessInput input = {.now_ms = START_MS + 5000, .last_input_ms = START_MS - 1};

    assert_judged(&input, KFT_LIVENESS_DEAD);
    input.tcp = (KftTcpState){.is_known = true, .since_ack_ms = 4990}; /* but no answer */
    assert_judged(&input, KFT_LIVENESS_DEAD);
    input.tcp = (KftTcpState){true, true, true, false, 5001, 0, 0, 0};
    assert_judged(&input, KFT_LIVENESS_SILENT);
    input.tcp = (KftTcpState){true, true, false, false,
                              200,  4,    0,     0}; /* the server sends, but hears nothing */
    assert_judged(&input, KFT_LIVENESS_SILENT);
    input.tcp = (KftTcpState){true, true, true, false,
                              900,  0,    0,    1001}; /* the ping waits behind an upload */
    assert_judged(&input, KFT_LIVENESS_OK);
    /* There is no route, but the server asks whether we are there. */
    input.tcp = (KftTcpState){true, false, true, true, 900, 0, 1000, 0};
    assert_judged(&input, KFT_LIVENESS_SILENT);
    input.is_output_stuck = true;
    input.tcp = (KftTcpState){true, false, true, false, 60000, 0, 0, 0}; /* the window is closed */
    assert_judged(&input, KFT_LIVENESS_OK);
    input = (KftLivenessInput){.now_ms = START_MS + 5000, .last_input_ms = START_MS};
    assert_judged(&input, KFT_LIVENESS_OK);
    input.is_unanswered = true;
    assert_judged(&input, KFT_LIVENESS_DEAD);
    /* It was acknowledged, and lies behind an upload that the pod has not read. */
    input.tcp = (KftTcpState){true, false, false, false, 900, 0, 0, 0};
    assert_judged(&input, KFT_LIVENESS_DEAD);
    input.is_mute_upload = true;
    assert_judged(&input, KFT_LIVENESS_OK);
    input = (KftLivenessInput){.now_ms = START_MS + 5000, .is_paused = true};
    assert_judged(&input, KFT_LIVENESS_OK);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/liveness/dead", test_dead);
    g_test_add_func("/liveness/alive", test_alive);
    g_test_add_func("/liveness/idle-together", test_idle_together);
    g_test_add_func("/liveness/judge-ping", test_judge_ping);
    return g_test_run();
}
