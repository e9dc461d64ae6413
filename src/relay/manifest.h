#ifndef KFT_RELAY_MANIFEST_H
#define KFT_RELAY_MANIFEST_H

#include "kftray/relay.h"
#include "kftray/types.h"

/* The template of a relay's pod. It is parsed first and filled in then, so that no value, whatever
 * it holds, can become anything but the text that it is. Upstream's placeholders are understood:
 * {hashed_name} {config_id} {service_name} {remote_address} {remote_port} {local_port} {protocol};
 * and {image}. Thread: any, one at a time. */
typedef struct KftManifest KftManifest;

/* YAML or JSON. @name: stands for the text in errors. Errors: BAD_CONFIG, LIMIT. */
KftManifest *kft_manifest_parse(const char *text, size_t size, const char *name, GError **error);
/* Errors: BAD_CONFIG (cannot be read, too), LIMIT. */
KftManifest *kft_manifest_load(const char *path, GError **error);
/* NULL is allowed. */
void kft_manifest_free(KftManifest *self);

/* What is filled in; all texts but @service_name are needed. */
typedef struct {
    const char *namespace_;
    const char *name; /* {hashed_name} */
    const char *image;
    const char *service_name; /* nullable: then the address */
    const char *remote_address;
    uint16_t remote_port;
    uint16_t local_port; /* on which the relay listens */
    KftProtocol protocol;
    const char *installation; /* labels of ours */
    const char *session;
    const char *relay; /* also {config_id} */
    const char *owner; /* annotations of ours */
    const char *host;
    const char *purpose;
} KftManifestValues;

/* What a filled in template says of its own end. */
typedef struct {
    uint16_t port;        /* where GET /keepalive is answered; 0 = it needs none */
    uint32_t interval_ms; /* how often to ask */
} KftManifestKeepalive;

/* The pod as JSON, checked: whatever the API server could only refuse in its own words is found
 * here. Errors: BAD_CONFIG, one sentence per fault. Returns: (transfer full). */
char *kft_manifest_fill(const KftManifest *self,
                        const KftManifestValues *values,
                        KftManifestKeepalive *ret_keepalive,
                        GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(KftManifest, kft_manifest_free)

#endif
