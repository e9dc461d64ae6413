/* The checks: that it is a pod, that its containers can be run, that what the relay needs to know
 * is told to it, and that it ends when it shall. What else a pod may have is the user's business
 * and the API server's. */
#include "relay/manifest-check.h"

#include <json-c/json.h>
#include <string.h>

#include "kftray/error.h"

#include "base/json.h"
#include "base/number.h"
#include "base/redact.h"

#define MAX_FAULTS 8
#define MAX_FAULT_CHARS 240
/* A label's value and the name of a pod as far as it can be seen as a host name. */
#define MAX_LABEL_BYTES 63
/* Less leaves no room for a client whose machine is slow. */
#define MIN_UNUSED_MS 20000

struct KftFaults {
    GPtrArray *texts;
};

KftFaults *kft_faults_new(void)
{
    KftFaults *self = g_new0(KftFaults, 1);
    self->texts = g_ptr_array_new_with_free_func(g_free);
    return self;
}

void kft_faults_free(KftFaults *self)
{
    if (self == NULL)
        return;
    g_ptr_array_unref(self->texts);
    g_free(self);
}

void kft_faults_add(KftFaults *self, const char *format, ...)
{
    va_list args;

    if (self->texts->len >= MAX_FAULTS)
        return;
    va_start(args, format);
    g_autofree char *text = g_strdup_vprintf(format, args);
    va_end(args);
    g_ptr_array_add(self->texts, kft_one_line(text, MAX_FAULT_CHARS));
}

bool kft_faults_to_error(const KftFaults *self, const char *name, GError **error)
{
    if (self->texts->len == 0)
        return true;
    g_autoptr(GString) all = g_string_new(NULL);
    for (guint i = 0; i < self->texts->len; i++)
        g_string_append_printf(all, "%s%s", i == 0 ? "" : "; ",
                               (const char *)g_ptr_array_index(self->texts, i));
    g_set_error(error, KFT_ERROR, KFT_ERROR_BAD_CONFIG, "template %s: %s", name, all->str);
    return false;
}

/* --- variables --- */

const char *kft_manifest_find_variable(json_object *pod, const char *name)
{
    for (size_t i = 0; i < kft_json_length(pod, "spec.containers"); i++) {
        json_object *container = kft_json_at(pod, "spec.containers", i);
        for (size_t j = 0; j < kft_json_length(container, "env"); j++) {
            json_object *variable = kft_json_at(container, "env", j);
            if (g_strcmp0(kft_json_string(variable, "name"), name) == 0)
                return kft_json_string(variable, "value");
        }
    }
    return NULL;
}

static void check_variable(json_object *variable, KftFaults *faults)
{
    const char *name = kft_json_string(variable, "name");
    json_object *value = kft_json_get(variable, "value");

    if (name == NULL || name[0] == '\0')
        kft_faults_add(faults, "a variable under env has no name");
    else if (value != NULL && json_object_get_type(value) != json_type_string)
        kft_faults_add(faults, "the value of variable %s is no text: put it in quotes", name);
}

/* --- containers --- */

static bool has_text(json_object *object, const char *path)
{
    const char *text = kft_json_string(object, path);
    return text != NULL && text[0] != '\0';
}

static void check_container(json_object *container, KftFaults *faults)
{
    const char *name = kft_json_string(container, "name");

    if (!has_text(container, "name"))
        kft_faults_add(faults, "a container has no name");
    if (!has_text(container, "image"))
        kft_faults_add(faults, "container \"%s\" has no image", name != NULL ? name : "");
    for (size_t i = 0; i < kft_json_length(container, "env"); i++)
        check_variable(kft_json_at(container, "env", i), faults);
    for (size_t i = 0; i < kft_json_length(container, "ports"); i++) {
        if (kft_json_port(kft_json_at(container, "ports", i), "containerPort") == 0)
            kft_faults_add(faults, "a containerPort of container \"%s\" is no number 1..65535",
                           name != NULL ? name : "");
    }
}

static void check_containers(json_object *pod, KftFaults *faults)
{
    size_t n = kft_json_length(pod, "spec.containers");

    if (n == 0) {
        kft_faults_add(faults, "spec.containers has no container");
        return;
    }
    for (size_t i = 0; i < n; i++)
        check_container(kft_json_at(pod, "spec.containers", i), faults);
    if (kft_manifest_find_variable(pod, "REMOTE_ADDRESS") == NULL)
        kft_faults_add(faults, "no container has the variable REMOTE_ADDRESS, so the relay would "
                               "not know where to");
}

/* --- the end --- */

static void check_end(json_object *pod, KftFaults *faults)
{
    const char *unused = kft_manifest_find_variable(pod, "UNUSED_TIMEOUT");
    const char *policy = kft_json_string(pod, "spec.restartPolicy");
    uint64_t unused_ms = 0;

    if (unused == NULL)
        return;
    if (!kft_parse_duration_ms(unused, &unused_ms))
        kft_faults_add(faults, "UNUSED_TIMEOUT \"%s\" is no time like 10m", unused);
    else if (unused_ms > 0 && unused_ms < MIN_UNUSED_MS)
        kft_faults_add(faults, "UNUSED_TIMEOUT %s is less than %d s", unused, MIN_UNUSED_MS / 1000);
    if (policy == NULL || strcmp(policy, "Always") == 0)
        kft_faults_add(faults, "restartPolicy Always (the default) would start a relay again that "
                               "ended by its UNUSED_TIMEOUT: set OnFailure or Never");
}

/* --- labels --- */

/* Kubernetes: empty, or letters, digits, "-", "_" and "." with a letter or digit at both ends. */
static bool is_label_value(const char *text)
{
    size_t length = strlen(text);
    if (length == 0)
        return true;
    for (const char *at = text; *at != '\0'; at++) {
        if (!g_ascii_isalnum(*at) && strchr("-_.", *at) == NULL)
            return false;
    }
    return length <= MAX_LABEL_BYTES && g_ascii_isalnum(text[0]) &&
           g_ascii_isalnum(text[length - 1]);
}

static void check_label(const char *name, json_object *value, KftFaults *faults)
{
    bool is_text = json_object_get_type(value) == json_type_string;
    if (!is_text || !is_label_value(json_object_get_string(value)))
        kft_faults_add(faults,
                       "label %s: \"%s\" is not at most %d letters, digits, \"-\", \"_\" and "
                       "\".\" in quotes",
                       name, json_object_get_string(value), MAX_LABEL_BYTES);
}

static void check_annotation(const char *name, json_object *value, KftFaults *faults)
{
    if (json_object_get_type(value) != json_type_string)
        kft_faults_add(faults, "annotation %s is no text: put it in quotes", name);
}

static void check_members(json_object *map,
                          void (*check)(const char *name, json_object *value, KftFaults *faults),
                          KftFaults *faults)
{
    struct json_object_iterator iter = json_object_iter_begin(map);
    struct json_object_iterator end = json_object_iter_end(map);
    for (; !json_object_iter_equal(&iter, &end); json_object_iter_next(&iter))
        check(json_object_iter_peek_name(&iter), json_object_iter_peek_value(&iter), faults);
}

void kft_manifest_check(json_object *pod, KftFaults *faults)
{
    const char *version = kft_json_string(pod, "apiVersion");
    const char *kind = kft_json_string(pod, "kind");

    if (g_strcmp0(version, "v1") != 0 || g_strcmp0(kind, "Pod") != 0)
        kft_faults_add(faults, "it must be of apiVersion v1 and kind Pod, not %s %s",
                       version != NULL ? version : "none", kind != NULL ? kind : "none");
    check_members(kft_json_get(pod, "metadata.labels"), check_label, faults);
    check_members(kft_json_get(pod, "metadata.annotations"), check_annotation, faults);
    check_containers(pod, faults);
    check_end(pod, faults);
}
