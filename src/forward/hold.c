/* The kernel's counter of tries is compared with what it was when the server's answer to others was
 * seen. Where that does not move, as with a window that was closed, time decides: the next try
 * comes before as much time has passed again as since the first one, since no interval is more than
 * twice the one before, nor more than 120 s (TCP_RTO_MAX of the kernel). */
#include "forward/hold.h"

#include <glib.h>

/* A server that answers so soon was there all the time, and one try in vain is enough. After an
 * outage the first one may get lost on a way that is just coming up. */
#define PROMPT_MS 3000
#define TRIES_AFTER_OUTAGE 2
/* How long the last try may be on its way, there and back. */
#define ON_ITS_WAY_MS 1500
#define KERNEL_MAX_MS 120000
#define SLACK_MS 5000
/* How long the program on the other machine may take. */
#define ANSWER_MS 12000

void kft_hold_begin(KftHold *self, const KftHoldInput *input)
{
    *self = (KftHold){
        .since_ms = input->now_ms,
        .last_input_ms = input->last_input_ms,
        .acked_bytes = input->tcp.acked_bytes,
        .unknown_ms = input->now_ms,
    };
}

bool kft_hold_is_begun(const KftHold *self)
{
    return self->since_ms != 0;
}

void kft_hold_forget_way(KftHold *self, uint64_t now_ms)
{
    self->unknown_ms = now_ms;
    self->way_ms = 0;
}

/* What is heard while ours is sent again and again in vain comes on a way that leads in one
 * direction only. */
static bool is_acknowledged(const KftHold *self, const KftHoldInput *input)
{
    const KftTcpState *tcp = &input->tcp;
    /* With a window that is closed it is the answers to its probes. */
    bool is_taken = tcp->acked_bytes > self->acked_bytes || !tcp->is_awaiting_ack;
    return is_taken && !tcp->is_blocked && tcp->n_resent == 0 &&
           tcp->since_ack_ms < input->now_ms - self->since_ms;
}

/* How long a kernel's next try may take that began to send again when the last bytes came. */
static uint64_t find_next_try_ms(const KftHold *self, uint64_t back_ms)
{
    return MIN(back_ms - self->last_input_ms, KERNEL_MAX_MS) + SLACK_MS;
}

/* Our half works again. */
static KftHoldVerdict await_bytes(KftHold *self, const KftHoldInput *input)
{
    kft_hold_forget_way(self, input->now_ms);
    if (self->delivered_ms == 0 && !input->tcp.is_awaiting_ack && !input->tcp.has_unsent)
        self->delivered_ms = input->now_ms;
    bool is_over =
        self->delivered_ms != 0 && input->now_ms - self->delivered_ms >=
                                       find_next_try_ms(self, self->delivered_ms) + ANSWER_MS;
    return is_over ? KFT_HOLD_OVER : KFT_HOLD_WAIT;
}

static void look_for_way(KftHold *self, const KftHoldInput *input)
{
    if (input->is_away) {
        kft_hold_forget_way(self, input->now_ms);
    } else if (self->way_ms == 0 && input->answered_ms > self->unknown_ms) {
        self->way_ms = input->answered_ms;
        self->n_resent_then = input->tcp.n_resent;
    }
}

static bool was_tried_in_vain(const KftHold *self, const KftHoldInput *input)
{
    unsigned n_tries = (uint8_t)(input->tcp.n_resent - self->n_resent_then);
    bool was_prompt = self->way_ms - self->since_ms < PROMPT_MS;
    return n_tries >= (was_prompt ? 1 : TRIES_AFTER_OUTAGE) &&
           input->tcp.since_sent_ms >= ON_ITS_WAY_MS;
}

KftHoldVerdict kft_hold_check(KftHold *self, const KftHoldInput *input)
{
    if (is_acknowledged(self, input))
        return input->last_input_ms > self->since_ms ? KFT_HOLD_HEARD : await_bytes(self, input);
    self->delivered_ms = 0;
    if (input->now_ms - self->since_ms >= KFT_HOLD_MAX_MS)
        return KFT_HOLD_OVER;
    look_for_way(self, input);
    if (self->way_ms == 0)
        return KFT_HOLD_WAIT;
    if (!was_tried_in_vain(self, input) &&
        input->now_ms - self->way_ms < find_next_try_ms(self, self->way_ms))
        return KFT_HOLD_WAIT;
    /* The way must have been there before the last try and after it. */
    return input->answered_ms > input->now_ms - input->tcp.since_sent_ms ? KFT_HOLD_OVER
                                                                         : KFT_HOLD_ASK;
}
