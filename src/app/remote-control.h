#ifndef KFT_APP_REMOTE_CONTROL_H
#define KFT_APP_REMOTE_CONTROL_H

#include <gio/gio.h>

#include "core.h"

/* The interface that other programs of the session call (packaging/dbus). Thread: ui. */
typedef struct KftRemoteControl KftRemoteControl;

/* Errors: what the bus says. */
KftRemoteControl *kft_remote_control_new(GDBusConnection *bus, const char *path, GError **error);
/* Calls that came before are answered now. @core: (transfer none), outlives it or is set to NULL.
 */
void kft_remote_control_set_core(KftRemoteControl *self, KftCore *core);
/* NULL is allowed. */
void kft_remote_control_free(KftRemoteControl *self);

#endif
