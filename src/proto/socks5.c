/* SOCKS 5 messages. They are short, so the decoder collects one and looks at it whole; what decides
 * about its length or shows it to be wrong is judged as soon as it is there, so that the verdict
 * does not depend on how the input was cut. */
#include "proto/socks5.h"

#include <glib.h>
#include <string.h>

/* VER, CMD or REP, RSV, ATYP. */
#define FIXED_BYTES 4
#define PORT_BYTES 2

const char *kft_socks5_reply_name(uint8_t reply)
{
    switch (reply) {
#define REPLY_NAME(name, code, text)                                                               \
    case code:                                                                                     \
        return text;
        KFT_SOCKS5_REPLIES(REPLY_NAME)
#undef REPLY_NAME
    default:
        return "unknown reply";
    }
}

void kft_socks5_decoder_init(KftSocks5Decoder *self, KftSocks5Message kind)
{
    *self = (KftSocks5Decoder){.kind = kind};
}

/* How many bytes the address takes, its length byte included; 0 if the type is unknown. */
static size_t address_bytes(const KftSocks5Decoder *self)
{
    switch (self->bytes[3]) {
    case KFT_SOCKS5_IPV4:
        return 4;
    case KFT_SOCKS5_IPV6:
        return 16;
    case KFT_SOCKS5_NAME:
        return 1 + (size_t)self->bytes[FIXED_BYTES];
    default:
        return 0;
    }
}

/* How many bytes the message has, as far as the bytes that are there tell. */
static size_t wanted_bytes(const KftSocks5Decoder *self)
{
    switch (self->kind) {
    case KFT_SOCKS5_GREETING:
        return self->size < 2 ? 2 : 2 + (size_t)self->bytes[1];
    case KFT_SOCKS5_CHOICE:
        return KFT_SOCKS5_CHOICE_BYTES;
    case KFT_SOCKS5_REQUEST:
    case KFT_SOCKS5_REPLY:
        /* The byte behind the fixed ones is the length of a name, or belongs to the address. */
        return self->size <= FIXED_BYTES ? FIXED_BYTES + 1
                                         : FIXED_BYTES + address_bytes(self) + PORT_BYTES;
    }
    g_assert_not_reached();
}

static bool has_address(const KftSocks5Decoder *self)
{
    return self->kind == KFT_SOCKS5_REQUEST || self->kind == KFT_SOCKS5_REPLY;
}

/* Judges the byte that came last. */
static KftResult check_byte(const KftSocks5Decoder *self)
{
    size_t at = self->size - 1;
    uint8_t byte = self->bytes[at];

    if (at == 0)
        return byte == KFT_SOCKS5_VERSION ? KFT_R_OK : KFT_R_PROTOCOL;
    if (self->kind == KFT_SOCKS5_GREETING)
        return at == 1 && byte == 0 ? KFT_R_PROTOCOL : KFT_R_OK;
    if (!has_address(self) || at < 3)
        return KFT_R_OK;
    if (at == 3)
        return byte == KFT_SOCKS5_IPV4 || byte == KFT_SOCKS5_IPV6 || byte == KFT_SOCKS5_NAME
                   ? KFT_R_OK
                   : KFT_R_INVALID;
    if (self->bytes[3] != KFT_SOCKS5_NAME || at >= FIXED_BYTES + address_bytes(self))
        return KFT_R_OK;
    if (at == FIXED_BYTES)
        return byte == 0 ? KFT_R_PROTOCOL : KFT_R_OK;
    /* Names go to a resolver and into logs. */
    return g_ascii_isgraph((char)byte) ? KFT_R_OK : KFT_R_PROTOCOL;
}

KftResult kft_socks5_decoder_feed(KftSocks5Decoder *self,
                                  const uint8_t *input,
                                  size_t size,
                                  size_t *ret_consumed)
{
    KftResult result = KFT_R_OK;
    size_t at = 0;

    while (result == KFT_R_OK && self->size < wanted_bytes(self)) {
        if (at == size) {
            result = KFT_R_AGAIN;
        } else {
            self->bytes[self->size++] = input[at++];
            result = check_byte(self);
        }
    }
    *ret_consumed = at;
    return result;
}

bool kft_socks5_decoder_offers(const KftSocks5Decoder *self, uint8_t method)
{
    g_assert(self->kind == KFT_SOCKS5_GREETING);
    return memchr(self->bytes + 2, method, self->bytes[1]) != NULL;
}

uint8_t kft_socks5_decoder_get_code(const KftSocks5Decoder *self)
{
    g_assert(self->kind != KFT_SOCKS5_GREETING);
    return self->bytes[1];
}

void kft_socks5_decoder_get_address(const KftSocks5Decoder *self, KftSocks5Address *ret_address)
{
    const uint8_t *address = self->bytes + FIXED_BYTES;
    size_t length = address_bytes(self);

    g_assert(has_address(self) && self->size == FIXED_BYTES + length + PORT_BYTES);
    *ret_address = (KftSocks5Address){
        .type = self->bytes[3],
        .port = (uint16_t)(address[length] << 8 | address[length + 1]),
    };
    if (ret_address->type == KFT_SOCKS5_NAME)
        memcpy(ret_address->name, address + 1, length - 1);
    else
        memcpy(ret_address->bytes, address, length);
}

void kft_socks5_write_greeting(uint8_t out[KFT_SOCKS5_GREETING_BYTES])
{
    out[0] = KFT_SOCKS5_VERSION;
    out[1] = 1;
    out[2] = KFT_SOCKS5_METHOD_NONE;
}

void kft_socks5_write_choice(uint8_t out[KFT_SOCKS5_CHOICE_BYTES], uint8_t method)
{
    out[0] = KFT_SOCKS5_VERSION;
    out[1] = method;
}

size_t kft_socks5_write_message(uint8_t out[KFT_SOCKS5_MAX_BYTES],
                                uint8_t code,
                                const KftSocks5Address *address)
{
    size_t at = FIXED_BYTES;

    out[0] = KFT_SOCKS5_VERSION;
    out[1] = code;
    out[2] = 0;
    out[3] = address->type;
    if (address->type == KFT_SOCKS5_NAME) {
        size_t length = strlen(address->name);
        g_assert(length > 0);
        out[at++] = (uint8_t)length;
        memcpy(out + at, address->name, length);
        at += length;
    } else {
        size_t length = address->type == KFT_SOCKS5_IPV4 ? 4 : 16;
        memcpy(out + at, address->bytes, length);
        at += length;
    }
    out[at++] = (uint8_t)(address->port >> 8);
    out[at++] = (uint8_t)address->port;
    return at;
}
