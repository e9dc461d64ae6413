#ifndef KFT_SERVER_DATAGRAMS_H
#define KFT_SERVER_DATAGRAMS_H

#include "proto/relay-frame.h"
#include "server/context.h"

/* Carries datagrams between a client's TCP connection, in frames (proto/relay-frame.h), and a
 * connected UDP socket, both ways at once and independent of each other.
 *
 * Towards the target the client's stream is not read while the kernel takes no datagram, so nothing
 * is lost here. Towards the client datagrams queue while its stream is full; when the queue is full
 * the oldest goes. Thread: the loop's. */

/* All queues of a server together hold no more than this, so that many clients that do not read
 * cannot use up the pod's memory. */
#define KFT_DATAGRAMS_MAX_QUEUED_BYTES ((size_t)64 * 1024 * 1024)

typedef void (*KftDatagramsFunc)(KftEnding ending, void *user_data);

/* embeddable. */
typedef struct {
    KftTraffic *traffic;
    KftHandles *handles; /* of the owner */
    uv_tcp_t *stream;
    KftDatagramsFunc on_end;
    void *user_data;
    KftAddressList addresses;
    unsigned address_index;
    uv_udp_t *socket; /* on the heap: another address takes another socket */
    bool has_received;
    bool is_ended;
    /* To the target. */
    KftRelayDecoder decoder;
    KftBuf unread;  /* input behind the datagram in `sending` */
    KftBuf sending; /* a datagram that the kernel did not take at once */
    uv_udp_send_t send;
    bool is_sending;
    /* To the client: whole frames wait; what flies is being written and never moves. */
    KftBuf waiting;
    KftBuf flying;
    uv_write_t write;
    bool is_writing;
    GList unflushed_link; /* data is NULL while it is in no queue */
} KftDatagrams;

/* @handles: of the owner; the socket is counted there until it is closed. @stream: stays the
 * caller's, but its `data` is this object's until the caller closes it. @addresses: the first one
 * that there is a route to is taken; if it answers "port unreachable" before any datagram came from
 * it, the next one is. @on_end runs once. DONE: the client's end. Returns 0 or a status of libuv if
 * there is no way to any address; the object is to be cleared then, too. */
int kft_datagrams_init(KftDatagrams *self,
                       KftTraffic *traffic,
                       KftHandles *handles,
                       uv_tcp_t *stream,
                       const KftAddressList *addresses);
/* @early: bytes that the client sent already, copied; at most KFT_SCRATCH_BYTES. May end it. */
void kft_datagrams_start(KftDatagrams *self,
                         const uint8_t *early,
                         size_t size,
                         KftDatagramsFunc on_end,
                         void *user_data);
/* The address in use. (transfer none). */
const KftAddress *kft_datagrams_get_address(const KftDatagrams *self);
/* No callback and nothing read from here on, and the UDP socket closes; for the caller to close the
 * stream. */
void kft_datagrams_stop(KftDatagrams *self);
/* After all handles are closed. */
void kft_datagrams_clear(KftDatagrams *self);

/* Writes what this turn of the loop has brought, in as few pieces as possible. Called once per
 * turn, after polling. */
void kft_datagrams_flush_all(KftContext *context);

#endif
