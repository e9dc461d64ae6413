#ifndef KFT_NET_TCP_PROBE_H
#define KFT_NET_TCP_PROBE_H

#include <sys/socket.h>

#include "net/loop.h"

/* Tries to connect to all of a host's addresses at once and closes again, to see which ones answer.
 * Thread: loop. */
typedef struct KftTcpProbe KftTcpProbe;

typedef struct {
    char *address;    /* "10.0.0.1:6443" */
    int status;       /* 0 = connected, else a libuv error; UV_ECANCELED = no answer so far */
    uint32_t time_ms; /* until it answered */
} KftTcpProbeResult;

/* Runs once: when one answered, or all failed. @results: borrowed, as many as addresses, in their
 * order. */
typedef void (*KftTcpProbeFunc)(const KftTcpProbeResult *results,
                                size_t n_results,
                                void *user_data);

/* @n_addresses: at least one. */
KftTcpProbe *kft_tcp_probe_start(KftLoop *loop,
                                 const struct sockaddr_storage *addresses,
                                 size_t n_addresses,
                                 KftTcpProbeFunc on_done,
                                 void *user_data);
/* What is known so far. */
const KftTcpProbeResult *kft_tcp_probe_get_results(const KftTcpProbe *self, size_t *ret_n_results);
/* Cancels if not done; also after (or inside) on_done. NULL is allowed. */
void kft_tcp_probe_free(KftTcpProbe *self);

#endif
