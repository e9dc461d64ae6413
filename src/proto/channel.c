/* The server's side of v4.channel.k8s.io for one port: takes the channel byte and the preambles off
 * and says where the rest belongs. No I/O, no allocation, no copy.
 *
 * Invariant: nothing of a channel is given out before its preamble has been checked. */
#include "proto/channel.h"

#define PREAMBLE_BYTES 2

void kft_channel_decoder_init(KftChannelDecoder *self, uint16_t port)
{
    *self = (KftChannelDecoder){.port = port};
}

/* Takes a piece of the message that holds a preamble: the port, little-endian, and nothing else
 * (wire protocols, 2.2). */
static KftResult
read_preamble(KftChannelDecoder *self, const uint8_t *data, size_t size, bool is_end)
{
    unsigned *at = &self->preamble_sizes[self->channel];

    for (size_t i = 0; i < size; i++) {
        if (*at == PREAMBLE_BYTES || data[i] != (uint8_t)(self->port >> (8 * *at)))
            return KFT_R_PROTOCOL;
        (*at)++;
    }
    return is_end && *at < PREAMBLE_BYTES ? KFT_R_PROTOCOL : KFT_R_OK;
}

static bool is_known(unsigned channel)
{
    return channel == KFT_CHANNEL_DATA || channel == KFT_CHANNEL_ERROR;
}

KftResult kft_channel_decoder_feed(KftChannelDecoder *self,
                                   const KftWsEvent *frame,
                                   KftChannelEvent *ret_event)
{
    const uint8_t *data = frame->data;
    size_t size = frame->size;

    *ret_event = (KftChannelEvent){.type = KFT_CHANNEL_EVENT_NONE};
    if (!self->has_channel && size > 0) {
        self->channel = *data++;
        size--;
        self->has_channel = true;
        self->is_preamble =
            is_known(self->channel) && self->preamble_sizes[self->channel] < PREAMBLE_BYTES;
    }
    /* An empty message has no channel, an unknown channel no meaning: both are ignored. */
    bool is_ours = self->has_channel && is_known(self->channel);
    if (frame->is_message_end)
        self->has_channel = false;
    if (!is_ours)
        return KFT_R_OK;
    if (self->is_preamble)
        return read_preamble(self, data, size, frame->is_message_end);
    if (size > 0) {
        *ret_event = (KftChannelEvent){
            .type = self->channel == KFT_CHANNEL_DATA ? KFT_CHANNEL_EVENT_DATA
                                                      : KFT_CHANNEL_EVENT_ERROR,
            .data = data,
            .size = size,
        };
    }
    return KFT_R_OK;
}
