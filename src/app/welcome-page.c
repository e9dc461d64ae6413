#include "welcome-page.h"

#include "demo.h"

struct _KftWelcomePage {
    GtkScrolledWindow parent;
    GtkWidget *demo_row;
};

G_DEFINE_FINAL_TYPE(KftWelcomePage, kft_welcome_page, GTK_TYPE_SCROLLED_WINDOW)

static void kft_welcome_page_class_init(KftWelcomePageClass *class)
{
    GtkWidgetClass *widget_class = GTK_WIDGET_CLASS(class);

    gtk_widget_class_set_template_from_resource(widget_class,
                                                "/io/github/kftray/Kftray/welcome-page.ui");
    gtk_widget_class_bind_template_child(widget_class, KftWelcomePage, demo_row);
}

static void kft_welcome_page_init(KftWelcomePage *self)
{
    gtk_widget_init_template(GTK_WIDGET(self));
    gtk_widget_set_visible(self->demo_row, kft_demo_is_available());
}
