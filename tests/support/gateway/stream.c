/* TLS over non-blocking sockets for kft-gateway: read, write, wait, dial, close. */
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "gateway.h"

/* What a failed SSL call waits for. 0: wait; -1: the stream is over. */
static ptrdiff_t after_failure(struct gw_side *side, int result)
{
    int e = SSL_get_error(side->ssl, result);
    if (e == SSL_ERROR_WANT_READ)
        return 0;
    if (e == SSL_ERROR_WANT_WRITE) {
        side->want_write = true;
        return 0;
    }
    side->eof = true;
    return -1;
}

ptrdiff_t gw_read(struct gw_side *side, void *buf, size_t size)
{
    size_t n = 0;
    if (side->eof)
        return -1;
    ERR_clear_error();
    int r = SSL_read_ex(side->ssl, buf, size, &n);
    return r == 1 ? (ptrdiff_t)n : after_failure(side, r);
}

ptrdiff_t gw_write(struct gw_side *side, const void *buf, size_t size)
{
    size_t n = 0;
    ERR_clear_error();
    int r = SSL_write_ex(side->ssl, buf, size, &n);
    side->want_write = false;
    return r == 1 ? (ptrdiff_t)n : after_failure(side, r);
}

static short events_of(const struct gw_side *side, bool reads, bool writes)
{
    unsigned e = 0;
    if (reads && !side->eof)
        e |= POLLIN;
    if (writes || side->want_write)
        e |= POLLOUT;
    return (short)e;
}

bool gw_wait(struct gw_side *a,
             bool a_reads,
             bool a_writes,
             struct gw_side *b,
             bool b_reads,
             bool b_writes,
             int timeout_ms)
{
    if ((a_reads && SSL_pending(a->ssl)) || (b && b_reads && SSL_pending(b->ssl)))
        return true;
    struct pollfd p[2] = {{a->fd, events_of(a, a_reads, a_writes), 0}, {-1, 0, 0}};
    if (b)
        p[1] = (struct pollfd){b->fd, events_of(b, b_reads, b_writes), 0};
    /* A side from which nothing is wanted must not wake the loop by being closed. */
    for (int i = 0; i < 2; i++) {
        if (p[i].events == 0)
            p[i].fd = -1;
    }
    int n;
    do {
        n = poll(p, 2, timeout_ms);
    } while (n < 0 && errno == EINTR);
    return n > 0;
}

bool gw_write_all(struct gw_side *side, const void *buf, size_t size)
{
    const char *p = buf;
    while (size > 0) {
        ptrdiff_t n = gw_write(side, p, size);
        if (n < 0)
            return false;
        if (n == 0 &&
            !gw_wait(side, !side->want_write, side->want_write, NULL, false, false, 30000))
            return false;
        p += n;
        size -= (size_t)n;
    }
    return true;
}

bool gw_read_head(
    struct gw_side *side, char *buf, size_t *have, size_t *head, struct gw_side *other)
{
    for (;;) {
        buf[*have] = 0;
        const char *end = strstr(buf, "\r\n\r\n");
        if (end) {
            *head = (size_t)(end - buf) + 4;
            return true;
        }
        if (*have == GW_HEAD_MAX)
            return false;
        ptrdiff_t n = gw_read(side, buf + *have, GW_HEAD_MAX - *have);
        if (n < 0)
            return false;
        *have += (size_t)n;
        if (n == 0 && !gw_wait(side, true, false, other, other != NULL, false, 120000))
            return false;
        if (n == 0 && other && other->eof)
            return false;
    }
}

bool gw_header(const char *head, const char *name, char *out, size_t size)
{
    size_t n = strlen(name);
    for (const char *p = strstr(head, "\r\n"); p && p[2] != '\r'; p = strstr(p + 2, "\r\n")) {
        if (strncasecmp(p + 2, name, n) != 0 || p[2 + n] != ':')
            continue;
        const char *v = p + 3 + n;
        v += strspn(v, " \t");
        size_t len = strcspn(v, "\r\n");
        while (len > 0 && (v[len - 1] == ' ' || v[len - 1] == '\t'))
            len--;
        if (len >= size)
            return false;
        memcpy(out, v, len);
        out[len] = 0;
        return true;
    }
    return false;
}

static int tcp_connect(const char *host, const char *port)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
    struct addrinfo *list = NULL;
    int fd = -1;
    if (getaddrinfo(host, port, &hints, &list) != 0)
        return -1;
    for (struct addrinfo *a = list; a && fd < 0; a = a->ai_next) {
        fd = socket(a->ai_family, a->ai_socktype | SOCK_CLOEXEC, a->ai_protocol);
        if (fd >= 0 && connect(fd, a->ai_addr, a->ai_addrlen) != 0) {
            (void)close(fd);
            fd = -1;
        }
    }
    freeaddrinfo(list);
    return fd;
}

bool gw_dial(const struct gw_options *opt, struct gw_side *side)
{
    *side = (struct gw_side){.fd = tcp_connect(opt->upstream_host, opt->upstream_port)};
    if (side->fd < 0)
        return false;
    int on = 1;
    (void)setsockopt(side->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    side->ssl = SSL_new(opt->client_ctx);
    if (side->ssl && SSL_set_fd(side->ssl, side->fd) == 1) {
        X509_VERIFY_PARAM *v = SSL_get0_param(side->ssl);
        if (X509_VERIFY_PARAM_set1_ip_asc(v, opt->upstream_host) != 1) {
            (void)SSL_set1_host(side->ssl, opt->upstream_host);
            (void)SSL_set_tlsext_host_name(side->ssl, opt->upstream_host);
        }
        if (SSL_connect(side->ssl) == 1) {
            (void)fcntl(side->fd, F_SETFL, O_NONBLOCK);
            return true;
        }
    }
    SSL_free(side->ssl);
    (void)close(side->fd);
    *side = (struct gw_side){.fd = -1};
    return false;
}

void gw_side_close(struct gw_side *side)
{
    if (!side->ssl)
        return;
    /* An immediate close() with unread input would send a reset that can overtake the last
     * bytes, so the peer gets a moment to stop. */
    ERR_clear_error();
    (void)SSL_shutdown(side->ssl);
    (void)shutdown(side->fd, SHUT_WR);
    char drop[4096];
    struct pollfd p = {side->fd, POLLIN, 0};
    for (int i = 0; i < 64 && poll(&p, 1, 500) == 1 && read(side->fd, drop, sizeof drop) > 0;)
        i++;
    SSL_free(side->ssl);
    (void)close(side->fd);
    *side = (struct gw_side){.fd = -1, .eof = true};
}
