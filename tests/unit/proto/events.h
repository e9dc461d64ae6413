#ifndef KFT_TEST_PROTO_EVENTS_H
#define KFT_TEST_PROTO_EVENTS_H

#include <glib.h>
#include <stddef.h>
#include <stdint.h>

/* What a decoder says about some bytes, as text that does not depend on how the bytes were cut. For
 * the unit tests and the fuzz targets. Each piece is handed over in a block of its own, freed
 * afterwards, so that AddressSanitizer sees reads beyond the piece and pointers kept into it.
 * Thread: any.
 *
 * The text: WebSocket "(2 6869)!" is a frame of a binary message, its end, and the end of the
 * message;
 * "<9 00>" a ping, "<8 03e8 1000>" a close with its code. SPDY "d3:474554." is data of stream 3 and
 * its end, "reply3", "rst3=5", "ping1", "goaway3=0", "syn2", "ignored". Channels "data:68" and
 * "error:6e". A head is "101 @42" with where it ends, then fields. An error is "protocol error @7"
 * with how many bytes had been taken. A relay's datagram is "<6869>". SOCKS messages are
 * "offers 00 02", "choice 00", "request 1 name db:80", "reply 5 ipv4 00000000:0"; "data:" behind
 * them. */

typedef enum {
    KFT_EVENTS_HTTP_HEAD,
    KFT_EVENTS_WEBSOCKET,
    KFT_EVENTS_SPDY,
    KFT_EVENTS_CHANNEL, /* over WebSocket, port 80 */
    KFT_EVENTS_RELAY,
    KFT_EVENTS_SOCKS_CLIENT, /* what a client sends: greeting, request, data */
    KFT_EVENTS_SOCKS_SERVER, /* what a server sends: choice, reply, data */
} KftEventsKind;

/* @cuts: ascending offsets at which the input is cut. Returns: (transfer full). */
char *kft_events_cut(
    KftEventsKind kind, const uint8_t *data, size_t size, const size_t *cuts, size_t n_cuts);
/* In one piece. Returns: (transfer full). */
char *kft_events_whole(KftEventsKind kind, const uint8_t *data, size_t size);
/* In pieces of one byte. Returns: (transfer full). */
char *kft_events_bytewise(KftEventsKind kind, const uint8_t *data, size_t size);
/* Asserts that the text is @expected: in one piece, in single bytes, at every single cut, and with
 * random cuts from the test's seed. */
void kft_events_check(KftEventsKind kind, const uint8_t *data, size_t size, const char *expected);
/* The same for hexadecimal text, blanks ignored. */
void kft_events_check_hex(KftEventsKind kind, const char *hex, const char *expected);

/* Returns: (transfer full) the bytes of hexadecimal text, blanks ignored. */
GByteArray *kft_bytes_from_hex(const char *hex);
/* Returns: (transfer full). */
char *kft_bytes_to_hex(const uint8_t *data, size_t size);
void kft_append_hex(GString *out, const uint8_t *data, size_t size);

#endif
