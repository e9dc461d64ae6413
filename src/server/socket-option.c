#include "server/socket-option.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#define KEEPALIVE_IDLE_S 60
#define KEEPALIVE_INTERVAL_S 10
#define KEEPALIVE_PROBES 3

static void set_number(const uv_tcp_t *handle, int level, int name, int number)
{
    uv_os_fd_t fd = -1;
    if (uv_fileno((const uv_handle_t *)handle, &fd) == 0)
        (void)setsockopt(fd, level, name, &number, sizeof number);
}

void kft_socket_option_set_usual(uv_tcp_t *handle)
{
    set_number(handle, IPPROTO_TCP, TCP_NODELAY, 1);
    set_number(handle, SOL_SOCKET, SO_KEEPALIVE, 1);
    set_number(handle, IPPROTO_TCP, TCP_KEEPIDLE, KEEPALIVE_IDLE_S);
    set_number(handle, IPPROTO_TCP, TCP_KEEPINTVL, KEEPALIVE_INTERVAL_S);
    set_number(handle, IPPROTO_TCP, TCP_KEEPCNT, KEEPALIVE_PROBES);
}

void kft_socket_option_set_reset(uv_tcp_t *handle)
{
    const struct linger linger = {.l_onoff = 1, .l_linger = 0};
    uv_os_fd_t fd = -1;
    if (uv_fileno((const uv_handle_t *)handle, &fd) == 0)
        (void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
}

int kft_socket_option_take_error(const uv_handle_t *handle)
{
    uv_os_fd_t fd = -1;
    int number = 0;
    socklen_t size = sizeof number;
    if (uv_fileno(handle, &fd) != 0 || getsockopt(fd, SOL_SOCKET, SO_ERROR, &number, &size) != 0)
        return 0;
    return -number;
}
