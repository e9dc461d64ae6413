#ifndef KFT_NET_TCP_STATE_H
#define KFT_NET_TCP_STATE_H

#include <stdbool.h>
#include <stdint.h>

/* What the kernel knows of the other machine: whether it still takes what is sent to it. Thread:
 * any. */
typedef struct {
    bool is_known;
    bool is_awaiting_ack; /* something was sent, or the peer's closed window probed, and no answer
                             to it came yet */
    bool has_unsent;      /* the kernel holds data that it could not send yet */
    bool is_blocked;      /* the same, with room for it on the other side and nothing on its way, as
                             without a route */
    uint32_t since_ack_ms;  /* since the peer's TCP last said anything */
    uint8_t n_resent;       /* how often in a row the oldest unacknowledged data was sent again */
    uint32_t since_sent_ms; /* since data was last sent, also again */
    uint64_t acked_bytes;   /* of all that was sent */
} KftTcpState;

/* @fd: of a TCP socket; is_known is false for others. */
void kft_tcp_state_read(int fd, KftTcpState *ret_state);
/* For a peer that does not answer: how long the kernel goes on instead of its own time, 0 = that.
 * With a time it also tries every 10 s at least from then on, where it can (Linux 6.15); by itself
 * it doubles the time between two tries up to 120 s. */
void kft_tcp_set_patience(int fd, uint32_t patience_ms);

#endif
