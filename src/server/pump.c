/* Bytes are read into the scratch memory that all share and written at once. Only what the kernel
 * does not take is copied, and the reading side rests until it is gone.
 *
 * Invariant of a way: it reads, or it writes its rest, or it has seen the end. */
#include "server/pump.h"

#include "base/fault.h"
#include "server/socket-option.h"

static bool is_to_target(const KftPumpWay *way)
{
    return way == &way->pump->to_target;
}

static void end(KftPump *self, KftEnding ending)
{
    if (self->is_ended)
        return;
    kft_pump_stop(self);
    self->on_end(ending, self->user_data);
}

static KftEnding gone_at_reading(const KftPumpWay *way)
{
    return is_to_target(way) ? KFT_ENDING_CLIENT_GONE : KFT_ENDING_TARGET_GONE;
}

static KftEnding gone_at_writing(const KftPumpWay *way)
{
    return is_to_target(way) ? KFT_ENDING_TARGET_GONE : KFT_ENDING_CLIENT_GONE;
}

static void count(KftPumpWay *way, size_t n_bytes)
{
    if (is_to_target(way))
        kft_traffic_to_target(way->pump->traffic, n_bytes);
    else
        kft_traffic_to_client(way->pump->traffic, n_bytes);
}

static void on_shutdown(uv_shutdown_t *request, int status)
{
    KftPumpWay *way = request->data;
    KftPump *self = way->pump;

    if (self->is_ended)
        return;
    /* A peer that is gone already has no use for a FIN; reading will tell. */
    if (status != 0 && status != UV_ENOTCONN) {
        end(self, gone_at_writing(way));
        return;
    }
    way->is_done = true;
    if (self->to_target.is_done && self->to_client.is_done)
        end(self, KFT_ENDING_DONE);
}

static void pass_end_on(KftPumpWay *way)
{
    way->shutdown.data = way;
    int status = KFT_FAULT("uv_shutdown")
                     ? UV_ENOTCONN
                     : uv_shutdown(&way->shutdown, (uv_stream_t *)way->to, on_shutdown);
    if (status != 0)
        on_shutdown(&way->shutdown, status);
}

static void start_reading(KftPumpWay *way);
static void on_written(uv_write_t *request, int status);

static void write_rest(KftPumpWay *way)
{
    uv_buf_t buffer = {.base = (char *)way->rest.memory + way->rest.start,
                       .len = kft_buf_size(&way->rest)};
    way->write.data = way;
    way->is_writing = true;
    int status = KFT_FAULT("uv_write")
                     ? UV_EPIPE
                     : uv_write(&way->write, (uv_stream_t *)way->to, &buffer, 1, on_written);
    if (status != 0)
        end(way->pump, gone_at_writing(way));
}

static void on_written(uv_write_t *request, int status)
{
    KftPumpWay *way = request->data;

    way->is_writing = false;
    if (way->pump->is_ended)
        return;
    if (status != 0) {
        end(way->pump, gone_at_writing(way));
        return;
    }
    count(way, kft_buf_size(&way->rest));
    kft_buf_clear(&way->rest);
    if (way->has_eof)
        pass_end_on(way);
    else
        start_reading(way);
}

static void pass_on(KftPumpWay *way, size_t size)
{
    uint8_t *data = way->pump->traffic->context->scratch;
    const uv_buf_t buffer = {.base = (char *)data, .len = kft_fault_clip_write(size)};
    int n_written =
        KFT_FAULT("uv_try_write") ? UV_EPIPE : uv_try_write((uv_stream_t *)way->to, &buffer, 1);

    if (n_written == UV_EAGAIN)
        n_written = 0;
    if (n_written < 0) {
        end(way->pump, gone_at_writing(way));
        return;
    }
    count(way, (size_t)n_written);
    if ((size_t)n_written == size)
        return;
    (void)uv_read_stop((uv_stream_t *)way->from);
    if (kft_buf_append(&way->rest, data + n_written, size - (size_t)n_written) != KFT_R_OK)
        end(way->pump, KFT_ENDING_FAILED);
    else
        write_rest(way);
}

static void on_alloc(uv_handle_t *handle, size_t suggested_size, uv_buf_t *buffer)
{
    KftPumpWay *way = handle->data;
    (void)suggested_size;
    *buffer = uv_buf_init((char *)way->pump->traffic->context->scratch,
                          (unsigned)kft_fault_clip_read(KFT_SCRATCH_BYTES));
}

static void on_read(uv_stream_t *stream, ssize_t n_bytes, const uv_buf_t *buffer)
{
    KftPumpWay *way = stream->data;
    (void)buffer;

    if (n_bytes > 0) {
        pass_on(way, (size_t)n_bytes);
        return;
    }
    if (n_bytes == 0)
        return;
    (void)uv_read_stop(stream);
    if (n_bytes != UV_EOF || kft_socket_option_take_error((uv_handle_t *)stream) != 0) {
        end(way->pump, gone_at_reading(way));
        return;
    }
    way->has_eof = true;
    pass_end_on(way);
}

static void start_reading(KftPumpWay *way)
{
    if (KFT_FAULT("uv_read_start") ||
        uv_read_start((uv_stream_t *)way->from, on_alloc, on_read) != 0)
        end(way->pump, gone_at_reading(way));
}

static void init_way(KftPumpWay *way, KftPump *pump, uv_tcp_t *from, uv_tcp_t *to)
{
    way->pump = pump;
    way->from = from;
    way->to = to;
    from->data = way;
    kft_buf_init(&way->rest, KFT_SCRATCH_BYTES);
}

void kft_pump_init(KftPump *self,
                   KftTraffic *traffic,
                   uv_tcp_t *client,
                   uv_tcp_t *target,
                   KftPumpFunc on_end,
                   void *user_data)
{
    *self = (KftPump){.traffic = traffic, .on_end = on_end, .user_data = user_data};
    init_way(&self->to_target, self, client, target);
    init_way(&self->to_client, self, target, client);
}

void kft_pump_start(KftPump *self, const uint8_t *early, size_t size)
{
    if (size == 0) {
        start_reading(&self->to_target);
    } else if (kft_buf_append(&self->to_target.rest, early, size) != KFT_R_OK) {
        end(self, KFT_ENDING_FAILED);
    } else {
        /* Reading begins when this is written. */
        write_rest(&self->to_target);
    }
    if (!self->is_ended)
        start_reading(&self->to_client);
}

void kft_pump_stop(KftPump *self)
{
    if (self->is_ended)
        return;
    self->is_ended = true;
    (void)uv_read_stop((uv_stream_t *)self->to_target.from);
    (void)uv_read_stop((uv_stream_t *)self->to_client.from);
}

void kft_pump_clear(KftPump *self)
{
    kft_buf_clear(&self->to_target.rest);
    kft_buf_clear(&self->to_client.rest);
}

bool kft_pump_is_half_closed(const KftPump *self)
{
    return self->to_target.has_eof || self->to_client.has_eof;
}
