/* Settings from the environment. Names and defaults of the first group are those of the relay that
 * kftray has always deployed, so that its clients can start this one with the pods they write. */
#include "server/config.h"

#include <kftray/error.h>
#include <string.h>

#include "base/number.h"
#include "proto/relay-frame.h"

#define DEFAULT_PORT 8080
/* Where /healthz and /metrics are, unless the relay itself has to be there. */
#define DEFAULT_STATUS_PORT 8090
#define DEFAULT_MAX_CONNECTIONS 1024
#define DEFAULT_UDP_QUEUE_BYTES ((size_t)256 * 1024)
#define MAX_UDP_QUEUE_BYTES ((size_t)64 * 1024 * 1024)
/* Less than the 30 s that Kubernetes leaves a pod by default. */
#define DEFAULT_DRAIN_MS UINT64_C(25000)
#define DEFAULT_CONNECT_MS UINT64_C(10000)
/* A relay of its own may rest as long as its user likes; what many share may not. */
#define DEFAULT_GATEWAY_IDLE_MS (UINT64_C(4) * 3600 * 1000)

typedef struct {
    KftGetenvFunc get;
    void *user_data;
} Environment;

const char *kft_server_mode_name(KftServerMode mode)
{
    switch (mode) {
#define MODE_NAME(name, text)                                                                      \
    case KFT_SERVER_##name:                                                                        \
        return text;
        KFT_SERVER_MODES(MODE_NAME)
#undef MODE_NAME
    }
    g_assert_not_reached();
}

/* A variable that is set to nothing is not set. */
static const char *get(const Environment *env, const char *name)
{
    const char *value = env->get(name, env->user_data);
    return value == NULL || *value == '\0' ? NULL : value;
}

static bool refuse(GError **error, const char *name, const char *value, const char *wanted)
{
    g_set_error(error, KFT_ERROR, KFT_ERROR_BAD_CONFIG, "%s is \"%s\": it must be %s", name, value,
                wanted);
    return false;
}

static bool
read_port(const Environment *env, const char *name, uint16_t min, uint16_t *port, GError **error)
{
    const char *value = get(env, name);
    if (value != NULL && !kft_parse_port(value, min, port))
        return refuse(error, name, value,
                      min == 0 ? "a port, 1 to 65535, or 0 for any free one"
                               : "a port, 1 to 65535");
    return true;
}

static bool read_duration(const Environment *env, const char *name, uint64_t *ms, GError **error)
{
    const char *value = get(env, name);
    if (value != NULL && !kft_parse_duration_ms(value, ms))
        return refuse(error, name, value, "a duration such as 90s, 5m or 1h30m, or 0 for none");
    return true;
}

static bool read_address(const Environment *env, const char *name, char **address, GError **error)
{
    const char *value = get(env, name);
    KftAddress parsed;
    if (value == NULL)
        return true;
    if (!kft_address_parse(value, 0, &parsed))
        return refuse(error, name, value, "a numeric address such as 127.0.0.1, 0.0.0.0 or ::");
    g_free(*address);
    *address = g_strdup(value);
    return true;
}

static bool read_mode(const Environment *env, KftServerMode *mode, GError **error)
{
    static const KftServerMode modes[] = {KFT_SERVER_TCP, KFT_SERVER_UDP, KFT_SERVER_GATEWAY};
    const char *value = get(env, "PROXY_TYPE");

    if (value == NULL)
        return true;
    for (size_t i = 0; i < G_N_ELEMENTS(modes); i++) {
        if (g_ascii_strcasecmp(value, kft_server_mode_name(modes[i])) == 0) {
            *mode = modes[i];
            return true;
        }
    }
    return refuse(error, "PROXY_TYPE", value, "tcp, udp or gateway");
}

/* The host of "scheme://user@host:port/path" and of every shorter form; an IPv6 address may stand
 * without brackets if no port follows. */
static char *dup_host(const char *text)
{
    const char *scheme = strstr(text, "://");
    const char *start = scheme == NULL ? text : scheme + 3;
    size_t length = strcspn(start, "/?#");
    const char *at = memrchr(start, '@', length);

    if (at != NULL) {
        length -= (size_t)(at + 1 - start);
        start = at + 1;
    }
    if (length > 0 && start[0] == '[') {
        const char *end = memchr(start, ']', length);
        return end == NULL ? NULL : g_strndup(start + 1, (size_t)(end - start - 1));
    }
    const char *colon = memchr(start, ':', length);
    if (colon != NULL && memrchr(start, ':', length) == colon)
        length = (size_t)(colon - start);
    return g_strndup(start, length);
}

static bool is_host(const char *text)
{
    if (text == NULL || *text == '\0' || strlen(text) > 253)
        return false;
    for (const char *at = text; *at != '\0'; at++) {
        if (!g_ascii_isalnum(*at) && strchr("-_.:", *at) == NULL)
            return false;
    }
    return true;
}

static bool read_remote(KftServerConfig *self, const Environment *env, GError **error)
{
    const char *value = get(env, "REMOTE_ADDRESS");

    self->remote_host = dup_host(value == NULL ? "127.0.0.1" : value);
    self->remote_port = DEFAULT_PORT;
    if (!is_host(self->remote_host))
        return refuse(error, "REMOTE_ADDRESS", value == NULL ? "" : value,
                      "a host name, an IP address or a URL");
    return read_port(env, "REMOTE_PORT", 1, &self->remote_port, error);
}

static bool read_target(KftServerConfig *self, const Environment *env, GError **error)
{
    if (self->mode != KFT_SERVER_GATEWAY)
        return read_remote(self, env, error);
    const char *allowed = get(env, "GATEWAY_ALLOW");
    const char *reserved = get(env, "GATEWAY_ALLOW_RESERVED");
    self->rules =
        kft_rules_new(allowed == NULL ? "" : allowed, reserved == NULL ? "" : reserved, error);
    return self->rules != NULL;
}

static bool read_listeners(KftServerConfig *self, const Environment *env, GError **error)
{
    if (self->mode == KFT_SERVER_GATEWAY)
        /* Port-forwards arrive on the pod's loopback interface; the cluster's network need not. */
        self->listen_address = g_strdup("127.0.0.1");
    self->local_port = DEFAULT_PORT;
    if (!read_address(env, "LISTEN_ADDRESS", &self->listen_address, error) ||
        !read_address(env, "STATUS_ADDRESS", &self->status_address, error) ||
        !read_port(env, "LOCAL_PORT", 0, &self->local_port, error))
        return false;
    const char *status = get(env, "STATUS_PORT");
    self->has_status = status == NULL || g_ascii_strcasecmp(status, "off") != 0;
    self->status_port = DEFAULT_STATUS_PORT;
    if (self->local_port == DEFAULT_STATUS_PORT)
        self->status_port++;
    if (status == NULL || !self->has_status)
        return true;
    if (!kft_parse_port(status, 0, &self->status_port))
        return refuse(error, "STATUS_PORT", status, "a port, 1 to 65535, or off");
    if (self->status_port == self->local_port && self->status_port != 0)
        return refuse(error, "STATUS_PORT", status, "another port than LOCAL_PORT, or off");
    return true;
}

static bool read_limits(KftServerConfig *self, const Environment *env, GError **error)
{
    const char *connections = get(env, "MAX_CONNECTIONS");
    const char *queue = get(env, "UDP_QUEUE_BYTES");
    uint64_t number = 0;

    self->max_connections = DEFAULT_MAX_CONNECTIONS;
    self->udp_queue_bytes = DEFAULT_UDP_QUEUE_BYTES;
    self->connect_timeout_ms = DEFAULT_CONNECT_MS;
    self->drain_timeout_ms = DEFAULT_DRAIN_MS;
    self->idle_timeout_ms = self->mode == KFT_SERVER_GATEWAY ? DEFAULT_GATEWAY_IDLE_MS : 0;
    if (connections != NULL) {
        if (!kft_parse_uint(connections, 1, 100000, &number))
            return refuse(error, "MAX_CONNECTIONS", connections, "a number, 1 to 100000");
        self->max_connections = (unsigned)number;
    }
    if (queue != NULL) {
        if (!kft_parse_uint(queue, KFT_RELAY_MAX_FRAME_BYTES, MAX_UDP_QUEUE_BYTES, &number))
            return refuse(error, "UDP_QUEUE_BYTES", queue, "a number, 65511 to 67108864");
        self->udp_queue_bytes = (size_t)number;
    }
    if (!read_duration(env, "CONNECT_TIMEOUT", &self->connect_timeout_ms, error) ||
        !read_duration(env, "IDLE_TIMEOUT", &self->idle_timeout_ms, error) ||
        !read_duration(env, "DRAIN_TIMEOUT", &self->drain_timeout_ms, error) ||
        !read_duration(env, "UNUSED_TIMEOUT", &self->unused_timeout_ms, error))
        return false;
    if (self->connect_timeout_ms == 0)
        return refuse(error, "CONNECT_TIMEOUT", get(env, "CONNECT_TIMEOUT"),
                      "a duration above 0 such as 10s");
    return true;
}

KftServerConfig *kft_server_config_new(KftGetenvFunc getenv, void *user_data, GError **error)
{
    const Environment env = {.get = getenv, .user_data = user_data};
    KftServerConfig *self = g_new0(KftServerConfig, 1);

    if (!read_mode(&env, &self->mode, error) || !read_target(self, &env, error) ||
        !read_listeners(self, &env, error) || !read_limits(self, &env, error)) {
        kft_server_config_free(self);
        return NULL;
    }
    return self;
}

void kft_server_config_free(KftServerConfig *self)
{
    if (self == NULL)
        return;
    g_free(self->remote_host);
    kft_rules_free(self->rules);
    g_free(self->listen_address);
    g_free(self->status_address);
    g_free(self);
}
