#include "frame-log.h"

#include <errno.h>
#include <stdio.h>

/* Shorter turns only make the file longer. */
#define MIN_TURN_US 1000

/* One file for the process, as the main loop's poll function has no argument of its own. */
static FILE *file;
static gint64 turn_begin_us;
static gint64 frame_begin_us;

static void write_span(const char *name, gint64 begin_us, gint64 end_us)
{
    (void)fprintf(file, "%s %" G_GINT64_FORMAT " %" G_GINT64_FORMAT "\n", name, begin_us, end_us);
}

/* --- turns of the main loop --- */

static int poll_and_log(GPollFD *fds, unsigned n_fds, int timeout_ms)
{
    gint64 now_us = g_get_monotonic_time();

    if (turn_begin_us != 0 && now_us - turn_begin_us >= MIN_TURN_US)
        write_span("turn", turn_begin_us, now_us);
    int n = g_poll(fds, n_fds, timeout_ms);
    turn_begin_us = g_get_monotonic_time();
    return n;
}

void kft_frame_log_open(void)
{
    const char *path = g_getenv("KFT_FRAME_LOG");

    if (path == NULL)
        return;
    file = fopen(path, "we");
    if (file == NULL) {
        g_warning("KFT_FRAME_LOG: %s: %s", path, g_strerror(errno));
        return;
    }
    (void)setvbuf(file, NULL, _IOLBF, 0);
    kft_frame_log_mark("start");
    g_main_context_set_poll_func(NULL, poll_and_log);
}

void kft_frame_log_mark(const char *name)
{
    if (file != NULL)
        (void)fprintf(file, "%s %" G_GINT64_FORMAT "\n", name, g_get_monotonic_time());
}

/* --- frames --- */

static void on_frame_begin(void)
{
    frame_begin_us = g_get_monotonic_time();
}

static void on_frame_end(void)
{
    write_span("frame", frame_begin_us, g_get_monotonic_time());
}

static void on_realize(GtkWidget *window)
{
    GdkFrameClock *clock = gtk_widget_get_frame_clock(window);

    g_signal_connect(clock, "before-paint", G_CALLBACK(on_frame_begin), NULL);
    g_signal_connect(clock, "after-paint", G_CALLBACK(on_frame_end), NULL);
}

void kft_frame_log_watch(GtkWidget *window)
{
    if (file != NULL)
        g_signal_connect(window, "realize", G_CALLBACK(on_realize), NULL);
}
