#ifndef KFT_BASE_BACKOFF_H
#define KFT_BASE_BACKOFF_H

#include <stdint.h>

/* Waiting times between tries: exponential with jitter, so that many clients of one server
 * that comes back do not arrive at the same moment. embeddable. Thread: one at a time. */
typedef struct {
    uint32_t base_ms;
    uint32_t cap_ms;
    uint32_t n_tries;
    uint32_t (*random_below)(uint32_t bound); /* injected by tests */
} KftBackoff;

/* No wait is shorter than @base_ms; the bound begins with twice that and doubles with each try up
 * to @cap_ms. */
void kft_backoff_init(KftBackoff *self, uint32_t base_ms, uint32_t cap_ms);
/* The next wait in milliseconds: anything between @base_ms and the current bound. */
uint32_t kft_backoff_next_ms(KftBackoff *self);
/* Starts over; call only after a stable period. */
void kft_backoff_reset(KftBackoff *self);

/* When to look next whether somebody has come back who is away since @away_ms, after @n_looks of
 * which none was any good: 0.2 s to 1 s at first, later up to a sixtieth of the outage, at most 30
 * s. With jitter; for a single one who looks for all that wait. */
uint32_t kft_backoff_outage_ms(uint64_t away_ms, unsigned n_looks);

#endif
