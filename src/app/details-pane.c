/* Items change all the time: a hidden pane draws nothing of that, and everything when it is shown.
 */
#include "details-pane.h"

#include <glib/gi18n.h>

#include "log-view.h"
#include "sparkline.h"
#include "text.h"

struct _KftDetailsPane {
    GtkScrolledWindow parent;
    KftForwardItem *item;
    const char *state_class;
    unsigned clock; /* source that keeps the uptime and the countdown true */
    GtkLabel *title;
    GtkImage *state_icon;
    GtkLabel *state;
    GtkWidget *problem;
    GtkLabel *problem_hint;
    GtkLabel *problem_text;
    GtkLabel *target;
    GtkLabel *address;
    GtkLabel *pod;
    GtkLabel *transport;
    GtkLabel *received;
    GtkLabel *sent;
    GtkLabel *connections;
    GtkLabel *uptime;
    GtkLabel *reconnects;
    GtkLabel *kubeconfig;
    GtkWidget *kubeconfig_name;
    GtkLabel *note;
    GtkWidget *note_name;
    KftSparkline *sparkline;
    KftLogView *log;
};

G_DEFINE_FINAL_TYPE(KftDetailsPane, kft_details_pane, GTK_TYPE_SCROLLED_WINDOW)

static void set_text(GtkLabel *label, const char *text)
{
    const char *next = text == NULL || *text == '\0' ? "–" : text;
    if (g_strcmp0(gtk_label_get_text(label), next) != 0)
        gtk_label_set_text(label, next);
}

/* A line that is only there when there is something to say. */
static void set_optional(GtkLabel *label, GtkWidget *name, const char *text)
{
    set_text(label, text);
    gtk_widget_set_visible(GTK_WIDGET(label), text != NULL);
    gtk_widget_set_visible(name, text != NULL);
}

/* --- status --- */

static void show_problem(KftDetailsPane *self, const KftItemStatus *status)
{
    bool is_problem = status->error != NULL &&
                      (status->state == KFT_ITEM_FAILED || status->state == KFT_ITEM_RECONNECTING);
    gtk_widget_set_visible(self->problem, is_problem);
    if (!is_problem)
        return;
    g_autofree char *hint = g_strdup_printf("%s. %s", kft_error_sentence(status->error_code),
                                            kft_error_hint(status->error_code));
    set_text(self->problem_hint, hint);
    set_text(self->problem_text, status->error);
}

static void show_times(KftDetailsPane *self)
{
    const KftItemStatus *status = kft_forward_item_get_status(self->item);
    /* Why it failed stands in a box of its own, with the technical part one click away. */
    g_autofree char *state = status->state == KFT_ITEM_FAILED
                                 ? g_strdup(kft_text_state(status->state))
                                 : kft_text_status(self->item);
    g_autofree char *uptime = NULL;

    if (status->ready_since_us != 0)
        uptime =
            kft_text_duration((g_get_monotonic_time() - status->ready_since_us) / G_USEC_PER_SEC);
    set_text(self->state, state);
    set_text(self->uptime, uptime);
}

static gboolean on_clock(gpointer user_data);

/* Seconds are shown for a minute only; after that one look a minute is enough. */
static void restart_clock(KftDetailsPane *self)
{
    const KftItemStatus *status =
        self->item == NULL ? NULL : kft_forward_item_get_status(self->item);
    gint64 now_us = g_get_monotonic_time();
    unsigned seconds = 0;

    g_clear_handle_id(&self->clock, g_source_remove);
    if (status == NULL || !gtk_widget_get_mapped(GTK_WIDGET(self)))
        return;
    if (status->next_try_us > now_us || kft_forward_item_get_end_us(self->item) > now_us)
        seconds = 1;
    else if (status->ready_since_us != 0)
        seconds = now_us - status->ready_since_us < (gint64)60 * G_USEC_PER_SEC ? 1 : 60;
    if (seconds > 0)
        self->clock = g_timeout_add_seconds(seconds, on_clock, self);
}

static gboolean on_clock(gpointer user_data)
{
    KftDetailsPane *self = user_data;
    self->clock = 0;
    show_times(self);
    restart_clock(self);
    return G_SOURCE_REMOVE;
}

static char *dup_transport(const KftItemStatus *status)
{
    const char *name = kft_transport_name(status->transport);
    if (status->transport == KFT_TRANSPORT_AUTO)
        return NULL;
    /* Translators: "spdy, as WebSockets do not get through: (a technical reason)". */
    return status->detour == NULL ? g_strdup(name)
                                  : g_strdup_printf(_("%s, as WebSockets do not get through: %s"),
                                                    name, status->detour);
}

static void show_status(KftDetailsPane *self)
{
    const KftItemStatus *status = kft_forward_item_get_status(self->item);
    GtkStyleContext *style = gtk_widget_get_style_context(GTK_WIDGET(self->state_icon));
    const char *style_class = kft_text_state_class(status->state);
    g_autofree char *reconnects = g_strdup_printf("%u", status->n_reconnects);
    g_autofree char *transport = dup_transport(status);

    if (self->state_class != NULL)
        gtk_style_context_remove_class(style, self->state_class);
    gtk_style_context_add_class(style, style_class);
    self->state_class = style_class;
    gtk_image_set_from_icon_name(self->state_icon, kft_text_state_icon(status->state),
                                 GTK_ICON_SIZE_MENU);
    set_text(self->address, kft_forward_item_get_address(self->item));
    set_text(self->pod, status->pod);
    set_text(self->transport, transport);
    set_text(self->reconnects, reconnects);
    show_problem(self, status);
    show_times(self);
    restart_clock(self);
}

static void show_config(KftDetailsPane *self)
{
    const KftConfig *config = kft_forward_item_get_config(self->item);
    set_text(self->title, config->alias);
    set_text(self->target, kft_forward_item_get_target(self->item));
    set_optional(self->kubeconfig, self->kubeconfig_name, config->kubeconfig);
    set_optional(self->note, self->note_name, config->note);
}

/* --- traffic --- */

static void show_bytes(GtkLabel *label, uint64_t now, uint64_t before, double rate)
{
    g_autofree char *total = g_format_size(now + before);
    g_autofree char *speed = kft_text_rate(rate);
    /* Translators: bytes in total, then bytes per second: "12.1 MB (1.2 MB/s)" */
    g_autofree char *text = g_strdup_printf(_("%s (%s)"), total, speed);
    set_text(label, text);
}

static void show_traffic(KftDetailsPane *self)
{
    const KftItemTraffic *traffic = kft_forward_item_get_traffic(self->item);
    uint64_t n_connections = traffic->n_connections + traffic->stored.n_connections;
    /* Translators: connections: open now, and in total. */
    g_autofree char *connections = g_strdup_printf(_("%u open, %llu in total"), traffic->n_open,
                                                   (unsigned long long)n_connections);

    show_bytes(self->received, traffic->bytes_down, traffic->stored.bytes_down, traffic->rate_down);
    show_bytes(self->sent, traffic->bytes_up, traffic->stored.bytes_up, traffic->rate_up);
    set_text(self->connections, connections);
    kft_sparkline_set_values(self->sparkline, kft_forward_item_get_rates(self->item),
                             KFT_ITEM_N_RATES);
}

static void on_copy_log(KftDetailsPane *self)
{
    kft_log_view_copy(self->log);
}

/* --- object --- */

static void on_item_changed(KftForwardItem *item, unsigned what, KftDetailsPane *self)
{
    (void)item;
    if (!gtk_widget_get_visible(GTK_WIDGET(self)))
        return;
    if ((what & KFT_ITEM_CONFIG) != 0)
        show_config(self);
    if ((what & (KFT_ITEM_STATUS | KFT_ITEM_CONFIG)) != 0)
        show_status(self);
    if ((what & KFT_ITEM_TRAFFIC) != 0)
        show_traffic(self);
}

static void show_all(KftDetailsPane *self)
{
    show_config(self);
    show_status(self);
    show_traffic(self);
}

static void drop_item(KftDetailsPane *self)
{
    g_clear_handle_id(&self->clock, g_source_remove);
    if (self->item != NULL)
        g_signal_handlers_disconnect_by_data(self->item, self);
    g_clear_object(&self->item);
}

void kft_details_pane_set_item(KftDetailsPane *self, KftForwardItem *item)
{
    if (self->item == item)
        return;
    drop_item(self);
    kft_log_view_set_item(self->log, item);
    if (item == NULL)
        return;
    self->item = g_object_ref(item);
    g_signal_connect(item, "changed", G_CALLBACK(on_item_changed), self);
    show_all(self);
}

static void kft_details_pane_map(GtkWidget *widget)
{
    KftDetailsPane *self = KFT_DETAILS_PANE(widget);
    GTK_WIDGET_CLASS(kft_details_pane_parent_class)->map(widget);
    if (self->item != NULL)
        show_all(self);
}

static void kft_details_pane_unmap(GtkWidget *widget)
{
    KftDetailsPane *self = KFT_DETAILS_PANE(widget);
    g_clear_handle_id(&self->clock, g_source_remove);
    GTK_WIDGET_CLASS(kft_details_pane_parent_class)->unmap(widget);
}

static void kft_details_pane_dispose(GObject *object)
{
    drop_item(KFT_DETAILS_PANE(object));
    G_OBJECT_CLASS(kft_details_pane_parent_class)->dispose(object);
}

static void kft_details_pane_class_init(KftDetailsPaneClass *class)
{
    GtkWidgetClass *widget_class = GTK_WIDGET_CLASS(class);

    G_OBJECT_CLASS(class)->dispose = kft_details_pane_dispose;
    widget_class->map = kft_details_pane_map;
    widget_class->unmap = kft_details_pane_unmap;
    g_type_ensure(KFT_TYPE_LOG_VIEW);
    g_type_ensure(KFT_TYPE_SPARKLINE);
    gtk_widget_class_set_template_from_resource(widget_class,
                                                "/io/github/kftray/Kftray/details-pane.ui");
#define BIND(child) gtk_widget_class_bind_template_child(widget_class, KftDetailsPane, child)
    BIND(title);
    BIND(state_icon);
    BIND(state);
    BIND(problem);
    BIND(problem_hint);
    BIND(problem_text);
    BIND(target);
    BIND(address);
    BIND(pod);
    BIND(transport);
    BIND(received);
    BIND(sent);
    BIND(connections);
    BIND(uptime);
    BIND(reconnects);
    BIND(kubeconfig);
    BIND(kubeconfig_name);
    BIND(note);
    BIND(note_name);
    BIND(sparkline);
    BIND(log);
#undef BIND
    gtk_widget_class_bind_template_callback(widget_class, on_copy_log);
}

static void kft_details_pane_init(KftDetailsPane *self)
{
    gtk_widget_init_template(GTK_WIDGET(self));
}
