#ifndef KFT_FORWARD_VIGIL_H
#define KFT_FORWARD_VIGIL_H

#include "forward/held.h"
#include "forward/liveness.h"
#include "forward/wire.h"
#include "kube/reach.h"

/* Watches over a wire to the API server: pings it (forward/liveness.h), doubts it when the network
 * changes, and holds it while it is silent (forward/hold.h). Thread: loop. */
typedef struct KftVigil KftVigil;

typedef struct {
    /* Fills in is_paused, is_busy, is_idle and is_unanswered; an idle one is never held. */
    void (*describe)(KftLivenessInput *input, void *user_data);
    void (*send_ping)(void *user_data);
    /* Every few seconds while it is well. May free the vigil, as all below. */
    void (*on_tick)(uint64_t now_ms, void *user_data);
    /* Nothing is acknowledged any more: it is held, and nothing new should be put on it. */
    void (*on_held)(const char *reason, void *user_data);
    /* While it is held: the server turned out to answer nobody. Nullable. */
    void (*on_server_away)(void *user_data);
    /* After a doubt or a hold: it is well. Nullable. */
    void (*on_trusted)(void *user_data);
    /* It is to be closed. */
    void (*on_dead)(const char *reason, void *user_data);
} KftVigilFuncs;

/* @reach, @held, @wire: outlive it. @held: that it is in while it is held; when there are too many
 * it is dead. Nullable. The first ping is the owner's, by kft_vigil_ping(). */
KftVigil *kft_vigil_new(KftLoop *loop,
                        KftReach *reach,
                        KftHeldList *held,
                        KftWire *wire,
                        const KftVigilFuncs *funcs,
                        void *user_data);
/* NULL is allowed. */
void kft_vigil_free(KftVigil *self);

void kft_vigil_ping(KftVigil *self);
/* What @describe says may have changed from or to idle: it may be time for a look earlier or later.
 */
void kft_vigil_look_again(KftVigil *self);
/* The way to the server may have changed: a ping must be answered, or at least arrive, within
 * @limit_ms. */
void kft_vigil_verify(KftVigil *self, uint32_t limit_ms);
/* Whether it is neither doubted nor held. */
bool kft_vigil_is_trusted(const KftVigil *self);
/* The ping was answered: ends doubts and holds, with on_trusted if there was one. */
void kft_vigil_trust(KftVigil *self);

#endif
