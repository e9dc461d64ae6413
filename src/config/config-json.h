#ifndef KFT_CONFIG_CONFIG_JSON_H
#define KFT_CONFIG_CONFIG_JSON_H

#include <json-c/json_object.h>

#include "kftray/config.h"

/* One config from a JSON object in upstream's format (docs/configs.md): upstream's placeholders are
 * unset, keys that are not known go to "extra", and it is normalized and validated. Errors:
 * BAD_CONFIG. Returns: (transfer full), without id. Thread: any. */
KftConfig *kft_config_read_json(json_object *element, GError **error);
/* The same from the object's text. */
KftConfig *kft_config_parse_json(const char *text, size_t size, GError **error);

/* "a number", "an array", … for messages. Thread: any. */
const char *kft_config_json_kind(json_object *value);

#endif
