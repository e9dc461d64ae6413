#ifndef KFTRAY_SETTING_H
#define KFTRAY_SETTING_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

/* All settings of the programs, those of the window too: name, type, default, what it does. Values
 * are stored as text in kftray.db. Types: BOOL "true"/"false"; UINT a number within the range; TEXT
 * anything; ENUM one of the words joined by "|". */
#define KFT_SETTINGS(X)                                                                            \
    X(GROUP_BY, "group_by", ENUM, "context", "context|group", 0, 0,                                \
      "What the list of forwards is grouped by")                                                   \
    X(RESTORE_AT_START, "restore_at_start", BOOL, "true", "", 0, 0,                                \
      "Start again at the next start what ran before")                                             \
    X(START_HIDDEN, "start_hidden", BOOL, "false", "", 0, 0,                                       \
      "Start in the tray, without a window")                                                       \
    X(AUTOSTART, "autostart", BOOL, "false", "", 0, 0, "Start with the desktop session")           \
    X(NOTIFY, "notify", BOOL, "true", "", 0, 0,                                                    \
      "Desktop notifications when a forward fails or recovers")                                    \
    X(APPEARANCE, "appearance", ENUM, "system", "system|light|dark", 0, 0,                         \
      "Colours of the window")                                                                     \
    X(DEFAULT_LOCAL_ADDRESS, "default_local_address", TEXT, "127.0.0.1", "", 0, 0,                 \
      "Local address of new forwards")                                                             \
    X(DEFAULT_TRANSPORT, "default_transport", ENUM, "auto", "auto|tunnel|spdy|websocket", 0, 0,    \
      "Transport of new forwards")                                                                 \
    X(HOLD_SECONDS, "hold_seconds", UINT, "10", "", 0, 600,                                        \
      "Seconds that a local connection waits while no pod is ready")                               \
    X(HALF_CLOSE_SECONDS, "half_close_seconds", UINT, "30", "", 0, 86400,                          \
      "Seconds of silence after a program ended its data until the pod is told")                   \
    X(RELAY, "relay", ENUM, "auto", "auto|own|shared", 0, 0,                                       \
      "Relay for UDP and remote addresses: the shared gateway, an own pod, or what there is")      \
    X(RELAY_IMAGE, "relay_image", TEXT, "ghcr.io/kftray/kftray-server:0.1.0", "", 0, 0,            \
      "Image of own relay pods, with registry and tag")                                            \
    X(RELAY_TEMPLATE, "relay_template", TEXT, "", "", 0, 0,                                        \
      "File with the template of relay pods; empty = relay-pod.yaml of the config directory")      \
    X(DISCONNECT_TIMEOUT_MINUTES, "disconnect_timeout_minutes", UINT, "0", "", 0, 10080,           \
      "Stop a forward after so many minutes without traffic; 0 = never")                           \
    X(CA_BUNDLE, "ca_bundle", TEXT, "", "", 0, 0,                                                  \
      "File of further trusted authorities (PEM), for networks that inspect TLS")                  \
    X(PROXY, "proxy", TEXT, "", "", 0, 0,                                                          \
      "Proxy if kubeconfig and environment name none; none = not even that of the desktop")        \
    X(NO_PROXY, "no_proxy", TEXT, "", "", 0, 0,                                                    \
      "Servers that are reached without that proxy, as in NO_PROXY")                               \
    X(CONTEXT_PROXIES, "context_proxies", TEXT, "", "", 0, 0,                                      \
      "Proxies of single contexts, before all others: CONTEXT=URL, CONTEXT=none, blanks between")  \
    X(WINDOW_WIDTH, "window_width", UINT, "960", "", 1, 32767, "Width of the window")              \
    X(WINDOW_HEIGHT, "window_height", UINT, "640", "", 1, 32767, "Height of the window")           \
    X(WINDOW_MAXIMIZED, "window_maximized", BOOL, "false", "", 0, 0,                               \
      "Whether the window is maximized")                                                           \
    X(COLLAPSED_GROUPS, "collapsed_groups", TEXT, "", "", 0, 0,                                    \
      "Groups that are folded in the list, a JSON array")

typedef enum {
    KFT_SETTING_TYPE_BOOL,
    KFT_SETTING_TYPE_UINT,
    KFT_SETTING_TYPE_TEXT,
    KFT_SETTING_TYPE_ENUM,
} KftSettingType;

typedef enum {
#define KFT_SETTING_ENUM(id, name, type, def, words, min, max, text) KFT_SETTING_##id,
    KFT_SETTINGS(KFT_SETTING_ENUM)
#undef KFT_SETTING_ENUM
    KFT_N_SETTINGS
} KftSetting;

typedef struct {
    const char *name;
    KftSettingType type;
    const char *default_value;
    const char *const *words; /* ENUM: what is allowed, NULL ended; else NULL */
    uint64_t min;             /* UINT */
    uint64_t max;
    const char *summary; /* one line, English */
} KftSettingInfo;

/* Thread: any. */
const KftSettingInfo *kft_setting_info(KftSetting setting);
/* False if there is none of that name. Thread: any. */
bool kft_setting_find(const char *name, KftSetting *ret_setting);
/* Errors: BAD_CONFIG, says what is allowed. Thread: any. */
bool kft_setting_check(KftSetting setting, const char *value, GError **error);

#endif
