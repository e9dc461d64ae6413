#ifndef KFT_APP_LOGIN_DIALOG_H
#define KFT_APP_LOGIN_DIALOG_H

#include <gtk/gtk.h>
#include <kftray/keyring.h>
#include <stdbool.h>

/* Asks for what to log in to a proxy with; response GTK_RESPONSE_OK or another. Thread: ui. */
#define KFT_TYPE_LOGIN_DIALOG (kft_login_dialog_get_type())
G_DECLARE_FINAL_TYPE(KftLoginDialog, kft_login_dialog, KFT, LOGIN_DIALOG, GtkDialog)

/* @proxy: "host:port". @user: nullable. @is_refused: the login that was used until now is wrong. */
GtkWidget *
kft_login_dialog_new(GtkWindow *parent, const char *proxy, const char *user, bool is_refused);
const char *kft_login_dialog_get_proxy(KftLoginDialog *self);
/* @ret_login: copies. */
void kft_login_dialog_get_login(KftLoginDialog *self, KftLogin *ret_login);
bool kft_login_dialog_must_remember(KftLoginDialog *self);

#endif
