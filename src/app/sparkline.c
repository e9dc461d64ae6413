#include "sparkline.h"

#include <string.h>

#define MAX_VALUES 64

struct _KftSparkline {
    GtkDrawingArea parent;
    float values[MAX_VALUES];
    size_t n_values;
    float highest;
};

G_DEFINE_FINAL_TYPE(KftSparkline, kft_sparkline, GTK_TYPE_DRAWING_AREA)

static void trace_curve(const KftSparkline *self, cairo_t *cr, double width, double height)
{
    double step = width / (double)(self->n_values - 1);
    for (size_t i = 0; i < self->n_values; i++) {
        double part = (double)(self->values[i] / self->highest);
        cairo_line_to(cr, (double)i * step, height - 1 - part * (height - 2));
    }
}

static gboolean kft_sparkline_draw(GtkWidget *widget, cairo_t *cr)
{
    KftSparkline *self = KFT_SPARKLINE(widget);
    double width = gtk_widget_get_allocated_width(widget);
    double height = gtk_widget_get_allocated_height(widget);
    GtkStyleContext *style = gtk_widget_get_style_context(widget);
    GdkRGBA color;

    if (self->n_values < 2 || self->highest <= 0)
        return GDK_EVENT_PROPAGATE;
    gtk_style_context_get_color(style, gtk_style_context_get_state(style), &color);
    cairo_move_to(cr, 0, height);
    trace_curve(self, cr, width, height);
    cairo_line_to(cr, width, height);
    cairo_close_path(cr);
    cairo_set_source_rgba(cr, color.red, color.green, color.blue, color.alpha * 0.2);
    cairo_fill(cr);
    trace_curve(self, cr, width, height);
    gdk_cairo_set_source_rgba(cr, &color);
    cairo_set_line_width(cr, 1.5);
    cairo_set_line_join(cr, CAIRO_LINE_JOIN_ROUND);
    cairo_stroke(cr);
    return GDK_EVENT_PROPAGATE;
}

static void kft_sparkline_class_init(KftSparklineClass *class)
{
    GTK_WIDGET_CLASS(class)->draw = kft_sparkline_draw;
    gtk_widget_class_set_accessible_role(GTK_WIDGET_CLASS(class), ATK_ROLE_REDUNDANT_OBJECT);
}

static void kft_sparkline_init(KftSparkline *self)
{
    gtk_style_context_add_class(gtk_widget_get_style_context(GTK_WIDGET(self)), "kft-sparkline");
}

void kft_sparkline_set_values(KftSparkline *self, const float *values, size_t n_values)
{
    float highest = 0;

    n_values = MIN(n_values, MAX_VALUES);
    for (size_t i = 0; i < n_values; i++)
        highest = MAX(highest, values[i]);
    if (highest <= 0 && self->highest <= 0)
        return;
    memcpy(self->values, values, n_values * sizeof values[0]);
    self->n_values = n_values;
    self->highest = highest;
    gtk_widget_queue_draw(GTK_WIDGET(self));
}
