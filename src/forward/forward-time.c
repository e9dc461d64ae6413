/* The end at a time of day. Clocks may be set and machines sleep, while the loop's timers only
 * count the time that the machine is awake: so the clock is looked at now and then, and after a
 * sleep. */
#include "forward/forward-priv.h"

/* How long a look may be put off. */
#define MAX_LOOK_MS 3600000

static void stop(KftForward *self)
{
    g_autoptr(GDateTime) time = g_date_time_new_from_unix_local(self->options->stop_at_s);
    g_autofree char *clock = time == NULL ? NULL : g_date_time_format(time, "%H:%M");
    g_autofree char *text = g_strdup_printf("closed, as it is %s", clock);

    self->funcs.on_notice(text, self->user_data);
    kft_forward_stop(self);
}

void kft_forward_check_time(KftForward *self)
{
    bool has_ended = kft_forward_is_over(self) && self->state != KFT_FORWARD_STATE_IDLE;
    if (self->stop_at == NULL || has_ended)
        return;
    int64_t left_ms = self->options->stop_at_s * 1000 - g_get_real_time() / 1000;
    if (left_ms <= 0) {
        stop(self);
        return;
    }
    bool is_near = left_ms <= KFT_ANNOUNCE_MS;
    bool was_near = self->time_end_ms != 0;
    self->time_end_ms = is_near ? self->options->stop_at_s * 1000 : 0;
    if (is_near != was_near)
        self->funcs.on_closing(is_near ? (uint32_t)left_ms : 0, /* is_at_time */ true,
                               self->user_data);
    kft_timer_start(self->stop_at,
                    (uint64_t)(is_near ? left_ms : MIN(left_ms - KFT_ANNOUNCE_MS, MAX_LOOK_MS)));
}

static void on_time(void *user_data)
{
    kft_forward_check_time(user_data);
}

void kft_forward_init_time(KftForward *self)
{
    if (self->options->stop_at_s == 0)
        return;
    self->stop_at = kft_timer_new(self->loop, on_time, self);
    kft_timer_start(self->stop_at, 0);
}

void kft_forward_clear_time(KftForward *self)
{
    kft_timer_free(self->stop_at);
}
