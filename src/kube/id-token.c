/* Reads when an ID token ends. The claims are only looked at, never trusted. */
#include "kube/id-token.h"

#include <math.h>
#include <string.h>

#include "base/json.h"

/* Larger tokens do not fit into a request header. */
#define MAX_PAYLOAD_BYTES 65536

/* RFC 7515 2: base64url without padding. */
static guchar *decode(const char *text, size_t length, gsize *ret_size)
{
    g_autofree char *base64 = g_strndup(text, length);
    for (char *at = base64; *at != '\0'; at++) {
        if (*at == '-')
            *at = '+';
        else if (*at == '_')
            *at = '/';
        else if (!g_ascii_isalnum(*at))
            return NULL;
    }
    if (length % 4 == 1)
        return NULL;
    gint state = 0;
    guint save = 0;
    guchar *data = g_malloc(length + 4);
    gsize size = g_base64_decode_step(base64, length, data, &state, &save);
    size += g_base64_decode_step("===", (4 - length % 4) % 4, data + size, &state, &save);
    *ret_size = size;
    explicit_bzero(base64, length);
    return data;
}

bool kft_id_token_get_expiry(const KftSecret *token, int64_t *ret_expires_s)
{
    if (token == NULL)
        return false;
    const char *header_end = strchr(kft_secret_reveal(token), '.');
    const char *payload = header_end == NULL ? NULL : header_end + 1;
    const char *end = payload == NULL ? NULL : strchr(payload, '.');
    if (end == NULL || end - payload > MAX_PAYLOAD_BYTES)
        return false;
    gsize size = 0;
    guchar *data = decode(payload, (size_t)(end - payload), &size);
    if (data == NULL)
        return false;
    g_autoptr(json_object) root = kft_json_parse((const char *)data, size, NULL);
    explicit_bzero(data, size);
    g_free(data);
    json_object *value = kft_json_get(root, "exp");
    if (value == NULL || (!json_object_is_type(value, json_type_int) &&
                          !json_object_is_type(value, json_type_double)))
        return false;
    /* NumericDate may have a fraction (RFC 7519 2). */
    double seconds = json_object_get_double(value);
    if (!isfinite(seconds) || seconds <= 0 || seconds > 1e12)
        return false;
    *ret_expires_s = (int64_t)seconds;
    return true;
}
