/* kft-gateway: an HTTPS front of a Kubernetes API server that offers the port-forward tunnel
 * (WebSocket with subprotocol SPDY/3.1+portforward.k8s.io outside, SPDY/3.1 inside), as API
 * servers 1.31 to 1.35 do for their nodes. Everything else passes through untouched: REST with
 * keep-alive, watches, v4 WebSockets, SPDY upgrades. One thread per connection.
 *
 * It ends TLS, so client certificates cannot pass; bearer tokens and basic auth do.
 *
 *   kft-gateway --upstream HOST:PORT --ca FILE --cert FILE --key FILE
 *               [--listen ADDR:PORT] [--tunnel-method POST|GET] [--verbose]
 *
 * Prints `listening on ADDR:PORT`. SIGTERM and SIGINT end it with status 0. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/evp.h>
#include <openssl/sha.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "gateway.h"

static const char ws_guid[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
static struct gw_options options = {.tunnel_method = "POST"};

/* ---- requests ---- */

struct connection {
    struct gw_side client;
    struct gw_side upstream;
    size_t have; /* bytes of the client in buf */
    size_t head;
    uint64_t body_left; /* of the request whose head has been passed on */
    char buf[GW_HEAD_MAX + 1];
};

/* The first offered name with the tunnel's shape. Servers look at prefix and suffix only. */
static bool tunnel_name(const char *list, char *out, size_t size)
{
    static const char prefix[] = "SPDY/3.1+";
    static const char suffix[] = ".k8s.io";
    while (*list) {
        list += strspn(list, ", \t");
        size_t n = strcspn(list, ", \t");
        if (n < size && n >= sizeof prefix + sizeof suffix - 2 &&
            strncmp(list, prefix, sizeof prefix - 1) == 0 &&
            strncmp(list + n - (sizeof suffix - 1), suffix, sizeof suffix - 1) == 0) {
            memcpy(out, list, n);
            out[n] = 0;
            return true;
        }
        list += n;
    }
    return false;
}

static bool is_tunnel_request(const struct connection *c, char *name, size_t size)
{
    char value[1024];
    size_t path = strcspn(c->buf + 4, "? \r");
    return strncmp(c->buf, "GET ", 4) == 0 && path >= 12 &&
           strncmp(c->buf + 4 + path - 12, "/portforward", 12) == 0 &&
           gw_header(c->buf, "Upgrade", value, sizeof value) &&
           strcasecmp(value, "websocket") == 0 &&
           gw_header(c->buf, "Sec-WebSocket-Protocol", value, sizeof value) &&
           tunnel_name(value, name, size);
}

static bool refuse(struct gw_side *side, const char *status, const char *text)
{
    char out[512];
    int n = snprintf(out, sizeof out,
                     "HTTP/1.1 %s\r\nContent-Type: text/plain; charset=utf-8\r\n"
                     "Content-Length: %zu\r\nConnection: close\r\n\r\n%s",
                     status, strlen(text), text);
    return gw_write_all(side, out, (size_t)n);
}

/* Writes the request that asks the upstream for SPDY: the client's own headers, less those that
 * belong to the WebSocket. Returns its length, 0 if there is no room for it. */
static size_t spdy_request(const char *head, const char *protocol, char *out, size_t size)
{
    static const char *const drop[] = {"Connection:", "Upgrade:", "Sec-WebSocket-",
                                       "Content-Length:", "X-Stream-Protocol-Version:"};
    const char *target = head + 4;
    size_t target_len = strcspn(target, " \r");
    size_t len = strlen(options.tunnel_method);
    if (target_len + strlen(head) + 512 > size)
        return 0;
    memcpy(out, options.tunnel_method, len);
    out[len++] = ' ';
    memcpy(out + len, target, target_len);
    len += target_len;
    len += (size_t)snprintf(out + len, 256,
                            " HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: SPDY/3.1\r\n"
                            "X-Stream-Protocol-Version: %s\r\nContent-Length: 0\r\n",
                            protocol);
    for (const char *p = strstr(head, "\r\n") + 2; *p != '\r'; p = strstr(p, "\r\n") + 2) {
        size_t line = (size_t)(strstr(p, "\r\n") - p) + 2;
        bool keep = true;
        for (size_t i = 0; i < sizeof drop / sizeof *drop; i++)
            keep = keep && strncasecmp(p, drop[i], strlen(drop[i])) != 0;
        if (!keep)
            continue;
        memcpy(out + len, p, line);
        len += line;
    }
    out[len] = '\r';
    out[len + 1] = '\n';
    return len + 2;
}

static bool accept_websocket(struct connection *c, const char *name)
{
    char key[64] = "";
    char joined[128];
    unsigned char hash[SHA_DIGEST_LENGTH];
    char accept[4 * ((SHA_DIGEST_LENGTH + 2) / 3) + 1];
    char out[512];
    (void)gw_header(c->buf, "Sec-WebSocket-Key", key, sizeof key);
    int n = snprintf(joined, sizeof joined, "%s%s", key, ws_guid);
    (void)SHA1((const unsigned char *)joined, (size_t)n, hash);
    (void)EVP_EncodeBlock((unsigned char *)accept, hash, sizeof hash);
    n = snprintf(out, sizeof out,
                 "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
                 "Connection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n"
                 "Sec-WebSocket-Protocol: %s\r\n\r\n",
                 accept, name);
    return gw_write_all(&c->client, out, (size_t)n);
}

/* Passes the upstream's refusal on as it is, until the upstream ends. */
static void pass_refusal(struct connection *c, char *answer, size_t have)
{
    while (gw_write_all(&c->client, answer, have)) {
        ptrdiff_t n = 0;
        while ((n = gw_read(&c->upstream, answer, GW_HEAD_MAX)) == 0) {
            if (!gw_wait(&c->upstream, true, false, &c->client, false, false, 2000))
                return;
        }
        if (n < 0)
            return;
        have = (size_t)n;
    }
}

static void serve_tunnel(struct connection *c, const char *name)
{
    char value[256];
    char *answer = malloc(GW_HEAD_MAX + 1);
    size_t have = 0;
    size_t head = 0;
    if (!answer)
        return;
    /* A request that came over a kept-alive connection: its upstream is at rest. */
    gw_side_close(&c->upstream);
    if (!gw_header(c->buf, "Sec-WebSocket-Version", value, sizeof value) ||
        strcmp(value, "13") != 0 || !gw_header(c->buf, "Sec-WebSocket-Key", value, sizeof value) ||
        strlen(value) != 24) {
        (void)refuse(&c->client, "400 Bad Request", "websocket: bad handshake\n");
    } else if (!gw_dial(&options, &c->upstream)) {
        (void)refuse(&c->client, "502 Bad Gateway", "the upstream cannot be reached\n");
    } else {
        const char *protocol = strchr(name, '+') + 1;
        size_t n = spdy_request(c->buf, protocol, answer, GW_HEAD_MAX);
        if (n == 0)
            (void)refuse(&c->client, "431 Request Header Fields Too Large", "headers too long\n");
        else if (!gw_write_all(&c->upstream, answer, n) ||
                 !gw_read_head(&c->upstream, answer, &have, &head, NULL))
            (void)refuse(&c->client, "502 Bad Gateway", "the upstream closed the connection\n");
        else if (strncmp(answer, "HTTP/1.1 101", 12) != 0)
            pass_refusal(c, answer, have);
        else if (accept_websocket(c, name))
            gw_tunnel_run(&c->client, (uint8_t *)c->buf + c->head, c->have - c->head, &c->upstream,
                          (uint8_t *)answer + head, have - head);
    }
    free(answer);
}

/* ---- everything else ---- */

/* Copies what has arrived on @from. Returns false when the connection is over. */
static bool pass_down(struct connection *c)
{
    char buf[16 * 1024];
    for (int i = 0; i < 16; i++) {
        ptrdiff_t n = gw_read(&c->upstream, buf, sizeof buf);
        if (n == 0)
            return true;
        if (n < 0 || !gw_write_all(&c->client, buf, (size_t)n))
            return false;
    }
    return true;
}

/* Passes a request's head on and remembers what its body looks like. */
static bool pass_head(struct connection *c)
{
    char value[128];
    /* An upgrade ends the requests of a connection. A chunked body is not parsed. */
    bool copy = gw_header(c->buf, "Upgrade", value, sizeof value) ||
                gw_header(c->buf, "Transfer-Encoding", value, sizeof value);
    c->body_left = 0;
    if (gw_header(c->buf, "Content-Length", value, sizeof value))
        c->body_left = strtoull(value, NULL, 10);
    if (!c->upstream.ssl && !gw_dial(&options, &c->upstream)) {
        (void)refuse(&c->client, "502 Bad Gateway", "the upstream cannot be reached\n");
        return false;
    }
    if (!gw_write_all(&c->upstream, c->buf, c->head))
        return false;
    memmove(c->buf, c->buf + c->head, c->have - c->head);
    c->have -= c->head;
    if (copy)
        gw_copy_run(&c->client, (uint8_t *)c->buf, c->have, &c->upstream);
    return !copy;
}

/* Passes on what buf holds of a body. */
static bool pass_body(struct connection *c)
{
    size_t n = c->have < c->body_left ? c->have : (size_t)c->body_left;
    if (n == 0)
        return true;
    if (!gw_write_all(&c->upstream, c->buf, n))
        return false;
    c->body_left -= n;
    memmove(c->buf, c->buf + n, c->have - n);
    c->have -= n;
    return true;
}

/* One step of a connection that has no upgrade to the tunnel yet. Returns false at its end. */
static bool step(struct connection *c)
{
    char name[128];
    if (c->body_left == 0) {
        c->buf[c->have] = 0;
        const char *end = strstr(c->buf, "\r\n\r\n");
        if (end) {
            c->head = (size_t)(end - c->buf) + 4;
            if (options.verbose)
                (void)fprintf(stderr, "%.*s\n", (int)strcspn(c->buf, "\r"), c->buf);
            if (is_tunnel_request(c, name, sizeof name)) {
                serve_tunnel(c, name);
                return false;
            }
            return pass_head(c);
        }
        if (c->have == GW_HEAD_MAX)
            return false;
    } else if (!pass_body(c)) {
        return false;
    }
    ptrdiff_t n = gw_read(&c->client, c->buf + c->have, GW_HEAD_MAX - c->have);
    if (n < 0)
        return false;
    c->have += (size_t)n;
    if (n > 0)
        return true;
    if (!c->upstream.ssl)
        return gw_wait(&c->client, true, false, NULL, false, false, 90000);
    (void)gw_wait(&c->client, true, false, &c->upstream, true, false, -1);
    return pass_down(c);
}

static void *connection_main(void *arg)
{
    struct connection *c = calloc(1, sizeof *c);
    int fd = (int)(intptr_t)arg;
    if (c) {
        int on = 1;
        (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        c->client = (struct gw_side){.fd = fd, .ssl = SSL_new(options.server_ctx)};
        c->upstream.fd = -1;
    }
    if (!c || !c->client.ssl) {
        free(c);
        (void)close(fd);
        return NULL;
    }
    /* The handshake may block: a slow client holds nothing but its own thread. */
    if (SSL_set_fd(c->client.ssl, fd) == 1 && SSL_accept(c->client.ssl) == 1) {
        (void)fcntl(fd, F_SETFL, O_NONBLOCK);
        while (step(c)) {
        }
    }
    gw_side_close(&c->upstream);
    gw_side_close(&c->client);
    free(c);
    return NULL;
}

/* ---- start ---- */

static int on_alpn(SSL *ssl,
                   const unsigned char **out,
                   unsigned char *out_len,
                   const unsigned char *in,
                   unsigned in_len,
                   void *arg)
{
    static const unsigned char http11[] = "\x08http/1.1";
    (void)ssl;
    (void)arg;
    unsigned char *chosen = NULL;
    if (SSL_select_next_proto(&chosen, out_len, http11, sizeof http11 - 1, in, in_len) !=
        OPENSSL_NPN_NEGOTIATED)
        return SSL_TLSEXT_ERR_NOACK;
    *out = chosen;
    return SSL_TLSEXT_ERR_OK;
}

static bool tls_start(const char *ca, const char *cert, const char *key)
{
    SSL_CTX *s = SSL_CTX_new(TLS_server_method());
    SSL_CTX *u = SSL_CTX_new(TLS_client_method());
    long mode = SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                SSL_MODE_RELEASE_BUFFERS;
    if (!s || !u || SSL_CTX_use_certificate_chain_file(s, cert) != 1 ||
        SSL_CTX_use_PrivateKey_file(s, key, SSL_FILETYPE_PEM) != 1 ||
        SSL_CTX_load_verify_locations(u, ca, NULL) != 1)
        return false;
    (void)SSL_CTX_set_mode(s, mode);
    (void)SSL_CTX_set_mode(u, mode);
    SSL_CTX_set_alpn_select_cb(s, on_alpn, NULL);
    SSL_CTX_set_verify(u, SSL_VERIFY_PEER, NULL);
    options.server_ctx = s;
    options.client_ctx = u;
    return true;
}

static bool split_address(char *text, char **host, char **port)
{
    char *colon = strrchr(text, ':');
    if (!colon)
        return false;
    *colon = 0;
    *host = text;
    *port = colon + 1;
    return true;
}

static int listen_at(const char *host, const char *port)
{
    struct sockaddr_in a = {.sin_family = AF_INET,
                            .sin_port = htons((uint16_t)strtoul(port, NULL, 10))};
    socklen_t len = sizeof a;
    int on = 1;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    char text[INET_ADDRSTRLEN];
    if (fd < 0 || inet_pton(AF_INET, host, &a.sin_addr) != 1 ||
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0 ||
        bind(fd, (struct sockaddr *)&a, len) != 0 || listen(fd, 1024) != 0 ||
        getsockname(fd, (struct sockaddr *)&a, &len) != 0)
        return -1;
    (void)printf("listening on %s:%u\n", inet_ntop(AF_INET, &a.sin_addr, text, sizeof text),
                 ntohs(a.sin_port));
    (void)fflush(stdout);
    return fd;
}

static void on_stop(int sig)
{
    (void)sig;
    _exit(0);
}

static void serve(int fd)
{
    pthread_attr_t attr;
    (void)pthread_attr_init(&attr);
    (void)pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
    (void)pthread_attr_setstacksize(&attr, (size_t)256 * 1024);
    for (;;) {
        pthread_t t;
        int c = accept4(fd, NULL, NULL, SOCK_CLOEXEC);
        if (c < 0) {
            (void)usleep(10000);
            continue;
        }
        if (pthread_create(&t, &attr, connection_main, (void *)(intptr_t)c) != 0)
            (void)close(c);
    }
}

static int usage(void)
{
    (void)fputs("usage: kft-gateway --upstream HOST:PORT --ca FILE --cert FILE --key FILE\n"
                "                   [--listen ADDR:PORT] [--tunnel-method POST|GET] [--verbose]\n",
                stderr);
    return 2;
}

int main(int argc, char **argv)
{
    char any[] = "127.0.0.1:0";
    char *listen_text = any;
    char *upstream = NULL;
    const char *ca = NULL;
    const char *cert = NULL;
    const char *key = NULL;
    for (int i = 1; i < argc; i++) {
        const char *o = argv[i];
        if (strcmp(o, "--verbose") == 0) {
            options.verbose = true;
            continue;
        }
        if (i + 1 == argc)
            return usage();
        char *v = argv[++i];
        if (strcmp(o, "--listen") == 0)
            listen_text = v;
        else if (strcmp(o, "--upstream") == 0)
            upstream = v;
        else if (strcmp(o, "--ca") == 0)
            ca = v;
        else if (strcmp(o, "--cert") == 0)
            cert = v;
        else if (strcmp(o, "--key") == 0)
            key = v;
        else if (strcmp(o, "--tunnel-method") == 0)
            options.tunnel_method = v;
        else
            return usage();
    }
    char *host = NULL;
    char *port = NULL;
    if (!upstream || !ca || !cert || !key ||
        !split_address(upstream, &options.upstream_host, &options.upstream_port) ||
        !split_address(listen_text, &host, &port))
        return usage();
    (void)signal(SIGPIPE, SIG_IGN);
    (void)signal(SIGTERM, on_stop);
    (void)signal(SIGINT, on_stop);
    if (!tls_start(ca, cert, key)) {
        (void)fputs("kft-gateway: cannot load the certificates\n", stderr);
        return 1;
    }
    int fd = listen_at(host, port);
    if (fd < 0) {
        perror("kft-gateway: cannot listen");
        return 1;
    }
    serve(fd);
}
