#ifndef KFT_APP_APPLICATION_H
#define KFT_APP_APPLICATION_H

#include <gtk/gtk.h>

#define KFT_APPLICATION_ID "io.github.kftray.Kftray"

/* The desktop program: one instance per session, with the core, the tray and the window. Thread:
 * ui. */
#define KFT_TYPE_APPLICATION (kft_application_get_type())
G_DECLARE_FINAL_TYPE(KftApplication, kft_application, KFT, APPLICATION, GtkApplication)

KftApplication *kft_application_new(void);

#endif
