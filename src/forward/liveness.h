#ifndef KFT_FORWARD_LIVENESS_H
#define KFT_FORWARD_LIVENESS_H

#include "net/tcp-state.h"

/* How often kft_liveness_check() wants to be called, or a bit more often
 * (kft_timer_start_coarse()), while something is carried or an answer awaited. */
#define KFT_LIVENESS_TICK_MS 2500
/* Idle connections are looked at, and pinged, at the multiples of this: all of a process together,
 * so that they wake it once. */
#define KFT_LIVENESS_ROUND_MS 12500

/* A pod that takes this much without a word may have stopped reading: the server then stops reading
 * us, after about 4 MiB and without any sign (3.5). */
#define KFT_MUTE_UPLOAD_BYTES ((size_t)1024 * 1024)

/* Whether the other end of a connection is still there: found out within 30 s, whatever the
 * connection is doing, and without taking one for dead that is only slow. (But for the server's
 * program, if its kernel is well and a pod may not have read an upload: that takes 15 min.) No I/O.
 * embeddable, starts as zeros. Thread: one at a time. */
typedef struct {
    uint64_t ping_sent_ms;   /* 0 = none is awaited */
    uint64_t delivered_ms;   /* since when the ping is known to have left; 0 = it is not */
    uint64_t unanswered_ms;  /* since when the peer's TCP owes us an answer; 0 = it does not */
    uint64_t last_pinged_ms; /* also of one that was answered */
} KftLiveness;

typedef struct {
    uint64_t now_ms;
    uint64_t last_input_ms;
    bool is_paused;       /* we do not read, so silence means nothing */
    bool is_output_stuck; /* our own queue has not been taken by the kernel */
    bool is_busy;         /* connections are open: a round trip is worth knowing */
    bool is_idle;         /* nothing is carried: it may be looked at in rounds */
    bool is_unanswered;   /* the last ping is known to be, whatever else came */
    bool is_mute_upload;  /* a pod was sent much without a word from it: what it has not read yet
                             may be before the ping */
    KftTcpState tcp;
} KftLivenessInput;

typedef enum {
    KFT_LIVENESS_OK,
    KFT_LIVENESS_PING,   /* send one, and say so with kft_liveness_note_ping() */
    KFT_LIVENESS_SILENT, /* the other machine's TCP does not get what is sent, or is not heard: see
                            forward/hold.h */
    KFT_LIVENESS_DEAD,   /* it is there, but the program behind it does not answer */
} KftLivenessVerdict;

KftLivenessVerdict kft_liveness_check(KftLiveness *self, const KftLivenessInput *input);
void kft_liveness_note_ping(KftLiveness *self, uint64_t now_ms);
/* How long after @input the next check is due, KFT_TIMER_COARSE_MS at least: the next round for an
 * idle connection that owes no answer to a ping, else KFT_LIVENESS_TICK_MS. An idle one that begins
 * to carry something is due at once for the latter. */
uint64_t kft_liveness_get_delay_ms(const KftLiveness *self, const KftLivenessInput *input);
/* What a ping that was sent at @pinged_ms has shown. OK: it was answered, or, where that cannot be
 * told, there were bytes since; or it may still wait behind an upload, of which more was
 * acknowledged since (@acked_bytes: as much as there was then); or nothing can be said, as when we
 * do not read. Else SILENT or DEAD. @input: of now. */
KftLivenessVerdict
kft_liveness_judge_ping(const KftLivenessInput *input, uint64_t pinged_ms, uint64_t acked_bytes);

#endif
