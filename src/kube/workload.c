/* Workloads reduced to their label selector. Owner references are not looked at, as kubectl does
 * not either: reading them would need rights on ReplicaSets. */
#include "kube/workload.h"

#include <string.h>

static void append_term(GString *out, const char *format, ...) G_GNUC_PRINTF(2, 3);

static void append_term(GString *out, const char *format, ...)
{
    va_list arguments;

    if (out->len > 0)
        g_string_append_c(out, ',');
    va_start(arguments, format);
    g_string_append_vprintf(out, format, arguments);
    va_end(arguments);
}

static char *join_values(json_object *expression)
{
    GString *out = g_string_new(NULL);

    for (size_t i = 0; i < kft_json_length(expression, "values"); i++) {
        json_object *value = kft_json_at(expression, "values", i);
        if (!json_object_is_type(value, json_type_string))
            continue;
        if (out->len > 0)
            g_string_append_c(out, ',');
        g_string_append(out, json_object_get_string(value));
    }
    return g_string_free(out, FALSE);
}

/* An operator that is not known must not be skipped: the selector would take in pods of others. */
static bool append_expression(GString *out, json_object *expression)
{
    const char *key = kft_json_string(expression, "key");
    const char *operation = kft_json_string(expression, "operator");

    if (key == NULL || operation == NULL)
        return false;
    if (strcmp(operation, "In") == 0 || strcmp(operation, "NotIn") == 0) {
        g_autofree char *values = join_values(expression);
        append_term(out, "%s %s (%s)", key, strcmp(operation, "In") == 0 ? "in" : "notin", values);
        return true;
    }
    if (strcmp(operation, "Exists") == 0)
        append_term(out, "%s", key);
    else if (strcmp(operation, "DoesNotExist") == 0)
        append_term(out, "!%s", key);
    else
        return false;
    return true;
}

/* A LabelSelector, or the plain map of a ReplicationController. */
static char *read_selector(json_object *selector)
{
    g_autoptr(GString) out = g_string_new(NULL);
    bool is_label_selector = kft_json_get(selector, "matchLabels") != NULL ||
                             kft_json_get(selector, "matchExpressions") != NULL;

    kft_json_append_labels(out,
                           is_label_selector ? kft_json_get(selector, "matchLabels") : selector);
    for (size_t i = 0; i < kft_json_length(selector, "matchExpressions"); i++) {
        if (!append_expression(out, kft_json_at(selector, "matchExpressions", i)))
            return NULL;
    }
    return out->len > 0 ? g_strdup(out->str) : NULL;
}

static bool is_job_finished(json_object *object)
{
    for (size_t i = 0; i < kft_json_length(object, "status.conditions"); i++) {
        json_object *condition = kft_json_at(object, "status.conditions", i);
        const char *type = kft_json_string(condition, "type");
        bool ends = g_strcmp0(type, "Complete") == 0 || g_strcmp0(type, "Failed") == 0;
        if (ends && g_strcmp0(kft_json_string(condition, "status"), "True") == 0)
            return true;
    }
    return false;
}

KftWorkload *kft_workload_new_from_json(json_object *object)
{
    const char *name = kft_json_string(object, "metadata.name");
    const char *uid = kft_json_string(object, "metadata.uid");

    if (name == NULL)
        return NULL;
    KftWorkload *self = g_new0(KftWorkload, 1);
    self->name = g_strdup(name);
    self->uid = g_strdup(uid != NULL ? uid : "");
    self->selector = read_selector(kft_json_get(object, "spec.selector"));
    self->replicas = kft_json_int(object, "spec.replicas", 1);
    self->is_finished = is_job_finished(object);
    return self;
}

void kft_workload_free(KftWorkload *self)
{
    if (self == NULL)
        return;
    g_free(self->name);
    g_free(self->uid);
    g_free(self->selector);
    g_free(self);
}

void kft_target_kind_get_api(KftTargetKind kind, const char **ret_prefix, const char **ret_resource)
{
    static const struct {
        const char *prefix;
        const char *resource;
    } rows[] = {
        [KFT_TARGET_POD] = {"/api/v1", "pods"},
        [KFT_TARGET_SERVICE] = {"/api/v1", "services"},
        [KFT_TARGET_DEPLOYMENT] = {"/apis/apps/v1", "deployments"},
        [KFT_TARGET_REPLICASET] = {"/apis/apps/v1", "replicasets"},
        [KFT_TARGET_STATEFULSET] = {"/apis/apps/v1", "statefulsets"},
        [KFT_TARGET_DAEMONSET] = {"/apis/apps/v1", "daemonsets"},
        [KFT_TARGET_JOB] = {"/apis/batch/v1", "jobs"},
        [KFT_TARGET_REPLICATIONCONTROLLER] = {"/api/v1", "replicationcontrollers"},
    };
    g_assert((size_t)kind < G_N_ELEMENTS(rows));
    *ret_prefix = rows[kind].prefix;
    *ret_resource = rows[kind].resource;
}
