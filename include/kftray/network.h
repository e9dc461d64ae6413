#ifndef KFTRAY_NETWORK_H
#define KFTRAY_NETWORK_H

#include <glib.h>

#include "kftray/setting.h"

/* What counts for new connections beside kubeconfig and environment. Strings are owned and
 * nullable; "" is as good as NULL. URLs may hold a password. */
typedef struct {
    char *ca_bundle;       /* PEM file of further trusted authorities */
    char *context_proxies; /* as the setting of that name; wins over the kubeconfig */
    char *proxy;    /* for servers that neither kubeconfig nor environment has one for; "none" =
                       nor has the desktop */
    char *no_proxy; /* exceptions from it, as in NO_PROXY */
    /* The desktop's, the last source. */
    char *desktop_proxy;      /* for https servers */
    char *desktop_http_proxy; /* for http servers */
    char *desktop_no_proxy;
    char *desktop_note; /* why they are not used although the desktop has some, for messages: "the
                           desktop's proxy is set by a script (PAC), which is not supported" */
} KftNetworkSettings;

/* Overwrites and frees the strings. Thread: any. */
void kft_network_settings_clear(KftNetworkSettings *self);
/* @ret_copy: overwritten, not cleared before. Thread: any. */
void kft_network_settings_copy(const KftNetworkSettings *self, KftNetworkSettings *ret_copy);
/* Thread: any. */
gboolean kft_network_settings_equal(const KftNetworkSettings *a, const KftNetworkSettings *b);
/* The member that @setting is stored for; NULL for settings that have nothing to do with it.
 * Thread: any. */
char **kft_network_settings_get_member(KftNetworkSettings *self, KftSetting setting);

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(KftNetworkSettings, kft_network_settings_clear)

#endif
