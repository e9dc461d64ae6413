#ifndef KFT_FORWARD_UDP_PEER_H
#define KFT_FORWARD_UDP_PEER_H

#include "forward/via.h"
#include "net/udp-listener.h"

/* One local UDP peer and its pair, which carries its datagrams in frames (proto/relay-frame.h):
 * what it sends goes to the relay, what comes back goes to it alone. It outlives its pairs: when
 * one ends, the next datagram asks for another. Thread: loop. */
typedef struct KftUdpPeer KftUdpPeer;

/* Of one peer; then the oldest datagram goes. */
#define KFT_UDP_PEER_MAX_QUEUED_BYTES ((size_t)256 * 1024)

typedef struct {
    KftUdpListener *listener; /* must outlive the peer */
    KftUdpAddress address;
    uint32_t hold_ms;        /* how long a datagram may wait for a pod */
    uint32_t idle_ms;        /* without a datagram, until on_idle */
    size_t *queued_bytes;    /* shared by all peers of an owner … */
    size_t max_queued_bytes; /* … which together keep no more */
} KftUdpPeerOptions;

typedef struct {
    uint64_t packets_up; /* given to the relay's connection */
    uint64_t packets_down;
    uint64_t packets_dropped; /* either way */
    uint64_t bytes_up;        /* what the packets hold */
    uint64_t bytes_down;
} KftUdpCounts;

typedef struct {
    /* The first datagram waits and there is no pair: attach it, now or later. */
    void (*on_wanted)(KftUdpPeer *peer, void *user_data);
    /* The pair ended so, and datagrams wait: attach it, but not in here. */
    void (*on_waiting)(KftUdpPeer *peer, KftPairEnd end, void *user_data);
    /* A pair ended with an error, or nobody took datagrams in time. One short line. */
    void (*on_error)(KftUdpPeer *peer, const char *text, void *user_data);
    /* Datagrams came from the relay. */
    void (*on_answer)(KftUdpPeer *peer, void *user_data);
    /* Silent for so long: to be freed, in here if it suits. */
    void (*on_idle)(KftUdpPeer *peer, void *user_data);
} KftUdpPeerFuncs;

KftUdpPeer *kft_udp_peer_new(KftLoop *loop,
                             const KftUdpPeerOptions *options,
                             const KftUdpPeerFuncs *funcs,
                             void *user_data);
/* Takes a datagram of the peer. on_wanted may run inside this call. */
void kft_udp_peer_send(KftUdpPeer *self, KftUdpDatagram datagram);
/* Opens a pair to @port on @pool; false if the pool cannot now. The pool must outlive the pair.
 * @via: see kft_via_open_pair(). Without it the relay may be upstream's, which says "no answer" by
 * a frame of length 0: then none is given to the peer (docs/relay.md). */
bool kft_udp_peer_attach(KftUdpPeer *self, KftPool *pool, uint16_t port, const KftVia *via);
/* Whether datagrams wait and there is no pair. */
bool kft_udp_peer_is_waiting(const KftUdpPeer *self);
void kft_udp_peer_get_counts(const KftUdpPeer *self, KftUdpCounts *ret_counts);
/* When a datagram last came from either side; loop time. */
uint64_t kft_udp_peer_get_last_traffic_ms(const KftUdpPeer *self);
/* Ends its pair; no callback follows. NULL is
 * allowed. */
void kft_udp_peer_free(KftUdpPeer *self);

#endif
