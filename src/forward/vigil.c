/* One tick for everything that is looked at, and a timer for the end of a doubt. Callbacks come
 * last in each function: they may free the vigil. */
#include "forward/vigil.h"

#include "forward/hold.h"
#include "net/timer.h"

struct KftVigil {
    KftLoop *loop;
    KftReach *reach;
    KftWire *wire;
    KftVigilFuncs funcs;
    void *user_data;
    KftLiveness liveness;
    KftTimer *tick;
    bool ticks_in_rounds;
    KftTimer *doubt; /* runs while it is doubted */
    uint64_t doubted_ms;
    uint64_t doubted_bytes; /* that were acknowledged then */
    KftHold hold;           /* begun with the doubt, so that what happens meanwhile counts */
    const char *reason;     /* why it is held; NULL = it is not */
    KftReachWatch *server;  /* while it is held: has it probed */
    bool has_told_away;
    KftHeldList *held; /* nullable */
    KftHeldItem held_item;
};

/* Without what the kernel says. */
static KftLivenessInput describe(const KftVigil *self)
{
    KftLivenessInput input = {
        .now_ms = kft_loop_now_ms(self->loop),
        .last_input_ms = kft_wire_get_last_input_ms(self->wire),
        .is_output_stuck = kft_wire_get_stuck_since_ms(self->wire) != 0,
    };
    self->funcs.describe(&input, self->user_data);
    return input;
}

static KftLivenessInput look(const KftVigil *self)
{
    KftLivenessInput input = describe(self);
    kft_wire_get_tcp_state(self->wire, &input.tcp);
    return input;
}

static void schedule_tick(KftVigil *self)
{
    const KftLivenessInput input = describe(self);
    uint64_t delay_ms = kft_liveness_get_delay_ms(&self->liveness, &input);
    if (kft_hold_is_begun(&self->hold))
        delay_ms = KFT_LIVENESS_TICK_MS;
    self->ticks_in_rounds = delay_ms > KFT_LIVENESS_TICK_MS;
    kft_timer_start_coarse(self->tick, delay_ms);
}

/* --- holding --- */

static KftHoldInput describe_hold(const KftVigil *self, const KftLivenessInput *input)
{
    return (KftHoldInput){
        .now_ms = input->now_ms,
        .last_input_ms = input->last_input_ms,
        .answered_ms = kft_reach_get_answered_ms(self->reach),
        .is_away = kft_reach_is_away(self->reach),
        .tcp = input->tcp,
    };
}

static void begin_hold(KftVigil *self, const KftLivenessInput *input)
{
    const KftHoldInput state = describe_hold(self, input);
    kft_hold_begin(&self->hold, &state);
}

static KftHoldVerdict check_hold(KftVigil *self, const KftLivenessInput *input)
{
    const KftHoldInput state = describe_hold(self, input);
    return kft_hold_check(&self->hold, &state);
}

static void end_hold(KftVigil *self)
{
    kft_timer_stop(self->doubt);
    self->hold = (KftHold){0};
    if (self->reason == NULL)
        return;
    self->reason = NULL;
    self->has_told_away = false;
    kft_held_remove(&self->held_item);
    g_clear_pointer(&self->server, kft_reach_watch_free);
    kft_wire_set_patience(self->wire, 0);
}

static void recover(KftVigil *self)
{
    end_hold(self);
    if (self->funcs.on_trusted != NULL)
        self->funcs.on_trusted(self->user_data);
}

void kft_vigil_trust(KftVigil *self)
{
    if (!kft_vigil_is_trusted(self))
        recover(self);
}

static void die(KftVigil *self, const char *reason)
{
    end_hold(self);
    self->funcs.on_dead(reason, self->user_data);
}

static void on_server_news(const GError *error, uint32_t next_ms, void *user_data)
{
    KftVigil *self = user_data;
    bool is_first = error != NULL && !self->has_told_away;
    (void)next_ms;

    self->has_told_away |= error != NULL;
    if (is_first && self->funcs.on_server_away != NULL)
        self->funcs.on_server_away(self->user_data);
}

static void on_too_many_held(void *user_data)
{
    die(user_data, "the server stopped answering, and too many connections were kept for later");
}

static void fall_silent(KftVigil *self, const char *reason, const KftLivenessInput *input)
{
    KftHeldList *held = self->held;

    kft_timer_stop(self->doubt);
    if (!kft_hold_is_begun(&self->hold))
        begin_hold(self, input);
    if (input->is_idle || check_hold(self, input) == KFT_HOLD_OVER) {
        die(self, reason);
        return;
    }
    self->reason = reason;
    kft_wire_set_patience(self->wire, KFT_HOLD_MAX_MS);
    self->server = kft_reach_watch_new(self->reach, on_server_news, self);
    kft_reach_doubt(self->reach);
    /* It may be over as soon as the server answers. */
    kft_timer_start_coarse(self->tick, KFT_TIMER_COARSE_MS);
    if (held != NULL)
        kft_held_add(held, &self->held_item, on_too_many_held, self);
    self->funcs.on_held(reason, self->user_data);
    if (held != NULL)
        kft_held_limit(held);
}

static void tick_held(KftVigil *self)
{
    const KftLivenessInput input = look(self);

    switch (check_hold(self, &input)) {
    case KFT_HOLD_WAIT:
        schedule_tick(self);
        return;
    case KFT_HOLD_ASK:
        kft_reach_doubt(self->reach);
        kft_timer_start_coarse(self->tick, KFT_TIMER_COARSE_MS);
        return;
    case KFT_HOLD_HEARD:
        recover(self);
        return;
    case KFT_HOLD_OVER:
        die(self, self->reason);
        return;
    }
    g_assert_not_reached();
}

/* --- watching --- */

void kft_vigil_ping(KftVigil *self)
{
    kft_liveness_note_ping(&self->liveness, kft_loop_now_ms(self->loop));
    schedule_tick(self);
    self->funcs.send_ping(self->user_data);
}

void kft_vigil_look_again(KftVigil *self)
{
    bool is_idle = describe(self).is_idle;
    if (self->ticks_in_rounds != is_idle)
        schedule_tick(self);
}

static void on_tick(void *user_data)
{
    KftVigil *self = user_data;

    if (self->reason != NULL) {
        tick_held(self);
        return;
    }
    const KftLivenessInput input = look(self);
    if (kft_hold_is_begun(&self->hold))
        (void)check_hold(self, &input);
    switch (kft_liveness_check(&self->liveness, &input)) {
    case KFT_LIVENESS_OK:
        schedule_tick(self);
        break;
    case KFT_LIVENESS_PING:
        kft_vigil_ping(self);
        break;
    case KFT_LIVENESS_SILENT:
        fall_silent(self, "the server stopped answering", &input);
        return;
    case KFT_LIVENESS_DEAD:
        die(self, "the server stopped answering");
        return;
    }
    self->funcs.on_tick(input.now_ms, self->user_data);
}

/* --- doubting --- */

static void on_doubt_end(void *user_data)
{
    static const char reason[] = "the network changed, and the server does not answer any more";
    KftVigil *self = user_data;
    const KftLivenessInput input = look(self);

    switch (kft_liveness_judge_ping(&input, self->doubted_ms, self->doubted_bytes)) {
    case KFT_LIVENESS_OK:
    case KFT_LIVENESS_PING:
        recover(self);
        return;
    case KFT_LIVENESS_SILENT:
        fall_silent(self, reason, &input);
        return;
    case KFT_LIVENESS_DEAD:
        die(self, reason);
        return;
    }
    g_assert_not_reached();
}

void kft_vigil_verify(KftVigil *self, uint32_t limit_ms)
{
    const KftLivenessInput input = look(self);

    /* If it answers others on the way that there is now, it is the connection that is dead. */
    kft_reach_doubt(self->reach);
    if (self->reason != NULL) {
        kft_hold_forget_way(&self->hold, input.now_ms);
        return;
    }
    self->doubted_ms = input.now_ms;
    self->doubted_bytes = input.tcp.acked_bytes;
    begin_hold(self, &input);
    kft_timer_start(self->doubt, limit_ms);
    kft_vigil_ping(self);
}

bool kft_vigil_is_trusted(const KftVigil *self)
{
    return self->reason == NULL && !kft_timer_is_active(self->doubt);
}

/* --- life --- */

KftVigil *kft_vigil_new(KftLoop *loop,
                        KftReach *reach,
                        KftHeldList *held,
                        KftWire *wire,
                        const KftVigilFuncs *funcs,
                        void *user_data)
{
    KftVigil *self = g_new0(KftVigil, 1);
    self->loop = loop;
    self->reach = reach;
    self->held = held;
    self->wire = wire;
    self->funcs = *funcs;
    self->user_data = user_data;
    self->tick = kft_timer_new(loop, on_tick, self);
    self->doubt = kft_timer_new(loop, on_doubt_end, self);
    schedule_tick(self);
    return self;
}

void kft_vigil_free(KftVigil *self)
{
    if (self == NULL)
        return;
    kft_timer_free(self->tick);
    kft_timer_free(self->doubt);
    kft_held_remove(&self->held_item);
    kft_reach_watch_free(self->server);
    g_free(self);
}
