#ifndef KFT_PROTO_RELAY_FRAME_H
#define KFT_PROTO_RELAY_FRAME_H

#include "base/buf.h"

/* Datagrams in a byte stream, as kftray's relay has always carried them: a length of 32 bits,
 * big-endian, then as many bytes of payload, 0..KFT_RELAY_MAX_DATAGRAM_BYTES. The same in both
 * directions; docs/relay.md says what a frame of length 0 means. No I/O. Thread: one at a time. */

#define KFT_RELAY_HEAD_BYTES 4
/* The largest payload of UDP over IPv4: 65,535 less the heads of IP and UDP. */
#define KFT_RELAY_MAX_DATAGRAM_BYTES 65507
#define KFT_RELAY_MAX_FRAME_BYTES (KFT_RELAY_HEAD_BYTES + KFT_RELAY_MAX_DATAGRAM_BYTES)

/* Writes the head that goes before a payload. @size: 0..KFT_RELAY_MAX_DATAGRAM_BYTES. */
void kft_relay_write_head(uint8_t head[KFT_RELAY_HEAD_BYTES], size_t size);
/* The length of the whole frame that begins at @frame, of which at least the head is there. */
size_t kft_relay_frame_size(const uint8_t *frame);

typedef struct {
    const uint8_t *data; /* not NULL, whatever the size */
    size_t size;
} KftRelayDatagram;

/* Reads frames. Memory is held only while a frame has come in part. embeddable. */
typedef struct {
    uint8_t head[KFT_RELAY_HEAD_BYTES]; /* of a frame that comes in pieces */
    unsigned head_size;
    KftBuf payload; /* of it, as far as it is here */
    bool is_given;  /* it was given out by the last call */
} KftRelayDecoder;

void kft_relay_decoder_init(KftRelayDecoder *self);
void kft_relay_decoder_clear(KftRelayDecoder *self);
/* Reads from @input until there is one datagram or no more input; call again with the rest.
 * @ret_datagram: points into the input if the whole frame lies there, else into the decoder; valid
 * until the next call. Returns KFT_R_OK, KFT_R_AGAIN if all input was taken without a datagram,
 * KFT_R_PROTOCOL for a length above KFT_RELAY_MAX_DATAGRAM_BYTES, as soon as the head is there;
 * KFT_R_LIMIT if there is no memory. After an error the decoder must not be used. */
KftResult kft_relay_decoder_next(KftRelayDecoder *self,
                                 const uint8_t *input,
                                 size_t size,
                                 size_t *ret_consumed,
                                 KftRelayDatagram *ret_datagram);
/* Whether the stream may end here: no frame is begun. */
bool kft_relay_decoder_is_between_frames(const KftRelayDecoder *self);

#endif
