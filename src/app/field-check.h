#ifndef KFT_APP_FIELD_CHECK_H
#define KFT_APP_FIELD_CHECK_H

/* What is wrong with one field of a form, in the words of who fills it in; NULL if nothing is.
 * @workload, @key: as kft_config_set() takes them. @value: nullable. Thread: ui. (transfer none) */
const char *kft_field_check(const char *workload, const char *key, const char *value);

#endif
