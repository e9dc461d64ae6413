#include "kftray/query.h"

static const char *const type_names[] = {
#define TYPE_NAME(name, text) [KFT_QUERY_##name] = (text),
    KFT_QUERY_TYPES(TYPE_NAME)
#undef TYPE_NAME
};

const char *kft_query_type_name(KftQueryType type)
{
    g_assert((size_t)type < G_N_ELEMENTS(type_names));
    return type_names[type];
}

KftQuery *kft_query_new(KftQueryId id, KftQueryType type)
{
    KftQuery *self = g_new0(KftQuery, 1);
    self->id = id;
    self->type = type;
    return self;
}

KftQuery *kft_query_copy(const KftQuery *self)
{
    KftQuery *copy = kft_query_new(self->id, self->type);
    copy->kubeconfig = g_strdup(self->kubeconfig);
    copy->context = g_strdup(self->context);
    copy->namespace_ = g_strdup(self->namespace_);
    copy->all_namespaces = self->all_namespaces;
    copy->selector = g_strdup(self->selector);
    copy->name = g_strdup(self->name);
    copy->timeout_ms = self->timeout_ms;
    return copy;
}

void kft_query_free(KftQuery *self)
{
    if (self == NULL)
        return;
    g_free(self->kubeconfig);
    g_free(self->context);
    g_free(self->namespace_);
    g_free(self->selector);
    g_free(self->name);
    g_free(self);
}

void kft_answer_free(KftAnswer *self)
{
    if (self == NULL)
        return;
    g_free(self->error);
    g_free(self->note);
    g_free(self->context);
    g_free(self->namespace_);
    g_free(self->version);
    g_clear_pointer(&self->items, g_ptr_array_unref);
    g_clear_pointer(&self->selectors, g_ptr_array_unref);
    g_free(self);
}
