#ifndef KFT_APP_WELCOME_PAGE_H
#define KFT_APP_WELCOME_PAGE_H

#include <gtk/gtk.h>

/* What the window shows while there are no forwards: ways to begin. Thread: ui. */
#define KFT_TYPE_WELCOME_PAGE (kft_welcome_page_get_type())
G_DECLARE_FINAL_TYPE(KftWelcomePage, kft_welcome_page, KFT, WELCOME_PAGE, GtkScrolledWindow)

#endif
