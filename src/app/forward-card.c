/* A card goes from row to row while the list is scrolled, so that nothing of an item may stay in
 * it: kft_forward_card_set_item() draws everything. Texts that change often are compared first, as
 * a label that is set is laid out and drawn again even if it says the same. */
#include "forward-card.h"

#include <glib/gi18n.h>

#include "actions.h"
#include "sparkline.h"
#include "text.h"

/* Below these widths there is no room for the curve and the rates, and for the address. */
#define COMPACT_CHARS 112
#define TINY_CHARS 86

struct _KftForwardCard {
    GtkBox parent;
    KftForwardItem *item;
    const char *state_class; /* that the icon and the status have now */
    unsigned countdown;      /* source that counts the seconds to the next try */
    gint64 clicked_us;       /* on the address; 0 = never */
    bool is_compact;
    bool is_showing; /* the switch is being brought to the forward's state */
    GtkImage *state_icon;
    GtkLabel *alias;
    GtkLabel *target;
    GtkLabel *status;
    GtkWidget *traffic;
    KftSparkline *sparkline;
    GtkLabel *rate_down;
    GtkLabel *rate_up;
    GtkLabel *connections;
    GtkLabel *address;
    GtkWidget *address_box;
    GtkWidget *address_button;
    GtkWidget *open_button;
    GtkSwitch *toggle;
};

G_DEFINE_FINAL_TYPE(KftForwardCard, kft_forward_card, GTK_TYPE_BOX)

static unsigned menu_requested_signal;
static unsigned copied_signal;

/* --- showing --- */

static void show_config(KftForwardCard *self)
{
    const KftConfig *config = kft_forward_item_get_config(self->item);
    const char *target = kft_forward_item_get_target(self->item);
    g_autofree char *name = g_strdup_printf(_("Run %s"), config->alias);
    g_autofree char *whole =
        config->note == NULL ? g_strdup(target) : g_strdup_printf("%s\n%s", target, config->note);

    gtk_label_set_text(self->alias, config->alias);
    gtk_label_set_text(self->target, target);
    /* Both are cut when there is too little room. */
    gtk_widget_set_tooltip_text(GTK_WIDGET(self->alias), config->alias);
    gtk_widget_set_tooltip_text(GTK_WIDGET(self->target), whole);
    atk_object_set_name(gtk_widget_get_accessible(GTK_WIDGET(self->toggle)), name);
}

static void set_state_class(KftForwardCard *self, const char *style_class)
{
    GtkStyleContext *icon = gtk_widget_get_style_context(GTK_WIDGET(self->state_icon));
    GtkStyleContext *status = gtk_widget_get_style_context(GTK_WIDGET(self->status));

    if (self->state_class == style_class)
        return;
    if (self->state_class != NULL) {
        gtk_style_context_remove_class(icon, self->state_class);
        gtk_style_context_remove_class(status, self->state_class);
    }
    gtk_style_context_add_class(icon, style_class);
    gtk_style_context_add_class(status, style_class);
    self->state_class = style_class;
}

static void show_status_text(KftForwardCard *self)
{
    const KftItemTraffic *traffic = kft_forward_item_get_traffic(self->item);
    g_autofree char *text = kft_text_status(self->item);

    if (self->is_compact && traffic->rate_down + traffic->rate_up > 0) {
        g_autofree char *down = kft_text_rate(traffic->rate_down);
        g_autofree char *up = kft_text_rate(traffic->rate_up);
        g_autofree char *words = g_steal_pointer(&text);
        text = g_strdup_printf("%s · ↓ %s ↑ %s", words, down, up);
    }
    if (g_strcmp0(gtk_label_get_text(self->status), text) == 0)
        return;
    gtk_label_set_text(self->status, text);
    gtk_widget_set_tooltip_text(GTK_WIDGET(self->status), text);
}

static bool is_counting(KftForwardCard *self)
{
    gint64 now_us = g_get_monotonic_time();
    return kft_forward_item_get_status(self->item)->next_try_us > now_us ||
           kft_forward_item_get_end_us(self->item) > now_us;
}

static gboolean on_countdown(gpointer user_data)
{
    KftForwardCard *self = user_data;

    show_status_text(self);
    if (is_counting(self) && gtk_widget_get_mapped(GTK_WIDGET(self)))
        return G_SOURCE_CONTINUE;
    self->countdown = 0;
    return G_SOURCE_REMOVE;
}

static void show_toggle(KftForwardCard *self)
{
    bool is_on = kft_forward_item_is_on(self->item);
    KftItemState state = kft_forward_item_get_status(self->item)->state;

    self->is_showing = true;
    gtk_switch_set_active(self->toggle, is_on);
    gtk_switch_set_state(self->toggle, is_on);
    self->is_showing = false;
    gtk_widget_set_sensitive(GTK_WIDGET(self->toggle), state != KFT_ITEM_ELSEWHERE);
}

static void show_status(KftForwardCard *self)
{
    const KftItemStatus *status = kft_forward_item_get_status(self->item);
    bool is_open = status->state == KFT_ITEM_RUNNING || status->state == KFT_ITEM_RECONNECTING ||
                   status->state == KFT_ITEM_ELSEWHERE;
    const char *address = kft_forward_item_get_address(self->item);
    g_autofree char *name = g_strdup_printf(_("Copy %s"), address);

    gtk_image_set_from_icon_name(self->state_icon, kft_text_state_icon(status->state),
                                 GTK_ICON_SIZE_MENU);
    set_state_class(self, kft_text_state_class(status->state));
    show_status_text(self);
    gtk_label_set_text(self->address, address);
    atk_object_set_name(gtk_widget_get_accessible(self->address_button), name);
    gtk_widget_set_sensitive(self->open_button,
                             is_open && kft_forward_item_get_config(self->item)->protocol ==
                                            KFT_PROTOCOL_TCP);
    show_toggle(self);
    if (is_counting(self) && self->countdown == 0)
        self->countdown = g_timeout_add_seconds(1, on_countdown, self);
}

static void set_rate(GtkLabel *label, const char *arrow, double rate)
{
    g_autofree char *number = kft_text_rate(rate);
    g_autofree char *text = g_strdup_printf("%s %s", arrow, number);
    if (g_strcmp0(gtk_label_get_text(label), text) != 0)
        gtk_label_set_text(label, text);
}

static void show_traffic_box(KftForwardCard *self)
{
    gtk_widget_set_visible(self->traffic,
                           !self->is_compact && kft_forward_item_is_moving(self->item));
}

static void show_traffic(KftForwardCard *self)
{
    const KftItemTraffic *traffic = kft_forward_item_get_traffic(self->item);
    /* Translators: how many connections are open, in very little room. */
    g_autofree char *open = g_strdup_printf(C_("open connections", "⇄ %u"), traffic->n_open);

    /* Zeros in every row would only be noise. What stands right of it does not move. */
    show_traffic_box(self);
    set_rate(self->rate_down, "↓", traffic->rate_down);
    set_rate(self->rate_up, "↑", traffic->rate_up);
    if (g_strcmp0(gtk_label_get_text(self->connections), open) != 0)
        gtk_label_set_text(self->connections, open);
    if (self->is_compact)
        show_status_text(self);
    kft_sparkline_set_values(self->sparkline, kft_forward_item_get_rates(self->item),
                             KFT_ITEM_N_RATES);
}

static void on_item_changed(KftForwardItem *item, unsigned what, KftForwardCard *self)
{
    (void)item;
    if ((what & KFT_ITEM_CONFIG) != 0)
        show_config(self);
    if ((what & (KFT_ITEM_STATUS | KFT_ITEM_CONFIG)) != 0)
        show_status(self);
    if ((what & KFT_ITEM_TRAFFIC) != 0)
        show_traffic(self);
}

/* --- clicks --- */

static void on_open_clicked(KftForwardCard *self)
{
    GtkWidget *window = gtk_widget_get_toplevel(GTK_WIDGET(self));
    g_autofree char *text = kft_text_browser_uri(self->item);
    (void)gtk_show_uri_on_window(GTK_WINDOW(window), text, gtk_get_current_event_time(), NULL);
}

/* A button tells of each click of a double click. */
static bool is_second_click(KftForwardCard *self)
{
    int limit_ms = 0;
    gint64 before_us = self->clicked_us;

    g_object_get(gtk_widget_get_settings(GTK_WIDGET(self)), "gtk-double-click-time", &limit_ms,
                 NULL);
    self->clicked_us = g_get_monotonic_time();
    return before_us != 0 && self->clicked_us - before_us < (gint64)limit_ms * 1000;
}

static void on_address_clicked(KftForwardCard *self)
{
    const char *address = kft_forward_item_get_address(self->item);

    if (is_second_click(self) && gtk_widget_get_sensitive(self->open_button)) {
        self->clicked_us = 0;
        on_open_clicked(self);
        return;
    }
    gtk_clipboard_set_text(gtk_clipboard_get(GDK_SELECTION_CLIPBOARD), address, -1);
    g_signal_emit(self, copied_signal, 0, address);
}

/* An action of its own for each forward would be simpler, but each widget with an action hears of
 * all of them: with a thousand forwards most of the time went there. */
static gboolean on_toggle_state_set(KftForwardCard *self, gboolean shall_run)
{
    if (self->is_showing)
        return GDK_EVENT_PROPAGATE;
    kft_actions_run_forward(self->item, shall_run);
    show_toggle(self);
    return GDK_EVENT_STOP;
}

static void on_menu_clicked(KftForwardCard *self, GtkWidget *button)
{
    g_signal_emit(self, menu_requested_signal, 0, button);
}

/* --- object --- */

static void kft_forward_card_dispose(GObject *object)
{
    KftForwardCard *self = KFT_FORWARD_CARD(object);
    g_clear_handle_id(&self->countdown, g_source_remove);
    if (self->item != NULL)
        g_signal_handlers_disconnect_by_data(self->item, self);
    g_clear_object(&self->item);
    G_OBJECT_CLASS(kft_forward_card_parent_class)->dispose(object);
}

/* The countdown stops while nobody sees it. */
static void kft_forward_card_map(GtkWidget *widget)
{
    KftForwardCard *self = KFT_FORWARD_CARD(widget);
    GTK_WIDGET_CLASS(kft_forward_card_parent_class)->map(widget);
    show_status(self);
}

static void kft_forward_card_class_init(KftForwardCardClass *class)
{
    GtkWidgetClass *widget_class = GTK_WIDGET_CLASS(class);

    G_OBJECT_CLASS(class)->dispose = kft_forward_card_dispose;
    widget_class->map = kft_forward_card_map;
    g_type_ensure(KFT_TYPE_SPARKLINE);
    gtk_widget_class_set_template_from_resource(widget_class,
                                                "/io/github/kftray/Kftray/forward-card.ui");
    gtk_widget_class_bind_template_child(widget_class, KftForwardCard, state_icon);
    gtk_widget_class_bind_template_child(widget_class, KftForwardCard, alias);
    gtk_widget_class_bind_template_child(widget_class, KftForwardCard, target);
    gtk_widget_class_bind_template_child(widget_class, KftForwardCard, status);
    gtk_widget_class_bind_template_child(widget_class, KftForwardCard, traffic);
    gtk_widget_class_bind_template_child(widget_class, KftForwardCard, sparkline);
    gtk_widget_class_bind_template_child(widget_class, KftForwardCard, rate_down);
    gtk_widget_class_bind_template_child(widget_class, KftForwardCard, rate_up);
    gtk_widget_class_bind_template_child(widget_class, KftForwardCard, connections);
    gtk_widget_class_bind_template_child(widget_class, KftForwardCard, address);
    gtk_widget_class_bind_template_child(widget_class, KftForwardCard, address_box);
    gtk_widget_class_bind_template_child(widget_class, KftForwardCard, address_button);
    gtk_widget_class_bind_template_child(widget_class, KftForwardCard, open_button);
    gtk_widget_class_bind_template_child(widget_class, KftForwardCard, toggle);
    gtk_widget_class_bind_template_callback(widget_class, on_address_clicked);
    gtk_widget_class_bind_template_callback(widget_class, on_open_clicked);
    gtk_widget_class_bind_template_callback(widget_class, on_toggle_state_set);
    gtk_widget_class_bind_template_callback(widget_class, on_menu_clicked);
    menu_requested_signal = g_signal_new("menu-requested", KFT_TYPE_FORWARD_CARD, G_SIGNAL_RUN_LAST,
                                         0, NULL, NULL, NULL, G_TYPE_NONE, 1, GTK_TYPE_WIDGET);
    copied_signal = g_signal_new("copied", KFT_TYPE_FORWARD_CARD, G_SIGNAL_RUN_LAST, 0, NULL, NULL,
                                 NULL, G_TYPE_NONE, 1, G_TYPE_STRING);
}

static void kft_forward_card_init(KftForwardCard *self)
{
    gtk_widget_init_template(GTK_WIDGET(self));
}

GtkWidget *kft_forward_card_new(KftForwardItem *item)
{
    KftForwardCard *self = g_object_new(KFT_TYPE_FORWARD_CARD, NULL);
    kft_forward_card_set_item(self, item);
    return GTK_WIDGET(self);
}

void kft_forward_card_set_item(KftForwardCard *self, KftForwardItem *item)
{
    if (self->item == item)
        return;
    g_clear_handle_id(&self->countdown, g_source_remove);
    if (self->item != NULL)
        g_signal_handlers_disconnect_by_data(self->item, self);
    g_set_object(&self->item, item);
    self->clicked_us = 0;
    g_signal_connect(item, "changed", G_CALLBACK(on_item_changed), self);
    on_item_changed(item, KFT_ITEM_CONFIG | KFT_ITEM_TRAFFIC, self);
}

void kft_forward_card_set_room(KftForwardCard *self, int n_chars)
{
    bool is_compact = n_chars < COMPACT_CHARS;

    gtk_widget_set_visible(self->address_box, n_chars >= TINY_CHARS);
    if (self->is_compact == is_compact)
        return;
    self->is_compact = is_compact;
    show_traffic_box(self);
    show_status_text(self);
}
