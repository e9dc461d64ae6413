/* What a history keeps of the events of a forward. */
#include "kftray/history.h"

static void add(KftHistory *history, KftForwardState state, const char *error)
{
    g_autofree char *copy = g_strdup(error);
    KftEvent event = {.type = KFT_EVENT_FORWARD_STATUS};
    event.status = (KftForwardStatusEvent){.state = state, .error = copy, .time_ms = 1};
    kft_history_add(history, &event);
}

static void test_bounded(void)
{
    g_autoptr(KftHistory) history = kft_history_new(3);
    g_assert_null(kft_history_get(history, 0));
    add(history, KFT_FORWARD_STATE_RESOLVING, NULL);
    add(history, KFT_FORWARD_STATE_READY, NULL);
    add(history, KFT_FORWARD_STATE_READY, NULL);
    g_assert_cmpuint(kft_history_get_length(history), ==, 2);
    add(history, KFT_FORWARD_STATE_BACKOFF, "one");
    add(history, KFT_FORWARD_STATE_BACKOFF, "two");
    g_assert_cmpuint(kft_history_get_length(history), ==, 3);
    g_assert_cmpint(kft_history_get(history, 0)->state, ==, KFT_FORWARD_STATE_READY);
    g_assert_cmpstr(kft_history_get(history, 2)->reason, ==, "two");
    g_assert_null(kft_history_get(history, 3));
}

static void test_other_events(void)
{
    g_autoptr(KftHistory) history = kft_history_new(3);
    const KftEvent event = {.type = KFT_EVENT_STOPPED};
    kft_history_add(history, &event);
    g_assert_cmpuint(kft_history_get_length(history), ==, 0);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/engine/history/bounded", test_bounded);
    g_test_add_func("/engine/history/other-events", test_other_events);
    return g_test_run();
}
