#ifndef KFT_APP_WINDOW_H
#define KFT_APP_WINDOW_H

#include <gtk/gtk.h>

#include "core.h"

/* The main window. Closing it hides it; the program goes on. Thread: ui. */
#define KFT_TYPE_WINDOW (kft_window_get_type())
G_DECLARE_FINAL_TYPE(KftWindow, kft_window, KFT, WINDOW, GtkApplicationWindow)

KftWindow *kft_window_new(GtkApplication *application, KftCore *core);
/* A short message that goes away by itself. */
void kft_window_toast(KftWindow *self, const char *text);
/* An error with its technical text, until it is closed. */
void kft_window_show_error(KftWindow *self, const char *title, const char *text);
/* Whether to tell that there is no tray. */
void kft_window_set_tray_hint(KftWindow *self, bool is_shown);
/* Selects the forward and scrolls to it. */
void kft_window_reveal(KftWindow *self, KftForwardItem *item);

#endif
