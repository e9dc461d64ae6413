#ifndef KFT_KUBE_EXEC_CREDENTIAL_H
#define KFT_KUBE_EXEC_CREDENTIAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/secret.h"

/* What a credential plugin prints: the ExecCredential of client.authentication.k8s.io (wire
 * protocols, 6.6). Private to this module. embeddable. Thread: any. */
typedef struct {
    KftSecret *token;  /* nullable */
    GBytes *cert_data; /* PEM; both or none of the two */
    GBytes *key_data;
    int64_t expires_s; /* unix seconds; INT64_MAX = never */
} KftExecCredential;

/* @api_version: the one asked for. Errors: AUTH, messages go on from "the plugin …" and never quote
 * what it printed. */
bool kft_exec_credential_parse(const char *text,
                               size_t size,
                               const char *api_version,
                               KftExecCredential *ret_credential,
                               GError **error);
void kft_exec_credential_clear(KftExecCredential *self);

#endif
