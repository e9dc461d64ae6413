/* A config as a whole: its life, and what is done field by field with the table of field.c. */
#include "kftray/config.h"

#include <string.h>

#include "kftray/error.h"

#include "base/redact.h"
#include "base/text.h"
#include "config/field.h"

static const char *const workload_names[] = {
#define KFT_WORKLOAD_TYPE_NAME(name, text) [KFT_WORKLOAD_TYPE_##name] = (text),
    KFT_WORKLOAD_TYPES(KFT_WORKLOAD_TYPE_NAME)
#undef KFT_WORKLOAD_TYPE_NAME
};

const char *kft_workload_type_name(KftWorkloadType workload)
{
    g_assert((size_t)workload < G_N_ELEMENTS(workload_names));
    return workload_names[workload];
}

bool kft_workload_type_parse(const char *name, KftWorkloadType *ret_workload)
{
    for (size_t i = 0; i < G_N_ELEMENTS(workload_names); i++) {
        if (strcmp(workload_names[i], name) == 0) {
            *ret_workload = (KftWorkloadType)i;
            return true;
        }
    }
    return false;
}

KftConfig *kft_config_new(void)
{
    KftConfig *self = g_new(KftConfig, 1);
    *self = kft_config_defaults;
    return self;
}

KftConfig *kft_config_copy(const KftConfig *self)
{
    KftConfig *copy = g_new(KftConfig, 1);
    *copy = *self;
    for (size_t i = 0; i < kft_n_fields; i++) {
        if (kft_fields[i].type == KFT_FIELD_TEXT)
            *kft_field_text(&kft_fields[i], copy) = g_strdup(*kft_field_text(&kft_fields[i], self));
    }
    copy->extra = g_strdup(self->extra);
    return copy;
}

void kft_config_free(KftConfig *self)
{
    if (self == NULL)
        return;
    for (size_t i = 0; i < kft_n_fields; i++) {
        if (kft_fields[i].type == KFT_FIELD_TEXT)
            g_free(*kft_field_text(&kft_fields[i], self));
    }
    g_free(self->extra);
    g_free(self);
}

void kft_config_normalize(KftConfig *self)
{
    for (size_t i = 0; i < kft_n_fields; i++) {
        const KftField *field = &kft_fields[i];
        if (!kft_field_is_used_by(field, self->workload_type)) {
            kft_field_unset(field, self);
            continue;
        }
        if (field->type != KFT_FIELD_TEXT)
            continue;
        char **text = kft_field_text(field, self);
        if (*text != NULL && !field->is_free_text)
            g_strstrip(*text);
        if (*text != NULL && kft_field_is_placeholder(field, *text))
            kft_field_unset(field, self);
    }
    if (self->extra != NULL && *self->extra == '\0')
        g_clear_pointer(&self->extra, g_free);
}

const char *const *kft_config_keys(void)
{
    return kft_field_names;
}

bool kft_config_set(KftConfig *self, const char *key, const char *value, GError **error)
{
    const KftField *field = kft_field_find(key);
    if (field != NULL)
        return kft_field_set(field, self, value, error);

    g_autofree char *shown = kft_one_line(key, 60);
    const char *closest = kft_text_closest(key, kft_field_names);
    if (closest != NULL) {
        g_set_error(error, KFT_ERROR, KFT_ERROR_BAD_CONFIG,
                    "there is no field \"%s\"; did you mean \"%s\"?", shown, closest);
    } else {
        g_autofree char *all = g_strjoinv(", ", (char **)(uintptr_t)kft_field_names);
        g_set_error(error, KFT_ERROR, KFT_ERROR_BAD_CONFIG,
                    "there is no field \"%s\"; there are %s", shown, all);
    }
    return false;
}

char *kft_config_dup(const KftConfig *self, const char *key)
{
    const KftField *field = kft_field_find(key);
    if (field == NULL || kft_field_is_default(field, self))
        return NULL;
    return kft_field_dup(field, self);
}

bool kft_config_equal(const KftConfig *a, const KftConfig *b)
{
    for (size_t i = 0; i < kft_n_fields; i++) {
        if (!kft_field_equal(&kft_fields[i], a, b))
            return false;
    }
    return g_strcmp0(a->extra, b->extra) == 0;
}

char **kft_config_diff(const KftConfig *a, const KftConfig *b)
{
    g_autoptr(GStrvBuilder) names = g_strv_builder_new();

    for (size_t i = 0; i < kft_n_fields; i++) {
        if (!kft_field_equal(&kft_fields[i], a, b))
            g_strv_builder_add(names, kft_fields[i].name);
    }
    if (g_strcmp0(a->extra, b->extra) != 0)
        g_strv_builder_add(names, "extra");
    return g_strv_builder_end(names);
}
