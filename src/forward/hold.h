#ifndef KFT_FORWARD_HOLD_H
#define KFT_FORWARD_HOLD_H

#include "net/tcp-state.h"

/* How long a connection may be silent and is kept nevertheless; about as long as the kernel tries
 * by itself (tcp_retries2). */
#define KFT_HOLD_MAX_MS (UINT32_C(15) * 60 * 1000)

/* What becomes of a connection whose other machine acknowledges nothing. The kernel sends again
 * what it owes, at intervals that double (RFC 6298 5.5), and is heard when the way is there again:
 * after a lift, a tunnel, a VPN that reconnects. So the connection is kept until it is known that
 * the way is there and that this does not help: the server answers others, and what the kernel sent
 * again after that was in vain, too. Then a NAT or the server has forgotten it. Where all that was
 * sent is acknowledged and nothing comes, it is the other kernel's next try that is waited for. No
 * I/O. embeddable, starts as zeros. Thread: one at a time. */
typedef struct {
    uint64_t since_ms;      /* when it was begun; 0 = it was not */
    uint64_t last_input_ms; /* before that */
    uint64_t acked_bytes;   /* by then */
    uint64_t unknown_ms;    /* an answer that the server gave to others before then says nothing */
    uint64_t way_ms;        /* when it answered others after that; 0 = it did not */
    uint8_t n_resent_then;
    uint64_t delivered_ms; /* since when everything that was sent is acknowledged; 0 = it is not */
} KftHold;

typedef struct {
    uint64_t now_ms;
    uint64_t last_input_ms;
    uint64_t answered_ms; /* when the server last answered anybody; 0 = never */
    bool is_away;         /* the server answers nobody */
    KftTcpState tcp;
} KftHoldInput;

typedef enum {
    KFT_HOLD_WAIT,
    KFT_HOLD_ASK,   /* the same, but the server should be asked now: if it answers, it is over */
    KFT_HOLD_HEARD, /* bytes came: it goes on */
    KFT_HOLD_OVER,
} KftHoldVerdict;

/* From when on it is silent, or doubted to be heard. */
void kft_hold_begin(KftHold *self, const KftHoldInput *input);
bool kft_hold_is_begun(const KftHold *self);
/* The way may be another one from now on. */
void kft_hold_forget_way(KftHold *self, uint64_t now_ms);
/* To be called every few seconds. */
KftHoldVerdict kft_hold_check(KftHold *self, const KftHoldInput *input);

#endif
