/* Connecting a datagram socket makes the kernel choose route and source address, and no packet. */
#include "net/route.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <sys/socket.h>
#include <unistd.h>

/* Any; nothing is sent there. */
#define PORT 443

static socklen_t fill_address(const char *ip, struct sockaddr_storage *ret_address)
{
    struct sockaddr_in *v4 = (struct sockaddr_in *)(void *)ret_address;
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)(void *)ret_address;

    *ret_address = (struct sockaddr_storage){0};
    if (inet_pton(AF_INET, ip, &v4->sin_addr) == 1) {
        v4->sin_family = AF_INET;
        v4->sin_port = htons(PORT);
        return sizeof *v4;
    }
    if (inet_pton(AF_INET6, ip, &v6->sin6_addr) == 1) {
        v6->sin6_family = AF_INET6;
        v6->sin6_port = htons(PORT);
        return sizeof *v6;
    }
    return 0;
}

static bool read_source(int fd, char *ret_text, socklen_t size)
{
    struct sockaddr_storage address = {0};
    socklen_t length = sizeof address;

    if (getsockname(fd, (struct sockaddr *)&address, &length) != 0)
        return false;
    const struct sockaddr_in *v4 = (const struct sockaddr_in *)(const void *)&address;
    const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)(const void *)&address;
    const void *bytes =
        address.ss_family == AF_INET ? (const void *)&v4->sin_addr : (const void *)&v6->sin6_addr;
    return inet_ntop(address.ss_family, bytes, ret_text, size) != NULL;
}

char *kft_route_dup_source(const char *ip)
{
    struct sockaddr_storage address;
    char text[INET6_ADDRSTRLEN] = "";
    socklen_t length = fill_address(ip, &address);
    int fd = length == 0 ? -1 : socket(address.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    if (fd < 0)
        return g_strdup("");
    bool has_route = connect(fd, (const struct sockaddr *)&address, length) == 0 &&
                     read_source(fd, text, sizeof text);
    (void)close(fd);
    return g_strdup(has_route ? text : "");
}
