/* What one request needs, put together: the endpoint with trust and client certificate, the value
 * of the Authorization field and the impersonation fields (wire protocols, 6.3 to 6.5 and 6.8). No
 * decisions here about when credentials are renewed. */
#include <string.h>

#include "kube/credential-priv.h"

KftAuth *kft_auth_new(KftEndpoint *endpoint, KftSecret *authorization, char *const *headers)
{
    KftAuth *self = g_new0(KftAuth, 1);
    self->endpoint = kft_endpoint_ref(endpoint);
    self->authorization = authorization;
    g_autoptr(GStrvBuilder) builder = g_strv_builder_new();
    for (size_t i = 0; headers[i] != NULL; i++)
        g_strv_builder_add(builder, headers[i]);
    self->headers = g_strv_builder_end(builder);
    self->ref_count = 1;
    return self;
}

KftAuth *kft_auth_ref(KftAuth *self)
{
    self->ref_count++;
    return self;
}

void kft_auth_unref(KftAuth *self)
{
    if (self == NULL || --self->ref_count > 0)
        return;
    kft_endpoint_unref(self->endpoint);
    kft_secret_free(self->authorization);
    g_strfreev(self->headers);
    g_free(self);
}

char **kft_auth_dup_lines(const KftAuth *self)
{
    size_t n_headers = g_strv_length(self->headers);
    char **lines = g_new0(char *, n_headers + 2);
    for (size_t i = 0; i < n_headers; i++)
        lines[i] = g_strdup(self->headers[i]);
    if (self->authorization != NULL)
        lines[n_headers] =
            g_strconcat("Authorization: ", kft_secret_reveal(self->authorization), NULL);
    return lines;
}

void kft_auth_free_lines(char **lines)
{
    for (size_t i = 0; lines != NULL && lines[i] != NULL; i++)
        kft_secret_wipe_string(lines[i]);
    g_free(lines);
}

static KftSecret *take_secret(char *text)
{
    KftSecret *secret = kft_secret_new(text);
    kft_secret_wipe_string(text);
    return secret;
}

KftSecret *kft_auth_new_bearer(const KftSecret *token)
{
    return take_secret(g_strconcat("Bearer ", kft_secret_reveal(token), NULL));
}

KftSecret *kft_auth_new_basic(const char *username, const char *password)
{
    char *pair = g_strconcat(username, ":", password, NULL);
    char *base64 = g_base64_encode((const guchar *)pair, strlen(pair));
    KftSecret *secret = take_secret(g_strconcat("Basic ", base64, NULL));
    kft_secret_wipe_string(pair);
    kft_secret_wipe_string(base64);
    return secret;
}

/* --- impersonation --- */

/* RFC 9110 5.6.2 without "%", which begins an encoded byte. */
static bool is_plain_field_byte(char byte)
{
    return g_ascii_isalnum(byte) || (byte != '\0' && strchr("!#$&'*+-.^_`|~", byte) != NULL);
}

static char *dup_extra_line(const char *pair)
{
    const char *value = strchr(pair, '=') + 1;
    GString *line = g_string_new("Impersonate-Extra-");
    for (const char *at = pair; at < value - 1; at++) {
        if (is_plain_field_byte(*at))
            g_string_append_c(line, *at);
        else
            g_string_append_printf(line, "%%%02X", (unsigned)(unsigned char)*at);
    }
    g_string_append_printf(line, ": %s", value);
    return g_string_free(line, FALSE);
}

static void add_line(GStrvBuilder *builder, const char *field, const char *value)
{
    g_autofree char *line = g_strconcat(field, ": ", value, NULL);
    g_strv_builder_add(builder, line);
}

char **kft_auth_dup_impersonation(const KftKubeUser *user)
{
    g_autoptr(GStrvBuilder) builder = g_strv_builder_new();
    if (user->impersonate_user != NULL)
        add_line(builder, "Impersonate-User", user->impersonate_user);
    if (user->impersonate_uid != NULL)
        add_line(builder, "Impersonate-Uid", user->impersonate_uid);
    for (size_t i = 0; user->impersonate_groups[i] != NULL; i++)
        add_line(builder, "Impersonate-Group", user->impersonate_groups[i]);
    for (size_t i = 0; user->impersonate_extra[i] != NULL; i++) {
        g_autofree char *line = dup_extra_line(user->impersonate_extra[i]);
        g_strv_builder_add(builder, line);
    }
    return g_strv_builder_end(builder);
}

/* --- endpoint --- */

static GBytes *ref_bytes(GBytes *bytes)
{
    return bytes == NULL ? NULL : g_bytes_ref(bytes);
}

KftEndpoint *kft_auth_new_endpoint(const KftKubeContext *context)
{
    const KftKubeCluster *cluster = context->cluster;
    const KftKubeUser *user = context->user;
    KftEndpoint *endpoint = kft_endpoint_new(cluster->server);
    endpoint->server_name = g_strdup(cluster->tls_server_name);
    endpoint->is_insecure = cluster->is_insecure;
    endpoint->ca_file = g_strdup(cluster->ca_file);
    endpoint->ca_data = ref_bytes(cluster->ca_data);
    endpoint->proxy_url = kft_secret_copy(cluster->proxy_url);
    endpoint->context = g_strdup(context->name);
    /* Files go on as paths: they are read for each request, so a rotated certificate is used. */
    endpoint->cert_file = g_strdup(user->cert_file);
    endpoint->key_file = g_strdup(user->key_file);
    endpoint->cert_data = ref_bytes(user->cert_data);
    endpoint->key_data = ref_bytes(user->key_data);
    return endpoint;
}
