#include "client.h"

#include <arpa/inet.h>
#include <glib.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#define READ_TIMEOUT_S 60
#define MAX_DATAGRAM_BYTES 65535

static int connect_to(uint16_t port, int type)
{
    const struct sockaddr_in address = {
        .sin_family = AF_INET,
        .sin_port = htons(port),
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
    };
    const struct timeval timeout = {.tv_sec = READ_TIMEOUT_S};
    int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);
    g_assert_cmpint(fd, >=, 0);
    g_assert_cmpint(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout), ==, 0);
    if (connect(fd, (const struct sockaddr *)(const void *)&address, sizeof address) == 0)
        return fd;
    (void)close(fd);
    return -1;
}

int kft_test_connect(uint16_t port)
{
    return connect_to(port, SOCK_STREAM);
}

int kft_test_udp_connect(uint16_t port)
{
    return connect_to(port, SOCK_DGRAM);
}

char *kft_test_udp_receive(int fd)
{
    char *data = g_malloc(MAX_DATAGRAM_BYTES + 1);
    ssize_t size = recv(fd, data, MAX_DATAGRAM_BYTES, 0);
    g_assert_cmpint(size, >=, 0);
    data[size] = '\0';
    return data;
}

char *kft_test_udp_ask(int fd, const char *text)
{
    kft_test_send(fd, text);
    return kft_test_udp_receive(fd);
}

void kft_test_send(int fd, const char *text)
{
    size_t size = strlen(text);
    g_assert_cmpint(send(fd, text, size, MSG_NOSIGNAL), ==, (gssize)size);
}

char *kft_test_read_all(int fd)
{
    g_autoptr(GString) out = g_string_new(NULL);
    char data[4096];
    ssize_t size = 0;
    while ((size = recv(fd, data, sizeof data, 0)) > 0)
        g_string_append_len(out, data, size);
    return size == 0 ? g_strdup(out->str) : NULL;
}

char *kft_test_get(uint16_t port, const char *path)
{
    g_autofree char *request = g_strdup_printf("GET %s HTTP/1.0\r\n\r\n", path);
    int fd = kft_test_connect(port);
    if (fd < 0)
        return NULL;
    kft_test_send(fd, request);
    char *answer = kft_test_read_all(fd);
    (void)close(fd);
    return answer;
}

int kft_test_listen(uint16_t *ret_port)
{
    struct sockaddr_in address = {
        .sin_family = AF_INET,
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
    };
    socklen_t size = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    g_assert_cmpint(fd, >=, 0);
    g_assert_cmpint(bind(fd, (const struct sockaddr *)(const void *)&address, size), ==, 0);
    g_assert_cmpint(listen(fd, SOMAXCONN), ==, 0);
    g_assert_cmpint(getsockname(fd, (struct sockaddr *)(void *)&address, &size), ==, 0);
    *ret_port = ntohs(address.sin_port);
    return fd;
}

void kft_test_close(int fd)
{
    (void)close(fd);
}
