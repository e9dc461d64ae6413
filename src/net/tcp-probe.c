/* One libuv handle per address. The owner counts those that are not closed yet and is freed with
 * the last; the answer is given in a turn of its own, since connecting may fail at once. */
#include "net/tcp-probe.h"

#include <arpa/inet.h>

#include "net/loop-priv.h"

typedef struct {
    KftTcpProbe *owner;
    uv_tcp_t tcp;
    uv_connect_t request;
    size_t index;
} Try;

struct KftTcpProbe {
    KftLoop *loop;
    Try *tries;
    KftTcpProbeResult *results;
    size_t n_results;
    size_t n_pending; /* not connected, not failed */
    size_t n_open;    /* handles */
    uint64_t started_ms;
    KftTcpProbeFunc on_done; /* NULL once it ran */
    void *user_data;
    KftDeferred *deferred; /* nullable */
    bool is_freed;
};

static char *dup_address(const struct sockaddr_storage *address)
{
    char text[INET6_ADDRSTRLEN] = "";
    if (address->ss_family == AF_INET) {
        const struct sockaddr_in *v4 = (const struct sockaddr_in *)address;
        (void)inet_ntop(AF_INET, &v4->sin_addr, text, sizeof text);
        return g_strdup_printf("%s:%u", text, ntohs(v4->sin_port));
    }
    const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)address;
    (void)inet_ntop(AF_INET6, &v6->sin6_addr, text, sizeof text);
    return g_strdup_printf("[%s]:%u", text, ntohs(v6->sin6_port));
}

static void on_deferred_done(void *user_data)
{
    KftTcpProbe *self = user_data;
    KftTcpProbeFunc on_done = self->on_done;
    self->deferred = NULL;
    self->on_done = NULL;
    on_done(self->results, self->n_results, self->user_data);
}

static void take_result(KftTcpProbe *self, size_t index, int status)
{
    KftTcpProbeResult *result = &self->results[index];
    if (self->is_freed)
        return;
    result->status = status;
    uv_update_time(kft_loop_get_uv(self->loop));
    result->time_ms = (uint32_t)(kft_loop_now_ms(self->loop) - self->started_ms);
    self->n_pending--;
    if ((status == 0 || self->n_pending == 0) && self->deferred == NULL && self->on_done != NULL)
        self->deferred = kft_loop_defer(self->loop, on_deferred_done, self);
}

/* A peer that takes a connection and resets it at once was there; one that is not there refuses. */
static void on_connect(uv_connect_t *request, int status)
{
    Try *try = request->data;
    take_result(try->owner, try->index, status == UV_ECONNRESET ? 0 : status);
}

static void start_try(KftTcpProbe *self, size_t index, const struct sockaddr_storage *address)
{
    Try *try = &self->tries[index];
    try->owner = self;
    try->index = index;
    self->results[index].address = dup_address(address);
    self->results[index].status = UV_ECANCELED;
    int status = uv_tcp_init(kft_loop_get_uv(self->loop), &try->tcp);
    g_assert(status == 0); /* opens no socket yet */
    self->n_open++;
    try->tcp.data = self;
    try->request.data = try;
    status = uv_tcp_connect(&try->request, &try->tcp, (const struct sockaddr *)address, on_connect);
    if (status != 0)
        take_result(self, index, status);
}

KftTcpProbe *kft_tcp_probe_start(KftLoop *loop,
                                 const struct sockaddr_storage *addresses,
                                 size_t n_addresses,
                                 KftTcpProbeFunc on_done,
                                 void *user_data)
{
    KFT_ASSERT_LOOP_THREAD(loop);
    KftTcpProbe *self = g_new0(KftTcpProbe, 1);
    self->loop = loop;
    self->tries = g_new0(Try, n_addresses);
    self->results = g_new0(KftTcpProbeResult, n_addresses);
    self->n_results = n_addresses;
    self->n_pending = n_addresses;
    self->started_ms = kft_loop_now_ms(loop);
    self->on_done = on_done;
    self->user_data = user_data;
    kft_loop_object_opened(loop);
    for (size_t i = 0; i < n_addresses; i++)
        start_try(self, i, &addresses[i]);
    return self;
}

const KftTcpProbeResult *kft_tcp_probe_get_results(const KftTcpProbe *self, size_t *ret_n_results)
{
    *ret_n_results = self->n_results;
    return self->results;
}

static void on_try_closed(uv_handle_t *handle)
{
    KftTcpProbe *self = handle->data;
    if (--self->n_open > 0)
        return;
    for (size_t i = 0; i < self->n_results; i++)
        g_free(self->results[i].address);
    g_free(self->results);
    g_free(self->tries);
    kft_loop_object_closed(self->loop);
    g_free(self);
}

void kft_tcp_probe_free(KftTcpProbe *self)
{
    if (self == NULL)
        return;
    KFT_ASSERT_LOOP_THREAD(self->loop);
    self->is_freed = true;
    self->on_done = NULL;
    if (self->deferred != NULL)
        kft_deferred_cancel(self->deferred);
    for (size_t i = 0; i < self->n_results; i++)
        uv_close((uv_handle_t *)&self->tries[i].tcp, on_try_closed);
}
