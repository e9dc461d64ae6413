#ifndef KFT_APP_FRAME_LOG_H
#define KFT_APP_FRAME_LOG_H

#include <gtk/gtk.h>

/* For measurements (docs/performance.md, "The window"): with KFT_FRAME_LOG=FILE in the environment
 * the program writes there, one line each, with CLOCK_MONOTONIC in µs; CPU is
 * the time of this thread, in µs, too:
 *
 *   start TIME                 main() begins
 *   loaded TIME                what is stored is in the list
 *   frame BEGIN END CPU        a frame of a window: from the clock's first signal to its last
 *   turn BEGIN END CPU         work of the main loop between two waits, frames too; from 1 ms on
 *
 * Without the variable nothing is connected and nothing costs. Thread: ui. */

/* Call it once, first thing in main(). */
void kft_frame_log_open(void);
void kft_frame_log_mark(const char *name);
/* @window: its frames are logged as long as it lives. */
void kft_frame_log_watch(GtkWidget *window);

#endif
