#ifndef KFT_CONFIG_FIELD_H
#define KFT_CONFIG_FIELD_H

#include "kftray/config.h"

/* The fields of a config as data: the one table that JSON, the store's columns, KEY=VALUE and
 * comparison are made from. Thread: any. */

typedef enum {
    KFT_FIELD_TEXT,      /* char * */
    KFT_FIELD_PORT,      /* uint16_t, 0 = unset */
    KFT_FIELD_NUMBER,    /* uint64_t */
    KFT_FIELD_BOOL,      /* bool */
    KFT_FIELD_WORKLOAD,  /* KftWorkload */
    KFT_FIELD_PROTOCOL,  /* KftProtocol */
    KFT_FIELD_TRANSPORT, /* KftTransport */
} KftFieldType;

typedef struct {
    const char *name; /* of the JSON key, the column and the KEY */
    KftFieldType type;
    size_t offset; /* in KftConfig */
    /* Texts that mean "unset" in upstream's files and databases, joined by "|"; nullable. */
    const char *placeholders;
    bool is_lax_bool; /* upstream also takes "true" and "false" as text, and null */
} KftField;

/* In alphabetical order of the names; all fields but id and extra. */
extern const KftField kft_fields[];
extern const size_t kft_n_fields;

/* NULL if there is none. "bind_address" finds local_address. */
const KftField *kft_field_find(const char *name);
/* The field as text whatever its value, NULL only for texts and ports that are unset; (transfer
 * full). kft_field_set() takes it back. */
char *kft_field_dup(const KftField *self, const KftConfig *config);
/* Errors: BAD_CONFIG. NULL or "" unsets, which means the default of kft_config_new(). */
bool kft_field_set(const KftField *self, KftConfig *config, const char *text, GError **error);
bool kft_field_is_default(const KftField *self, const KftConfig *config);
bool kft_field_equal(const KftField *self, const KftConfig *a, const KftConfig *b);

#endif
