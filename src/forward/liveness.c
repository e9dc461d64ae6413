/* Two questions. Does the other machine's TCP acknowledge what it gets? That also works while an
 * upload fills every queue, behind which a ping would wait for minutes on a slow line. And does the
 * server's program answer a ping that surely got there? That finds a proxy which keeps the
 * connection to us although its own to the server is gone. */
#include "forward/liveness.h"

#include "net/timer.h"

/* No silence may get longer than this without a ping: where the next check would be too late for
 * it, it is sent now. */
#define MAX_SILENCE_MS 13500
/* How long a ping that was delivered may go without an answer. */
#define DEAD_AFTER_PING_MS 12000
/* The same behind an upload. Megabytes of it may lie in the peer's kernel, acknowledged, and a pod
 * that takes 10 kB/s has them read in as long. */
#define DEAD_BEHIND_UPLOAD_MS (15 * 60 * 1000)
/* How long the peer's TCP may owe an acknowledgement: at 20 % loss and 300 ms the kernel has sent
 * the same five times by then. */
#define DEAD_AFTER_ACK_MS 25000
/* It counts from when the debt was seen, not from the last sign: that may be old because nothing
 * was sent. */
#define MIN_OWED_MS 8000
/* So often a ping was sent again in vain; at 20 % loss that happens to one in 3000. */
#define MIN_RESENT 4
#define ROUND_TRIP_EVERY_MS 60000

static bool is_transport_dead(KftLiveness *self, const KftLivenessInput *input)
{
    const KftTcpState *tcp = &input->tcp;

    if (!tcp->is_known || !tcp->is_awaiting_ack) {
        self->unanswered_ms = 0;
        return false;
    }
    if (self->unanswered_ms == 0 || input->now_ms - self->unanswered_ms > tcp->since_ack_ms)
        self->unanswered_ms = input->now_ms;
    return tcp->since_ack_ms >= DEAD_AFTER_ACK_MS &&
           input->now_ms - self->unanswered_ms >= MIN_OWED_MS;
}

/* Only our direction is dead. The peer is heard, as it sends again and again what it thinks that we
 * did not get, but nothing of ours arrives. With more to send than the ping it may be slow. */
static bool is_way_there_dead(const KftLiveness *self, const KftLivenessInput *input)
{
    const KftTcpState *tcp = &input->tcp;

    bool is_lost = tcp->is_awaiting_ack && !tcp->has_unsent && tcp->n_resent >= MIN_RESENT;
    return tcp->is_known && (is_lost || tcp->is_blocked) && self->ping_sent_ms != 0 &&
           input->now_ms - self->ping_sent_ms >= MIN_OWED_MS &&
           input->now_ms - input->last_input_ms >= DEAD_AFTER_ACK_MS;
}

static bool has_ping_arrived(const KftLivenessInput *input)
{
    const KftTcpState *tcp = &input->tcp;
    if (input->is_output_stuck)
        return false;
    return !tcp->is_known || (!tcp->is_awaiting_ack && !tcp->has_unsent);
}

static bool is_program_dead(KftLiveness *self, const KftLivenessInput *input)
{
    if (self->ping_sent_ms == 0 || input->is_paused)
        return false;
    if (self->delivered_ms == 0 && has_ping_arrived(input))
        self->delivered_ms = input->now_ms;
    if (self->delivered_ms == 0)
        return false;
    /* Without the kernel's word the time of sending is all there is. */
    uint64_t since = input->tcp.is_known ? self->delivered_ms : self->ping_sent_ms;
    return input->now_ms - since >=
           (input->is_mute_upload ? DEAD_BEHIND_UPLOAD_MS : DEAD_AFTER_PING_MS);
}

KftLivenessVerdict kft_liveness_check(KftLiveness *self, const KftLivenessInput *input)
{
    if (self->ping_sent_ms != 0 && input->last_input_ms >= self->ping_sent_ms)
        self->ping_sent_ms = 0;
    if (is_program_dead(self, input))
        return KFT_LIVENESS_DEAD;
    if (is_transport_dead(self, input) || is_way_there_dead(self, input))
        return KFT_LIVENESS_SILENT;
    if (self->ping_sent_ms != 0 || input->is_paused)
        return KFT_LIVENESS_OK;
    uint64_t silence_ms = input->now_ms - input->last_input_ms;
    bool is_silent = silence_ms + kft_liveness_get_delay_ms(self, input) >= MAX_SILENCE_MS;
    bool is_due = input->is_busy && input->now_ms - self->last_pinged_ms >= ROUND_TRIP_EVERY_MS;
    return is_silent || is_due ? KFT_LIVENESS_PING : KFT_LIVENESS_OK;
}

uint64_t kft_liveness_get_delay_ms(const KftLiveness *self, const KftLivenessInput *input)
{
    bool is_answered = self->ping_sent_ms == 0 || input->last_input_ms >= self->ping_sent_ms;
    if (!input->is_idle || !is_answered || input->is_paused || input->is_output_stuck)
        return KFT_LIVENESS_TICK_MS;
    uint64_t delay_ms = KFT_LIVENESS_ROUND_MS - input->now_ms % KFT_LIVENESS_ROUND_MS;
    return delay_ms >= KFT_TIMER_COARSE_MS ? delay_ms : delay_ms + KFT_LIVENESS_ROUND_MS;
}

KftLivenessVerdict
kft_liveness_judge_ping(const KftLivenessInput *input, uint64_t pinged_ms, uint64_t acked_bytes)
{
    const KftTcpState *tcp = &input->tcp;

    /* Other input may come although nothing of ours gets there any more. */
    bool is_answered = !input->is_unanswered && input->last_input_ms >= pinged_ms;
    if (input->is_paused || is_answered)
        return KFT_LIVENESS_OK;
    if (!tcp->is_known)
        return KFT_LIVENESS_DEAD;
    if (has_ping_arrived(input))
        return input->is_mute_upload ? KFT_LIVENESS_OK : KFT_LIVENESS_DEAD;
    /* With a closed window nothing is owed. */
    bool is_heard = !tcp->is_awaiting_ack || tcp->acked_bytes > acked_bytes;
    return is_heard && !tcp->is_blocked ? KFT_LIVENESS_OK : KFT_LIVENESS_SILENT;
}

void kft_liveness_note_ping(KftLiveness *self, uint64_t now_ms)
{
    self->ping_sent_ms = now_ms;
    self->last_pinged_ms = now_ms;
    self->delivered_ms = 0;
}
