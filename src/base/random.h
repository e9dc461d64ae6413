#ifndef KFT_BASE_RANDOM_H
#define KFT_BASE_RANDOM_H

#include <stddef.h>
#include <stdint.h>

/* Fills @data from the kernel's random source. For WebSocket keys (RFC 6455 4.1) and masks.
 * Thread: any. */
void kft_random_bytes(void *data, size_t size);
/* A number in 0..@bound-1, @bound > 0; evenly enough for jitter and shuffling. Thread: any. */
uint32_t kft_random_below(uint32_t bound);
/* A name of @n_bytes random bytes, 16 at most, in lower case hexadecimal: fit for labels of
 * Kubernetes and for files. Returns: (transfer full). Thread: any. */
char *kft_random_dup_name(size_t n_bytes);

#endif
