#ifndef KFT_APP_DESKTOP_PROXY_H
#define KFT_APP_DESKTOP_PROXY_H

#include <gio/gio.h>
#include <kftray/network.h>

/* The proxy that the desktop's settings name: GNOME's org.gnome.system.proxy, which other desktops
 * have, too. Without that schema there is none. Thread: ui. */
typedef struct KftDesktopProxy KftDesktopProxy;

/* @on_change: after each change of the desktop's settings. */
KftDesktopProxy *kft_desktop_proxy_new(void (*on_change)(gpointer user_data), gpointer user_data);
/* NULL is allowed. */
void kft_desktop_proxy_free(KftDesktopProxy *self);
/* Fills in the members desktop_…, which must be NULL. */
void kft_desktop_proxy_fill(KftDesktopProxy *self, KftNetworkSettings *settings);

#endif
