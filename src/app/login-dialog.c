#include "login-dialog.h"

#include <glib/gi18n.h>

struct _KftLoginDialog {
    GtkDialog parent;
    char *proxy;
    GtkLabel *text;
    GtkEntry *user;
    GtkEntry *password;
    GtkToggleButton *remember;
};

G_DEFINE_FINAL_TYPE(KftLoginDialog, kft_login_dialog, GTK_TYPE_DIALOG)

static void on_changed(KftLoginDialog *self)
{
    gtk_dialog_set_response_sensitive(GTK_DIALOG(self), GTK_RESPONSE_OK,
                                      gtk_entry_get_text_length(self->user) > 0);
}

static void kft_login_dialog_finalize(GObject *object)
{
    g_free(KFT_LOGIN_DIALOG(object)->proxy);
    G_OBJECT_CLASS(kft_login_dialog_parent_class)->finalize(object);
}

static void kft_login_dialog_class_init(KftLoginDialogClass *class)
{
    GtkWidgetClass *widget_class = GTK_WIDGET_CLASS(class);

    G_OBJECT_CLASS(class)->finalize = kft_login_dialog_finalize;
    gtk_widget_class_set_template_from_resource(widget_class,
                                                "/io/github/kftray/Kftray/login-dialog.ui");
    gtk_widget_class_bind_template_child(widget_class, KftLoginDialog, text);
    gtk_widget_class_bind_template_child(widget_class, KftLoginDialog, user);
    gtk_widget_class_bind_template_child(widget_class, KftLoginDialog, password);
    gtk_widget_class_bind_template_child(widget_class, KftLoginDialog, remember);
    gtk_widget_class_bind_template_callback(widget_class, on_changed);
}

static void kft_login_dialog_init(KftLoginDialog *self)
{
    gtk_widget_init_template(GTK_WIDGET(self));
}

GtkWidget *
kft_login_dialog_new(GtkWindow *parent, const char *proxy, const char *user, bool is_refused)
{
    KftLoginDialog *self = g_object_new(KFT_TYPE_LOGIN_DIALOG, "use-header-bar", TRUE,
                                        "transient-for", parent, "title", _("Proxy Login"), NULL);
    g_autofree char *text =
        g_strdup_printf(is_refused ? _("The proxy %s refused the login. What is the right one?")
                                   : _("The proxy %s wants a login."),
                        proxy);

    self->proxy = g_strdup(proxy);
    gtk_label_set_text(self->text, text);
    gtk_entry_set_text(self->user, user == NULL ? "" : user);
    if (user != NULL)
        gtk_widget_grab_focus(GTK_WIDGET(self->password));
    on_changed(self);
    return GTK_WIDGET(self);
}

const char *kft_login_dialog_get_proxy(KftLoginDialog *self)
{
    return self->proxy;
}

void kft_login_dialog_get_login(KftLoginDialog *self, KftLogin *ret_login)
{
    ret_login->user = g_strdup(gtk_entry_get_text(self->user));
    ret_login->password = g_strdup(gtk_entry_get_text(self->password));
}

bool kft_login_dialog_must_remember(KftLoginDialog *self)
{
    return gtk_toggle_button_get_active(self->remember);
}
