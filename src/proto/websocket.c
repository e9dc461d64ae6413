/* WebSocket frames for a client. Bytes in, bytes out: no I/O, no allocation, no copy of message
 * payload.
 *
 * The decoder checks framing only. It does not look into text messages (no UTF-8 check: nothing
 * here shows them unchecked) and knows no extensions, so RSV bits are always an error. Invariant: a
 * frame head is judged as soon as the bytes that decide are there, so what the decoder says does
 * not depend on how the input was cut. */
#include "proto/websocket.h"

#include <string.h>

/* RFC 6455 5.2. */
#define BIT_FIN 0x80
#define BITS_RSV 0x70
#define BITS_OPCODE 0x0f
#define BIT_MASK 0x80
#define BITS_LENGTH 0x7f
#define LENGTH_IS_U16 126
#define LENGTH_IS_U64 127

/* RFC 6455 7.1.5: what a close frame without a code stands for. */
#define CLOSE_NO_CODE 1005

/* One register of SSE2 or NEON; both compilers turn the accesses into unaligned vector moves at
 * any optimisation level, which a plain loop does not get from gcc at -O2. */
typedef uint32_t Lanes __attribute__((vector_size(16)));
#define LANES_BYTES sizeof(Lanes)

size_t kft_ws_head_size(uint64_t payload_bytes)
{
    if (payload_bytes < LENGTH_IS_U16)
        return 6;
    return payload_bytes <= UINT16_MAX ? 8 : KFT_WS_MAX_HEAD_BYTES;
}

static void write_big_endian(uint8_t *out, uint64_t value, size_t n_bytes)
{
    for (size_t i = 0; i < n_bytes; i++)
        out[i] = (uint8_t)(value >> (8 * (n_bytes - 1 - i)));
}

static uint64_t read_big_endian(const uint8_t *in, size_t n_bytes)
{
    uint64_t value = 0;
    for (size_t i = 0; i < n_bytes; i++)
        value = value << 8 | in[i];
    return value;
}

size_t kft_ws_write_head(uint8_t head[KFT_WS_MAX_HEAD_BYTES],
                         unsigned opcode,
                         uint64_t payload_bytes,
                         const uint8_t mask[4])
{
    size_t length = kft_ws_head_size(payload_bytes);

    head[0] = (uint8_t)(BIT_FIN | opcode);
    if (length == 6) {
        head[1] = (uint8_t)(BIT_MASK | payload_bytes);
    } else if (length == 8) {
        head[1] = BIT_MASK | LENGTH_IS_U16;
        write_big_endian(head + 2, payload_bytes, 2);
    } else {
        head[1] = BIT_MASK | LENGTH_IS_U64;
        write_big_endian(head + 2, payload_bytes, 8);
    }
    memcpy(head + length - 4, mask, 4);
    return length;
}

static inline void mask_lanes(uint8_t *data, Lanes key)
{
    Lanes value;
    memcpy(&value, data, sizeof value);
    value ^= key;
    memcpy(data, &value, sizeof value);
}

void kft_ws_mask(uint8_t *data, size_t size, const uint8_t mask[4], size_t offset)
{
    uint8_t bytes[4];
    uint32_t word = 0;
    size_t at = 0;

    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = mask[(offset + i) % 4];
    memcpy(&word, bytes, sizeof word);
    Lanes key = {word, word, word, word};
    /* Unrolled by hand: gcc at -O2 does not. */
    for (; size - at >= 4 * LANES_BYTES; at += 4 * LANES_BYTES) {
        mask_lanes(data + at, key);
        mask_lanes(data + at + LANES_BYTES, key);
        mask_lanes(data + at + 2 * LANES_BYTES, key);
        mask_lanes(data + at + 3 * LANES_BYTES, key);
    }
    for (; size - at >= LANES_BYTES; at += LANES_BYTES)
        mask_lanes(data + at, key);
    /* A multiple of the key's length is behind us, so it starts over. */
    for (size_t i = 0; at < size; i++, at++)
        data[at] ^= bytes[i % 4];
}

size_t kft_ws_write_control(uint8_t out[KFT_WS_MAX_HEAD_BYTES + KFT_WS_MAX_CONTROL_BYTES],
                            unsigned opcode,
                            const uint8_t *payload,
                            size_t size,
                            const uint8_t mask[4])
{
    g_assert(size <= KFT_WS_MAX_CONTROL_BYTES);
    size_t head_size = kft_ws_write_head(out, opcode, size, mask);
    if (size > 0) {
        memcpy(out + head_size, payload, size);
        kft_ws_mask(out + head_size, size, mask, 0);
    }
    return head_size + size;
}

void kft_ws_decoder_init(KftWsDecoder *self)
{
    *self = (KftWsDecoder){0};
}

static bool is_control(unsigned opcode)
{
    return (opcode & 0x8) != 0;
}

/* Judges the first two bytes of a frame. */
static KftResult check_start(const KftWsDecoder *self)
{
    unsigned opcode = self->head[0] & BITS_OPCODE;
    bool is_final = (self->head[0] & BIT_FIN) != 0;

    /* RFC 6455 5.1: a client fails the connection when the server masks. */
    if ((self->head[0] & BITS_RSV) != 0 || (self->head[1] & BIT_MASK) != 0)
        return KFT_R_PROTOCOL;
    switch (opcode) {
    case KFT_WS_CONTINUATION:
        return self->message_opcode != 0 ? KFT_R_OK : KFT_R_PROTOCOL;
    case KFT_WS_TEXT:
    case KFT_WS_BINARY:
        return self->message_opcode == 0 ? KFT_R_OK : KFT_R_PROTOCOL;
    case KFT_WS_CLOSE:
        if ((self->head[1] & BITS_LENGTH) == 1)
            return KFT_R_PROTOCOL;
        G_GNUC_FALLTHROUGH;
    case KFT_WS_PING:
    case KFT_WS_PONG:
        return is_final && (self->head[1] & BITS_LENGTH) <= KFT_WS_MAX_CONTROL_BYTES
                   ? KFT_R_OK
                   : KFT_R_PROTOCOL;
    default:
        return KFT_R_PROTOCOL;
    }
}

static size_t wanted_head_bytes(const KftWsDecoder *self)
{
    if (self->head_size < 2)
        return 2;
    switch (self->head[1] & BITS_LENGTH) {
    case LENGTH_IS_U16:
        return 4;
    case LENGTH_IS_U64:
        return 10;
    default:
        return 2;
    }
}

static KftResult begin_payload(KftWsDecoder *self)
{
    uint64_t length = self->head[1] & BITS_LENGTH;

    if (length >= LENGTH_IS_U16) {
        bool is_u16 = length == LENGTH_IS_U16;
        length = read_big_endian(self->head + 2, is_u16 ? 2 : 8);
        /* RFC 6455 5.2: the shortest form, and 63 bits at most. */
        if (length < LENGTH_IS_U16 || (!is_u16 && length <= UINT16_MAX) || length >> 63 != 0)
            return KFT_R_PROTOCOL;
    }
    if (length > KFT_WS_MAX_FRAME_BYTES)
        return KFT_R_LIMIT;
    self->opcode = self->head[0] & BITS_OPCODE;
    self->is_final = (self->head[0] & BIT_FIN) != 0;
    self->remaining = length;
    self->control_size = 0;
    self->is_started = false;
    self->is_in_payload = true;
    if (self->opcode == KFT_WS_TEXT || self->opcode == KFT_WS_BINARY)
        self->message_opcode = self->opcode;
    return KFT_R_OK;
}

static KftResult read_head(KftWsDecoder *self, const uint8_t *input, size_t size, size_t *at)
{
    while (self->head_size < wanted_head_bytes(self)) {
        if (*at == size)
            return KFT_R_AGAIN;
        self->head[self->head_size++] = input[(*at)++];
        if (self->head_size == 2) {
            KftResult result = check_start(self);
            if (result != KFT_R_OK)
                return result;
        }
    }
    return begin_payload(self);
}

static void end_frame(KftWsDecoder *self)
{
    self->is_in_payload = false;
    self->head_size = 0;
    if (!is_control(self->opcode) && self->is_final)
        self->message_opcode = 0;
}

static KftResult
read_control(KftWsDecoder *self, const uint8_t *input, size_t size, size_t *at, KftWsEvent *event)
{
    size_t n = (size_t)MIN(self->remaining, size - *at);

    if (n > 0)
        memcpy(self->control + self->control_size, input + *at, n);
    *at += n;
    self->control_size += (unsigned)n;
    self->remaining -= n;
    if (self->remaining > 0)
        return KFT_R_AGAIN;
    *event = (KftWsEvent){
        .type = self->opcode == KFT_WS_CLOSE  ? KFT_WS_EVENT_CLOSE
                : self->opcode == KFT_WS_PING ? KFT_WS_EVENT_PING
                                              : KFT_WS_EVENT_PONG,
        .opcode = self->opcode,
        .data = self->control,
        .size = self->control_size,
    };
    if (self->opcode == KFT_WS_CLOSE)
        event->close_code =
            self->control_size < 2 ? CLOSE_NO_CODE : (unsigned)read_big_endian(self->control, 2);
    end_frame(self);
    return KFT_R_OK;
}

static KftResult
read_data(KftWsDecoder *self, const uint8_t *input, size_t size, size_t *at, KftWsEvent *event)
{
    size_t n = (size_t)MIN(self->remaining, size - *at);

    /* An empty frame is an event of its own; a piece of nothing is not. */
    if (n == 0 && self->remaining > 0)
        return KFT_R_AGAIN;
    self->remaining -= n;
    *event = (KftWsEvent){
        .type = KFT_WS_EVENT_DATA,
        .opcode = self->message_opcode,
        .data = input + *at,
        .size = n,
        .is_frame_start = !self->is_started,
        .is_frame_end = self->remaining == 0,
        .is_message_end = self->remaining == 0 && self->is_final,
    };
    *at += n;
    self->is_started = true;
    if (self->remaining == 0)
        end_frame(self);
    return KFT_R_OK;
}

KftResult kft_ws_decoder_next(KftWsDecoder *self,
                              const uint8_t *input,
                              size_t size,
                              size_t *ret_consumed,
                              KftWsEvent *ret_event)
{
    size_t at = 0;
    KftResult result = KFT_R_OK;

    if (!self->is_in_payload)
        result = read_head(self, input, size, &at);
    if (result == KFT_R_OK) {
        result = is_control(self->opcode) ? read_control(self, input, size, &at, ret_event)
                                          : read_data(self, input, size, &at, ret_event);
    }
    *ret_consumed = at;
    return result;
}
