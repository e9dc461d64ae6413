/* Counts a connection's bytes in windows of a second. */
#include "forward/bulk.h"

#define BYTES_PER_WINDOW (UINT64_C(8) * 1024 * 1024)
#define WINDOW_MS UINT64_C(1000)

bool kft_bulk_count(KftBulk *self, uint64_t now_ms, size_t size)
{
    if (now_ms - self->window_start_ms >= WINDOW_MS)
        *self = (KftBulk){.window_start_ms = now_ms};
    self->window_bytes += size;
    if (self->window_bytes <= BYTES_PER_WINDOW || self->is_over)
        return false;
    self->is_over = true;
    return true;
}

bool kft_bulk_is_now(const KftBulk *self, uint64_t now_ms)
{
    return self->is_over && now_ms - self->window_start_ms < 2 * WINDOW_MS;
}
