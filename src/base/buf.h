#ifndef KFT_BASE_BUF_H
#define KFT_BASE_BUF_H

#include <stddef.h>
#include <stdint.h>

#include "base/result.h"

/* A byte queue with a limit from birth: bytes are appended at the end and consumed at the front,
 * and lie contiguous in between. Memory grows by doubling up to the limit, and is given back when
 * the queue is emptied after it held much. embeddable. Thread: one at a time. */
typedef struct {
    uint8_t *memory;
    size_t capacity_bytes;
    size_t start;
    size_t end;
    size_t limit_bytes;
} KftBuf;

/* @limit_bytes: the most that the queue will hold, > 0. Allocates nothing yet. */
void kft_buf_init(KftBuf *self, size_t limit_bytes);
/* Frees the memory; the limit stays, so that the queue can be used again. */
void kft_buf_clear(KftBuf *self);

static inline size_t kft_buf_size(const KftBuf *self)
{
    return self->end - self->start;
}

static inline const uint8_t *kft_buf_data(const KftBuf *self)
{
    /* Arithmetic on NULL is undefined, even by 0. */
    return self->memory == NULL ? NULL : self->memory + self->start;
}

/* How many bytes may still be appended. */
static inline size_t kft_buf_room(const KftBuf *self)
{
    return self->limit_bytes - kft_buf_size(self);
}

/* Makes room for @size bytes at the end and returns where they go, to be written directly and then
 * committed; NULL if that would exceed the limit or no memory is left. Moves earlier bytes, so
 * pointers into the queue end here. */
uint8_t *kft_buf_reserve(KftBuf *self, size_t size);
/* Takes over @size bytes written behind the last reserve. */
void kft_buf_commit(KftBuf *self, size_t size);
/* Returns KFT_R_OK, or KFT_R_LIMIT with nothing appended. */
KftResult kft_buf_append(KftBuf *self, const void *data, size_t size);
/* Drops @size bytes, at most kft_buf_size(), from the front. */
void kft_buf_consume(KftBuf *self, size_t size);
/* Drops @size bytes, at most kft_buf_size(), from the end. */
void kft_buf_truncate(KftBuf *self, size_t size);

#endif
