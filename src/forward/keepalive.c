#include "forward/keepalive.h"

#include <string.h>

#include "net/timer.h"

static const char request[] = "GET /keepalive HTTP/1.1\r\nHost: relay\r\nConnection: close\r\n\r\n";

struct KftKeepalive {
    KftBackends *backends;
    uint16_t port;
    uint32_t interval_ms;
    KftTimer *timer;
    KftPool *pool; /* of the pair */
    KftPair *pair; /* nullable */
    size_t n_sent;
};

static void close_pair(KftKeepalive *self)
{
    KftPair *pair = g_steal_pointer(&self->pair);
    if (pair == NULL)
        return;
    kft_pool_pair_gone(self->pool);
    kft_pair_free(pair);
}

static void send_request(KftKeepalive *self)
{
    while (self->n_sent < sizeof request - 1) {
        size_t room = 0;
        uint8_t *to = kft_pair_reserve(self->pair, &room);
        if (to == NULL)
            return;
        size_t size = MIN(room, sizeof request - 1 - self->n_sent);
        memcpy(to, request + self->n_sent, size);
        self->n_sent += size;
        kft_pair_commit(self->pair, size);
    }
}

/* That it was asked is enough. */
static void on_data(const uint8_t *data, size_t size, void *user_data)
{
    (void)data;
    (void)size;
    (void)user_data;
}

static void on_writable(void *user_data)
{
    send_request(user_data);
}

static void on_end(KftPairEnd end, const char *text, void *user_data)
{
    KftKeepalive *self = user_data;
    (void)end;
    (void)text;
    self->pair = NULL;
    kft_pool_pair_gone(self->pool);
}

static void on_timer(void *user_data)
{
    static const KftPairFuncs funcs = {
        .on_data = on_data,
        .on_writable = on_writable,
        .on_end = on_end,
        .is_impatient = true,
    };
    KftKeepalive *self = user_data;

    close_pair(self);
    self->n_sent = 0;
    self->pair = kft_backends_open_pair_to(self->backends, self->port, &funcs, self, &self->pool);
    if (self->pair != NULL)
        send_request(self);
    kft_timer_start(self->timer, self->interval_ms);
}

KftKeepalive *
kft_keepalive_new(KftLoop *loop, KftBackends *backends, uint16_t port, uint32_t interval_ms)
{
    KftKeepalive *self = g_new0(KftKeepalive, 1);
    self->backends = backends;
    self->port = port;
    self->interval_ms = interval_ms;
    self->timer = kft_timer_new(loop, on_timer, self);
    return self;
}

void kft_keepalive_start(KftKeepalive *self)
{
    kft_timer_start(self->timer, 0);
}

void kft_keepalive_free(KftKeepalive *self)
{
    if (self == NULL)
        return;
    close_pair(self);
    kft_timer_free(self->timer);
    g_free(self);
}
