/* The description of a server, reference counted. Only strings are taken apart here; whether the
 * URL is valid is found out when a connection is set up (curl-easy.c). */
#include "net/endpoint.h"

#include <string.h>

KftEndpoint *kft_endpoint_new(const char *url)
{
    KftEndpoint *self = g_new0(KftEndpoint, 1);
    self->url = g_strdup(url);
    for (size_t length = strlen(self->url); length > 0 && self->url[length - 1] == '/'; length--)
        self->url[length - 1] = '\0';
    self->ref_count = 1;
    return self;
}

static GBytes *ref_bytes(GBytes *bytes)
{
    return bytes == NULL ? NULL : g_bytes_ref(bytes);
}

KftEndpoint *kft_endpoint_copy(const KftEndpoint *self)
{
    KftEndpoint *copy = g_new0(KftEndpoint, 1);
    copy->url = g_strdup(self->url);
    copy->server_name = g_strdup(self->server_name);
    copy->is_insecure = self->is_insecure;
    copy->ca_file = g_strdup(self->ca_file);
    copy->ca_data = ref_bytes(self->ca_data);
    copy->cert_file = g_strdup(self->cert_file);
    copy->key_file = g_strdup(self->key_file);
    copy->cert_data = ref_bytes(self->cert_data);
    copy->key_data = ref_bytes(self->key_data);
    copy->proxy_url = self->proxy_url == NULL ? NULL : kft_secret_copy(self->proxy_url);
    copy->ref_count = 1;
    return copy;
}

KftEndpoint *kft_endpoint_ref(KftEndpoint *self)
{
    g_atomic_int_inc(&self->ref_count);
    return self;
}

void kft_endpoint_unref(KftEndpoint *self)
{
    if (self == NULL || !g_atomic_int_dec_and_test(&self->ref_count))
        return;
    g_free(self->url);
    g_free(self->server_name);
    g_free(self->ca_file);
    g_free(self->cert_file);
    g_free(self->key_file);
    g_clear_pointer(&self->ca_data, g_bytes_unref);
    g_clear_pointer(&self->cert_data, g_bytes_unref);
    g_clear_pointer(&self->key_data, g_bytes_unref);
    kft_secret_free(self->proxy_url);
    g_free(self);
}

/* The part of the URL behind "scheme://". */
static const char *behind_scheme(const KftEndpoint *self)
{
    const char *separator = strstr(self->url, "://");
    return separator == NULL ? self->url : separator + 3;
}

char *kft_endpoint_dup_authority(const KftEndpoint *self)
{
    const char *start = behind_scheme(self);
    size_t length = strcspn(start, "/?#");
    /* The user part of a URL is a credential and never part of a Host field (RFC 9110 7.2). */
    const char *at = memrchr(start, '@', length);
    if (at != NULL) {
        length -= (size_t)(at + 1 - start);
        start = at + 1;
    }
    return g_strndup(start, length);
}

char *kft_endpoint_dup_prefix(const KftEndpoint *self)
{
    const char *start = behind_scheme(self);
    start += strcspn(start, "/?#");
    return g_strndup(start, strcspn(start, "?#"));
}
