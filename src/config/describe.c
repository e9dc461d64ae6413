/* Identity of configs, and how they are called in lists and messages. */
#include <string.h>

#include "config/identity.h"
#include "config/syntax.h"

/* What the workload points at; "" if that is missing. */
static const char *get_pointed(const KftConfig *self)
{
    const char *text = NULL;

    switch (self->workload_type) {
    case KFT_WORKLOAD_TYPE_SERVICE:
        text = self->service;
        break;
    case KFT_WORKLOAD_TYPE_POD:
        text = self->object != NULL ? self->object : self->target;
        break;
    case KFT_WORKLOAD_TYPE_PROXY:
        text = self->remote_address;
        break;
    case KFT_WORKLOAD_TYPE_EXPOSE:
        text = self->alias;
        break;
    }
    return text == NULL ? "" : text;
}

/* Texts may hold any character but a NUL and, all but the free ones, control characters. */
static void append_part(GString *key, const char *text)
{
    g_string_append(key, text == NULL ? "" : text);
    g_string_append_c(key, '\n');
}

char *kft_config_dup_identity(const KftConfig *self)
{
    GString *key = g_string_new(NULL);

    append_part(key, kft_workload_type_name(self->workload_type));
    append_part(key, kft_protocol_name(self->protocol));
    append_part(key, self->context);
    append_part(key, self->kubeconfig);
    append_part(key, self->namespace_);
    /* A selector never equals an object, nor the other way round. */
    append_part(key,
                self->workload_type == KFT_WORKLOAD_TYPE_POD && self->object != NULL ? "o" : "");
    append_part(key, get_pointed(self));
    g_string_append_printf(
        key, "%u", self->workload_type == KFT_WORKLOAD_TYPE_EXPOSE ? 0U : self->remote_port);
    return g_string_free(key, FALSE);
}

bool kft_config_same_identity(const KftConfig *a, const KftConfig *b)
{
    if (a->local_port != b->local_port && a->local_port != 0 && b->local_port != 0)
        return false;
    g_autofree char *key_a = kft_config_dup_identity(a);
    g_autofree char *key_b = kft_config_dup_identity(b);
    return strcmp(key_a, key_b) == 0;
}

/* The value of "app" or its like, of a selector with such a requirement; NULL if there is none. */
static char *dup_selector_name(const char *selector)
{
    static const char *const keys[] = {"app.kubernetes.io/name",
                                       "app.kubernetes.io/instance",
                                       "app",
                                       "name",
                                       "k8s-app",
                                       "component"};
    g_auto(GStrv) parts = g_strsplit(selector, ",", -1);

    for (size_t k = 0; k < G_N_ELEMENTS(keys); k++) {
        for (size_t i = 0; parts[i] != NULL; i++) {
            const char *part = parts[i] + strspn(parts[i], " ");
            if (!g_str_has_prefix(part, keys[k]))
                continue;
            part += strlen(keys[k]);
            part += strspn(part, " ");
            if (*part != '=')
                continue;
            part += strspn(part, "= ");
            if (*part != '\0')
                return g_strchomp(g_strdup(part));
        }
    }
    return NULL;
}

/* The host of a remote address, its first label if it is a name with dots. */
static char *dup_remote_name(const char *remote_address)
{
    g_autofree char *host = kft_syntax_dup_remote_host(remote_address);
    if (host == NULL)
        return NULL;
    if (!kft_syntax_is_ip_address(host))
        host[strcspn(host, ".")] = '\0';
    return g_steal_pointer(&host);
}

char *kft_config_make_alias(const KftConfig *self)
{
    g_autofree char *name = NULL;

    switch (self->workload_type) {
    case KFT_WORKLOAD_TYPE_SERVICE:
        name = g_strdup(self->service);
        break;
    case KFT_WORKLOAD_TYPE_POD:
        if (self->object != NULL) {
            const char *slash = strrchr(self->object, '/');
            name = g_strdup(slash == NULL ? self->object : slash + 1);
        } else if (self->target != NULL) {
            name = dup_selector_name(self->target);
        }
        break;
    case KFT_WORKLOAD_TYPE_PROXY:
        if (self->remote_address != NULL)
            name = dup_remote_name(self->remote_address);
        break;
    case KFT_WORKLOAD_TYPE_EXPOSE:
        break;
    }
    if (name != NULL && *name != '\0')
        return g_steal_pointer(&name);
    return g_strdup_printf("%s-%s-%u", kft_workload_type_name(self->workload_type),
                           kft_protocol_name(self->protocol), self->local_port);
}

/* An IPv6 address needs brackets before a port. */
static void append_host(GString *out, const char *host)
{
    bool needs_brackets = strchr(host, ':') != NULL && kft_syntax_is_ip_address(host);
    g_string_append_printf(out, needs_brackets ? "[%s]" : "%s", host);
}

char *kft_config_describe_target(const KftConfig *self)
{
    GString *out = g_string_new(NULL);

    if (self->namespace_ != NULL)
        g_string_append_printf(out, "%s/", self->namespace_);
    append_host(out, get_pointed(self));
    if (self->remote_port != 0 && self->workload_type != KFT_WORKLOAD_TYPE_EXPOSE)
        g_string_append_printf(out, ":%u", self->remote_port);
    return g_string_free(out, FALSE);
}

char *kft_config_describe_local(const KftConfig *self)
{
    GString *out = g_string_new(NULL);

    append_host(out, self->local_address == NULL ? "127.0.0.1" : self->local_address);
    g_string_append_printf(out, ":%u", self->local_port);
    return g_string_free(out, FALSE);
}
