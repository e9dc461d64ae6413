#ifndef KFTRAY_RELAY_H
#define KFTRAY_RELAY_H

#include <glib.h>
#include <stdbool.h>

/* Relays: pods with kftray-server that carry what a port-forward cannot (docs/relay.md). */

/* The image that is run unless another one is set. */
#define KFT_RELAY_DEFAULT_IMAGE "ghcr.io/kftray/kftray-server:0.1.0"
/* Where a shared gateway is looked for, and by which label. */
#define KFT_RELAY_GATEWAY_NAMESPACE "kftray-system"
#define KFT_RELAY_GATEWAY_SELECTOR "app.kubernetes.io/name=kftray-server"

/* Labels and annotations of the pods that are deployed. */
#define KFT_RELAY_PREFIX "kftray.github.io/"
#define KFT_RELAY_LABEL_INSTALLATION KFT_RELAY_PREFIX "installation"
#define KFT_RELAY_LABEL_SESSION KFT_RELAY_PREFIX "session"
#define KFT_RELAY_LABEL_RELAY KFT_RELAY_PREFIX "relay"
#define KFT_RELAY_ANNOTATION_OWNER KFT_RELAY_PREFIX "owner"
#define KFT_RELAY_ANNOTATION_HOST KFT_RELAY_PREFIX "host"
#define KFT_RELAY_ANNOTATION_PURPOSE KFT_RELAY_PREFIX "for"

/* Which relay carries a forward that needs one. */
#define KFT_RELAY_USES(X)                                                                          \
    X(AUTO, "auto")     /* the shared gateway if the cluster has one, else a pod of its own */     \
    X(OWN, "own")       /* a pod of its own */                                                     \
    X(SHARED, "shared") /* the shared gateway, or none */                                          \
    X(NONE, "none")     /* what the forward leads to speaks the relay's protocol itself */

typedef enum {
#define KFT_RELAY_USE_ENUM(name, text) KFT_RELAY_USE_##name,
    KFT_RELAY_USES(KFT_RELAY_USE_ENUM)
#undef KFT_RELAY_USE_ENUM
} KftRelayUse;

/* "auto", "own", … Thread: any. */
const char *kft_relay_use_name(KftRelayUse use);
/* False if @name is none of them. Thread: any. */
bool kft_relay_use_parse(const char *name, KftRelayUse *ret_use);

/* What counts for relays that are deployed from now on. Thread: one at a time. */
typedef struct {
    char *image;     /* NULL = KFT_RELAY_DEFAULT_IMAGE */
    char *template_; /* file with a pod to be filled in; NULL = the built-in one */
    KftRelayUse use; /* of forwards that say AUTO; never NONE */
    char *state_dir; /* where it is noted what runs; NULL = kft_relay_dup_default_state_dir() */
} KftRelaySettings;

/* Unsets everything. Thread: any. */
void kft_relay_settings_clear(KftRelaySettings *self);

/* $KFTRAY_CONFIG/state, else $XDG_STATE_HOME/kftray, else ~/.local/state/kftray. Returns:
 * (transfer full). Thread: any. */
char *kft_relay_dup_default_state_dir(void);

/* The file of the template: @setting if it is not empty, else relay-pod.yaml in @config_dir if it
 * exists. Both nullable. Returns: (transfer full), NULL = the built-in one. Thread: any. */
char *kft_relay_dup_template_path(const char *setting, const char *config_dir);

/* The built-in template, YAML, to begin an own one with. Thread: any. */
const char *kft_relay_get_template(void);

#endif
