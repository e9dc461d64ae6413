/* The table of fields and what can be done with one field whatever its type. All that is known of a
 * field stands in its row; what several fields must be together is validate.c's. */
#include "config/field.h"

#include <stddef.h>
#include <string.h>

#include "kftray/error.h"

#include "base/number.h"
#include "base/redact.h"
#include "base/text.h"

#define SERVICE (1U << KFT_WORKLOAD_TYPE_SERVICE)
#define POD (1U << KFT_WORKLOAD_TYPE_POD)
#define PROXY (1U << KFT_WORKLOAD_TYPE_PROXY)
#define EXPOSE (1U << KFT_WORKLOAD_TYPE_EXPOSE)
/* Values in messages. */
#define MAX_SHOWN_BYTES 80
#define ALL (SERVICE | POD | PROXY | EXPOSE)

/* As many bytes as a host name has; also for what is only shown. */
#define NAME_BYTES 253
#define LABEL_BYTES 63
/* Names of contexts made by cloud tools hold whole resource names. */
#define CONTEXT_BYTES 1024
#define PATH_BYTES 16384
#define OBJECT_BYTES 320
#define SELECTOR_BYTES 4096
#define URL_BYTES 2048
#define LONG_BYTES 65536

/* name, member, type, workloads that use it, then the other columns of the row. */
#define FIELDS(X)                                                                                  \
    X("alias", alias, TEXT, .workloads = ALL, .placeholders = "default-alias", .max = NAME_BYTES)  \
    X("auto_loopback_address", auto_loopback_address, BOOL, .workloads = ALL)                      \
    X("balance", balance, BALANCE, .workloads = (SERVICE | POD | PROXY),                           \
      .words = "sticky|round-robin|least-connections")                                             \
    X("cert_issuer", cert_issuer, TEXT, .workloads = EXPOSE, .max = NAME_BYTES)                    \
    X("cert_issuer_kind", cert_issuer_kind, TEXT, .workloads = EXPOSE,                             \
      .words = "ClusterIssuer|Issuer", .max = NAME_BYTES)                                          \
    X("cert_manager_enabled", cert_manager_enabled, BOOL, .workloads = EXPOSE,                     \
      .is_lax_bool = true)                                                                         \
    X("context", context, TEXT, .workloads = ALL, .placeholders = "current-context|@current",      \
      .max = CONTEXT_BYTES)                                                                        \
    X("disconnect_timeout_minutes", disconnect_timeout_minutes, OPTIONAL, .workloads = ALL,        \
      .max = 10080)                                                                                \
    X("domain_enabled", domain_enabled, BOOL, .workloads = ALL, .is_lax_bool = true)               \
    X("exposure_type", exposure_type, TEXT, .workloads = EXPOSE,                                   \
      .words = "public|cluster|internal", .max = NAME_BYTES)                                       \
    X("group", group, TEXT, .workloads = ALL, .max = NAME_BYTES)                                   \
    X("http_logs_auto_cleanup", http_logs_auto_cleanup, BOOL, .workloads = ALL,                    \
      .is_lax_bool = true)                                                                         \
    X("http_logs_enabled", http_logs_enabled, BOOL, .workloads = ALL, .is_lax_bool = true)         \
    X("http_logs_max_file_size", http_logs_max_file_size, NUMBER, .workloads = ALL,                \
      .max = 104857600)                                                                            \
    X("http_logs_retention_days", http_logs_retention_days, NUMBER, .workloads = ALL, .max = 365)  \
    X("ingress_annotations", ingress_annotations, TEXT, .workloads = EXPOSE, .max = LONG_BYTES,    \
      .is_free_text = true)                                                                        \
    X("ingress_class", ingress_class, TEXT, .workloads = EXPOSE, .max = NAME_BYTES)                \
    X("kubeconfig", kubeconfig, TEXT, .workloads = ALL, .placeholders = "default",                 \
      .max = PATH_BYTES)                                                                           \
    X("local_address", local_address, TEXT, .workloads = ALL, .placeholders = "127.0.0.1",         \
      .max = NAME_BYTES)                                                                           \
    X("local_port", local_port, PORT, .workloads = ALL)                                            \
    X("namespace", namespace_, TEXT, .workloads = ALL, .placeholders = "default-namespace",        \
      .max = LABEL_BYTES)                                                                          \
    X("note", note, TEXT, .workloads = ALL, .max = LONG_BYTES, .is_free_text = true)               \
    X("object", object, TEXT, .workloads = POD, .max = OBJECT_BYTES)                               \
    X("protocol", protocol, PROTOCOL, .workloads = ALL, .placeholders = "protocol",                \
      .words = "tcp|udp")                                                                          \
    X("remote_address", remote_address, TEXT, .workloads = PROXY,                                  \
      .placeholders = "default-remote-address", .max = URL_BYTES)                                  \
    X("remote_port", remote_port, PORT, .workloads = (SERVICE | POD | PROXY))                      \
    X("service", service, TEXT, .workloads = SERVICE, .placeholders = "default-service",           \
      .max = LABEL_BYTES)                                                                          \
    X("stop_at", stop_at, TEXT, .workloads = ALL, .max = 5)                                        \
    X("target", target, TEXT, .workloads = POD, .placeholders = "default-target",                  \
      .max = SELECTOR_BYTES)                                                                       \
    X("transport", transport, TRANSPORT, .workloads = ALL, .words = "auto|tunnel|spdy|websocket")  \
    X("workload_type", workload_type, WORKLOAD, .workloads = ALL,                                  \
      .placeholders = "default-workload", .words = "service|pod|proxy|expose")

const KftConfig kft_config_defaults = {
    .workload_type = KFT_WORKLOAD_TYPE_SERVICE,
    .protocol = KFT_PROTOCOL_TCP,
    .transport = KFT_TRANSPORT_AUTO,
    .balance = KFT_BALANCE_STICKY,
    .disconnect_timeout_minutes = KFT_CONFIG_UNSET,
    .http_logs_max_file_size = UINT64_C(10) * 1024 * 1024,
    .http_logs_retention_days = 7,
    .http_logs_auto_cleanup = true,
};

const KftField kft_fields[] = {
#define FIELD_ROW(field_name, member, field_type, ...)                                             \
    {.name = (field_name),                                                                         \
     .type = KFT_FIELD_##field_type,                                                               \
     .offset = offsetof(KftConfig, member),                                                        \
     __VA_ARGS__},
    FIELDS(FIELD_ROW)
#undef FIELD_ROW
};
const size_t kft_n_fields = G_N_ELEMENTS(kft_fields);

const char *const kft_field_names[] = {
#define FIELD_NAME(field_name, ...) (field_name),
    FIELDS(FIELD_NAME)
#undef FIELD_NAME
        NULL};

const KftField *kft_field_find(const char *name)
{
    if (strcmp(name, "bind_address") == 0)
        name = "local_address";
    for (size_t i = 0; i < kft_n_fields; i++) {
        if (strcmp(kft_fields[i].name, name) == 0)
            return &kft_fields[i];
    }
    return NULL;
}

/* Whether @word is one of @words, which are joined by "|". */
static bool is_one_of(const char *word, const char *words)
{
    size_t length = strlen(word);

    while (words != NULL) {
        size_t word_length = strcspn(words, "|");
        if (word_length == length && memcmp(words, word, length) == 0)
            return true;
        words = words[word_length] == '|' ? words + word_length + 1 : NULL;
    }
    return false;
}

bool kft_field_is_placeholder(const KftField *self, const char *text)
{
    return *text == '\0' || is_one_of(text, self->placeholders);
}

bool kft_field_is_used_by(const KftField *self, KftWorkloadType workload)
{
    return (self->workloads & (1U << workload)) != 0;
}

bool kft_field_has_word(const KftField *self, const char *text)
{
    return self->words == NULL || is_one_of(text, self->words);
}

void kft_field_set_error(const KftField *self, const char *value, GError **error)
{
    g_autofree char *shown = kft_one_line(value, MAX_SHOWN_BYTES);
    g_autofree char *allowed = NULL;

    if (self->words != NULL) {
        g_auto(GStrv) words = g_strsplit(self->words, "|", -1);
        allowed = kft_text_join_and((const char *const *)words);
    } else if (self->type == KFT_FIELD_BOOL) {
        allowed = g_strdup("true and false");
    } else if (self->type == KFT_FIELD_PORT) {
        allowed = g_strdup("whole numbers from 1 to 65535, and 0 for unset");
    } else if (self->type == KFT_FIELD_NUMBER) {
        allowed = g_strdup_printf("whole numbers from 1 to %" G_GUINT64_FORMAT, self->max);
    } else if (self->type == KFT_FIELD_OPTIONAL) {
        allowed = g_strdup_printf("whole numbers from 0 to %" G_GUINT64_FORMAT, self->max);
    } else {
        allowed = g_strdup_printf("texts of up to %" G_GUINT64_FORMAT " bytes", self->max);
    }
    g_set_error(error, KFT_ERROR, KFT_ERROR_BAD_CONFIG, "%s is \"%s\", allowed are %s", self->name,
                shown, allowed);
}

/* --- one field of a config, whatever its type --- */

static void *member(const KftField *self, const KftConfig *config)
{
    return G_STRUCT_MEMBER_P((void *)(uintptr_t)config, self->offset);
}

char **kft_field_text(const KftField *self, const KftConfig *config)
{
    g_assert(self->type == KFT_FIELD_TEXT);
    return member(self, config);
}

uint64_t kft_field_get_number(const KftField *self, const KftConfig *config)
{
    const void *at = member(self, config);

    switch (self->type) {
    case KFT_FIELD_TEXT:
        break;
    case KFT_FIELD_PORT:
        return *(const uint16_t *)at;
    case KFT_FIELD_NUMBER:
    case KFT_FIELD_OPTIONAL:
        return *(const uint64_t *)at;
    case KFT_FIELD_BOOL:
        return *(const bool *)at;
    case KFT_FIELD_WORKLOAD:
        return *(const KftWorkloadType *)at;
    case KFT_FIELD_PROTOCOL:
        return *(const KftProtocol *)at;
    case KFT_FIELD_TRANSPORT:
        return *(const KftTransport *)at;
    case KFT_FIELD_BALANCE:
        return *(const KftBalance *)at;
    }
    g_assert_not_reached();
}

void kft_field_set_number(const KftField *self, KftConfig *config, uint64_t number)
{
    void *at = member(self, config);

    switch (self->type) {
    case KFT_FIELD_TEXT:
        break;
    case KFT_FIELD_PORT:
        *(uint16_t *)at = (uint16_t)number;
        return;
    case KFT_FIELD_NUMBER:
    case KFT_FIELD_OPTIONAL:
        *(uint64_t *)at = number;
        return;
    case KFT_FIELD_BOOL:
        *(bool *)at = number != 0;
        return;
    case KFT_FIELD_WORKLOAD:
        *(KftWorkloadType *)at = (KftWorkloadType)number;
        return;
    case KFT_FIELD_PROTOCOL:
        *(KftProtocol *)at = (KftProtocol)number;
        return;
    case KFT_FIELD_TRANSPORT:
        *(KftTransport *)at = (KftTransport)number;
        return;
    case KFT_FIELD_BALANCE:
        *(KftBalance *)at = (KftBalance)number;
        return;
    }
    g_assert_not_reached();
}

char *kft_field_dup(const KftField *self, const KftConfig *config)
{
    uint64_t number = self->type == KFT_FIELD_TEXT ? 0 : kft_field_get_number(self, config);

    switch (self->type) {
    case KFT_FIELD_TEXT:
        return g_strdup(*kft_field_text(self, config));
    case KFT_FIELD_PORT:
        return number == 0 ? NULL : g_strdup_printf("%" G_GUINT64_FORMAT, number);
    case KFT_FIELD_OPTIONAL:
        return number == KFT_CONFIG_UNSET ? NULL : g_strdup_printf("%" G_GUINT64_FORMAT, number);
    case KFT_FIELD_NUMBER:
        return g_strdup_printf("%" G_GUINT64_FORMAT, number);
    case KFT_FIELD_BOOL:
        return g_strdup(number != 0 ? "true" : "false");
    case KFT_FIELD_WORKLOAD:
        return g_strdup(kft_workload_type_name((KftWorkloadType)number));
    case KFT_FIELD_PROTOCOL:
        return g_strdup(kft_protocol_name((KftProtocol)number));
    case KFT_FIELD_TRANSPORT:
        return g_strdup(kft_transport_name((KftTransport)number));
    case KFT_FIELD_BALANCE:
        return g_strdup(kft_balance_name((KftBalance)number));
    }
    g_assert_not_reached();
}

void kft_field_unset(const KftField *self, KftConfig *config)
{
    if (self->type == KFT_FIELD_TEXT)
        g_clear_pointer(kft_field_text(self, config), g_free);
    else
        kft_field_set_number(self, config, kft_field_get_number(self, &kft_config_defaults));
}

static bool parse_bool(const char *text, uint64_t *ret_number)
{
    static const char *const words[] = {"false", "true", "no", "yes", "off", "on", "0", "1"};

    for (size_t i = 0; i < G_N_ELEMENTS(words); i++) {
        if (g_ascii_strcasecmp(words[i], text) == 0) {
            *ret_number = i % 2;
            return true;
        }
    }
    return false;
}

/* False if @text is none of the type's values. */
static bool parse_number(const KftField *self, const char *text, uint64_t *ret_number)
{
    KftWorkloadType workload = KFT_WORKLOAD_TYPE_SERVICE;
    KftProtocol protocol = KFT_PROTOCOL_TCP;
    KftTransport transport = KFT_TRANSPORT_AUTO;
    KftBalance balance = KFT_BALANCE_STICKY;

    switch (self->type) {
    case KFT_FIELD_TEXT:
        break;
    case KFT_FIELD_PORT:
        return kft_parse_uint(text, 0, UINT16_MAX, ret_number);
    case KFT_FIELD_NUMBER:
        return kft_parse_uint(text, 1, self->max, ret_number);
    case KFT_FIELD_OPTIONAL:
        return kft_parse_uint(text, 0, self->max, ret_number);
    case KFT_FIELD_BOOL:
        return parse_bool(text, ret_number);
    case KFT_FIELD_WORKLOAD:
        if (!kft_workload_type_parse(text, &workload))
            return false;
        *ret_number = workload;
        return true;
    case KFT_FIELD_PROTOCOL:
        if (!kft_protocol_parse(text, &protocol))
            return false;
        *ret_number = protocol;
        return true;
    case KFT_FIELD_TRANSPORT:
        if (!kft_transport_parse(text, &transport))
            return false;
        *ret_number = transport;
        return true;
    case KFT_FIELD_BALANCE:
        if (!kft_balance_parse(text, &balance))
            return false;
        *ret_number = balance;
        return true;
    }
    g_assert_not_reached();
}

bool kft_field_set(const KftField *self, KftConfig *config, const char *text, GError **error)
{
    g_autofree char *value = g_strdup(text == NULL ? "" : text);
    uint64_t number = 0;

    if (!self->is_free_text)
        g_strstrip(value);
    if (kft_field_is_placeholder(self, value)) {
        kft_field_unset(self, config);
        return true;
    }
    if (self->type == KFT_FIELD_TEXT) {
        if (strlen(value) > self->max || !kft_field_has_word(self, value) ||
            !g_utf8_validate(value, -1, NULL)) {
            kft_field_set_error(self, value, error);
            return false;
        }
        g_free(*kft_field_text(self, config));
        *kft_field_text(self, config) = g_steal_pointer(&value);
        return true;
    }
    if (!parse_number(self, value, &number)) {
        kft_field_set_error(self, value, error);
        return false;
    }
    kft_field_set_number(self, config, number);
    return true;
}

bool kft_field_is_default(const KftField *self, const KftConfig *config)
{
    return kft_field_equal(self, config, &kft_config_defaults);
}

bool kft_field_equal(const KftField *self, const KftConfig *a, const KftConfig *b)
{
    if (self->type == KFT_FIELD_TEXT)
        return g_strcmp0(*kft_field_text(self, a), *kft_field_text(self, b)) == 0;
    return kft_field_get_number(self, a) == kft_field_get_number(self, b);
}
