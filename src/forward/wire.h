#ifndef KFT_FORWARD_WIRE_H
#define KFT_FORWARD_WIRE_H

#include "net/stream.h"
#include "proto/websocket.h"

/* The byte work under a tunnel: moves payload between a connected stream and a codec, with or
 * without WebSocket frames around it. What is committed in one turn of the loop leaves as one
 * WebSocket frame and one write to TLS. Answers pings, does the closing handshake. Thread: loop. */
typedef struct KftWire KftWire;

typedef struct {
    /* A piece of payload, of the type KFT_WS_EVENT_DATA; without WebSocket frames only data and
     * size are meaningful. Anything but KFT_R_OK closes the wire. May free the wire. */
    KftResult (*on_input)(const KftWsEvent *event, void *user_data);
    /* The memory that the last on_input pointed into is about to be used for something else. Not
     * after the wire was closed or freed in one of them. May free the wire. */
    void (*on_input_end)(void *user_data);
    /* The queue has room again after kft_wire_reserve() gave NULL. */
    void (*on_drained)(void *user_data);
    /* Once, when the peer or the network ended it; @reason is one line. @is_orderly: by a Close
     * frame. The wire only waits to be freed. */
    void (*on_closed)(const char *reason, bool is_orderly, void *user_data);
} KftWireFuncs;

/* @stream: (transfer full). @is_websocket: frames around the payload. @max_message_bytes: of one
 * frame; also how much may be queued. @early: bytes that came together with the 101, given out in
 * the next turn. */
KftWire *kft_wire_new(KftLoop *loop,
                      KftStream *stream,
                      bool is_websocket,
                      size_t max_message_bytes,
                      GBytes *early,
                      const KftWireFuncs *funcs,
                      void *user_data);
/* Room for @size bytes at the end of the queue, or NULL if they do not fit now. */
uint8_t *kft_wire_reserve(KftWire *self, size_t size);
/* Queues @size bytes written behind the last reserve and sends them at the end of this turn. */
void kft_wire_commit(KftWire *self, size_t size);
/* The same one turn later: for the opening of a stream, whose first data may be about to be read.
 */
void kft_wire_commit_later(KftWire *self, size_t size);
/* How much was committed so far, and how much of that, from the beginning, may have left this
 * machine: what was committed behind it has not, whatever becomes of the wire. */
uint64_t kft_wire_get_committed(const KftWire *self);
uint64_t kft_wire_get_begun(const KftWire *self);
/* Bytes that may be reserved now. */
size_t kft_wire_get_room(const KftWire *self);
void kft_wire_set_reading(KftWire *self, bool reading);
/* Sends a WebSocket ping. */
void kft_wire_ping(KftWire *self);
/* Sends a binary frame without payload. */
void kft_wire_send_empty_frame(KftWire *self);
/* When bytes last came from the peer, whether any did, and since when our output is stuck (0 = it
 * is not); loop time. */
uint64_t kft_wire_get_last_input_ms(const KftWire *self);
bool kft_wire_was_heard(const KftWire *self);
uint64_t kft_wire_get_stuck_since_ms(const KftWire *self);
/* What the kernel says of the connection under it. */
void kft_wire_get_tcp_state(const KftWire *self, KftTcpState *ret_state);
/* See kft_tcp_set_patience(). */
void kft_wire_set_patience(KftWire *self, uint32_t patience_ms);
/* Says goodbye (Close 1000) and waits up to 2 s for the peer's, by itself: closing at once with
 * unread data would reset the connection and may lose the last bytes on the way (wire
 * protocols, 2.6). */
void kft_wire_close(KftWire *self);
/* Closes at once. NULL is allowed. */
void kft_wire_free(KftWire *self);

#endif
