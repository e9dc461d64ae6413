#ifndef KFT_APP_SPARKLINE_H
#define KFT_APP_SPARKLINE_H

#include <gtk/gtk.h>

/* A small curve of the last rates, scaled to its own highest one. Says nothing to a screen reader:
 * the numbers stand beside it. Thread: ui. */
#define KFT_TYPE_SPARKLINE (kft_sparkline_get_type())
G_DECLARE_FINAL_TYPE(KftSparkline, kft_sparkline, KFT, SPARKLINE, GtkDrawingArea)

/* @values: oldest first, at most 64, copied. */
void kft_sparkline_set_values(KftSparkline *self, const float *values, size_t n_values);

#endif
