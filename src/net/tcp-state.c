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
/* include/uapi/linux/tcp.h since Linux 6.15; older kernels refuse it. */
#ifndef TCP_RTO_MAX_MS
#define TCP_RTO_MAX_MS 44
#endif
#define PATIENT_RTO_MS 10000

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
    ret_state->is_blocked =
        ret_state->has_unsent && info.tcpi_unacked == 0 && info.tcpi_snd_wnd > 0;
    ret_state->since_ack_ms = info.tcpi_last_ack_recv;
    ret_state->since_sent_ms = info.tcpi_last_data_sent;
    ret_state->acked_bytes = info.tcpi_bytes_acked;
    ret_state->n_resent = info.tcpi_retransmits;
}

/* The lower maximum alone would do harm: the limit of the kernel is a number of tries
 * (tcp_retries2), so it would give up after 2 minutes instead of 15. */
void kft_tcp_set_patience(int fd, uint32_t patience_ms)
{
    const unsigned timeout_ms = patience_ms;
    const int rto_ms = PATIENT_RTO_MS;

    if (setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &timeout_ms, sizeof timeout_ms) == 0 &&
        patience_ms > 0)
        (void)setsockopt(fd, IPPROTO_TCP, TCP_RTO_MAX_MS, &rto_ms, sizeof rto_ms);
}
