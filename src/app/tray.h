#ifndef KFT_APP_TRAY_H
#define KFT_APP_TRAY_H

#include <gtk/gtk.h>
#include <stdbool.h>

#include "core.h"

/* The icon in the panel and its menu. Thread: ui.
 *
 * Signals: "shown-changed": kft_tray_is_shown() is another value. */
#define KFT_TYPE_TRAY (kft_tray_get_type())
G_DECLARE_FINAL_TYPE(KftTray, kft_tray, KFT, TRAY, GObject)

/* @app_actions: what "app." in the menu means. */
KftTray *kft_tray_new(KftCore *core, GActionGroup *app_actions);
/* Whether a panel shows it. */
bool kft_tray_is_shown(KftTray *self);

#endif
