/* Typed reading of kubeconfig fields. As in Go's decoder a plain number or boolean is taken where
 * text is expected, null is the same as nothing, and unknown fields are ignored; another kind of
 * node is an error with its place. */
#include <string.h>

#include "kftray/error.h"

#include "base/redact.h"
#include "kube/kubeconfig-priv.h"
#include "net/endpoint.h"

void kft_fields_fail(KftFields *self, const KftYamlNode *at, const char *format, ...)
{
    va_list arguments;

    if (self->error != NULL)
        return;
    if (at == NULL)
        at = self->place;
    va_start(arguments, format);
    g_autofree char *what = g_strdup_vprintf(format, arguments);
    va_end(arguments);
    g_autofree char *place = at == NULL
                                 ? g_strdup(self->file)
                                 : g_strdup_printf("%s:%u:%u", self->file, at->line, at->column);
    /* Names of the file may be anything; the message stays one line. */
    g_autofree char *text = self->entry == NULL
                                ? g_strdup_printf("%s: %s", place, what)
                                : g_strdup_printf("%s: %s: %s", place, self->entry, what);
    g_autofree char *line = kft_one_line(text, 1000);
    self->error = g_error_new_literal(KFT_ERROR, KFT_ERROR_BAD_CONFIG, line);
}

/* The text of the scalar @key, borrowed; NULL if missing, null or empty. */
static const char *get_text(KftFields *self, const KftYamlNode *map, const char *key)
{
    const KftYamlNode *node = kft_yaml_get(map, key);
    if (kft_yaml_is_null(node))
        return NULL;
    if (node->kind != KFT_YAML_SCALAR) {
        kft_fields_fail(self, node, "%s must be text, not %s", key, kft_yaml_kind_name(node));
        return NULL;
    }
    return *node->text == '\0' ? NULL : node->text;
}

char *kft_fields_dup_text(KftFields *self, const KftYamlNode *map, const char *key)
{
    return g_strdup(get_text(self, map, key));
}

KftSecret *kft_fields_dup_secret(KftFields *self, const KftYamlNode *map, const char *key)
{
    const char *text = get_text(self, map, key);
    return text == NULL ? NULL : kft_secret_new(text);
}

char *kft_fields_dup_header_text(KftFields *self, const KftYamlNode *map, const char *key)
{
    char *text = g_strdup(get_text(self, map, key));
    if (text == NULL)
        return NULL;
    g_strstrip(text);
    for (const unsigned char *at = (const unsigned char *)text; *at != '\0'; at++) {
        if (g_ascii_iscntrl((char)*at)) {
            kft_fields_fail(self, kft_yaml_get(map, key),
                            "%s holds line breaks or control characters", key);
            break;
        }
    }
    return text;
}

char *kft_fields_dup_path(KftFields *self, const KftYamlNode *map, const char *key)
{
    const char *text = get_text(self, map, key);
    return text == NULL ? NULL : g_canonicalize_filename(text, self->dir);
}

char *kft_fields_dup_key(KftFields *self, const KftYamlNode *map, const char *key)
{
    const char *text = get_text(self, map, key);
    return kft_endpoint_is_token_key(text) ? g_strdup(text) : kft_fields_dup_path(self, map, key);
}

static void free_wiped_bytes(void *data)
{
    GByteArray *bytes = data;
    explicit_bzero(bytes->data, bytes->len);
    g_byte_array_unref(bytes);
}

/* RFC 4648 4, spaces and line ends in between allowed; NULL if it is something else. */
static GBytes *decode_base64(const char *text)
{
    size_t length = 0;
    size_t n_padding = 0;
    for (const char *at = text; *at != '\0'; at++) {
        if (g_ascii_isspace(*at))
            continue;
        if (*at == '=')
            n_padding++;
        else if (n_padding > 0 || (!g_ascii_isalnum(*at) && *at != '+' && *at != '/'))
            return NULL;
        length++;
    }
    if (length == 0 || length % 4 != 0 || n_padding > 2)
        return NULL;
    gint state = 0;
    guint save = 0;
    GByteArray *bytes = g_byte_array_sized_new((guint)(length / 4 * 3));
    g_byte_array_set_size(bytes, (guint)(length / 4 * 3));
    gsize size = g_base64_decode_step(text, strlen(text), bytes->data, &state, &save);
    return g_bytes_new_with_free_func(bytes->data, size, free_wiped_bytes, bytes);
}

GBytes *
kft_fields_dup_pem(KftFields *self, const KftYamlNode *map, const char *key, const char *what)
{
    const KftYamlNode *node = kft_yaml_get(map, key);
    const char *text = get_text(self, map, key);
    if (text == NULL)
        return NULL;
    if (strstr(text, "-----BEGIN ") != NULL) {
        kft_fields_fail(self, node, "%s is PEM text, but must be the base64 of it", key);
        return NULL;
    }
    g_autoptr(GBytes) bytes = decode_base64(text);
    if (bytes == NULL) {
        kft_fields_fail(self, node, "%s is not base64", key);
        return NULL;
    }
    gsize size = 0;
    const char *data = g_bytes_get_data(bytes, &size);
    const char *begin = g_strstr_len(data, (gssize)size, "-----BEGIN ");
    if (begin == NULL || g_strstr_len(begin, (gssize)(data + size - begin), what) == NULL) {
        kft_fields_fail(self, node, "%s holds no PEM block of a %s", key,
                        strcmp(what, "CERTIFICATE") == 0 ? "certificate" : "private key");
        return NULL;
    }
    if (g_strstr_len(data, (gssize)size, "ENCRYPTED") != NULL) {
        kft_fields_fail(self, node,
                        "%s holds a key with a pass phrase; remove it with \"openssl pkey\"", key);
        return NULL;
    }
    return g_steal_pointer(&bytes);
}

bool kft_fields_get_bool(KftFields *self, const KftYamlNode *map, const char *key)
{
    /* YAML 1.1, as the Go clients read it. */
    static const char *const trues[] = {"true", "True", "TRUE", "yes", "Yes", "YES",
                                        "on",   "On",   "ON",   "y",   "Y",   NULL};
    static const char *const falses[] = {"false", "False", "FALSE", "no", "No", "NO",
                                         "off",   "Off",   "OFF",   "n",  "N",  NULL};

    const KftYamlNode *node = kft_yaml_get(map, key);
    if (kft_yaml_is_null(node))
        return false;
    if (node->kind == KFT_YAML_SCALAR && node->style == KFT_YAML_STYLE_PLAIN) {
        if (g_strv_contains(trues, node->text))
            return true;
        if (g_strv_contains(falses, node->text))
            return false;
    }
    kft_fields_fail(self, node, "%s must be true or false, without quotes", key);
    return false;
}

static const KftYamlNode *
get_collection(KftFields *self, const KftYamlNode *map, const char *key, KftYamlKind kind)
{
    const KftYamlNode *node = kft_yaml_get(map, key);
    if (kft_yaml_is_null(node))
        return NULL;
    if (node->kind != kind) {
        kft_fields_fail(self, node, "%s must be %s, not %s", key,
                        kind == KFT_YAML_MAPPING ? "a mapping" : "a list",
                        kft_yaml_kind_name(node));
        return NULL;
    }
    return node;
}

const KftYamlNode *kft_fields_get_map(KftFields *self, const KftYamlNode *map, const char *key)
{
    return get_collection(self, map, key, KFT_YAML_MAPPING);
}

const KftYamlNode *kft_fields_get_list(KftFields *self, const KftYamlNode *map, const char *key)
{
    return get_collection(self, map, key, KFT_YAML_SEQUENCE);
}

char **kft_fields_dup_texts(KftFields *self, const KftYamlNode *map, const char *key)
{
    g_autoptr(GStrvBuilder) builder = g_strv_builder_new();
    const KftYamlNode *list = kft_fields_get_list(self, map, key);

    for (guint i = 0; list != NULL && i < list->children->len; i++) {
        const KftYamlNode *item = g_ptr_array_index(list->children, i);
        if (item->kind == KFT_YAML_SCALAR)
            g_strv_builder_add(builder, kft_yaml_is_null(item) ? "" : item->text);
        else
            kft_fields_fail(self, item, "%s[%u] must be text, not %s", key, i,
                            kft_yaml_kind_name(item));
    }
    return g_strv_builder_end(builder);
}
