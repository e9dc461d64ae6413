#ifndef KFT_APP_TRAY_MENU_H
#define KFT_APP_TRAY_MENU_H

#include <gtk/gtk.h>

#include "core.h"

/* The menu of the tray icon. Made of plain menu items, because that is what the panel's copy of
 * it carries over properly, and changed in place, because a menu that is taken down
 * and made again closes while the user looks at it. Thread: ui. */
typedef struct KftTrayMenu KftTrayMenu;

KftTrayMenu *kft_tray_menu_new(KftCore *core, GActionGroup *app_actions);
/* (transfer none) */
GtkMenu *kft_tray_menu_get_widget(KftTrayMenu *self);
/* Brings it up to date with the model. */
void kft_tray_menu_update(KftTrayMenu *self);
/* NULL is allowed. */
void kft_tray_menu_free(KftTrayMenu *self);

#endif
