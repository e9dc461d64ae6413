/* SPDY/3.1 frames for a client of Kubernetes' port-forward. Bytes in, bytes out: no I/O, no
 * allocation, no copy of data.
 *
 * Header blocks: one zlib stream per direction (wire protocols, 3.3). Ours consists of stored
 * blocks, so there is no compressor, and the only state is whether the stream's head has been
 * written. The server's blocks say nothing that we need and are skipped, which a zlib stream allows
 * because we never read a later part of it either. Invariant: a frame is judged as soon as the
 * bytes that decide are there, so what the decoder says does not depend on how the input was cut.
 */
#include "proto/spdy.h"

#include <string.h>

#define CONTROL_BIT 0x80
#define VERSION 3
#define MAX_STREAM_ID 0x7fffffffu

/* zlib head: deflate, 32 KiB window, with preset dictionary; then the Adler-32 of SPDY/3's (3.3).
 */
static const uint8_t zlib_head[] = {0x78, 0x20, 0xe3, 0xc6, 0xa7, 0xc2};
/* The sync marker, an empty stored block: Go's inflater gives nothing out before it (3.3). */
static const uint8_t sync_marker[] = {0x00, 0x00, 0x00, 0xff, 0xff};

static uint8_t *put_u32(uint8_t *out, uint32_t value)
{
    out[0] = (uint8_t)(value >> 24);
    out[1] = (uint8_t)(value >> 16);
    out[2] = (uint8_t)(value >> 8);
    out[3] = (uint8_t)value;
    return out + 4;
}

static uint8_t *put_u16_little_endian(uint8_t *out, unsigned value)
{
    out[0] = (uint8_t)value;
    out[1] = (uint8_t)(value >> 8);
    return out + 2;
}

static uint8_t *put_bytes(uint8_t *out, const void *data, size_t size)
{
    memcpy(out, data, size);
    return out + size;
}

/* A name or value of a header block: its length, then its bytes. */
static uint8_t *put_text(uint8_t *out, const char *text)
{
    size_t length = strlen(text);
    return put_bytes(put_u32(out, (uint32_t)length), text, length);
}

static uint8_t *put_number_text(uint8_t *out, uint32_t value)
{
    char text[11]; /* 2^32 has 10 digits */
    size_t at = sizeof text - 1;

    text[at] = '\0';
    do {
        text[--at] = (char)('0' + value % 10);
        value /= 10;
    } while (value > 0);
    return put_text(out, text + at);
}

static uint32_t get_u32(const uint8_t *in)
{
    return (uint32_t)in[0] << 24 | (uint32_t)in[1] << 16 | (uint32_t)in[2] << 8 | in[3];
}

static uint8_t *put_control_head(uint8_t *out, unsigned type, uint8_t flags, size_t length)
{
    out = put_u32(out, (uint32_t)(CONTROL_BIT << 8 | VERSION) << 16 | type);
    return put_u32(out, (uint32_t)flags << 24 | (uint32_t)length);
}

void kft_spdy_encoder_init(KftSpdyEncoder *self)
{
    *self = (KftSpdyEncoder){.next_stream_id = 1};
}

uint32_t kft_spdy_encoder_take_id(KftSpdyEncoder *self)
{
    if (self->next_stream_id > MAX_STREAM_ID)
        return 0;
    uint32_t id = self->next_stream_id;
    self->next_stream_id += 2;
    return id;
}

size_t kft_spdy_write_syn_stream(KftSpdyEncoder *self,
                                 uint8_t *out,
                                 uint32_t stream_id,
                                 KftSpdyStreamType type,
                                 uint16_t port,
                                 uint32_t request_id)
{
    bool is_error = type == KFT_SPDY_STREAM_ERROR;
    uint8_t *at = out + KFT_SPDY_HEAD_BYTES;

    at = put_u32(at, stream_id);
    at = put_u32(at, 0); /* no associated stream */
    *at++ = 0;           /* priority 0: others reorder frames in the server (3.5) */
    *at++ = 0;
    if (!self->is_dictionary_named) {
        at = put_bytes(at, zlib_head, sizeof zlib_head);
        self->is_dictionary_named = true;
    }
    /* The head of a stored block (RFC 1951 3.2.4) is written when its length is known. */
    uint8_t *block = at;
    uint8_t *content = block + 5;
    at = put_u32(content, 3);
    at = put_text(at, "streamtype");
    at = put_text(at, is_error ? "error" : "data");
    at = put_text(at, "port");
    at = put_number_text(at, port);
    at = put_text(at, "requestid");
    at = put_number_text(at, request_id);
    unsigned content_size = (unsigned)(at - content);
    *block++ = 0;
    block = put_u16_little_endian(block, content_size);
    (void)put_u16_little_endian(block, ~content_size);
    at = put_bytes(at, sync_marker, sizeof sync_marker);

    size_t size = (size_t)(at - out);
    (void)put_control_head(out, KFT_SPDY_SYN_STREAM, is_error ? KFT_SPDY_FLAG_FIN : 0,
                           size - KFT_SPDY_HEAD_BYTES);
    return size;
}

void kft_spdy_write_data_head(uint8_t out[KFT_SPDY_HEAD_BYTES],
                              uint32_t stream_id,
                              uint8_t flags,
                              size_t size)
{
    g_assert(size <= KFT_SPDY_MAX_DATA_BYTES);
    (void)put_u32(put_u32(out, stream_id), (uint32_t)flags << 24 | (uint32_t)size);
}

size_t kft_spdy_write_rst_stream(uint8_t *out, uint32_t stream_id, uint32_t status)
{
    uint8_t *at = put_control_head(out, KFT_SPDY_RST_STREAM, 0, 8);
    return (size_t)(put_u32(put_u32(at, stream_id), status) - out);
}

size_t kft_spdy_write_ping(uint8_t *out, uint32_t ping_id)
{
    uint8_t *at = put_control_head(out, KFT_SPDY_PING, 0, 4);
    return (size_t)(put_u32(at, ping_id) - out);
}

size_t kft_spdy_write_goaway(uint8_t *out, uint32_t last_stream_id)
{
    uint8_t *at = put_control_head(out, KFT_SPDY_GOAWAY, 0, 8);
    return (size_t)(put_u32(put_u32(at, last_stream_id), 0) - out);
}

void kft_spdy_decoder_init(KftSpdyDecoder *self)
{
    *self = (KftSpdyDecoder){0};
}

static bool is_control(const KftSpdyDecoder *self)
{
    return (self->head[0] & CONTROL_BIT) != 0;
}

static unsigned control_type(const KftSpdyDecoder *self)
{
    return (unsigned)self->head[2] << 8 | self->head[3];
}

static uint32_t frame_length(const KftSpdyDecoder *self)
{
    return get_u32(self->head + 4) & KFT_SPDY_MAX_DATA_BYTES;
}

/* The bytes that a control frame has at least (3.2); of unknown types nothing is known. */
static unsigned fixed_bytes(const KftSpdyDecoder *self)
{
    if (!is_control(self))
        return 0;
    switch (control_type(self)) {
    case KFT_SPDY_SYN_STREAM:
        return 10;
    case KFT_SPDY_RST_STREAM:
    case KFT_SPDY_GOAWAY:
    case KFT_SPDY_WINDOW_UPDATE:
        return 8;
    case KFT_SPDY_SYN_REPLY:
    case KFT_SPDY_SETTINGS:
    case KFT_SPDY_PING:
    case KFT_SPDY_HEADERS:
        return 4;
    default:
        return 0;
    }
}

/* Judges the first 8 bytes of a frame. */
static KftResult check_head(const KftSpdyDecoder *self)
{
    if (!is_control(self))
        return get_u32(self->head) != 0 ? KFT_R_OK : KFT_R_PROTOCOL;
    if (self->head[0] != CONTROL_BIT || self->head[1] != VERSION)
        return KFT_R_PROTOCOL;
    if (frame_length(self) < fixed_bytes(self))
        return KFT_R_PROTOCOL;
    return frame_length(self) <= KFT_SPDY_MAX_CONTROL_BYTES ? KFT_R_OK : KFT_R_LIMIT;
}

static KftResult read_head(KftSpdyDecoder *self, const uint8_t *input, size_t size, size_t *at)
{
    unsigned wanted = KFT_SPDY_HEAD_BYTES;
    if (self->head_size >= KFT_SPDY_HEAD_BYTES)
        wanted += fixed_bytes(self);
    while (self->head_size < wanted) {
        if (*at == size)
            return KFT_R_AGAIN;
        self->head[self->head_size++] = input[(*at)++];
        if (self->head_size == KFT_SPDY_HEAD_BYTES) {
            KftResult result = check_head(self);
            if (result != KFT_R_OK)
                return result;
            wanted += fixed_bytes(self);
        }
    }
    self->is_data = !is_control(self);
    self->remaining = frame_length(self) - fixed_bytes(self);
    self->is_in_frame = true;
    return KFT_R_OK;
}

static void take_payload(KftSpdyDecoder *self, size_t size)
{
    self->remaining -= (uint32_t)size;
    if (self->remaining > 0)
        return;
    self->is_in_frame = false;
    self->head_size = 0;
}

/* The event of a control frame, given out once its fixed fields are known. */
static KftResult describe_control(const KftSpdyDecoder *self, KftSpdyEvent *event)
{
    const uint8_t *fields = self->head + KFT_SPDY_HEAD_BYTES;
    uint32_t id = get_u32(fields) & MAX_STREAM_ID;

    *event = (KftSpdyEvent){.type = KFT_SPDY_EVENT_IGNORED};
    switch (control_type(self)) {
    case KFT_SPDY_SYN_STREAM:
        event->type = KFT_SPDY_EVENT_SYN_STREAM;
        event->stream_id = id;
        break;
    case KFT_SPDY_SYN_REPLY:
        event->type = KFT_SPDY_EVENT_SYN_REPLY;
        event->stream_id = id;
        event->is_fin = (self->head[4] & KFT_SPDY_FLAG_FIN) != 0;
        break;
    case KFT_SPDY_RST_STREAM:
        event->type = KFT_SPDY_EVENT_RST_STREAM;
        event->stream_id = id;
        event->value = get_u32(fields + 4);
        break;
    case KFT_SPDY_PING:
        event->type = KFT_SPDY_EVENT_PING;
        event->value = get_u32(fields);
        return event->value != 0 ? KFT_R_OK : KFT_R_PROTOCOL;
    case KFT_SPDY_GOAWAY:
        event->type = KFT_SPDY_EVENT_GOAWAY;
        event->stream_id = id; /* 0 if no stream was good */
        event->value = get_u32(fields + 4);
        return KFT_R_OK;
    default:
        return KFT_R_OK;
    }
    return id != 0 ? KFT_R_OK : KFT_R_PROTOCOL;
}

static void
read_data(KftSpdyDecoder *self, const uint8_t *input, size_t size, size_t *at, KftSpdyEvent *event)
{
    size_t n = MIN(self->remaining, size - *at);
    bool is_last = n == self->remaining;

    *event = (KftSpdyEvent){
        .type = KFT_SPDY_EVENT_DATA,
        .stream_id = get_u32(self->head),
        .data = input + *at,
        .size = n,
        .is_fin = is_last && (self->head[4] & KFT_SPDY_FLAG_FIN) != 0,
    };
    *at += n;
    take_payload(self, n);
}

/* Begins a frame: its event, or KFT_R_AGAIN if the event needs payload or more of the head. */
static KftResult begin_frame(
    KftSpdyDecoder *self, const uint8_t *input, size_t size, size_t *at, KftSpdyEvent *event)
{
    KftResult result = read_head(self, input, size, at);
    if (result != KFT_R_OK)
        return result;
    if (!self->is_data) {
        result = describe_control(self, event);
        take_payload(self, 0);
        return result;
    }
    if (self->remaining > 0)
        return KFT_R_AGAIN;
    read_data(self, input, size, at, event);
    return KFT_R_OK;
}

KftResult kft_spdy_decoder_next(KftSpdyDecoder *self,
                                const uint8_t *input,
                                size_t size,
                                size_t *ret_consumed,
                                KftSpdyEvent *ret_event)
{
    size_t at = 0;
    KftResult result = KFT_R_AGAIN;

    while (result == KFT_R_AGAIN && at < size) {
        if (!self->is_in_frame) {
            result = begin_frame(self, input, size, &at, ret_event);
        } else if (self->is_data) {
            read_data(self, input, size, &at, ret_event);
            result = KFT_R_OK;
        } else {
            size_t n = MIN(self->remaining, size - at);
            at += n;
            take_payload(self, n);
        }
    }
    *ret_consumed = at;
    return result;
}
