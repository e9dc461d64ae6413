/* Walks the forward's state table. With --print-table as its argument it prints the table for
 * docs/state-machines.md instead. */
#include <string.h>

#include "forward/forward.h"

static void test_every_state_has_a_way_out(void)
{
    for (unsigned from = 0; from < KFT_FORWARD_N_STATES; from++) {
        unsigned n_ways = 0;
        for (unsigned to = 0; to < KFT_FORWARD_N_STATES; to++) {
            bool allowed =
                kft_forward_transition_allowed((KftForwardState)from, (KftForwardState)to);
            g_assert_false(allowed && from == to);
            n_ways += allowed ? 1 : 0;
        }
        g_assert_cmpuint(n_ways, >, 0);
    }
}

/* States that wait for something outside must not wait for ever; the others end by the user. */
static void test_deadlines(void)
{
    static const KftForwardState without[] = {KFT_FORWARD_STATE_IDLE, KFT_FORWARD_STATE_READY,
                                              KFT_FORWARD_STATE_FAILED};
    for (unsigned state = 0; state < KFT_FORWARD_N_STATES; state++) {
        bool may_be_without = false;
        for (size_t i = 0; i < G_N_ELEMENTS(without); i++)
            may_be_without = may_be_without || without[i] == (KftForwardState)state;
        g_assert_true((kft_forward_state_deadline_ms((KftForwardState)state) == 0) ==
                      may_be_without);
    }
}

/* A forward can be stopped from everywhere but STOPPING itself, and STOPPING only ends in IDLE. */
static void test_stopping(void)
{
    for (unsigned from = 0; from < KFT_FORWARD_N_STATES; from++) {
        bool allowed =
            kft_forward_transition_allowed((KftForwardState)from, KFT_FORWARD_STATE_STOPPING);
        g_assert_true(allowed == (from != KFT_FORWARD_STATE_STOPPING));
        bool ends =
            kft_forward_transition_allowed(KFT_FORWARD_STATE_STOPPING, (KftForwardState)from);
        g_assert_true(ends == (from == KFT_FORWARD_STATE_IDLE));
    }
}

/* Only a first start can fail for good; the machine itself sees to it that it was never READY. */
static void test_ready_never_fails(void)
{
    g_assert_false(
        kft_forward_transition_allowed(KFT_FORWARD_STATE_READY, KFT_FORWARD_STATE_FAILED));
}

static void print_deadline(KftForwardState state)
{
    uint32_t deadline_ms = kft_forward_state_deadline_ms(state);
    if (deadline_ms == UINT32_MAX)
        g_print("set when it is entered");
    else if (deadline_ms == 0)
        g_print("none");
    else
        g_print("%g s", deadline_ms / 1e3);
}

static void print_table(void)
{
    g_print("| state | may go to | deadline |\n|---|---|---|\n");
    for (unsigned from = 0; from < KFT_FORWARD_N_STATES; from++) {
        const char *separator = "";
        g_print("| %s | ", kft_forward_state_name((KftForwardState)from));
        for (unsigned to = 0; to < KFT_FORWARD_N_STATES; to++) {
            if (!kft_forward_transition_allowed((KftForwardState)from, (KftForwardState)to))
                continue;
            g_print("%s%s", separator, kft_forward_state_name((KftForwardState)to));
            separator = ", ";
        }
        g_print(" | ");
        print_deadline((KftForwardState)from);
        g_print(" |\n");
    }
}

int main(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "--print-table") == 0) {
        print_table();
        return 0;
    }
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/state/way-out", test_every_state_has_a_way_out);
    g_test_add_func("/state/deadlines", test_deadlines);
    g_test_add_func("/state/stopping", test_stopping);
    g_test_add_func("/state/ready-never-fails", test_ready_never_fails);
    return g_test_run();
}
