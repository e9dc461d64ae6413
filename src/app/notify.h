#ifndef KFT_APP_NOTIFY_H
#define KFT_APP_NOTIFY_H

#include <gio/gio.h>

#include "core.h"

/* Tells the desktop of forwards that failed, were lost, or recovered by themselves, if the user
 * wants that. @is_watching: whether the user looks at the window, so that nothing has to be said.
 * Lives as long as the core. Thread: ui. */
void kft_notify_attach(KftCore *core, GApplication *application, bool (*is_watching)(void));

#endif
