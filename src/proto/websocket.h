#ifndef KFT_PROTO_WEBSOCKET_H
#define KFT_PROTO_WEBSOCKET_H

#include <glib.h>
#include <stddef.h>
#include <stdint.h>

#include "base/result.h"

/* WebSocket frames, RFC 6455 section 5, as a client sees them: masked frames out, unmasked frames
 * in. No extensions. Thread: one at a time. */

/* Opcodes, RFC 6455 5.2. */
#define KFT_WS_CONTINUATION 0x0
#define KFT_WS_TEXT 0x1
#define KFT_WS_BINARY 0x2
#define KFT_WS_CLOSE 0x8
#define KFT_WS_PING 0x9
#define KFT_WS_PONG 0xa

/* The longest head of a client frame: 2 + 8 (length) + 4 (mask). */
#define KFT_WS_MAX_HEAD_BYTES 14
/* RFC 6455 5.5. */
#define KFT_WS_MAX_CONTROL_BYTES 125
/* The largest frame taken from a server; those seen carry at most 32 KiB (wire
 * protocols, 2.4, 3.1). */
#define KFT_WS_MAX_FRAME_BYTES ((size_t)32 * 1024 * 1024)

#define KFT_WS_CLOSE_NORMAL 1000
#define KFT_WS_CLOSE_PROTOCOL_ERROR 1002

/* Writes the head of a client frame with FIN set. Returns its length, 6..KFT_WS_MAX_HEAD_BYTES. */
size_t kft_ws_write_head(uint8_t head[KFT_WS_MAX_HEAD_BYTES],
                         unsigned opcode,
                         uint64_t payload_bytes,
                         const uint8_t mask[4]);
/* The length that kft_ws_write_head() would return. */
size_t kft_ws_head_size(uint64_t payload_bytes);
/* XORs @data with the mask, in place. @offset: position of data[0] in the frame's payload. Any
 * alignment; the compiler vectorises it. */
void kft_ws_mask(uint8_t *data, size_t size, const uint8_t mask[4], size_t offset);
/* Writes a whole control frame (ping, pong, close). @size: 0..KFT_WS_MAX_CONTROL_BYTES. Returns its
 * length. */
size_t kft_ws_write_control(uint8_t out[KFT_WS_MAX_HEAD_BYTES + KFT_WS_MAX_CONTROL_BYTES],
                            unsigned opcode,
                            const uint8_t *payload,
                            size_t size,
                            const uint8_t mask[4]);

typedef enum {
    KFT_WS_EVENT_DATA,  /* a piece of a text or binary message, in @data */
    KFT_WS_EVENT_PING,  /* whole; answer with a pong of the same payload */
    KFT_WS_EVENT_PONG,  /* whole */
    KFT_WS_EVENT_CLOSE, /* whole; nothing may be sent after the answering close */
} KftWsEventType;

typedef struct {
    KftWsEventType type;
    unsigned opcode; /* of the message: a continuation has the opcode of its first frame */
    const uint8_t
        *data;   /* DATA: points into the input; others: into the decoder, until the next call */
    size_t size; /* DATA: may be 0 for an empty frame */
    bool is_frame_start; /* DATA: data[0] is the first byte of a frame's payload */
    bool is_frame_end;   /* DATA: the frame's payload ends here */
    bool is_message_end; /* DATA: and with it the message */
    unsigned close_code; /* CLOSE: 1005 if the frame had none (RFC 6455 7.1.5) */
} KftWsEvent;

/* Reads server frames. embeddable: init to use, no clear needed. */
typedef struct {
    uint8_t head[10];
    unsigned head_size;
    uint8_t control[KFT_WS_MAX_CONTROL_BYTES];
    unsigned control_size;
    unsigned opcode;         /* of the frame that is being read */
    unsigned message_opcode; /* of the unfinished message, 0 if none */
    uint64_t remaining;      /* payload bytes of this frame still to come */
    bool is_final;
    bool is_in_payload;
    bool is_started; /* a DATA event of this frame was given out */
} KftWsDecoder;

void kft_ws_decoder_init(KftWsDecoder *self);
/* Reads from @input until there is one event or no more input; call again with the rest. DATA is
 * given out as it arrives, without copies and without waiting for the end of the frame.
 * Returns KFT_R_OK with *ret_event set, KFT_R_AGAIN if all input was taken without an event,
 * KFT_R_PROTOCOL for: a masked frame, RSV bits, an unknown opcode, a fragmented or too long control
 * frame, a continuation without a message, a new message inside one, a length not in its shortest
 * form or with the top bit set, a close payload of 1 byte; KFT_R_LIMIT for a frame larger than
 * KFT_WS_MAX_FRAME_BYTES. After an error the decoder must not be used. */
KftResult kft_ws_decoder_next(KftWsDecoder *self,
                              const uint8_t *input,
                              size_t size,
                              size_t *ret_consumed,
                              KftWsEvent *ret_event);

#endif
