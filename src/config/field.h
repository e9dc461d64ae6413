#ifndef KFT_CONFIG_FIELD_H
#define KFT_CONFIG_FIELD_H

#include "kftray/config.h"

/* The fields of a config as data: the one table that JSON, the store's columns, KEY=VALUE and
 * comparison are made from. Thread: any. */

typedef enum {
    KFT_FIELD_TEXT,      /* char * */
    KFT_FIELD_PORT,      /* uint16_t, 0 = unset */
    KFT_FIELD_NUMBER,    /* uint64_t */
    KFT_FIELD_OPTIONAL,  /* uint64_t, KFT_CONFIG_UNSET = unset */
    KFT_FIELD_BOOL,      /* bool */
    KFT_FIELD_WORKLOAD,  /* KftWorkloadType */
    KFT_FIELD_PROTOCOL,  /* KftProtocol */
    KFT_FIELD_TRANSPORT, /* KftTransport */
    KFT_FIELD_BALANCE,   /* KftBalance */
} KftFieldType;

typedef struct {
    const char *name; /* of the JSON key, the column and the KEY */
    KftFieldType type;
    size_t offset; /* in KftConfig */
    /* Texts that mean "unset" in upstream's files and databases, joined by "|"; nullable. */
    const char *placeholders;
    const char *words;  /* what is allowed, joined by "|"; nullable */
    uint64_t max;       /* TEXT: bytes; NUMBER: the value (the least is 1); OPTIONAL: the value */
    unsigned workloads; /* that use it, a bit for each */
    bool is_lax_bool;   /* upstream also takes "true" and "false" as text, and null */
    bool is_free_text;  /* may have line breaks and spaces at its ends */
} KftField;

/* What kft_config_new() gives. */
extern const KftConfig kft_config_defaults;

/* In alphabetical order of the names; all fields but id and extra. */
extern const KftField kft_fields[];
extern const size_t kft_n_fields;
/* Their names, NULL ended. */
extern const char *const kft_field_names[];

/* NULL if there is none. "bind_address" finds local_address. */
const KftField *kft_field_find(const char *name);
/* The field as text whatever its value, NULL only for texts, ports and optionals that are unset;
 * (transfer full). kft_field_set() takes it back. */
char *kft_field_dup(const KftField *self, const KftConfig *config);
/* Errors: BAD_CONFIG. NULL or "" unsets, which means the default of kft_config_new(). */
bool kft_field_set(const KftField *self, KftConfig *config, const char *text, GError **error);
/* Back to the default of kft_config_new(). */
void kft_field_unset(const KftField *self, KftConfig *config);
bool kft_field_is_default(const KftField *self, const KftConfig *config);
bool kft_field_equal(const KftField *self, const KftConfig *a, const KftConfig *b);
/* Whether @text stands for "unset": a placeholder, or empty. */
bool kft_field_is_placeholder(const KftField *self, const char *text);
/* Whether @text is one of the words, or there are none. */
bool kft_field_has_word(const KftField *self, const char *text);
/* Whether configs of that workload use it. */
bool kft_field_is_used_by(const KftField *self, KftWorkloadType workload);
/* Fails with "<name> is \"<value>\", allowed are …" from the field's type, words and range. */
void kft_field_set_error(const KftField *self, const char *value, GError **error);

/* Typed access. */
char **kft_field_text(const KftField *self, const KftConfig *config);
uint64_t kft_field_get_number(const KftField *self, const KftConfig *config);
void kft_field_set_number(const KftField *self, KftConfig *config, uint64_t number);

#endif
