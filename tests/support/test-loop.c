/* The loop of a test. Its watchdog timer is not referenced, so it never keeps the loop alive. */
#include "test-loop.h"

#include <signal.h>
#include <string.h>

/* For what must come: only a hang takes that long, however busy the machine is. */
#define LIMIT_MS 60000
#define LOOK_MS 5

static void ignore_sigpipe(void)
{
    struct sigaction action = {0};
    action.sa_handler = SIG_IGN;
    g_assert_cmpint(sigaction(SIGPIPE, &action, NULL), ==, 0);
}

void kft_test_loop_init(KftTestLoop *self)
{
    g_autoptr(GError) error = NULL;
    ignore_sigpipe();
    /* What libuv and curl open once for the process must not count as a leak. */
    KftLoop *first = kft_loop_new(&error);
    g_assert_no_error(error);
    g_assert_true(kft_loop_free(first));
    self->n_fds = kft_test_count_fds();
    self->loop = kft_loop_new(&error);
    g_assert_no_error(error);
}

typedef struct {
    uv_timer_t timer;
    uv_prepare_t prepare;
    bool (*is_done)(void *user_data);
    void *user_data;
    bool is_late;
    unsigned n_open;
} Watchdog;

static void on_watchdog_fired(uv_timer_t *handle)
{
    Watchdog *watchdog = handle->data;
    watchdog->is_late = true;
}

/* What a timer or a deferred call made true would else be seen only after the next wait for I/O. */
static void on_watchdog_prepare(uv_prepare_t *handle)
{
    const Watchdog *watchdog = handle->data;
    if (watchdog->is_late || watchdog->is_done(watchdog->user_data))
        uv_stop(handle->loop);
}

static void on_watchdog_closed(uv_handle_t *handle)
{
    Watchdog *watchdog = handle->data;
    watchdog->n_open--;
}

static void
turn_until(KftTestLoop *self, bool (*is_done)(void *user_data), void *user_data, uint64_t limit_ms)
{
    uv_loop_t *uv = kft_loop_get_uv(self->loop);
    Watchdog watchdog = {.is_done = is_done, .user_data = user_data, .n_open = 2};
    uv_update_time(uv);
    (void)uv_timer_init(uv, &watchdog.timer);
    (void)uv_prepare_init(uv, &watchdog.prepare);
    watchdog.timer.data = &watchdog;
    watchdog.prepare.data = &watchdog;
    (void)uv_timer_start(&watchdog.timer, on_watchdog_fired, limit_ms, 0);
    (void)uv_prepare_start(&watchdog.prepare, on_watchdog_prepare);
    while (!watchdog.is_late && !is_done(user_data))
        (void)uv_run(uv, UV_RUN_ONCE);
    uv_close((uv_handle_t *)&watchdog.timer, on_watchdog_closed);
    uv_close((uv_handle_t *)&watchdog.prepare, on_watchdog_closed);
    while (watchdog.n_open > 0)
        (void)uv_run(uv, UV_RUN_NOWAIT);
}

void kft_test_loop_run_until(KftTestLoop *self, bool (*is_done)(void *user_data), void *user_data)
{
    turn_until(self, is_done, user_data, LIMIT_MS);
    if (!is_done(user_data))
        g_error("the condition did not become true within %u ms", LIMIT_MS);
}

void kft_test_loop_poll_until(KftTestLoop *self, bool (*is_done)(void *user_data), void *user_data)
{
    gint64 end_us = g_get_monotonic_time() + LIMIT_MS * (gint64)1000;
    while (!is_done(user_data) && g_get_monotonic_time() < end_us)
        turn_until(self, is_done, user_data, LOOK_MS);
    if (!is_done(user_data))
        g_error("the condition did not become true within %u ms", LIMIT_MS);
}

static bool is_flag_true(void *user_data)
{
    return *(const volatile bool *)user_data;
}

void kft_test_loop_run_until_true(KftTestLoop *self, const bool *flag)
{
    bool *is_set = NULL;
    memcpy(&is_set, &flag, sizeof flag);
    kft_test_loop_run_until(self, is_flag_true, is_set);
}

typedef struct {
    uv_poll_t poll;
    KftTestChild *child;
    const char *expected;
    bool is_there;
    bool is_closed;
} LineWatch;

static void on_line_readable(uv_poll_t *handle, int status, int events)
{
    LineWatch *watch = handle->data;
    g_assert_cmpint(status, ==, 0);
    (void)events;
    g_autofree char *line = kft_test_child_read_line(watch->child);
    if (*line == '\0')
        g_error("the child ended without \"%s\"", watch->expected);
    if (strcmp(line, watch->expected) == 0) {
        watch->is_there = true;
        (void)uv_poll_stop(handle);
    }
}

static void on_line_watch_closed(uv_handle_t *handle)
{
    LineWatch *watch = handle->data;
    watch->is_closed = true;
}

void kft_test_loop_run_until_line(KftTestLoop *self, KftTestChild *child, const char *expected)
{
    LineWatch watch = {.child = child, .expected = expected};
    g_assert_cmpint(uv_poll_init(kft_loop_get_uv(self->loop), &watch.poll, child->fd), ==, 0);
    watch.poll.data = &watch;
    g_assert_cmpint(uv_poll_start(&watch.poll, UV_READABLE, on_line_readable), ==, 0);
    kft_test_loop_run_until_true(self, &watch.is_there);
    uv_close((uv_handle_t *)&watch.poll, on_line_watch_closed);
    kft_test_loop_run_until_true(self, &watch.is_closed);
}

static bool is_never(void *user_data)
{
    (void)user_data;
    return false;
}

void kft_test_loop_run_for(KftTestLoop *self, uint64_t duration_ms)
{
    turn_until(self, is_never, NULL, duration_ms);
}

static void on_watchdog_end(uv_timer_t *handle)
{
    uv_print_all_handles(handle->loop, stderr);
    g_error("the loop does not end: an object is still open");
}

void kft_test_loop_clear(KftTestLoop *self)
{
    uv_loop_t *uv = kft_loop_get_uv(self->loop);
    uv_timer_t watchdog;
    uv_update_time(uv);
    (void)uv_timer_init(uv, &watchdog);
    (void)uv_timer_start(&watchdog, on_watchdog_end, LIMIT_MS, 0);
    uv_unref((uv_handle_t *)&watchdog);
    kft_loop_run(self->loop);
    uv_close((uv_handle_t *)&watchdog, NULL);
    kft_loop_run(self->loop);
    g_assert_true(kft_loop_free(self->loop));
    kft_test_expect_fds(self->n_fds);
}
