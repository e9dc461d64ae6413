#ifndef KFT_NET_TCP_STATE_H
#define KFT_NET_TCP_STATE_H

#include <stdbool.h>
#include <stdint.h>

/* What the kernel knows of the other machine: whether it still takes what is sent to it. Thread:
 * any. */
typedef struct {
    bool is_known;
    bool is_awaiting_ack;  /* something was sent, or the peer's closed window probed, and no answer
                              to it came yet */
    bool has_unsent;       /* the kernel holds data that it could not send yet */
    uint32_t since_ack_ms; /* since the peer's TCP last said anything */
    uint8_t n_resent;      /* how often in a row the oldest unacknowledged data was sent again */
} KftTcpState;

/* @fd: of a TCP socket; is_known is false for others. */
void kft_tcp_state_read(int fd, KftTcpState *ret_state);

#endif
