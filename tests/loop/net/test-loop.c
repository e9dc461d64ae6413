/* Loop: deferred calls, timers, the count of open objects. */
#include "test-loop.h"

#include "net/loop.h"
#include "net/timer.h"

typedef struct {
    KftTestLoop test;
    GString *trace;
    KftDeferred *victim;
    KftTimer *timer;
    unsigned n_fired;
    bool is_done;
} Fixture;

static void set_up(Fixture *fixture, gconstpointer data)
{
    (void)data;
    kft_test_loop_init(&fixture->test);
    fixture->trace = g_string_new(NULL);
}

static void tear_down(Fixture *fixture, gconstpointer data)
{
    (void)data;
    kft_test_loop_clear(&fixture->test);
    (void)g_string_free(fixture->trace, TRUE);
}

static void on_deferred_c(void *user_data)
{
    Fixture *fixture = user_data;
    g_string_append(fixture->trace, "c");
    fixture->is_done = true;
}

static void on_deferred_a(void *user_data)
{
    Fixture *fixture = user_data;
    g_string_append(fixture->trace, "a");
    (void)kft_loop_defer(fixture->test.loop, on_deferred_c, fixture);
    if (fixture->victim != NULL)
        kft_deferred_cancel(fixture->victim);
    fixture->victim = NULL;
}

static void on_deferred_b(void *user_data)
{
    Fixture *fixture = user_data;
    g_string_append(fixture->trace, "b");
}

static void test_defer_order(Fixture *fixture, gconstpointer data)
{
    (void)data;
    (void)kft_loop_defer(fixture->test.loop, on_deferred_a, fixture);
    (void)kft_loop_defer(fixture->test.loop, on_deferred_b, fixture);
    g_assert_cmpstr(fixture->trace->str, ==, "");
    kft_loop_run(fixture->test.loop);
    g_assert_cmpstr(fixture->trace->str, ==, "abc");
}

static void test_defer_cancel(Fixture *fixture, gconstpointer data)
{
    (void)data;
    KftDeferred *first = kft_loop_defer(fixture->test.loop, on_deferred_b, fixture);
    (void)kft_loop_defer(fixture->test.loop, on_deferred_a, fixture);
    fixture->victim = kft_loop_defer(fixture->test.loop, on_deferred_b, fixture);
    kft_deferred_cancel(first);
    kft_loop_run(fixture->test.loop);
    g_assert_cmpstr(fixture->trace->str, ==, "ac");
}

static void on_timer_free_itself(void *user_data)
{
    Fixture *fixture = user_data;
    fixture->n_fired++;
    kft_timer_free(fixture->timer);
}

static void test_timer_frees_itself(Fixture *fixture, gconstpointer data)
{
    (void)data;
    fixture->timer = kft_timer_new(fixture->test.loop, on_timer_free_itself, fixture);
    kft_timer_start(fixture->timer, 0);
    g_assert_true(kft_timer_is_active(fixture->timer));
    kft_loop_run(fixture->test.loop);
    g_assert_cmpuint(fixture->n_fired, ==, 1);
}

static void on_timer_count(void *user_data)
{
    Fixture *fixture = user_data;
    fixture->n_fired++;
    fixture->is_done = true;
}

static void test_timer_stop_and_restart(Fixture *fixture, gconstpointer data)
{
    (void)data;
    KftTimer *stopped = kft_timer_new(fixture->test.loop, on_timer_count, fixture);
    KftTimer *timer = kft_timer_new(fixture->test.loop, on_timer_count, fixture);
    kft_timer_start(stopped, 1);
    kft_timer_stop(stopped);
    kft_timer_start(timer, 100000);
    kft_timer_start(timer, 1);
    kft_test_loop_run_until_true(&fixture->test, &fixture->is_done);
    kft_test_loop_run_for(&fixture->test, 10);
    g_assert_cmpuint(fixture->n_fired, ==, 1);
    g_assert_false(kft_timer_is_active(stopped));
    kft_timer_free(stopped);
    kft_timer_free(timer);
    kft_timer_free(NULL);
}

static void on_timer_end_idle(void *user_data)
{
    Fixture *fixture = user_data;
    /* The other timer never ran, and kept the loop going until now. */
    fixture->is_done = true;
    kft_timer_free(fixture->timer);
}

static void on_watch_fired(uv_timer_t *handle)
{
    on_timer_end_idle(handle->data);
    uv_close((uv_handle_t *)handle, NULL);
}

static void test_idle_object_keeps_loop(Fixture *fixture, gconstpointer data)
{
    uv_timer_t watch;
    (void)data;
    fixture->timer = kft_timer_new(fixture->test.loop, on_timer_count, fixture);
    (void)uv_timer_init(kft_loop_get_uv(fixture->test.loop), &watch);
    watch.data = fixture;
    (void)uv_timer_start(&watch, on_watch_fired, 5, 0);
    uv_unref((uv_handle_t *)&watch);
    kft_loop_run(fixture->test.loop);
    g_assert_true(fixture->is_done);
    g_assert_cmpuint(fixture->n_fired, ==, 0);
}

static void test_open_object_is_reported(void)
{
    if (g_test_subprocess()) {
        KftLoop *loop = kft_loop_new(NULL);
        (void)kft_timer_new(loop, on_timer_count, NULL);
        g_assert_false(kft_loop_free(loop));
        /* The loop stays in memory on purpose. */
        _Exit(0);
    }
    g_test_trap_subprocess(NULL, 0, 0);
    g_test_trap_assert_passed();
    g_test_trap_assert_stderr("*1 objects still open*timer*");
}

static void test_clock(Fixture *fixture, gconstpointer data)
{
    (void)data;
    uint64_t before = kft_loop_now_ms(fixture->test.loop);
    kft_test_loop_run_for(&fixture->test, 20);
    g_assert_cmpuint(kft_loop_now_ms(fixture->test.loop), >=, before + 20);
    g_assert_true(kft_loop_is_current(fixture->test.loop));
}

#define ADD(name, func) g_test_add("/net/loop/" name, Fixture, NULL, set_up, func, tear_down)

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    ADD("defer-order", test_defer_order);
    ADD("defer-cancel", test_defer_cancel);
    ADD("timer-frees-itself", test_timer_frees_itself);
    ADD("timer-stop-and-restart", test_timer_stop_and_restart);
    ADD("idle-object-keeps-loop", test_idle_object_keeps_loop);
    ADD("clock", test_clock);
    g_test_add_func("/net/loop/open-object-is-reported", test_open_object_is_reported);
    return g_test_run();
}
