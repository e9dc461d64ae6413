#include "net/peer.h"

#include <arpa/inet.h>
#include <errno.h>
#include <glib.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

typedef struct {
    struct nlmsghdr head;
    struct inet_diag_req_v2 body;
} DiagRequest;

typedef union {
    struct nlmsghdr head;
    char bytes[2048];
} DiagAnswer;

static bool is_loopback(const struct sockaddr_storage *address)
{
    if (address->ss_family == AF_INET) {
        const struct sockaddr_in *v4 = (const struct sockaddr_in *)address;
        return ntohl(v4->sin_addr.s_addr) >> 24 == IN_LOOPBACKNET;
    }
    const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)address;
    return address->ss_family == AF_INET6 && IN6_IS_ADDR_LOOPBACK(&v6->sin6_addr);
}

static void put_end(const struct sockaddr_storage *address, __be16 *ret_port, __be32 ret_address[4])
{
    if (address->ss_family == AF_INET) {
        const struct sockaddr_in *v4 = (const struct sockaddr_in *)address;
        *ret_port = v4->sin_port;
        ret_address[0] = v4->sin_addr.s_addr;
    } else {
        const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)address;
        *ret_port = v6->sin6_port;
        memcpy(ret_address, &v6->sin6_addr, sizeof v6->sin6_addr);
    }
}

/* The peer's socket has our remote address as its own. */
static DiagRequest make_request(const struct sockaddr_storage *ours,
                                const struct sockaddr_storage *theirs)
{
    DiagRequest request = {
        .head = {.nlmsg_len = sizeof request,
                 .nlmsg_type = SOCK_DIAG_BY_FAMILY,
                 .nlmsg_flags = NLM_F_REQUEST},
        .body = {.sdiag_family = (__u8)ours->ss_family,
                 .sdiag_protocol = IPPROTO_TCP,
                 .idiag_states = UINT32_MAX,
                 .id = {.idiag_cookie = {INET_DIAG_NOCOOKIE, INET_DIAG_NOCOOKIE}}},
    };
    put_end(theirs, &request.body.id.idiag_sport, request.body.id.idiag_src);
    put_end(ours, &request.body.id.idiag_dport, request.body.id.idiag_dst);
    return request;
}

static bool is_answer_closed(DiagAnswer *answer, size_t size)
{
    if (!NLMSG_OK(&answer->head, size))
        return false;
    if (answer->head.nlmsg_type == NLMSG_ERROR) {
        const struct nlmsgerr *error = NLMSG_DATA(&answer->head);
        return error->error == -ENOENT;
    }
    if (answer->head.nlmsg_type != SOCK_DIAG_BY_FAMILY)
        return false;
    const struct inet_diag_msg *message = NLMSG_DATA(&answer->head);
    return message->idiag_inode == 0;
}

bool kft_peer_is_closed(int fd)
{
    struct sockaddr_storage ours = {0};
    struct sockaddr_storage theirs = {0};
    socklen_t ours_size = sizeof ours;
    socklen_t theirs_size = sizeof theirs;
    DiagAnswer answer;

    if (getsockname(fd, (struct sockaddr *)&ours, &ours_size) != 0)
        return false;
    if (getpeername(fd, (struct sockaddr *)&theirs, &theirs_size) != 0)
        return errno == ENOTCONN;
    if (!is_loopback(&theirs))
        return false;
    int netlink = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_SOCK_DIAG);
    if (netlink < 0)
        return false;
    const DiagRequest request = make_request(&ours, &theirs);
    bool is_closed = false;
    /* The kernel answers inside send(). */
    if (send(netlink, &request, sizeof request, 0) == (ssize_t)sizeof request) {
        ssize_t size = recv(netlink, &answer, sizeof answer, 0);
        is_closed = size > 0 && is_answer_closed(&answer, (size_t)size);
    }
    (void)close(netlink);
    return is_closed;
}
