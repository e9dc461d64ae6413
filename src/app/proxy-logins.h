#ifndef KFT_APP_PROXY_LOGINS_H
#define KFT_APP_PROXY_LOGINS_H

#include "core.h"

/* Finds the logins that proxies want: in the keyring, else by a dialog, and tells them to the
 * engine. Thread: ui. */
#define KFT_TYPE_PROXY_LOGINS (kft_proxy_logins_get_type())
G_DECLARE_FINAL_TYPE(KftProxyLogins, kft_proxy_logins, KFT, PROXY_LOGINS, GObject)

/* Does nothing any more after g_object_run_dispose(). */
KftProxyLogins *kft_proxy_logins_new(KftCore *core);

#endif
