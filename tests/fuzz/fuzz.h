#ifndef KFT_TEST_FUZZ_H
#define KFT_TEST_FUZZ_H

#include <stddef.h>
#include <stdint.h>

/* One run of a fuzz target over one input; a broken property aborts. Returns 0. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#endif
