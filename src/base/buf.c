#include "base/buf.h"

#include <glib.h>
#include <string.h>

#define MIN_CAPACITY_BYTES ((size_t)1024)
/* An emptied queue that grew beyond this gives its memory back: bursts must not stay resident. */
#define KEEP_CAPACITY_BYTES ((size_t)128 * 1024)

void kft_buf_init(KftBuf *self, size_t limit_bytes)
{
    g_assert(limit_bytes > 0);
    *self = (KftBuf){.limit_bytes = limit_bytes};
}

void kft_buf_clear(KftBuf *self)
{
    g_free(self->memory);
    *self = (KftBuf){.limit_bytes = self->limit_bytes};
}

/* Takes at least twice the room that is needed, so that the next moves are far away, but no more
 * than the limit. */
static bool grow(KftBuf *self, size_t needed)
{
    size_t most = MAX(self->limit_bytes, MIN_CAPACITY_BYTES);
    size_t capacity = MAX(self->capacity_bytes, MIN_CAPACITY_BYTES);
    while (capacity / 2 < needed && capacity < most)
        capacity = capacity > most / 2 ? most : capacity * 2;
    uint8_t *memory = g_try_malloc(capacity);
    if (memory == NULL)
        return false;
    size_t size = kft_buf_size(self);
    if (size > 0)
        memcpy(memory, kft_buf_data(self), size);
    g_free(self->memory);
    self->memory = memory;
    self->capacity_bytes = capacity;
    self->start = 0;
    self->end = size;
    return true;
}

uint8_t *kft_buf_reserve(KftBuf *self, size_t size)
{
    if (size > kft_buf_room(self))
        return NULL;
    if (self->memory != NULL && self->capacity_bytes - self->end >= size)
        return self->memory + self->end;
    size_t needed = kft_buf_size(self) + size;
    /* Moving is cheaper than growing while at least half of the memory is free, and all that is
     * left once there can be no more. */
    bool is_largest = self->capacity_bytes >= self->limit_bytes;
    if (self->memory != NULL && (needed <= self->capacity_bytes / 2 || is_largest)) {
        memmove(self->memory, self->memory + self->start, kft_buf_size(self));
        self->end -= self->start;
        self->start = 0;
    } else if (!grow(self, needed)) {
        return NULL;
    }
    return self->memory + self->end;
}

void kft_buf_commit(KftBuf *self, size_t size)
{
    g_assert(size <= self->capacity_bytes - self->end);
    self->end += size;
}

KftResult kft_buf_append(KftBuf *self, const void *data, size_t size)
{
    if (size == 0)
        return KFT_R_OK;
    uint8_t *room = kft_buf_reserve(self, size);
    if (room == NULL)
        return KFT_R_LIMIT;
    memcpy(room, data, size);
    kft_buf_commit(self, size);
    return KFT_R_OK;
}

static void reset_if_empty(KftBuf *self)
{
    if (self->start != self->end)
        return;
    if (self->capacity_bytes > KEEP_CAPACITY_BYTES)
        kft_buf_clear(self);
    self->start = self->end = 0;
}

void kft_buf_consume(KftBuf *self, size_t size)
{
    g_assert(size <= kft_buf_size(self));
    self->start += size;
    reset_if_empty(self);
}

void kft_buf_truncate(KftBuf *self, size_t size)
{
    g_assert(size <= kft_buf_size(self));
    self->end -= size;
    reset_if_empty(self);
}
