#ifndef KFT_KUBE_EXEC_PLUGIN_H
#define KFT_KUBE_EXEC_PLUGIN_H

#include "kube/credential-priv.h"
#include "kube/exec-credential.h"

/* One run of a credential plugin (wire protocols, 6.6). Private to this module. Thread: loop. */
typedef struct KftExecPlugin KftExecPlugin;

/* Runs once, not inside kft_exec_plugin_start(). @credential: (transfer none), parts may be stolen.
 * Errors: BAD_CONFIG, AUTH, TIMEOUT; a full sentence that names user and plugin. */
typedef void (*KftExecPluginFunc)(KftExecCredential *credential,
                                  const GError *error,
                                  void *user_data);

/* @context: must outlive the run; its user has exec. */
KftExecPlugin *kft_exec_plugin_start(KftLoop *loop,
                                     const KftKubeContext *context,
                                     const KftCredentialHooks *hooks,
                                     KftExecPluginFunc on_done,
                                     void *user_data);
/* Ends the plugin if it runs. Must be called also after on_done (or inside it). NULL is allowed. */
void kft_exec_plugin_free(KftExecPlugin *self);

/* The value of KUBERNETES_EXEC_INFO. Returns: (transfer full). Errors: BAD_CONFIG (CA file). */
char *kft_exec_plugin_dup_info(const KftKubeContext *context, bool is_interactive, GError **error);

#endif
