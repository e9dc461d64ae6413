#ifndef KFT_APP_SETTINGS_WINDOW_H
#define KFT_APP_SETTINGS_WINDOW_H

#include <gtk/gtk.h>

#include "core.h"

/* All settings on pages; each change is stored at once. Thread: ui. */
#define KFT_TYPE_SETTINGS_WINDOW (kft_settings_window_get_type())
G_DECLARE_FINAL_TYPE(KftSettingsWindow, kft_settings_window, KFT, SETTINGS_WINDOW, GtkWindow)

GtkWidget *kft_settings_window_new(KftCore *core, GtkWindow *parent);

#endif
