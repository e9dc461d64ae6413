/* Frames of the relay: bytes in, datagrams out. A frame that lies in the input as a whole is given
 * out where it is; only one that came in pieces is put together in memory of the decoder. */
#include "proto/relay-frame.h"

#include <glib.h>
#include <string.h>

void kft_relay_write_head(uint8_t head[KFT_RELAY_HEAD_BYTES], size_t size)
{
    g_assert(size <= KFT_RELAY_MAX_DATAGRAM_BYTES);
    head[0] = (uint8_t)(size >> 24);
    head[1] = (uint8_t)(size >> 16);
    head[2] = (uint8_t)(size >> 8);
    head[3] = (uint8_t)size;
}

static size_t read_size(const uint8_t head[KFT_RELAY_HEAD_BYTES])
{
    return (size_t)head[0] << 24 | (size_t)head[1] << 16 | (size_t)head[2] << 8 | head[3];
}

size_t kft_relay_frame_size(const uint8_t *frame)
{
    return KFT_RELAY_HEAD_BYTES + read_size(frame);
}

void kft_relay_decoder_init(KftRelayDecoder *self)
{
    *self = (KftRelayDecoder){0};
    kft_buf_init(&self->payload, KFT_RELAY_MAX_DATAGRAM_BYTES);
}

void kft_relay_decoder_clear(KftRelayDecoder *self)
{
    kft_buf_clear(&self->payload);
}

/* Forgets the frame that was given out last. Its memory goes, too: streams rest most of the time,
 * and there are many. */
static void drop_given(KftRelayDecoder *self)
{
    if (!self->is_given)
        return;
    kft_buf_clear(&self->payload);
    self->head_size = 0;
    self->is_given = false;
}

static KftResult next_in_pieces(KftRelayDecoder *self,
                                const uint8_t *input,
                                size_t size,
                                size_t *at,
                                KftRelayDatagram *datagram)
{
    while (self->head_size < KFT_RELAY_HEAD_BYTES && *at < size)
        self->head[self->head_size++] = input[(*at)++];
    if (self->head_size < KFT_RELAY_HEAD_BYTES)
        return KFT_R_AGAIN;
    size_t wanted = read_size(self->head);
    if (wanted > KFT_RELAY_MAX_DATAGRAM_BYTES)
        return KFT_R_PROTOCOL;
    size_t n = MIN(wanted - kft_buf_size(&self->payload), size - *at);
    if (n > 0 && kft_buf_append(&self->payload, input + *at, n) != KFT_R_OK)
        return KFT_R_LIMIT;
    *at += n;
    if (kft_buf_size(&self->payload) < wanted)
        return KFT_R_AGAIN;
    self->is_given = true;
    *datagram = (KftRelayDatagram){
        .data = wanted == 0 ? self->head : kft_buf_data(&self->payload),
        .size = wanted,
    };
    return KFT_R_OK;
}

KftResult kft_relay_decoder_next(KftRelayDecoder *self,
                                 const uint8_t *input,
                                 size_t size,
                                 size_t *ret_consumed,
                                 KftRelayDatagram *ret_datagram)
{
    KftResult result = KFT_R_AGAIN;
    size_t at = 0;

    drop_given(self);
    if (self->head_size == 0 && size >= KFT_RELAY_HEAD_BYTES) {
        size_t wanted = read_size(input);
        if (wanted <= KFT_RELAY_MAX_DATAGRAM_BYTES && wanted <= size - KFT_RELAY_HEAD_BYTES) {
            *ret_datagram =
                (KftRelayDatagram){.data = input + KFT_RELAY_HEAD_BYTES, .size = wanted};
            at = KFT_RELAY_HEAD_BYTES + wanted;
            result = KFT_R_OK;
        }
    }
    if (result == KFT_R_AGAIN)
        result = next_in_pieces(self, input, size, &at, ret_datagram);
    *ret_consumed = at;
    return result;
}

bool kft_relay_decoder_is_between_frames(const KftRelayDecoder *self)
{
    return self->is_given || self->head_size == 0;
}
