/* A subscription to rtnetlink(7). What exactly changed is not read: whoever is told asks the kernel
 * about the addresses that matter to him, which is also right when messages were lost. */
#include "net/netlink.h"

#include <errno.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/fault.h"
#include "base/log.h"
#include "net/loop-priv.h"
#include "net/timer.h"

/* A link that comes up is a dozen messages. */
#define SETTLE_MS 150
#define READ_BYTES ((size_t)16 * 1024)

struct KftNetlink {
    KftLoop *loop;
    int fd;
    uv_poll_t poll;
    KftTimer *settle;
    void (*on_change)(void *user_data);
    void *user_data;
};

static void on_settled(void *user_data)
{
    KftNetlink *self = user_data;
    self->on_change(self->user_data);
}

/* Returns false when there is nothing more. */
static bool drain(KftNetlink *self)
{
    uint8_t data[READ_BYTES];
    ssize_t size = recv(self->fd, data, sizeof data, MSG_DONTWAIT);
    /* Messages that did not fit are as good as read. */
    return size > 0 || (size < 0 && (errno == EINTR || errno == ENOBUFS));
}

static void on_poll(uv_poll_t *handle, int status, int events)
{
    KftNetlink *self = handle->data;
    (void)events;
    if (status < 0) {
        kft_log(KFT_LOG_NET, KFT_LEVEL_WARNING, "netlink: %s", uv_strerror(status));
        (void)uv_poll_stop(&self->poll);
        return;
    }
    while (drain(self))
        continue;
    if (!kft_timer_is_active(self->settle))
        kft_timer_start(self->settle, SETTLE_MS);
}

static int open_socket(void)
{
    struct sockaddr_nl address = {
        .nl_family = AF_NETLINK,
        .nl_groups = RTMGRP_LINK | RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR | RTMGRP_IPV4_ROUTE |
                     RTMGRP_IPV6_ROUTE,
    };
    int fd = KFT_FAULT("netlink")
                 ? -1
                 : socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE);
    if (fd >= 0 && bind(fd, (const struct sockaddr *)&address, sizeof address) == 0)
        return fd;
    kft_log(KFT_LOG_NET, KFT_LEVEL_INFO, "changes of the network are not seen: %s",
            g_strerror(errno));
    if (fd >= 0)
        (void)close(fd);
    return -1;
}

KftNetlink *kft_netlink_new(KftLoop *loop, void (*on_change)(void *user_data), void *user_data)
{
    KFT_ASSERT_LOOP_THREAD(loop);
    int fd = open_socket();
    if (fd < 0)
        return NULL;
    KftNetlink *self = g_new0(KftNetlink, 1);
    self->loop = loop;
    self->fd = fd;
    self->on_change = on_change;
    self->user_data = user_data;
    self->settle = kft_timer_new(loop, on_settled, self);
    int status = uv_poll_init(kft_loop_get_uv(loop), &self->poll, fd);
    g_assert(status == 0);
    self->poll.data = self;
    kft_loop_object_opened(loop);
    (void)uv_poll_start(&self->poll, UV_READABLE, on_poll);
    return self;
}

static void on_closed(uv_handle_t *handle)
{
    KftNetlink *self = handle->data;
    (void)close(self->fd);
    kft_loop_object_closed(self->loop);
    g_free(self);
}

void kft_netlink_free(KftNetlink *self)
{
    if (self == NULL)
        return;
    KFT_ASSERT_LOOP_THREAD(self->loop);
    kft_timer_free(self->settle);
    uv_close((uv_handle_t *)&self->poll, on_closed);
}
