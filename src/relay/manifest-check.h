#ifndef KFT_RELAY_MANIFEST_CHECK_H
#define KFT_RELAY_MANIFEST_CHECK_H

#include <glib.h>
#include <json-c/json_object.h>
#include <stdbool.h>

/* What is wrong with a template, a sentence per fault; the first few are kept. Thread: any, one at
 * a time. */
typedef struct KftFaults KftFaults;

KftFaults *kft_faults_new(void);
/* NULL is allowed. */
void kft_faults_free(KftFaults *self);
void kft_faults_add(KftFaults *self, const char *format, ...) G_GNUC_PRINTF(2, 3);
/* True if there are none. Errors: BAD_CONFIG, all of them in one line that begins with @name. */
bool kft_faults_to_error(const KftFaults *self, const char *name, GError **error);

/* Checks the JSON of a relay's pod, as far as that needs no cluster. */
void kft_manifest_check(json_object *pod, KftFaults *faults);
/* The value of a variable of the first container that has it; NULL if none has. Borrowed. */
const char *kft_manifest_find_variable(json_object *pod, const char *name);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(KftFaults, kft_faults_free)

#endif
