#ifndef KFT_SERVER_CONFIG_H
#define KFT_SERVER_CONFIG_H

#include "server/rules.h"

/* The server's settings, from the environment; docs/relay.md lists them. Thread: any. */

#define KFT_SERVER_MODES(X)                                                                        \
    X(TCP, "tcp")                                                                                  \
    X(UDP, "udp")                                                                                  \
    X(GATEWAY, "gateway")

typedef enum {
#define KFT_SERVER_ENUM(name, text) KFT_SERVER_##name,
    KFT_SERVER_MODES(KFT_SERVER_ENUM)
#undef KFT_SERVER_ENUM
} KftServerMode;

const char *kft_server_mode_name(KftServerMode mode);

typedef struct {
    KftServerMode mode;
    char *remote_host;    /* without scheme, port and brackets; GATEWAY: NULL */
    uint16_t remote_port; /* GATEWAY: 0 */
    KftRules *rules;      /* GATEWAY, else NULL */
    char *listen_address; /* numeric; NULL: all addresses of both families */
    uint16_t local_port;  /* 0: any free one */
    bool has_status;
    char *status_address; /* as listen_address */
    uint16_t status_port;
    unsigned max_connections;
    uint64_t connect_timeout_ms;
    uint64_t idle_timeout_ms; /* 0: none */
    uint64_t drain_timeout_ms;
    uint64_t unused_timeout_ms; /* 0: none */
    size_t udp_queue_bytes;
} KftServerConfig;

/* Returns the value of a variable, NULL if it is not set. (transfer none). */
typedef const char *(*KftGetenvFunc)(const char *name, void *user_data);

/* Errors: BAD_CONFIG names the variable, its value and what it should be. */
KftServerConfig *kft_server_config_new(KftGetenvFunc getenv, void *user_data, GError **error);
void kft_server_config_free(KftServerConfig *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(KftServerConfig, kft_server_config_free)

#endif
