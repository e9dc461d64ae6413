/* A UDP socket under a uv_poll. libuv's own uv_udp_t neither tells at which address a datagram
 * arrived nor sends from a chosen one, so recvmmsg() and sendmmsg() are called here. */
#include "net/udp-listener.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/fault.h"
#include "base/log.h"
#include "net/bind-error.h"
#include "net/loop-priv.h"
#include "net/socket-priv.h"

/* Datagrams per system call, and such calls in one turn: others of the loop have their turn, too.
 */
#define BATCH 16
#define MAX_BATCHES 8
/* Each as large as a datagram can be; only pages that something was written to take memory. */
#define SLOT_BYTES 65536
/* What the kernel shall keep while the loop is busy; it gives as much as it allows. */
#define SOCKET_BUFFER_BYTES (4 * 1024 * 1024)
#define CONTROL_BYTES 128

typedef union {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
} Name;

typedef struct {
    _Alignas(struct cmsghdr) uint8_t bytes[CONTROL_BYTES];
} Control;

struct KftUdpListener {
    KftLoop *loop;
    uv_poll_t poll;
    KftUdpListenerFuncs funcs;
    void *user_data;
    int fd;
    char *name;
    uint16_t port;
    uint32_t n_overflows; /* of the kernel's queue, as it counts them */
    uint8_t *slots;
    bool is_closed;
};

char *kft_udp_address_format(const KftUdpAddress *self)
{
    struct sockaddr_storage storage = {.ss_family = self->family};
    struct sockaddr_in *v4 = (struct sockaddr_in *)(void *)&storage;
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)(void *)&storage;
    v4->sin_port = self->port;
    if (self->family == AF_INET)
        memcpy(&v4->sin_addr, self->from, sizeof v4->sin_addr);
    else
        memcpy(&v6->sin6_addr, self->from, sizeof v6->sin6_addr);
    return kft_socket_format_address(&storage);
}

/* --- receiving --- */

static void read_name(const Name *name, KftUdpAddress *peer)
{
    peer->family = name->any.sa_family;
    if (name->any.sa_family == AF_INET) {
        peer->port = name->v4.sin_port;
        memcpy(peer->from, &name->v4.sin_addr, sizeof name->v4.sin_addr);
    } else {
        peer->port = name->v6.sin6_port;
        peer->scope = name->v6.sin6_scope_id;
        memcpy(peer->from, &name->v6.sin6_addr, sizeof name->v6.sin6_addr);
    }
}

/* Where it arrived, and how many the kernel has dropped so far. */
static void read_control(struct msghdr *head, KftUdpAddress *peer, uint32_t *n_overflows)
{
    for (struct cmsghdr *item = CMSG_FIRSTHDR(head); item != NULL; item = CMSG_NXTHDR(head, item)) {
        if (item->cmsg_level == IPPROTO_IP && item->cmsg_type == IP_PKTINFO) {
            struct in_pktinfo info;
            memcpy(&info, CMSG_DATA(item), sizeof info);
            memcpy(peer->to, &info.ipi_spec_dst, sizeof info.ipi_spec_dst);
        } else if (item->cmsg_level == IPPROTO_IPV6 && item->cmsg_type == IPV6_PKTINFO) {
            struct in6_pktinfo info;
            memcpy(&info, CMSG_DATA(item), sizeof info);
            memcpy(peer->to, &info.ipi6_addr, sizeof info.ipi6_addr);
        } else if (item->cmsg_level == SOL_SOCKET && item->cmsg_type == SO_RXQ_OVFL) {
            memcpy(n_overflows, CMSG_DATA(item), sizeof *n_overflows);
        }
    }
}

static void take(KftUdpListener *self, struct mmsghdr *message)
{
    const struct msghdr *head = &message->msg_hdr;
    uint32_t n_overflows = self->n_overflows;
    KftUdpAddress peer = {0};

    read_name(head->msg_name, &peer);
    read_control(&message->msg_hdr, &peer, &n_overflows);
    if (n_overflows != self->n_overflows) {
        uint32_t n_more = n_overflows - self->n_overflows;
        self->n_overflows = n_overflows;
        self->funcs.on_lost(n_more, self->user_data);
    }
    if (self->is_closed)
        return;
    const KftUdpDatagram datagram = {.data = head->msg_iov[0].iov_base, .size = message->msg_len};
    if (datagram.size > KFT_UDP_MAX_BYTES || (head->msg_flags & MSG_TRUNC) != 0)
        self->funcs.on_lost(1, self->user_data);
    else
        self->funcs.on_datagram(&peer, datagram, self->user_data);
}

/* Returns whether more may wait. */
static bool receive_batch(KftUdpListener *self)
{
    struct mmsghdr messages[BATCH] = {0};
    struct iovec pieces[BATCH];
    Control controls[BATCH];
    Name names[BATCH];

    for (size_t i = 0; i < BATCH; i++) {
        pieces[i] = (struct iovec){.iov_base = self->slots + i * SLOT_BYTES, .iov_len = SLOT_BYTES};
        messages[i].msg_hdr = (struct msghdr){
            .msg_name = &names[i],
            .msg_namelen = sizeof names[i],
            .msg_iov = &pieces[i],
            .msg_iovlen = 1,
            .msg_control = &controls[i],
            .msg_controllen = sizeof controls[i],
        };
    }
    int n = KFT_FAULT("recvmmsg") ? -1 : recvmmsg(self->fd, messages, BATCH, MSG_DONTWAIT, NULL);
    if (n < 0) {
        /* An error that the network reported is read and gone. */
        if (errno != EAGAIN && errno != EINTR)
            kft_log(KFT_LOG_NET, KFT_LEVEL_DEBUG, "%s: %s", self->name, g_strerror(errno));
        return false;
    }
    for (int i = 0; i < n && !self->is_closed; i++)
        take(self, &messages[i]);
    return n == BATCH && !self->is_closed;
}

static void on_poll(uv_poll_t *poll, int status, int events)
{
    KftUdpListener *self = poll->data;
    (void)status;
    (void)events;
    for (unsigned i = 0; i < MAX_BATCHES && !self->is_closed; i++) {
        if (!receive_batch(self))
            return;
    }
}

/* --- sending --- */

static socklen_t write_name(const KftUdpAddress *to, Name *name)
{
    if (to->family == AF_INET) {
        name->v4 = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = to->port};
        memcpy(&name->v4.sin_addr, to->from, sizeof name->v4.sin_addr);
        return sizeof name->v4;
    }
    name->v6 = (struct sockaddr_in6){
        .sin6_family = AF_INET6, .sin6_port = to->port, .sin6_scope_id = to->scope};
    memcpy(&name->v6.sin6_addr, to->from, sizeof name->v6.sin6_addr);
    return sizeof name->v6;
}

/* The address to send from. Returns the length. */
static size_t write_control(const KftUdpAddress *to, Control *control)
{
    struct in_pktinfo v4 = {0};
    struct in6_pktinfo v6 = {.ipi6_ifindex = to->scope};
    bool is_v4 = to->family == AF_INET;
    size_t size = is_v4 ? sizeof v4 : sizeof v6;

    struct cmsghdr *head = (struct cmsghdr *)(void *)control->bytes;
    memset(control, 0, sizeof *control);
    head->cmsg_level = is_v4 ? IPPROTO_IP : IPPROTO_IPV6;
    head->cmsg_type = is_v4 ? IP_PKTINFO : IPV6_PKTINFO;
    head->cmsg_len = CMSG_LEN(size);
    memcpy(&v4.ipi_spec_dst, to->to, sizeof v4.ipi_spec_dst);
    memcpy(&v6.ipi6_addr, to->to, sizeof v6.ipi6_addr);
    memcpy(CMSG_DATA(head), is_v4 ? (const void *)&v4 : &v6, size);
    return CMSG_SPACE(size);
}

/* Returns how many were sent. */
static size_t send_batch(KftUdpListener *self, struct mmsghdr *messages, size_t n)
{
    size_t n_sent = 0;
    size_t at = 0;

    while (at < n) {
        int result = KFT_FAULT("sendmmsg")
                         ? -1
                         : sendmmsg(self->fd, messages + at, (unsigned)(n - at), MSG_DONTWAIT);
        if (result > 0) {
            n_sent += (size_t)result;
            at += (size_t)result;
            continue;
        }
        if (errno == EINTR)
            continue;
        if (errno == EAGAIN || errno == ENOBUFS || errno == ENOMEM)
            return n_sent;
        kft_log(KFT_LOG_NET, KFT_LEVEL_DEBUG, "%s: %s", self->name, g_strerror(errno));
        at++; /* this one cannot be sent */
    }
    return n_sent;
}

size_t kft_udp_listener_send(KftUdpListener *self,
                             const KftUdpAddress *to,
                             const KftUdpDatagram *datagrams,
                             size_t n)
{
    struct mmsghdr messages[BATCH];
    struct iovec pieces[BATCH];
    Name name;
    Control control;
    size_t n_sent = 0;

    KFT_ASSERT_LOOP_THREAD(self->loop);
    const struct msghdr head = {
        .msg_name = &name,
        .msg_namelen = write_name(to, &name),
        .msg_iovlen = 1,
        .msg_control = &control,
        .msg_controllen = write_control(to, &control),
    };
    for (size_t at = 0; at < n; at += BATCH) {
        size_t n_now = MIN(n - at, BATCH);
        for (size_t i = 0; i < n_now; i++) {
            /* sendmmsg() only reads what iov_base points at. */
            pieces[i].iov_len = datagrams[at + i].size;
            memcpy(&pieces[i].iov_base, &datagrams[at + i].data, sizeof pieces[i].iov_base);
            messages[i] = (struct mmsghdr){.msg_hdr = head};
            messages[i].msg_hdr.msg_iov = &pieces[i];
        }
        n_sent += send_batch(self, messages, n_now);
    }
    return n_sent;
}

/* --- life --- */

static void set_option(int fd, int level, int name, int value)
{
    (void)setsockopt(fd, level, name, &value, sizeof value);
}

/* Returns a status of libuv. */
static int open_socket(KftUdpListener *self, const struct sockaddr_storage *address)
{
    bool is_v4 = address->ss_family == AF_INET;

    self->fd = -1;
    if (KFT_FAULT("socket"))
        return UV_EMFILE;
    self->fd = socket(address->ss_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (self->fd < 0)
        return uv_translate_sys_error(errno);
    if (!is_v4)
        set_option(self->fd, IPPROTO_IPV6, IPV6_V6ONLY, 1);
    set_option(self->fd, is_v4 ? IPPROTO_IP : IPPROTO_IPV6, is_v4 ? IP_PKTINFO : IPV6_RECVPKTINFO,
               1);
    set_option(self->fd, SOL_SOCKET, SO_RXQ_OVFL, 1);
    set_option(self->fd, SOL_SOCKET, SO_RCVBUF, SOCKET_BUFFER_BYTES);
    set_option(self->fd, SOL_SOCKET, SO_SNDBUF, SOCKET_BUFFER_BYTES);
    if (KFT_FAULT("bind"))
        return UV_EADDRINUSE;
    socklen_t length = is_v4 ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6);
    return bind(self->fd, (const struct sockaddr *)address, length) == 0
               ? 0
               : uv_translate_sys_error(errno);
}

static void note_address(KftUdpListener *self)
{
    struct sockaddr_storage address = {0};
    socklen_t length = sizeof address;
    (void)getsockname(self->fd, (struct sockaddr *)&address, &length);
    /* The port is at the same place for both families. */
    struct sockaddr_in v4;
    memcpy(&v4, &address, sizeof v4);
    self->port = ntohs(v4.sin_port);
    self->name = kft_socket_format_address(&address);
}

KftUdpListener *kft_udp_listener_new(KftLoop *loop,
                                     const char *address,
                                     uint16_t port,
                                     const KftUdpListenerFuncs *funcs,
                                     void *user_data,
                                     GError **error)
{
    struct sockaddr_storage parsed = {0};

    KFT_ASSERT_LOOP_THREAD(loop);
    if (!kft_bind_parse_address(address, port, &parsed, error))
        return NULL;
    KftUdpListener *self = g_new0(KftUdpListener, 1);
    self->loop = loop;
    self->funcs = *funcs;
    self->user_data = user_data;
    int status = open_socket(self, &parsed);
    if (status == 0)
        status = uv_poll_init(kft_loop_get_uv(loop), &self->poll, self->fd);
    if (status != 0) {
        kft_bind_explain(error, status, KFT_PORT_UDP, &parsed);
        if (self->fd >= 0)
            (void)close(self->fd);
        g_free(self);
        return NULL;
    }
    self->poll.data = self;
    kft_loop_object_opened(loop);
    note_address(self);
    self->slots = g_malloc((gsize)BATCH * SLOT_BYTES);
    (void)uv_poll_start(&self->poll, UV_READABLE, on_poll);
    return self;
}

uint16_t kft_udp_listener_get_port(const KftUdpListener *self)
{
    return self->port;
}

const char *kft_udp_listener_get_name(const KftUdpListener *self)
{
    return self->name;
}

static void on_poll_closed(uv_handle_t *handle)
{
    KftUdpListener *self = handle->data;
    g_free(self->name);
    g_free(self->slots);
    kft_loop_object_closed(self->loop);
    g_free(self);
}

void kft_udp_listener_free(KftUdpListener *self)
{
    if (self == NULL)
        return;
    KFT_ASSERT_LOOP_THREAD(self->loop);
    g_assert(!self->is_closed);
    self->is_closed = true;
    uv_close((uv_handle_t *)&self->poll, on_poll_closed);
    /* The port is free from here on. */
    (void)close(self->fd);
}
