#ifndef KFT_PROTO_CHANNEL_H
#define KFT_PROTO_CHANNEL_H

#include <glib.h>
#include <stddef.h>
#include <stdint.h>

#include "base/result.h"
#include "proto/websocket.h"

/* v4.channel.k8s.io with one port per WebSocket (wire protocols, section 2): channel 0 carries
 * data, channel 1 one error text; each begins with the port as a little-endian preamble. Fed with
 * the DATA events of the WebSocket decoder. Thread: one at a time. */

#define KFT_CHANNEL_DATA 0
#define KFT_CHANNEL_ERROR 1
/* Data bytes per client frame (2.3). */
#define KFT_CHANNEL_MAX_DATA_BYTES ((size_t)64 * 1024)

typedef enum {
    KFT_CHANNEL_EVENT_NONE,  /* preamble, empty frame or unknown channel: nothing to do */
    KFT_CHANNEL_EVENT_DATA,  /* bytes of the application */
    KFT_CHANNEL_EVENT_ERROR, /* a piece of the error text */
} KftChannelEventType;

typedef struct {
    KftChannelEventType type;
    const uint8_t *data; /* points into the WebSocket event's data */
    size_t size;
} KftChannelEvent;

/* embeddable. */
typedef struct {
    uint16_t port;
    unsigned channel; /* of the message that is being read */
    bool has_channel;
    bool is_preamble;           /* the message is the channel's preamble */
    unsigned preamble_sizes[2]; /* bytes of the preamble read so far, per channel */
} KftChannelDecoder;

/* @port: as asked for in the request's "ports". */
void kft_channel_decoder_init(KftChannelDecoder *self, uint16_t port);
/* Takes one DATA event. The server sends one frame per message (2.4); should something on the way
 * have split a message, its later frames have no channel byte of their own (only the server reads
 * frames, 2.3). Returns KFT_R_OK with *ret_event set, or KFT_R_PROTOCOL for a preamble that is not
 * the port or not alone in its message (2.2). */
KftResult kft_channel_decoder_feed(KftChannelDecoder *self,
                                   const KftWsEvent *frame,
                                   KftChannelEvent *ret_event);

#endif
