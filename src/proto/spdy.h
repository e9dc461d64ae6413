#ifndef KFT_PROTO_SPDY_H
#define KFT_PROTO_SPDY_H

#include <glib.h>
#include <stddef.h>
#include <stdint.h>

#include "base/result.h"

/* SPDY/3.1 frames as Kubernetes' port-forward uses them (wire protocols, section 3). The sender's
 * header blocks are stored, not compressed (3.3); the receiver skips the content of header blocks,
 * which carry nothing. Thread: one at a time. */

#define KFT_SPDY_HEAD_BYTES 8
#define KFT_SPDY_FLAG_FIN 0x01
/* 24 bit length field. */
#define KFT_SPDY_MAX_DATA_BYTES 0xffffff
/* The largest control frame taken. */
#define KFT_SPDY_MAX_CONTROL_BYTES ((size_t)64 * 1024)

#define KFT_SPDY_SYN_STREAM 1
#define KFT_SPDY_SYN_REPLY 2
#define KFT_SPDY_RST_STREAM 3
#define KFT_SPDY_SETTINGS 4
#define KFT_SPDY_PING 6
#define KFT_SPDY_GOAWAY 7
#define KFT_SPDY_HEADERS 8
#define KFT_SPDY_WINDOW_UPDATE 9

#define KFT_SPDY_RST_PROTOCOL_ERROR 1
#define KFT_SPDY_RST_CANCEL 5

/* The longest SYN_STREAM written by kft_spdy_write_syn_stream(). */
#define KFT_SPDY_MAX_SYN_BYTES 128

typedef enum {
    KFT_SPDY_STREAM_ERROR,
    KFT_SPDY_STREAM_DATA
} KftSpdyStreamType;

/* Writes frames. embeddable. */
typedef struct {
    uint32_t next_stream_id;  /* odd, strictly increasing in wire order (3.4) */
    bool is_dictionary_named; /* the zlib head went out with the first header block */
} KftSpdyEncoder;

void kft_spdy_encoder_init(KftSpdyEncoder *self);
/* Takes the next stream id; 0 once they are used up (2^31). Write the stream's SYN_STREAM before
 * any other call that takes an id. */
uint32_t kft_spdy_encoder_take_id(KftSpdyEncoder *self);
/* Writes the SYN_STREAM of one half of a stream pair: headers streamtype, port, requestid. The
 * error half is sent with FIN. Must go on the wire in the order of the calls. @out:
 * KFT_SPDY_MAX_SYN_BYTES. Returns its length. */
size_t kft_spdy_write_syn_stream(KftSpdyEncoder *self,
                                 uint8_t *out,
                                 uint32_t stream_id,
                                 KftSpdyStreamType type,
                                 uint16_t port,
                                 uint32_t request_id);
/* The 8 bytes before @size bytes of data, 0..KFT_SPDY_MAX_DATA_BYTES. */
void kft_spdy_write_data_head(uint8_t out[KFT_SPDY_HEAD_BYTES],
                              uint32_t stream_id,
                              uint8_t flags,
                              size_t size);
/* 16 bytes. */
size_t kft_spdy_write_rst_stream(uint8_t *out, uint32_t stream_id, uint32_t status);
/* 12 bytes. @ping_id: odd. */
size_t kft_spdy_write_ping(uint8_t *out, uint32_t ping_id);
/* 16 bytes, status OK. */
size_t kft_spdy_write_goaway(uint8_t *out, uint32_t last_stream_id);

typedef enum {
    KFT_SPDY_EVENT_DATA,       /* a piece of a DATA frame; is_fin only on its last piece */
    KFT_SPDY_EVENT_SYN_STREAM, /* a server never opens streams here: refuse it */
    KFT_SPDY_EVENT_SYN_REPLY,
    KFT_SPDY_EVENT_RST_STREAM,
    KFT_SPDY_EVENT_PING,
    KFT_SPDY_EVENT_GOAWAY,
    KFT_SPDY_EVENT_IGNORED, /* SETTINGS, HEADERS, WINDOW_UPDATE or an unknown type */
} KftSpdyEventType;

typedef struct {
    KftSpdyEventType type;
    uint32_t stream_id;  /* GOAWAY: last good stream */
    uint32_t value;      /* RST_STREAM and GOAWAY: status; PING: id */
    const uint8_t *data; /* DATA: points into the input */
    size_t size;
    bool is_fin; /* DATA and SYN_REPLY */
} KftSpdyEvent;

/* Reads frames. embeddable. */
typedef struct {
    uint8_t head[KFT_SPDY_HEAD_BYTES + 12]; /* frame head and the fixed fields of a control frame */
    unsigned head_size;
    uint32_t remaining; /* payload bytes of this frame still to come */
    bool is_data;
    bool is_in_frame;
} KftSpdyDecoder;

void kft_spdy_decoder_init(KftSpdyDecoder *self);
/* Reads from @input until there is one event or no more input; call again with the rest.
 * Returns KFT_R_OK with *ret_event set, KFT_R_AGAIN if all input was taken, KFT_R_PROTOCOL for a
 * control frame of another version, a frame too short for its type, stream id 0 or ping id 0,
 * KFT_R_LIMIT for a control frame larger than KFT_SPDY_MAX_CONTROL_BYTES. After an error it must
 * not be used. */
KftResult kft_spdy_decoder_next(KftSpdyDecoder *self,
                                const uint8_t *input,
                                size_t size,
                                size_t *ret_consumed,
                                KftSpdyEvent *ret_event);

#endif
