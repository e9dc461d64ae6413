/* A listening socket on a uv_tcp_t. libuv sets SO_REUSEADDR, and keeps EADDRINUSE of bind() back
 * until listen(), so both give one status. */
#include "net/listener.h"

#include <arpa/inet.h>

#include "base/fault.h"
#include "base/log.h"
#include "net/bind-error.h"
#include "net/loop-priv.h"
#include "net/socket-priv.h"

/* Connections that the kernel accepts while the loop is busy. */
#define BACKLOG 512

struct KftListener {
    KftLoop *loop;
    uv_tcp_t handle;
    KftListenerFunc on_connection;
    void *user_data;
    char *name;
    uint16_t port;
    bool is_closed;
};

static void on_handle_connection(uv_stream_t *handle, int status)
{
    KftListener *self = handle->data;
    if (self->is_closed)
        return;
    if (status != 0) {
        kft_log(KFT_LOG_NET, KFT_LEVEL_WARNING, "%s: cannot accept a connection: %s", self->name,
                uv_strerror(status));
        return;
    }
    KftSocket *socket = kft_socket_accept(self->loop, handle);
    if (socket != NULL)
        self->on_connection(socket, self->user_data);
}

static int bind_and_listen(KftListener *self, const struct sockaddr_storage *address)
{
    unsigned flags = address->ss_family == AF_INET6 ? (unsigned)UV_TCP_IPV6ONLY : 0;
    int status = KFT_FAULT("uv_tcp_bind")
                     ? UV_EADDRINUSE
                     : uv_tcp_bind(&self->handle, (const struct sockaddr *)address, flags);
    if (status == 0)
        status = KFT_FAULT("uv_listen")
                     ? UV_EADDRINUSE
                     : uv_listen((uv_stream_t *)&self->handle, BACKLOG, on_handle_connection);
    return status;
}

static void note_address(KftListener *self)
{
    struct sockaddr_storage address = {0};
    int length = sizeof address;
    (void)uv_tcp_getsockname(&self->handle, (struct sockaddr *)&address, &length);
    /* The port is at the same place for both families. */
    self->port = ntohs(((const struct sockaddr_in *)(const void *)&address)->sin_port);
    self->name = kft_socket_format_address(&address);
}

KftListener *kft_listener_new(KftLoop *loop,
                              const char *address,
                              uint16_t port,
                              KftListenerFunc on_connection,
                              void *user_data,
                              GError **error)
{
    struct sockaddr_storage parsed = {0};
    KFT_ASSERT_LOOP_THREAD(loop);
    if (!kft_bind_parse_address(address, port, &parsed, error))
        return NULL;
    KftListener *self = g_new0(KftListener, 1);
    self->loop = loop;
    self->on_connection = on_connection;
    self->user_data = user_data;
    (void)uv_tcp_init(kft_loop_get_uv(loop), &self->handle);
    self->handle.data = self;
    kft_loop_object_opened(loop);
    int status = bind_and_listen(self, &parsed);
    if (status != 0) {
        kft_bind_explain(error, status, KFT_PORT_TCP, &parsed);
        kft_listener_free(self);
        return NULL;
    }
    note_address(self);
    return self;
}

uint16_t kft_listener_get_port(const KftListener *self)
{
    return self->port;
}

const char *kft_listener_get_name(const KftListener *self)
{
    return self->name;
}

static void on_handle_closed(uv_handle_t *handle)
{
    KftListener *self = handle->data;
    g_free(self->name);
    kft_loop_object_closed(self->loop);
    g_free(self);
}

void kft_listener_free(KftListener *self)
{
    if (self == NULL)
        return;
    KFT_ASSERT_LOOP_THREAD(self->loop);
    g_assert(!self->is_closed);
    self->is_closed = true;
    uv_close((uv_handle_t *)&self->handle, on_handle_closed);
}
