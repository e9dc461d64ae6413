/* The TCP relay of kft-link. A socket stays in the namespace in which it was made, so a listener
 * made in the far namespace is all that is needed there. One thread per connection. */
#include "relay.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    RELAYS_MAX = 8,
    BLOCK = 64 * 1024
};

struct relay {
    int listener;
    struct sockaddr_in target;
};

struct way {
    int from;
    int to;
    size_t start;
    size_t len;
    bool eof;
    bool done;
    char data[BLOCK];
};

struct pair {
    int near;
    const struct relay *relay;
};

static struct relay relays[RELAYS_MAX];
static size_t n_relays;

static bool parse(const char *text, size_t len, struct sockaddr_in *ret)
{
    char buf[64];
    if (len >= sizeof buf)
        return false;
    memcpy(buf, text, len);
    buf[len] = 0;
    char *colon = strrchr(buf, ':');
    if (!colon)
        return false;
    *colon = 0;
    unsigned long port = strtoul(colon + 1, NULL, 10);
    *ret = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    return port > 0 && port < 65536 && inet_pton(AF_INET, buf, &ret->sin_addr) == 1;
}

bool relay_listen(const char *spec)
{
    struct sockaddr_in at;
    const char *eq = strchr(spec, '=');
    int on = 1;
    if (!eq || n_relays == RELAYS_MAX || !parse(spec, (size_t)(eq - spec), &at) ||
        !parse(eq + 1, strlen(eq + 1), &relays[n_relays].target))
        return false;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return false;
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0 ||
        setsockopt(fd, IPPROTO_IP, IP_FREEBIND, &on, sizeof on) != 0 ||
        bind(fd, (struct sockaddr *)&at, sizeof at) != 0 || listen(fd, 1024) != 0) {
        (void)close(fd);
        return false;
    }
    relays[n_relays++].listener = fd;
    return true;
}

/* One step of one direction. Returns whether bytes moved. */
static bool step(struct way *w)
{
    if (w->len == 0 && !w->eof) {
        ssize_t n = read(w->from, w->data, sizeof w->data);
        if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
            w->eof = true;
        w->start = 0;
        w->len = n > 0 ? (size_t)n : 0;
    }
    if (w->len > 0) {
        ssize_t n = write(w->to, w->data + w->start, w->len);
        if (n < 0 && errno != EAGAIN && errno != EINTR) {
            w->eof = true;
            w->len = 0;
        }
        if (n <= 0)
            return false;
        w->start += (size_t)n;
        w->len -= (size_t)n;
        return true;
    }
    if (w->eof && !w->done) {
        w->done = true;
        (void)shutdown(w->to, SHUT_WR);
    }
    return false;
}

static void copy_both_ways(int near, int far)
{
    struct way *w = calloc(2, sizeof *w);
    if (!w)
        return;
    w[0].from = w[1].to = near;
    w[0].to = w[1].from = far;
    while (!w[0].done || !w[1].done) {
        bool moved = step(&w[0]);
        moved = step(&w[1]) || moved;
        if (moved || (w[0].done && w[1].done))
            continue;
        struct pollfd p[4];
        for (size_t i = 0; i < 2; i++) {
            p[2 * i] = (struct pollfd){!w[i].eof && w[i].len == 0 ? w[i].from : -1, POLLIN, 0};
            p[2 * i + 1] = (struct pollfd){w[i].len > 0 ? w[i].to : -1, POLLOUT, 0};
        }
        (void)poll(p, 4, -1);
    }
    free(w);
}

static void *pair_main(void *arg)
{
    struct pair p = *(struct pair *)arg;
    free(arg);
    int on = 1;
    int far = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (far >= 0 &&
        connect(far, (const struct sockaddr *)&p.relay->target, sizeof p.relay->target) == 0) {
        (void)setsockopt(p.near, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        (void)setsockopt(far, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        (void)fcntl(p.near, F_SETFL, O_NONBLOCK);
        (void)fcntl(far, F_SETFL, O_NONBLOCK);
        copy_both_ways(p.near, far);
    }
    if (far >= 0)
        (void)close(far);
    (void)close(p.near);
    return NULL;
}

static void *listener_main(void *arg)
{
    const struct relay *r = *(const struct relay **)arg;
    pthread_attr_t attr;
    (void)pthread_attr_init(&attr);
    (void)pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
    for (;;) {
        pthread_t t;
        int fd = accept4(r->listener, NULL, NULL, SOCK_CLOEXEC);
        struct pair *p = fd >= 0 ? malloc(sizeof *p) : NULL;
        if (!p) {
            (void)usleep(10000);
            continue;
        }
        *p = (struct pair){fd, r};
        if (pthread_create(&t, &attr, pair_main, p) != 0) {
            (void)close(fd);
            free(p);
        }
    }
    return NULL;
}

bool relay_start(void)
{
    static const struct relay *args[RELAYS_MAX];
    for (size_t i = 0; i < n_relays; i++) {
        pthread_t t;
        args[i] = &relays[i];
        if (pthread_create(&t, NULL, listener_main, &args[i]) != 0)
            return false;
    }
    return true;
}
