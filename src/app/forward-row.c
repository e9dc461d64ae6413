#include "forward-row.h"

#include "text.h"

struct _KftForwardRow {
    GtkListBoxRow parent;
    KftForwardItem *item;
    KftForwardCard *card; /* NULL unless it is in view */
    unsigned order;
    KftCounted counted;
};

G_DEFINE_FINAL_TYPE(KftForwardRow, kft_forward_row, GTK_TYPE_LIST_BOX_ROW)

/* Height of a filled row, which the empty ones keep free. It depends on the font only; before there
 * is a filled one it is a guess. */
static int row_height = 56;

static void show_name(KftForwardRow *self)
{
    const KftConfig *config = kft_forward_item_get_config(self->item);
    const KftItemStatus *status = kft_forward_item_get_status(self->item);
    AtkObject *accessible = gtk_widget_get_accessible(GTK_WIDGET(self));

    atk_object_set_name(accessible, config->alias);
    atk_object_set_description(accessible, kft_text_state(status->state));
}

static void on_item_changed(KftForwardItem *item, unsigned what, KftForwardRow *self)
{
    (void)item;
    if ((what & (KFT_ITEM_CONFIG | KFT_ITEM_STATUS)) != 0)
        show_name(self);
}

static void kft_forward_row_dispose(GObject *object)
{
    KftForwardRow *self = KFT_FORWARD_ROW(object);
    if (self->item != NULL)
        g_signal_handlers_disconnect_by_data(self->item, self);
    g_clear_object(&self->item);
    self->card = NULL;
    G_OBJECT_CLASS(kft_forward_row_parent_class)->dispose(object);
}

static void kft_forward_row_class_init(KftForwardRowClass *class)
{
    G_OBJECT_CLASS(class)->dispose = kft_forward_row_dispose;
}

static void kft_forward_row_init(KftForwardRow *self)
{
    gtk_widget_set_size_request(GTK_WIDGET(self), -1, row_height);
    gtk_widget_show(GTK_WIDGET(self));
}

GtkWidget *kft_forward_row_new(KftForwardItem *item)
{
    KftForwardRow *self = g_object_new(KFT_TYPE_FORWARD_ROW, NULL);
    self->item = g_object_ref(item);
    g_signal_connect(item, "changed", G_CALLBACK(on_item_changed), self);
    show_name(self);
    return GTK_WIDGET(self);
}

KftForwardItem *kft_forward_row_get_item(KftForwardRow *self)
{
    return self->item;
}

KftForwardCard *kft_forward_row_get_card(KftForwardRow *self)
{
    return self->card;
}

void kft_forward_row_set_card(KftForwardRow *self, KftForwardCard *card)
{
    int height = 0;

    self->card = card;
    kft_forward_card_set_item(card, self->item);
    gtk_container_add(GTK_CONTAINER(self), GTK_WIDGET(card));
    gtk_widget_set_size_request(GTK_WIDGET(self), -1, -1);
    gtk_widget_get_preferred_height(GTK_WIDGET(self), NULL, &height);
    row_height = height;
}

void kft_forward_row_take_card(KftForwardRow *self, KftForwardRow *from)
{
    KftForwardCard *card = g_object_ref(from->card);

    from->card = NULL;
    gtk_container_remove(GTK_CONTAINER(from), GTK_WIDGET(card));
    kft_forward_row_adopt_height(from);
    kft_forward_row_set_card(self, card);
    g_object_unref(card);
}

int kft_forward_row_get_filled_height(void)
{
    return row_height;
}

void kft_forward_row_adopt_height(KftForwardRow *self)
{
    if (self->card == NULL)
        gtk_widget_set_size_request(GTK_WIDGET(self), -1, row_height);
}

void kft_forward_row_set_order(KftForwardRow *self, unsigned order)
{
    self->order = order;
}

unsigned kft_forward_row_get_order(KftForwardRow *self)
{
    return self->order;
}

KftCounted *kft_forward_row_get_counted(KftForwardRow *self)
{
    return &self->counted;
}

static bool is_shown_forward(GtkListBoxRow *row)
{
    return KFT_IS_FORWARD_ROW(row) && gtk_widget_get_child_visible(GTK_WIDGET(row));
}

GtkListBoxRow *kft_forward_row_find_first(GtkListBox *list)
{
    GtkListBoxRow *row = NULL;

    for (int i = 0; (row = gtk_list_box_get_row_at_index(list, i)) != NULL; i++) {
        if (is_shown_forward(row))
            return row;
    }
    return NULL;
}

GtkListBoxRow *kft_forward_row_find_neighbour(GtkListBox *list)
{
    GtkListBoxRow *row = NULL;
    GtkListBoxRow *before = NULL;
    GtkListBoxRow *after = NULL;
    bool is_behind = false;

    for (int i = 0; (row = gtk_list_box_get_row_at_index(list, i)) != NULL; i++) {
        if (!is_shown_forward(row))
            continue;
        if (gtk_list_box_row_is_selected(row)) {
            is_behind = true;
            after = NULL;
        } else if (!is_behind) {
            before = row;
        } else if (after == NULL) {
            after = row;
        }
    }
    return after != NULL ? after : before;
}
