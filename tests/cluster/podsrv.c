/* The server that runs in the test cluster's pods: one thread per connection, no library but
 * libc, linked statically. Each port shows one behaviour of an application behind a forward.
 *
 *   80, 8081  HTTP/1.1: GET / names the pod; /zero?n=BYTES; /random?n=BYTES&seed=N;
 *             /drip?n=BYTES&bps=RATE; /sleep?ms=N; /short?n=BYTES announces n and sends half;
 *             /stats counts connections; POST /sink counts the body; POST /sum gives its SHA-256
 *   7         echo
 *   9         discard
 *   19        endless bytes
 *   21        says a banner and closes first
 *   22        reads the line "MS", answers "late MS" that many milliseconds later, closes
 *   23        reads until the end of input, then answers "COUNT SHA256"
 *   24        resets the connection after the first byte
 *   25        accepts and never reads nor writes
 *   7/udp     echo
 *   19/udp    "COUNT MS" begins COUNT datagrams "0", "1" … that nobody asked for, MS apart
 *
 * Nothing listens on port 81, for tests of a refused connection.
 *
 *   podsrv                          serve
 *   podsrv --exit STATUS [--after-ms MS]   serve for a while, then leave
 *   podsrv --random BYTES SEED      write to stdout what /random sends
 *   podsrv --sum                    SHA-256 of stdin, as /sum
 *
 * /random is SplitMix64: state = SEED; each 8 bytes are the next output, little endian. */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
    BLOCK = 256 * 1024,   /* one read or write of bulk data */
    HEAD_MAX = 16 * 1024, /* a request head longer than this is refused */
    STACK = 512 * 1024,   /* per connection; the largest frame holds one BLOCK */
};

static const uint8_t zeros[BLOCK];
static atomic_ulong accepted;
static atomic_ulong open_now;

/* ---- SHA-256 (FIPS 180-4) ---- */

struct sha256 {
    uint32_t h[8];
    uint64_t len;
    uint8_t buf[64];
};

static const uint32_t sha_k[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
};

static inline uint32_t ror(uint32_t x, unsigned n)
{
    return x >> n | x << (32 - n);
}

static void sha_block(struct sha256 *s, const uint8_t *p)
{
    uint32_t w[64];
    for (size_t i = 0; i < 16; i++)
        w[i] = (uint32_t)p[4 * i] << 24 | (uint32_t)p[4 * i + 1] << 16 |
               (uint32_t)p[4 * i + 2] << 8 | p[4 * i + 3];
    for (int i = 16; i < 64; i++) {
        uint32_t a = ror(w[i - 15], 7) ^ ror(w[i - 15], 18) ^ w[i - 15] >> 3;
        uint32_t b = ror(w[i - 2], 17) ^ ror(w[i - 2], 19) ^ w[i - 2] >> 10;
        w[i] = w[i - 16] + a + w[i - 7] + b;
    }
    uint32_t v[8];
    memcpy(v, s->h, sizeof v);
    for (int i = 0; i < 64; i++) {
        uint32_t e = ror(v[4], 6) ^ ror(v[4], 11) ^ ror(v[4], 25);
        uint32_t a = ror(v[0], 2) ^ ror(v[0], 13) ^ ror(v[0], 22);
        uint32_t t1 = v[7] + e + ((v[4] & v[5]) ^ (~v[4] & v[6])) + sha_k[i] + w[i];
        uint32_t t2 = a + ((v[0] & v[1]) ^ (v[0] & v[2]) ^ (v[1] & v[2]));
        memmove(v + 1, v, 7 * sizeof *v);
        v[4] += t1;
        v[0] = t1 + t2;
    }
    for (int i = 0; i < 8; i++)
        s->h[i] += v[i];
}

static void sha_init(struct sha256 *s)
{
    static const uint32_t start[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                      0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
    memcpy(s->h, start, sizeof start);
    s->len = 0;
}

static void sha_add(struct sha256 *s, const uint8_t *p, size_t n)
{
    size_t have = s->len % 64;
    s->len += n;
    if (have) {
        size_t take = n < 64 - have ? n : 64 - have;
        memcpy(s->buf + have, p, take);
        if (have + take < 64)
            return;
        sha_block(s, s->buf);
        p += take;
        n -= take;
    }
    for (; n >= 64; p += 64, n -= 64)
        sha_block(s, p);
    memcpy(s->buf, p, n);
}

static void sha_hex(struct sha256 *s, char out[65])
{
    uint64_t bits = s->len * 8;
    uint8_t pad[72] = {0x80};
    size_t n = (s->len % 64 < 56 ? 56 : 120) - s->len % 64;
    for (unsigned i = 0; i < 8; i++)
        pad[n + i] = (uint8_t)(bits >> (56 - 8 * i));
    sha_add(s, pad, n + 8);
    for (size_t i = 0; i < 8; i++)
        (void)snprintf(out + 8 * i, 9, "%08x", s->h[i]);
}

/* ---- bytes ---- */

static uint64_t splitmix64(uint64_t *state)
{
    uint64_t z = *state += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

static void fill_random(uint8_t *p, size_t n, uint64_t *state)
{
    for (size_t i = 0; i < n; i += 8) {
        uint64_t v = splitmix64(state);
        for (unsigned b = 0; b < 8 && i + b < n; b++)
            p[i + b] = (uint8_t)(v >> 8 * b);
    }
}

static bool write_all(int fd, const void *data, size_t n)
{
    const char *p = data;
    while (n > 0) {
        ssize_t w = write(fd, p, n);
        if (w < 0 && errno == EINTR)
            continue;
        if (w <= 0)
            return false;
        p += w;
        n -= (size_t)w;
    }
    return true;
}

static ssize_t read_some(int fd, void *p, size_t n)
{
    ssize_t r;
    do {
        r = read(fd, p, n);
    } while (r < 0 && errno == EINTR);
    return r;
}

static void sleep_ms(uint64_t ms)
{
    struct timespec t = {(time_t)(ms / 1000), (long)(ms % 1000) * 1000000};
    while (nanosleep(&t, &t) < 0 && errno == EINTR) {
    }
}

static bool send_random(int fd, uint64_t n, uint64_t seed)
{
    uint8_t buf[64 * 1024];
    while (n > 0) {
        size_t k = n < sizeof buf ? (size_t)n : sizeof buf;
        fill_random(buf, k, &seed);
        if (!write_all(fd, buf, k))
            return false;
        n -= k;
    }
    return true;
}

static bool send_zeros(int fd, uint64_t n)
{
    while (n > 0) {
        size_t k = n < BLOCK ? (size_t)n : BLOCK;
        if (!write_all(fd, zeros, k))
            return false;
        n -= k;
    }
    return true;
}

/* Sends in slices of 10 ms, so that a transfer of known length takes a known time. */
static bool send_slowly(int fd, uint64_t n, uint64_t bytes_per_s)
{
    uint64_t slice = bytes_per_s / 100 ? bytes_per_s / 100 : 1;
    while (n > 0) {
        uint64_t k = n < slice ? n : slice;
        if (!send_zeros(fd, k))
            return false;
        n -= k;
        sleep_ms(10);
    }
    return true;
}

/* ---- HTTP ---- */

struct request {
    int fd;
    char buf[HEAD_MAX + 1];
    size_t have; /* bytes in buf */
    size_t head; /* length of the head with its empty line */
    char method[8];
    char path[1024];
    uint64_t length; /* of the body */
    bool close;
};

/* Reads until buf holds a whole head. The body's first bytes may follow it. */
static bool read_head(struct request *r)
{
    for (;;) {
        r->buf[r->have] = 0;
        char *end = strstr(r->buf, "\r\n\r\n");
        if (end) {
            r->head = (size_t)(end - r->buf) + 4;
            return true;
        }
        if (r->have == HEAD_MAX)
            return false;
        ssize_t n = read_some(r->fd, r->buf + r->have, HEAD_MAX - r->have);
        if (n <= 0)
            return false;
        r->have += (size_t)n;
    }
}

static const char *header(const struct request *r, const char *name)
{
    size_t n = strlen(name);
    for (const char *p = strstr(r->buf, "\r\n"); p && p + 2 < r->buf + r->head - 2;
         p = strstr(p + 2, "\r\n")) {
        if (strncasecmp(p + 2, name, n) == 0 && p[2 + n] == ':')
            return p + 3 + n + strspn(p + 3 + n, " \t");
    }
    return NULL;
}

static bool parse_head(struct request *r)
{
    char minor;
    if (sscanf(r->buf, "%7s %1023s HTTP/1.%c", r->method, r->path, &minor) != 3)
        return false;
    const char *v = header(r, "Content-Length");
    r->length = v ? strtoull(v, NULL, 10) : 0;
    v = header(r, "Connection");
    r->close = minor == '0' || (v && strncasecmp(v, "close", 5) == 0);
    v = header(r, "Expect");
    if (v && strncasecmp(v, "100-continue", 12) == 0)
        return write_all(r->fd, "HTTP/1.1 100 Continue\r\n\r\n", 25);
    return header(r, "Transfer-Encoding") == NULL;
}

static uint64_t param(const struct request *r, const char *name, uint64_t otherwise)
{
    size_t n = strlen(name);
    for (const char *p = strpbrk(r->path, "?&"); p; p = strpbrk(p + 1, "?&")) {
        if (strncmp(p + 1, name, n) == 0 && p[1 + n] == '=')
            return strtoull(p + 2 + n, NULL, 10);
    }
    return otherwise;
}

static bool answer_head(const struct request *r, const char *status, uint64_t length)
{
    char head[256];
    int n = snprintf(head, sizeof head,
                     "HTTP/1.1 %s\r\nContent-Type: %s\r\nContent-Length: %llu\r\n%s\r\n", status,
                     length > 4096 ? "application/octet-stream" : "text/plain",
                     (unsigned long long)length, r->close ? "Connection: close\r\n" : "");
    return write_all(r->fd, head, (size_t)n);
}

/* Head and text leave in one write: a request costs the client one packet. */
static bool answer_text(const struct request *r, const char *status, const char *text)
{
    char out[1024];
    int n = snprintf(out, sizeof out,
                     "HTTP/1.1 %s\r\nContent-Type: text/plain\r\nContent-Length: %zu\r\n%s\r\n%s",
                     status, strlen(text), r->close ? "Connection: close\r\n" : "", text);
    return write_all(r->fd, out, (size_t)n);
}

/* Takes the request and its body out of the buffer; @sum may be NULL. */
static bool read_body(struct request *r, struct sha256 *sum)
{
    size_t extra = r->have - r->head;
    size_t first = extra < r->length ? extra : (size_t)r->length;
    if (sum)
        sha_add(sum, (const uint8_t *)r->buf + r->head, first);
    memmove(r->buf, r->buf + r->head + first, extra - first);
    r->have = extra - first;
    uint64_t left = r->length - first;
    uint8_t buf[BLOCK];
    while (left > 0) {
        ssize_t n = read_some(r->fd, buf, left < BLOCK ? (size_t)left : BLOCK);
        if (n <= 0)
            return false;
        if (sum)
            sha_add(sum, buf, (size_t)n);
        left -= (uint64_t)n;
    }
    return true;
}

static bool is_path(const struct request *r, const char *path)
{
    size_t n = strlen(path);
    return strncmp(r->path, path, n) == 0 && (r->path[n] == 0 || r->path[n] == '?');
}

static bool answer_get(struct request *r)
{
    char text[256];
    uint64_t n = param(r, "n", 0);
    if (is_path(r, "/")) {
        char host[128] = "";
        (void)gethostname(host, sizeof host - 1);
        (void)snprintf(text, sizeof text, "%s\n", host);
        return answer_text(r, "200 OK", text);
    }
    if (is_path(r, "/zero"))
        return answer_head(r, "200 OK", n) && send_zeros(r->fd, n);
    if (is_path(r, "/random"))
        return answer_head(r, "200 OK", n) && send_random(r->fd, n, param(r, "seed", 1));
    if (is_path(r, "/drip"))
        return answer_head(r, "200 OK", n) && send_slowly(r->fd, n, param(r, "bps", 1000000));
    if (is_path(r, "/short")) {
        (void)(answer_head(r, "200 OK", n) && send_zeros(r->fd, n / 2));
        return false;
    }
    if (is_path(r, "/sleep")) {
        sleep_ms(param(r, "ms", 0));
        (void)snprintf(text, sizeof text, "%llu\n", (unsigned long long)param(r, "ms", 0));
        return answer_text(r, "200 OK", text);
    }
    if (is_path(r, "/stats")) {
        (void)snprintf(text, sizeof text, "accepted %lu\nopen %lu\n", atomic_load(&accepted),
                       atomic_load(&open_now));
        return answer_text(r, "200 OK", text);
    }
    return answer_text(r, "404 Not Found", "no such path\n");
}

static bool answer_post(struct request *r)
{
    char text[128];
    struct sha256 sum;
    sha_init(&sum);
    bool want_sum = is_path(r, "/sum");
    if (!read_body(r, want_sum ? &sum : NULL))
        return false;
    if (!want_sum && !is_path(r, "/sink"))
        return answer_text(r, "404 Not Found", "no such path\n");
    int n = snprintf(text, sizeof text, "%llu", (unsigned long long)r->length);
    if (want_sum) {
        text[n++] = ' ';
        sha_hex(&sum, text + n);
        n += 64;
    }
    text[n] = '\n';
    text[n + 1] = 0;
    return answer_text(r, "200 OK", text);
}

static void serve_http(int fd)
{
    struct request *r = calloc(1, sizeof *r);
    if (!r)
        return;
    r->fd = fd;
    while (read_head(r)) {
        if (!parse_head(r)) {
            r->close = true;
            (void)answer_text(r, "400 Bad Request", "bad request\n");
            break;
        }
        bool ok =
            strcmp(r->method, "GET") == 0 ? read_body(r, NULL) && answer_get(r) : answer_post(r);
        if (!ok || r->close)
            break;
    }
    free(r);
}

/* ---- the other ports ---- */

static void serve_echo(int fd)
{
    uint8_t buf[BLOCK];
    ssize_t n;
    while ((n = read_some(fd, buf, sizeof buf)) > 0 && write_all(fd, buf, (size_t)n)) {
    }
}

static void serve_discard(int fd)
{
    uint8_t buf[BLOCK];
    while (read_some(fd, buf, sizeof buf) > 0) {
    }
}

static void serve_endless(int fd)
{
    while (write_all(fd, zeros, BLOCK)) {
    }
}

static void serve_banner(int fd)
{
    (void)write_all(fd, "220 the server closes first\r\n", 29);
}

static void serve_late(int fd)
{
    char line[64];
    size_t n = 0;
    while (n < sizeof line - 1 && read_some(fd, line + n, 1) == 1 && line[n] != '\n')
        n++;
    line[n] = 0;
    uint64_t ms = strtoull(line, NULL, 10);
    sleep_ms(ms);
    char text[64];
    int len = snprintf(text, sizeof text, "late %llu\n", (unsigned long long)ms);
    (void)write_all(fd, text, (size_t)len);
}

static void serve_sum(int fd)
{
    uint8_t buf[BLOCK];
    struct sha256 sum;
    sha_init(&sum);
    ssize_t n;
    while ((n = read_some(fd, buf, sizeof buf)) > 0)
        sha_add(&sum, buf, (size_t)n);
    if (n < 0)
        return;
    char hex[65];
    char text[96];
    uint64_t count = sum.len;
    sha_hex(&sum, hex);
    int len = snprintf(text, sizeof text, "%llu %s\n", (unsigned long long)count, hex);
    (void)write_all(fd, text, (size_t)len);
}

static void serve_reset(int fd)
{
    char c;
    (void)read_some(fd, &c, 1);
    struct linger off = {.l_onoff = 1, .l_linger = 0};
    (void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &off, sizeof off);
}

static void serve_stalled(int fd)
{
    (void)fd;
    for (;;)
        pause();
}

static const struct port {
    uint16_t number;
    void (*serve)(int fd);
} ports[] = {
    {80, serve_http},    {8081, serve_http},  {7, serve_echo},  {9, serve_discard},
    {19, serve_endless}, {21, serve_banner},  {22, serve_late}, {23, serve_sum},
    {24, serve_reset},   {25, serve_stalled},
};
enum {
    N_PORTS = sizeof ports / sizeof *ports
};

/* ---- threads ---- */

struct job {
    int fd;
    const struct port *port;
};

static void *connection_main(void *arg)
{
    struct job j = *(struct job *)arg;
    free(arg);
    j.port->serve(j.fd);
    (void)close(j.fd);
    (void)atomic_fetch_sub(&open_now, 1);
    return NULL;
}

static void connection_start(int fd, const struct port *port, const pthread_attr_t *attr)
{
    int on = 1;
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    struct job *j = malloc(sizeof *j);
    pthread_t t;
    if (!j) {
        (void)close(fd);
        return;
    }
    *j = (struct job){fd, port};
    (void)atomic_fetch_add(&accepted, 1);
    (void)atomic_fetch_add(&open_now, 1);
    if (pthread_create(&t, attr, connection_main, j) != 0) {
        (void)atomic_fetch_sub(&open_now, 1);
        free(j);
        (void)close(fd);
    }
}

/* Listens on IPv6 with IPv4 mapped in, or on IPv4 where there is no IPv6. */
static int listen_on(uint16_t number)
{
    int on = 1;
    int off = 0;
    struct sockaddr_in6 a6 = {.sin6_family = AF_INET6, .sin6_port = htons(number)};
    struct sockaddr_in a4 = {.sin_family = AF_INET, .sin_port = htons(number)};
    for (int v6 = 1; v6 >= 0; v6--) {
        int fd = socket(v6 ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (fd < 0)
            continue;
        (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
        if (v6)
            (void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
        int e = v6 ? bind(fd, (struct sockaddr *)&a6, sizeof a6)
                   : bind(fd, (struct sockaddr *)&a4, sizeof a4);
        if (e == 0 && listen(fd, 1024) == 0)
            return fd;
        (void)close(fd);
    }
    perror("podsrv: cannot listen");
    _exit(1);
}

static void *port_main(void *arg)
{
    const struct port *port = *(const struct port **)arg;
    pthread_attr_t attr;
    (void)pthread_attr_init(&attr);
    (void)pthread_attr_setstacksize(&attr, STACK);
    (void)pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
    int fd = listen_on(port->number);
    for (;;) {
        int c = accept4(fd, NULL, NULL, SOCK_CLOEXEC);
        if (c >= 0)
            connection_start(c, port, &attr);
        else if (errno == EMFILE || errno == ENOMEM)
            sleep_ms(10);
    }
    return NULL;
}

/* ---- UDP ---- */

static int udp_listen_on(uint16_t number)
{
    struct sockaddr_in6 addr = {.sin6_family = AF_INET6, .sin6_port = htons(number)};
    int off = 0;
    int buffer = 4 * 1024 * 1024;
    int fd = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off) != 0 ||
        bind(fd, (struct sockaddr *)&addr, sizeof addr) != 0) {
        (void)fprintf(stderr, "cannot listen on port %u/udp: %s\n", number, strerror(errno));
        _exit(1);
    }
    /* Where the machine allows it: a burst waits here and is not lost. */
    (void)setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &buffer, sizeof buffer);
    (void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &buffer, sizeof buffer);
    return fd;
}

static void *udp_echo_main(void *arg)
{
    static uint8_t data[65536];
    int fd = udp_listen_on(7);
    (void)arg;
    for (;;) {
        struct sockaddr_in6 peer;
        socklen_t len = sizeof peer;
        ssize_t n = recvfrom(fd, data, sizeof data, 0, (struct sockaddr *)&peer, &len);
        if (n >= 0)
            (void)sendto(fd, data, (size_t)n, 0, (struct sockaddr *)&peer, len);
    }
    return NULL;
}

static void *udp_push_main(void *arg)
{
    int fd = udp_listen_on(19);
    (void)arg;
    for (;;) {
        char text[64];
        unsigned count = 0, ms = 0;
        struct sockaddr_in6 peer;
        socklen_t len = sizeof peer;
        ssize_t n = recvfrom(fd, text, sizeof text - 1, 0, (struct sockaddr *)&peer, &len);
        if (n < 0)
            continue;
        text[n] = '\0';
        if (sscanf(text, "%u %u", &count, &ms) != 2)
            continue;
        for (unsigned i = 0; i < count; i++) {
            sleep_ms(ms);
            n = snprintf(text, sizeof text, "%u", i);
            (void)sendto(fd, text, (size_t)n, 0, (struct sockaddr *)&peer, len);
        }
    }
    return NULL;
}

static void on_stop(int sig)
{
    (void)sig;
    _exit(0);
}

static void serve_all(void)
{
    static const struct port *args[N_PORTS];
    for (size_t i = 0; i < N_PORTS; i++) {
        pthread_t t;
        args[i] = &ports[i];
        if (pthread_create(&t, NULL, port_main, &args[i]) != 0)
            _exit(1);
    }
    pthread_t echo, push;
    if (pthread_create(&echo, NULL, udp_echo_main, NULL) != 0 ||
        pthread_create(&push, NULL, udp_push_main, NULL) != 0)
        _exit(1);
}

int main(int argc, char **argv)
{
    int status = -1;
    uint64_t after_ms = 0;
    (void)signal(SIGPIPE, SIG_IGN);
    (void)signal(SIGTERM, on_stop);
    (void)signal(SIGINT, on_stop);
    if (argc == 4 && strcmp(argv[1], "--random") == 0)
        return !send_random(1, strtoull(argv[2], NULL, 10), strtoull(argv[3], NULL, 10));
    if (argc == 2 && strcmp(argv[1], "--sum") == 0) {
        struct sha256 sum;
        uint8_t buf[BLOCK];
        char hex[65];
        ssize_t n;
        sha_init(&sum);
        while ((n = read_some(0, buf, sizeof buf)) > 0)
            sha_add(&sum, buf, (size_t)n);
        sha_hex(&sum, hex);
        return puts(hex) < 0;
    }
    for (int i = 1; i + 1 < argc; i += 2) {
        if (strcmp(argv[i], "--exit") == 0)
            status = (int)strtol(argv[i + 1], NULL, 10);
        else if (strcmp(argv[i], "--after-ms") == 0)
            after_ms = strtoull(argv[i + 1], NULL, 10);
    }
    if (status < 0 || after_ms > 0)
        serve_all();
    if (status >= 0) {
        sleep_ms(after_ms);
        return status;
    }
    for (;;)
        pause();
}
