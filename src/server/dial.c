/* Happy eyeballs over a list of addresses. An attempt's handle is on the heap, because the one that
 * wins outlives the dial; its request is part of the dial, which therefore lives until the losers
 * are closed. */
#include "server/dial.h"

#include "base/fault.h"
#include "server/context.h"

/* RFC 8305 section 5, "Connection Attempt Delay". */
#define NEXT_ATTEMPT_MS 250

typedef struct {
    KftDial *dial;
    uv_tcp_t *handle; /* NULL once closed or given away */
    uv_connect_t request;
} Attempt;

struct KftDial {
    uv_loop_t *loop;
    KftAddressList addresses;
    Attempt attempts[KFT_MAX_ADDRESSES];
    unsigned n_begun;
    unsigned n_pending;
    uv_timer_t timer;
    KftHandles handles;
    int status; /* of the failures so far */
    KftDialFunc func;
    void *user_data;
    bool is_done;
};

static void on_timer_closed(uv_handle_t *handle)
{
    KftDial *self = handle->data;
    kft_handles_closed(&self->handles);
}

static void on_attempt_closed(uv_handle_t *handle)
{
    Attempt *attempt = handle->data;
    KftDial *self = attempt->dial;
    g_free(handle);
    kft_handles_closed(&self->handles);
}

static void close_attempt(Attempt *attempt)
{
    uv_tcp_t *handle = attempt->handle;
    if (handle == NULL)
        return;
    attempt->handle = NULL;
    uv_close((uv_handle_t *)handle, on_attempt_closed);
}

/* Closes what is left; the object goes with the last handle. */
static void finish(KftDial *self)
{
    self->is_done = true;
    for (unsigned i = 0; i < self->n_begun; i++)
        close_attempt(&self->attempts[i]);
    uv_close((uv_handle_t *)&self->timer, on_timer_closed);
}

static void report(KftDial *self, uv_tcp_t *handle)
{
    KftDialFunc func = self->func;
    void *user_data = self->user_data;
    int status = handle == NULL ? self->status : 0;

    finish(self);
    func(handle, status, user_data);
}

static void note_failure(KftDial *self, Attempt *attempt, int status)
{
    self->n_pending--;
    close_attempt(attempt);
    if (self->status != UV_ECONNREFUSED)
        self->status = status;
}

static void begin_next(KftDial *self);

static void on_connected(uv_connect_t *request, int status)
{
    Attempt *attempt = request->data;
    KftDial *self = attempt->dial;

    if (self->is_done)
        return;
    if (status == 0) {
        uv_tcp_t *handle = attempt->handle;
        attempt->handle = NULL;
        /* It is the receiver's now. */
        handle->data = NULL;
        self->handles.n_open--;
        report(self, handle);
        return;
    }
    note_failure(self, attempt, status);
    begin_next(self);
}

static int begin_attempt(KftDial *self, Attempt *attempt, const KftAddress *address)
{
    attempt->dial = self;
    attempt->request.data = attempt;
    attempt->handle = g_new0(uv_tcp_t, 1);
    (void)uv_tcp_init(self->loop, attempt->handle);
    attempt->handle->data = attempt;
    kft_handles_opened(&self->handles);
    return KFT_FAULT("uv_tcp_connect")
               ? UV_ENETUNREACH
               : uv_tcp_connect(&attempt->request, attempt->handle, &address->base, on_connected);
}

static void on_timer(uv_timer_t *timer)
{
    begin_next(timer->data);
}

static void begin_next(KftDial *self)
{
    while (self->n_begun < self->addresses.n_items) {
        unsigned i = self->n_begun++;
        self->n_pending++;
        int status = begin_attempt(self, &self->attempts[i], &self->addresses.items[i]);
        if (status == 0) {
            (void)uv_timer_start(&self->timer, on_timer, NEXT_ATTEMPT_MS, 0);
            return;
        }
        note_failure(self, &self->attempts[i], status);
    }
    (void)uv_timer_stop(&self->timer);
    if (self->n_pending == 0)
        report(self, NULL);
}

static void on_all_closed(void *user_data)
{
    g_free(user_data);
}

KftDial *
kft_dial_new(uv_loop_t *loop, const KftAddressList *addresses, KftDialFunc func, void *user_data)
{
    KftDial *self = g_new0(KftDial, 1);
    g_assert(addresses->n_items > 0);
    self->loop = loop;
    self->addresses = *addresses;
    self->func = func;
    self->user_data = user_data;
    self->handles.on_all_closed = on_all_closed;
    self->handles.user_data = self;
    (void)uv_timer_init(loop, &self->timer);
    self->timer.data = self;
    kft_handles_opened(&self->handles);
    (void)uv_timer_start(&self->timer, on_timer, 0, 0);
    return self;
}

void kft_dial_cancel(KftDial *self)
{
    finish(self);
}
