/* The description of a server, reference counted. */
#include "net/endpoint.h"

#include <curl/curl.h>
#include <kftray/error.h>
#include <string.h>

#include "base/number.h"

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
    copy->context = g_strdup(self->context);
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
    g_free(self->context);
    g_free(self);
}

bool kft_endpoint_is_token_key(const char *key_file)
{
    return key_file != NULL && g_str_has_prefix(key_file, "pkcs11:");
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

static char *dup_part(CURLU *url, CURLUPart what)
{
    char *part = NULL;
    if (curl_url_get(url, what, &part, CURLU_DEFAULT_PORT) != CURLUE_OK)
        return NULL;
    char *copy = g_strdup(part);
    curl_free(part);
    return copy;
}

static bool read_parts(CURLU *url, KftEndpointAddress *address)
{
    g_autofree char *port = dup_part(url, CURLUPART_PORT);
    address->scheme = dup_part(url, CURLUPART_SCHEME);
    address->host = dup_part(url, CURLUPART_HOST);
    if (address->host != NULL && address->host[0] == '[') {
        size_t length = strlen(address->host);
        memmove(address->host, address->host + 1, length);
        address->host[length - 2] = '\0';
    }
    return address->scheme != NULL && address->host != NULL && port != NULL &&
           kft_parse_port(port, 1, &address->port) &&
           (strcmp(address->scheme, "http") == 0 || strcmp(address->scheme, "https") == 0);
}

bool kft_endpoint_read_address(const KftEndpoint *self,
                               KftEndpointAddress *ret_address,
                               GError **error)
{
    KftEndpointAddress address = {0};
    CURLU *url = curl_url();
    CURLUcode code =
        url == NULL ? CURLUE_OUT_OF_MEMORY : curl_url_set(url, CURLUPART_URL, self->url, 0);
    bool is_read = code == CURLUE_OK && read_parts(url, &address);
    curl_url_cleanup(url);
    if (is_read) {
        *ret_address = address;
        return true;
    }
    g_autofree char *authority = kft_endpoint_dup_authority(self);
    if (code != CURLUE_OK)
        g_set_error(error, KFT_ERROR, KFT_ERROR_BAD_CONFIG,
                    "the server URL of \"%s\" is not valid: %s", authority,
                    curl_url_strerror(code));
    else
        g_set_error(error, KFT_ERROR, KFT_ERROR_BAD_CONFIG,
                    "the server URL of %s must be http:// or https:// with a host", authority);
    kft_endpoint_address_clear(&address);
    return false;
}

void kft_endpoint_address_clear(KftEndpointAddress *self)
{
    g_clear_pointer(&self->scheme, g_free);
    g_clear_pointer(&self->host, g_free);
}
