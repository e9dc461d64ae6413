#include "frame-log.h"

#include <errno.h>
#include <stdio.h>
#include <time.h>

/* Shorter turns only make the file longer. */
#define MIN_TURN_US 1000

/* One file for the process, as the main loop's poll function has no argument of its own. */
static FILE *file;

typedef struct Moment {
    gint64 time_us;
    gint64 cpu_us; /* of this thread */
} Moment;

static Moment turn_begin;
static Moment frame_begin;

static Moment get_now(void)
{
    struct timespec cpu = {0};

    (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &cpu);
    return (Moment){g_get_monotonic_time(), cpu.tv_sec * G_USEC_PER_SEC + cpu.tv_nsec / 1000};
}

static void write_span(const char *name, Moment begin, Moment end)
{
    (void)fprintf(file, "%s %" G_GINT64_FORMAT " %" G_GINT64_FORMAT " %" G_GINT64_FORMAT "\n", name,
                  begin.time_us, end.time_us, end.cpu_us - begin.cpu_us);
}

/* --- turns of the main loop --- */

static int poll_and_log(GPollFD *fds, unsigned n_fds, int timeout_ms)
{
    Moment now = get_now();

    if (turn_begin.time_us != 0 && now.time_us - turn_begin.time_us >= MIN_TURN_US)
        write_span("turn", turn_begin, now);
    int n = g_poll(fds, n_fds, timeout_ms);
    turn_begin = get_now();
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
    frame_begin = get_now();
}

static void on_frame_end(void)
{
    write_span("frame", frame_begin, get_now());
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
