/* Whether a config can be, as far as that can be told without a cluster. Each complaint is one
 * sentence that names the field, its value and what is allowed. */
#include <json-c/json_object.h>
#include <string.h>

#include "kftray/error.h"

#include "base/json.h"
#include "base/redact.h"
#include "config/field.h"
#include "config/syntax.h"

#define MAX_SHOWN_BYTES 80
#define MAX_EXTRA_BYTES 262144

static bool fail(GError **error, const char *name, const char *value, const char *allowed)
{
    g_autofree char *shown = kft_one_line(value, MAX_SHOWN_BYTES);
    g_set_error(error, KFT_ERROR, KFT_ERROR_BAD_CONFIG, "%s is \"%s\", %s", name, shown, allowed);
    return false;
}

static bool fail_missing(GError **error, const KftConfig *self, const char *name)
{
    g_set_error(error, KFT_ERROR, KFT_ERROR_BAD_CONFIG,
                "%s is missing, workload_type \"%s\" needs it", name,
                kft_workload_type_name(self->workload_type));
    return false;
}

static bool has_control(const char *text)
{
    for (const char *at = text; *at != '\0'; at += g_utf8_skip[(unsigned char)*at]) {
        if (g_unichar_iscntrl(g_utf8_get_char(at)))
            return true;
    }
    return false;
}

/* What holds for every text, so that it comes back from a file or a database as it was. */
static bool check_text(const KftField *field, const char *text, GError **error)
{
    if (!g_utf8_validate(text, -1, NULL))
        return fail(error, field->name, text, "which is not UTF-8");
    if (strlen(text) > field->max || !kft_field_has_word(field, text)) {
        kft_field_set_error(field, text, error);
        return false;
    }
    if (kft_field_is_placeholder(field, text))
        return fail(error, field->name, text, "which stands for an unset field");
    if (field->is_free_text)
        return true;
    if (has_control(text))
        return fail(error, field->name, text, "control characters and line breaks are not allowed");
    if (g_ascii_isspace(text[0]) || g_ascii_isspace(text[strlen(text) - 1]))
        return fail(error, field->name, text, "spaces at the ends are not allowed");
    return true;
}

static bool check_optional(const KftField *field, const KftConfig *self, GError **error)
{
    uint64_t number = kft_field_get_number(field, self);
    if (number == KFT_CONFIG_UNSET || number <= field->max)
        return true;
    g_autofree char *text = kft_field_dup(field, self);
    kft_field_set_error(field, text, error);
    return false;
}

static bool check_fields(const KftConfig *self, GError **error)
{
    for (size_t i = 0; i < kft_n_fields; i++) {
        const KftField *field = &kft_fields[i];
        if (field->type == KFT_FIELD_TEXT) {
            const char *text = *kft_field_text(field, self);
            if (text != NULL && !check_text(field, text, error))
                return false;
        } else if (field->type == KFT_FIELD_NUMBER) {
            uint64_t number = kft_field_get_number(field, self);
            if (number < 1 || number > field->max) {
                g_autofree char *text = kft_field_dup(field, self);
                kft_field_set_error(field, text, error);
                return false;
            }
        } else if (field->type == KFT_FIELD_OPTIONAL && !check_optional(field, self, error)) {
            return false;
        }
    }
    return true;
}

static bool check_names(const KftConfig *self, GError **error)
{
    static const char label[] =
        "allowed are lower case letters, digits and \"-\", at most 63, with "
        "a letter or digit at both ends";

    if (self->namespace_ != NULL && !kft_syntax_is_dns_label(self->namespace_))
        return fail(error, "namespace", self->namespace_, label);
    if (self->service != NULL && !kft_syntax_is_dns_label(self->service))
        return fail(error, "service", self->service, label);
    if (self->stop_at != NULL && !kft_syntax_is_time_of_day(self->stop_at))
        return fail(error, "stop_at", self->stop_at, "allowed are times from 00:00 to 23:59");
    if (self->domain_enabled && self->alias != NULL && !kft_syntax_is_host_name(self->alias))
        return fail(
            error, "alias", self->alias,
            "but domain_enabled needs a host name: letters, digits, \"-\", \"_\" and \".\"");
    return true;
}

static bool check_local_address(const KftConfig *self, GError **error)
{
    const char *address = self->local_address;
    bool is_expose = self->workload_type == KFT_WORKLOAD_TYPE_EXPOSE;

    if (address == NULL || g_ascii_strcasecmp(address, "localhost") == 0 ||
        kft_syntax_is_ip_address(address) || (is_expose && kft_syntax_is_host_name(address)))
        return true;
    return fail(error, "local_address", address,
                is_expose ? "allowed are IP addresses and host names"
                          : "allowed are IP addresses and localhost");
}

/* --- by workload --- */

static bool check_service(const KftConfig *self, GError **error)
{
    return self->service != NULL || fail_missing(error, self, "service");
}

/* "deploy/web": the kinds are the engine's to know, here it is only the form. */
static bool is_object(const char *text)
{
    const char *slash = strchr(text, '/');
    if (slash == NULL)
        return kft_syntax_is_dns_name(text);
    g_autofree char *kind = g_ascii_strdown(text, slash - text);
    return kft_syntax_is_dns_name(kind) && kft_syntax_is_dns_name(slash + 1);
}

static bool check_pod(const KftConfig *self, GError **error)
{
    if (self->target == NULL && self->object == NULL)
        return fail_missing(error, self, "target (or object)");
    if (self->target != NULL && self->object != NULL) {
        g_set_error_literal(error, KFT_ERROR, KFT_ERROR_BAD_CONFIG,
                            "target and object are both set, only one of them is allowed");
        return false;
    }
    if (self->object != NULL && !is_object(self->object))
        return fail(error, "object", self->object,
                    "allowed are the names of a pod or workload, as \"web-0\" or \"deploy/web\"");
    const char *fault = self->target == NULL ? NULL : kft_syntax_find_selector_fault(self->target);
    if (fault != NULL) {
        g_autofree char *what =
            g_strdup_printf("allowed are label selectors, as \"app=web,tier!=test\": %s", fault);
        return fail(error, "target", self->target, what);
    }
    return true;
}

static bool check_proxy(const KftConfig *self, GError **error)
{
    if (self->remote_address == NULL)
        return fail_missing(error, self, "remote_address");
    g_autofree char *host = kft_syntax_dup_remote_host(self->remote_address);
    if (host == NULL)
        return fail(error, "remote_address", self->remote_address,
                    "allowed are host names, IP addresses and URLs");
    return true;
}

static bool check_annotations(const KftConfig *self, GError **error)
{
    const char *text = self->ingress_annotations;
    if (text == NULL)
        return true;
    g_autoptr(json_object) value = kft_json_parse(text, strlen(text), NULL);
    return json_object_is_type(value, json_type_object) ||
           fail(error, "ingress_annotations", text, "allowed are JSON objects as text");
}

static bool check_expose(const KftConfig *self, GError **error)
{
    if (self->alias == NULL)
        return fail_missing(error, self, "alias");
    if (!kft_syntax_is_host_name(self->alias))
        return fail(error, "alias", self->alias,
                    "but what is exposed is reached by it, so it must be a host name");
    if (self->local_port == 0)
        return fail_missing(error, self, "local_port");
    if (self->cert_manager_enabled && self->cert_issuer == NULL &&
        g_strcmp0(self->exposure_type, "public") == 0) {
        g_set_error_literal(error, KFT_ERROR, KFT_ERROR_BAD_CONFIG,
                            "cert_issuer is missing, cert_manager_enabled needs it");
        return false;
    }
    return check_annotations(self, error);
}

static bool check_workload(const KftConfig *self, GError **error)
{
    switch (self->workload_type) {
    case KFT_WORKLOAD_TYPE_SERVICE:
        return check_service(self, error);
    case KFT_WORKLOAD_TYPE_POD:
        return check_pod(self, error);
    case KFT_WORKLOAD_TYPE_PROXY:
        return check_proxy(self, error);
    case KFT_WORKLOAD_TYPE_EXPOSE:
        return check_expose(self, error);
    }
    g_assert_not_reached();
}

/* Keys that this program knows would be written twice. */
static bool check_extra(const KftConfig *self, GError **error)
{
    const char *text = self->extra;
    if (text == NULL)
        return true;
    if (strlen(text) > MAX_EXTRA_BYTES) {
        g_set_error(error, KFT_ERROR, KFT_ERROR_BAD_CONFIG,
                    "the unknown keys are %zu bytes, allowed are up to %d", strlen(text),
                    MAX_EXTRA_BYTES);
        return false;
    }
    g_autoptr(json_object) value = kft_json_parse(text, strlen(text), NULL);
    if (!json_object_is_type(value, json_type_object))
        return fail(error, "extra", text, "allowed are JSON objects as text");
    for (size_t i = 0; i < kft_n_fields; i++) {
        if (json_object_object_get_ex(value, kft_fields[i].name, NULL))
            return fail(error, "extra", text, "which has a key that is a field");
    }
    return true;
}

bool kft_config_validate(const KftConfig *self, GError **error)
{
    if (!check_fields(self, error) || !check_names(self, error) ||
        !check_local_address(self, error) || !check_workload(self, error))
        return false;
    if (self->remote_port == 0 && self->workload_type != KFT_WORKLOAD_TYPE_EXPOSE)
        return fail_missing(error, self, "remote_port");
    return check_extra(self, error);
}
