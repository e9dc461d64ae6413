#ifndef KFT_FORWARD_BULK_H
#define KFT_FORWARD_BULK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Whether a connection moves so much that others are better kept away from it: more than 8 MiB
 * within a second (wire protocols, 5.4). No I/O. embeddable, starts as zeros. */
typedef struct {
    uint64_t window_start_ms;
    uint64_t window_bytes;
    bool is_over; /* in this window */
} KftBulk;

/* @now_ms: monotonic. Returns whether these bytes are those that made it bulk. */
bool kft_bulk_count(KftBulk *self, uint64_t now_ms, size_t size);
/* Whether it was bulk within the last two seconds. */
bool kft_bulk_is_now(const KftBulk *self, uint64_t now_ms);

#endif
