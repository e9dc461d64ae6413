/* Asks the kernel whether a port could be listened on, by trying it. */
#include "config/port-check.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static socklen_t make_address(const char *text, uint16_t port, struct sockaddr_storage *ret_address)
{
    struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons(port)};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons(port)};

    memset(ret_address, 0, sizeof *ret_address);
    if (text != NULL && inet_pton(AF_INET6, text, &v6.sin6_addr) == 1) {
        memcpy(ret_address, &v6, sizeof v6);
        return sizeof v6;
    }
    if (text == NULL || inet_pton(AF_INET, text, &v4.sin_addr) != 1)
        v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    memcpy(ret_address, &v4, sizeof v4);
    return sizeof v4;
}

bool kft_port_is_free(const char *address, KftProtocol protocol, uint16_t port)
{
    struct sockaddr_storage place;
    socklen_t size = make_address(address, port, &place);
    int type = protocol == KFT_PROTOCOL_UDP ? SOCK_DGRAM : SOCK_STREAM;
    int fd = socket(place.ss_family, type | SOCK_CLOEXEC, 0);

    if (fd < 0)
        return true;
    bool is_free = bind(fd, (const struct sockaddr *)&place, size) == 0 ||
                   (errno != EADDRINUSE && errno != EACCES);
    (void)close(fd);
    return is_free;
}
