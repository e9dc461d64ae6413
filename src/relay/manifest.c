/* Filling in walks the parsed tree and makes a new one. A placeholder inside a text stays text; a
 * port that stands alone without quotes, {local_port}, is YAML for a mapping with one empty entry
 * and becomes a number, as does one in quotes where Kubernetes wants a number. */
#include "relay/manifest.h"

#include <json-c/json.h>
#include <string.h>

#include "kftray/error.h"

#include "base/json.h"
#include "base/number.h"
#include "base/redact.h"
#include "kube/yaml-node.h"
#include "relay/manifest-check.h"

#define MAX_TEMPLATE_BYTES ((size_t)256 * 1024)
/* Keepalives per UNUSED_TIMEOUT: some may be lost. */
#define KEEPALIVES 4
#define DEFAULT_STATUS_PORT 8090

struct KftManifest {
    char *name;
    json_object *root;
};

KftManifest *kft_manifest_parse(const char *text, size_t size, const char *name, GError **error)
{
    g_autoptr(KftYamlDocument) document = kft_yaml_parse(text, size, name, error);
    if (document == NULL)
        return NULL;
    const KftYamlNode *root = kft_yaml_get_root(document);
    if (root == NULL || root->kind != KFT_YAML_MAPPING) {
        g_set_error(error, KFT_ERROR, KFT_ERROR_BAD_CONFIG,
                    "%s: a pod is a mapping with apiVersion, kind, metadata and spec", name);
        return NULL;
    }
    g_autofree char *json = kft_yaml_dup_json(root);
    json_object *object = kft_json_parse(json, strlen(json), error);
    if (object == NULL) {
        g_prefix_error(error, "%s: ", name);
        return NULL;
    }
    KftManifest *self = g_new0(KftManifest, 1);
    self->name = g_strdup(name);
    self->root = object;
    return self;
}

KftManifest *kft_manifest_load(const char *path, GError **error)
{
    g_autofree char *text = NULL;
    gsize size = 0;
    g_autoptr(GError) file_error = NULL;

    if (!g_file_get_contents(path, &text, &size, &file_error)) {
        g_set_error(error, KFT_ERROR, KFT_ERROR_BAD_CONFIG,
                    "the template of the relay's pod cannot be read: %s", file_error->message);
        return NULL;
    }
    if (size > MAX_TEMPLATE_BYTES) {
        g_set_error(error, KFT_ERROR, KFT_ERROR_LIMIT,
                    "%s: %zu bytes are more than a template of a pod may have (%zu)", path,
                    (size_t)size, MAX_TEMPLATE_BYTES);
        return NULL;
    }
    return kft_manifest_parse(text, size, path, error);
}

void kft_manifest_free(KftManifest *self)
{
    if (self == NULL)
        return;
    kft_json_put(self->root);
    g_free(self->name);
    g_free(self);
}

/* --- placeholders --- */

typedef struct {
    const char *name;
    const char *text;
    uint16_t number; /* 0 = it is no number */
} Placeholder;

#define MAX_PLACEHOLDERS 8

typedef struct {
    Placeholder known[MAX_PLACEHOLDERS];
    size_t n_known;
    char remote_port[8];
    char local_port[8];
    KftFaults *faults;
} Filling;

static void filling_init(Filling *self, const KftManifestValues *values, KftFaults *faults)
{
    bool has_service = values->service_name != NULL;
    (void)g_snprintf(self->remote_port, sizeof self->remote_port, "%u", values->remote_port);
    (void)g_snprintf(self->local_port, sizeof self->local_port, "%u", values->local_port);
    const Placeholder known[] = {
        {"hashed_name", values->name, 0},
        {"config_id", values->relay, 0},
        {"service_name", has_service ? values->service_name : values->remote_address, 0},
        {"remote_address", values->remote_address, 0},
        {"remote_port", self->remote_port, values->remote_port},
        {"local_port", self->local_port, values->local_port},
        {"protocol", kft_protocol_name(values->protocol), 0},
        {"image", values->image, 0},
    };
    G_STATIC_ASSERT(G_N_ELEMENTS(known) <= MAX_PLACEHOLDERS);
    memcpy(self->known, known, sizeof known);
    self->n_known = G_N_ELEMENTS(known);
    self->faults = faults;
}

static const Placeholder *find_placeholder(const Filling *self, const char *name, size_t length)
{
    for (size_t i = 0; i < self->n_known; i++) {
        const Placeholder *known = &self->known[i];
        if (strlen(known->name) == length && memcmp(known->name, name, length) == 0)
            return known;
    }
    return NULL;
}

/* The length of the name in "{name}", 0 if @text does not begin with one. Braces around anything
 * else, JSON in an annotation for instance, are no placeholder. */
static size_t measure_placeholder(const char *text)
{
    if (text[0] != '{')
        return 0;
    size_t length = strspn(text + 1, "abcdefghijklmnopqrstuvwxyz_");
    return text[1 + length] == '}' ? length : 0;
}

/* Kubernetes replaces $(NAME) in the value of a variable; of a user's value it shall not. */
static void append_value(GString *out, const char *value)
{
    for (; *value != '\0'; value++) {
        if (value[0] == '$' && value[1] == '(')
            g_string_append_c(out, '$');
        g_string_append_c(out, *value);
    }
}

static char *fill_text(Filling *self, const char *text)
{
    GString *out = g_string_new(NULL);

    while (*text != '\0') {
        size_t length = measure_placeholder(text);
        if (length == 0) {
            g_string_append_c(out, *text++);
            continue;
        }
        const Placeholder *known = find_placeholder(self, text + 1, length);
        if (known != NULL)
            append_value(out, known->text);
        else
            kft_faults_add(self->faults,
                           "{%.*s} is none of the placeholders {hashed_name}, {config_id}, "
                           "{service_name}, {remote_address}, {remote_port}, {local_port}, "
                           "{protocol}, {image}",
                           (int)MIN(length, 40), text + 1);
        text += length + 2;
    }
    return g_string_free(out, FALSE);
}

/* Members that are numbers or, for probes, may be. */
static bool wants_number(const char *key)
{
    static const char *const keys[] = {"containerPort", "hostPort", "port", NULL};
    return key != NULL && g_strv_contains(keys, key);
}

static json_object *fill_string(Filling *self, const char *key, const char *text)
{
    size_t length = measure_placeholder(text);
    bool is_alone = length > 0 && text[length + 2] == '\0';
    const Placeholder *known = is_alone ? find_placeholder(self, text + 1, length) : NULL;

    if (known != NULL && known->number > 0 && wants_number(key))
        return json_object_new_int(known->number);
    g_autofree char *filled = fill_text(self, text);
    return json_object_new_string(filled);
}

/* What {local_port} without quotes became. */
static const Placeholder *find_unquoted(const Filling *self, json_object *object)
{
    if (json_object_object_length(object) != 1)
        return NULL;
    struct json_object_iterator iter = json_object_iter_begin(object);
    const char *name = json_object_iter_peek_name(&iter);
    if (json_object_iter_peek_value(&iter) != NULL)
        return NULL;
    return find_placeholder(self, name, strlen(name));
}

static json_object *fill(Filling *self, const char *key, json_object *value);

static json_object *fill_object(Filling *self, json_object *object)
{
    const Placeholder *unquoted = find_unquoted(self, object);
    if (unquoted != NULL)
        return unquoted->number > 0 ? json_object_new_int(unquoted->number)
                                    : json_object_new_string(unquoted->text);
    json_object *filled = json_object_new_object();
    struct json_object_iterator iter = json_object_iter_begin(object);
    struct json_object_iterator end = json_object_iter_end(object);
    for (; !json_object_iter_equal(&iter, &end); json_object_iter_next(&iter)) {
        const char *name = json_object_iter_peek_name(&iter);
        g_autofree char *filled_name = fill_text(self, name);
        json_object *value = json_object_iter_peek_value(&iter);
        (void)json_object_object_add(filled, filled_name, fill(self, name, value));
    }
    return filled;
}

/* Recursion is bounded by the parser's limit of depth. Returns: a new reference. */
static json_object *fill(Filling *self, const char *key, json_object *value)
{
    json_object *filled = NULL;

    switch (json_object_get_type(value)) {
    case json_type_string:
        return fill_string(self, key, json_object_get_string(value));
    case json_type_object:
        return fill_object(self, value);
    case json_type_array:
        filled = json_object_new_array();
        for (size_t i = 0; i < json_object_array_length(value); i++)
            (void)json_object_array_add(filled,
                                        fill(self, NULL, json_object_array_get_idx(value, i)));
        return filled;
    case json_type_null:
    case json_type_boolean:
    case json_type_double:
    case json_type_int:
        return json_object_get(value);
    }
    g_assert_not_reached();
}

/* --- what is ours --- */

/* The object at @key of @parent, made if there is none. */
static json_object *need_object(json_object *parent, const char *key)
{
    json_object *child = kft_json_get(parent, key);
    if (json_object_get_type(child) == json_type_object)
        return child;
    child = json_object_new_object();
    (void)json_object_object_add(parent, key, child);
    return child;
}

static void set_text(json_object *object, const char *key, const char *text)
{
    g_autofree char *line = kft_one_line(text, 250);
    (void)json_object_object_add(object, key, json_object_new_string(line));
}

/* Whatever the template says of these: by them the pod is found and deleted. */
static void set_identity(json_object *pod, const KftManifestValues *values)
{
    json_object *metadata = need_object(pod, "metadata");
    json_object *labels = need_object(metadata, "labels");
    json_object *annotations = need_object(metadata, "annotations");

    json_object_object_del(metadata, "generateName");
    set_text(metadata, "name", values->name);
    set_text(metadata, "namespace", values->namespace_);
    set_text(labels, "app.kubernetes.io/name", "kftray-relay");
    set_text(labels, "app.kubernetes.io/managed-by", "kftray");
    set_text(labels, KFT_RELAY_LABEL_INSTALLATION, values->installation);
    set_text(labels, KFT_RELAY_LABEL_SESSION, values->session);
    set_text(labels, KFT_RELAY_LABEL_RELAY, values->relay);
    set_text(annotations, KFT_RELAY_ANNOTATION_OWNER, values->owner);
    set_text(annotations, KFT_RELAY_ANNOTATION_HOST, values->host);
    set_text(annotations, KFT_RELAY_ANNOTATION_PURPOSE, values->purpose);
}

static void read_keepalive(json_object *pod, uint16_t local_port, KftManifestKeepalive *keepalive)
{
    uint64_t unused_ms = 0;
    uint16_t port =
        local_port == DEFAULT_STATUS_PORT ? DEFAULT_STATUS_PORT + 1 : DEFAULT_STATUS_PORT;
    const char *unused = kft_manifest_find_variable(pod, "UNUSED_TIMEOUT");
    const char *status_port = kft_manifest_find_variable(pod, "STATUS_PORT");

    *keepalive = (KftManifestKeepalive){0};
    if (unused == NULL || !kft_parse_duration_ms(unused, &unused_ms) || unused_ms == 0)
        return;
    if (status_port != NULL)
        (void)kft_parse_port(status_port, 1, &port);
    keepalive->port = port;
    keepalive->interval_ms = (uint32_t)MIN(unused_ms / KEEPALIVES, G_MAXINT32);
}

char *kft_manifest_fill(const KftManifest *self,
                        const KftManifestValues *values,
                        KftManifestKeepalive *ret_keepalive,
                        GError **error)
{
    Filling filling = {0};
    g_autoptr(KftFaults) faults = kft_faults_new();

    filling_init(&filling, values, faults);
    g_autoptr(json_object) pod = fill(&filling, NULL, self->root);
    if (json_object_get_type(pod) == json_type_object) {
        set_identity(pod, values);
        kft_manifest_check(pod, faults);
        read_keepalive(pod, values->local_port, ret_keepalive);
    } else {
        kft_faults_add(faults, "a pod is a mapping");
    }
    if (!kft_faults_to_error(faults, self->name, error))
        return NULL;
    return g_strdup(json_object_to_json_string_ext(pod, JSON_C_TO_STRING_NOSLASHESCAPE));
}
