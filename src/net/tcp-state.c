/* TCP_USER_TIMEOUT would be less work, but the kernel also applies it to a peer that answers and
 * only has no room (its window is closed): a pod that stops reading would cost all other
 * connections of its tunnel. So the state is read and judged by those who know what is normal. */
#include "net/tcp-state.h"

#include <linux/tcp.h>
#include <netinet/in.h>
#include <sys/socket.h>

/* The kernel doubles the time between two probes of a closed window; one that is not answered yet
 * is nothing unusual. */
#define UNANSWERED_PROBES 2

void kft_tcp_state_read(int fd, KftTcpState *ret_state)
{
    struct tcp_info info = {0};
    socklen_t size = sizeof info;

    *ret_state = (KftTcpState){0};
    if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size) != 0)
        return;
    ret_state->is_known = true;
    ret_state->is_awaiting_ack = info.tcpi_unacked > 0 || info.tcpi_probes >= UNANSWERED_PROBES;
    ret_state->has_unsent = info.tcpi_notsent_bytes > 0;
    ret_state->since_ack_ms = info.tcpi_last_ack_recv;
    ret_state->n_resent = info.tcpi_retransmits;
}
