#include "base/backoff.h"

#include <glib.h>

#include "base/random.h"

/* 1 ms doubled so often is beyond any cap. */
#define MAX_DOUBLINGS 31
#define LOOK_MIN_MS 200
#define LOOK_SHORT_MS 1000
#define LOOK_MAX_MS 30000
#define PART_OF_OUTAGE 60

void kft_backoff_init(KftBackoff *self, uint32_t base_ms, uint32_t cap_ms)
{
    g_assert(base_ms > 0 && base_ms <= cap_ms);
    *self = (KftBackoff){.base_ms = base_ms, .cap_ms = cap_ms, .random_below = kft_random_below};
}

uint32_t kft_backoff_next_ms(KftBackoff *self)
{
    uint64_t bound = (uint64_t)self->base_ms << (self->n_tries + 1);
    bound = MIN(bound, self->cap_ms);
    /* Counted no further: a wrap would start the waits over. */
    self->n_tries = MIN(self->n_tries + 1, MAX_DOUBLINGS);
    return self->base_ms + self->random_below((uint32_t)bound - self->base_ms + 1);
}

void kft_backoff_reset(KftBackoff *self)
{
    self->n_tries = 0;
}

uint32_t kft_backoff_outage_ms(uint64_t away_ms, unsigned n_looks)
{
    uint64_t bound = CLAMP(away_ms / PART_OF_OUTAGE, LOOK_SHORT_MS, LOOK_MAX_MS);
    bound = MIN(bound, (uint64_t)LOOK_MIN_MS << MIN(n_looks, MAX_DOUBLINGS));
    return LOOK_MIN_MS + kft_random_below((uint32_t)bound - LOOK_MIN_MS + 1);
}
