#ifndef KFT_PROTO_SOCKS5_H
#define KFT_PROTO_SOCKS5_H

#include <stddef.h>
#include <stdint.h>

#include "base/result.h"

/* SOCKS version 5, RFC 1928, both sides: the four messages before the data, and one command of our
 * own. No I/O, no allocation. Thread: one at a time. */

#define KFT_SOCKS5_VERSION 5

/* Methods (section 3). */
#define KFT_SOCKS5_METHOD_NONE 0x00 /* no authentication */
#define KFT_SOCKS5_METHOD_REFUSED 0xff

/* Commands (section 4). */
#define KFT_SOCKS5_CONNECT 0x01
/* Ours: a UDP socket connected to the address, and proto/relay-frame.h over this connection. The
 * RFC assigns 1 to 3; programs that do not know it answer COMMAND_UNKNOWN. */
#define KFT_SOCKS5_UDP_FRAMES 0xf3

/* Address types (section 4). */
#define KFT_SOCKS5_IPV4 0x01
#define KFT_SOCKS5_NAME 0x03
#define KFT_SOCKS5_IPV6 0x04

/* Replies (section 6). */
#define KFT_SOCKS5_REPLIES(X)                                                                      \
    X(SUCCEEDED, 0x00, "succeeded")                                                                \
    X(FAILED, 0x01, "general failure")                                                             \
    X(NOT_ALLOWED, 0x02, "not allowed by the rules")                                               \
    X(NETWORK_UNREACHABLE, 0x03, "network unreachable")                                            \
    X(HOST_UNREACHABLE, 0x04, "host unreachable")                                                  \
    X(REFUSED, 0x05, "connection refused")                                                         \
    X(TTL_EXPIRED, 0x06, "time to live expired")                                                   \
    X(COMMAND_UNKNOWN, 0x07, "command not supported")                                              \
    X(ADDRESS_UNKNOWN, 0x08, "address type not supported")

typedef enum {
#define KFT_SOCKS5_ENUM(name, code, text) KFT_SOCKS5_##name = (code),
    KFT_SOCKS5_REPLIES(KFT_SOCKS5_ENUM)
#undef KFT_SOCKS5_ENUM
} KftSocks5Reply;

/* "connection refused"; "unknown reply" for a code that the RFC does not have. Thread: any. */
const char *kft_socks5_reply_name(uint8_t reply);

typedef struct {
    uint8_t type;      /* KFT_SOCKS5_IPV4, _NAME or _IPV6 */
    uint8_t bytes[16]; /* IPV4: the first 4; IPV6: all; network order */
    char name[256];    /* NAME: 1..255 printable ASCII characters, no spaces; else "" */
    uint16_t port;     /* host order */
} KftSocks5Address;

typedef enum {
    KFT_SOCKS5_GREETING, /* client: the methods it can */
    KFT_SOCKS5_CHOICE,   /* server: the method taken */
    KFT_SOCKS5_REQUEST,  /* client: command and address */
    KFT_SOCKS5_REPLY,    /* server: reply and address */
} KftSocks5Message;

/* The longest message: a request with a name of 255 bytes. A greeting has at most 257. */
#define KFT_SOCKS5_MAX_BYTES 262
#define KFT_SOCKS5_GREETING_BYTES 3
#define KFT_SOCKS5_CHOICE_BYTES 2

/* Reads one message. embeddable: init to use, no clear needed. */
typedef struct {
    KftSocks5Message kind;
    uint8_t bytes[KFT_SOCKS5_MAX_BYTES];
    size_t size;
} KftSocks5Decoder;

void kft_socks5_decoder_init(KftSocks5Decoder *self, KftSocks5Message kind);
/* Takes bytes until the message is whole, and none behind it: those are the next message or data.
 * Returns KFT_R_OK (whole), KFT_R_AGAIN (all input was taken), KFT_R_INVALID for a request or reply
 * with an unknown address type, whose length nobody can tell: the connection cannot go on, but a
 * server can still answer ADDRESS_UNKNOWN; KFT_R_PROTOCOL for another version, a greeting without
 * methods, a name that is empty or has a byte that no name has. The reserved byte is not looked
 * at. */
KftResult kft_socks5_decoder_feed(KftSocks5Decoder *self,
                                  const uint8_t *input,
                                  size_t size,
                                  size_t *ret_consumed);
/* Of a whole GREETING. */
bool kft_socks5_decoder_offers(const KftSocks5Decoder *self, uint8_t method);
/* Of a whole message: the method of a CHOICE, the command of a REQUEST, the reply of a REPLY. */
uint8_t kft_socks5_decoder_get_code(const KftSocks5Decoder *self);
/* Of a whole REQUEST or REPLY. */
void kft_socks5_decoder_get_address(const KftSocks5Decoder *self, KftSocks5Address *ret_address);

/* The greeting of a client that offers no authentication, and only that. */
void kft_socks5_write_greeting(uint8_t out[KFT_SOCKS5_GREETING_BYTES]);
void kft_socks5_write_choice(uint8_t out[KFT_SOCKS5_CHOICE_BYTES], uint8_t method);
/* A request (@code: the command) or a reply (@code: the reply). Returns its length. */
size_t kft_socks5_write_message(uint8_t out[KFT_SOCKS5_MAX_BYTES],
                                uint8_t code,
                                const KftSocks5Address *address);

#endif
