#ifndef KFT_TEST_SAMPLE_H
#define KFT_TEST_SAMPLE_H

#include "base/json.h"

/* JSON for tests; the test fails if it cannot be had. (transfer full). Thread:
 * one. */

/* tests/data/kube/@name: an object of a real cluster, trimmed. */
json_object *kft_test_load_sample(const char *name);
/* JSON with ' instead of ". */
json_object *kft_test_parse_quoted(const char *text);

#endif
