/* A one-shot timer on a uv_timer_t. The handle is embedded; the memory goes in its close callback.
 */
#include "net/timer.h"

#include "net/loop-priv.h"

struct KftTimer {
    KftLoop *loop;
    uv_timer_t handle;
    void (*func)(void *user_data);
    void *user_data;
};

KftTimer *kft_timer_new(KftLoop *loop, void (*func)(void *user_data), void *user_data)
{
    KftTimer *self = g_new0(KftTimer, 1);
    self->loop = loop;
    self->func = func;
    self->user_data = user_data;
    (void)uv_timer_init(kft_loop_get_uv(loop), &self->handle);
    self->handle.data = self;
    kft_loop_object_opened(loop);
    return self;
}

static void on_timer_fired(uv_timer_t *handle)
{
    KftTimer *self = handle->data;
    self->func(self->user_data);
}

void kft_timer_start(KftTimer *self, uint64_t delay_ms)
{
    KFT_ASSERT_LOOP_THREAD(self->loop);
    /* The loop's clock stands still during a turn; after long work the delay would begin in the
     * past. */
    uv_update_time(kft_loop_get_uv(self->loop));
    (void)uv_timer_start(&self->handle, on_timer_fired, delay_ms, 0);
}

void kft_timer_start_coarse(KftTimer *self, uint64_t delay_ms)
{
    uv_loop_t *uv = kft_loop_get_uv(self->loop);

    uv_update_time(uv);
    kft_timer_start(self, delay_ms - (uv_now(uv) + delay_ms) % KFT_TIMER_COARSE_MS);
}

void kft_timer_stop(KftTimer *self)
{
    (void)uv_timer_stop(&self->handle);
}

bool kft_timer_is_active(const KftTimer *self)
{
    return uv_is_active((const uv_handle_t *)&self->handle) != 0;
}

static void on_timer_closed(uv_handle_t *handle)
{
    KftTimer *self = handle->data;
    kft_loop_object_closed(self->loop);
    g_free(self);
}

void kft_timer_free(KftTimer *self)
{
    if (self == NULL)
        return;
    KFT_ASSERT_LOOP_THREAD(self->loop);
    uv_close((uv_handle_t *)&self->handle, on_timer_closed);
}
