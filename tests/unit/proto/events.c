#include "events.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "proto/channel.h"
#include "proto/http-head.h"
#include "proto/relay-frame.h"
#include "proto/socks5.h"
#include "proto/spdy.h"
#include "proto/websocket.h"

/* NOLINTBEGIN(readability-function-size,readability-function-cognitive-complexity): each assertion
 * is a macro of several branches. */

#define PORT 80
#define N_RANDOM_RUNS 30

typedef struct {
    KftEventsKind kind;
    KftHttpHead *head;
    KftWsDecoder web_socket;
    KftSpdyDecoder spdy;
    KftChannelDecoder channel;
    KftRelayDecoder relay;
    KftSocks5Decoder socks;
    bool is_socks_done;
    char last[32]; /* what the bytes at the end of the text belong to */
    size_t n_taken;
    KftResult result;
    GString *out;
} Reader;

void kft_append_hex(GString *out, const uint8_t *data, size_t size)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < size; i++) {
        g_string_append_c(out, digits[data[i] >> 4]);
        g_string_append_c(out, digits[data[i] & 0xf]);
    }
}

char *kft_bytes_to_hex(const uint8_t *data, size_t size)
{
    GString *out = g_string_new(NULL);
    kft_append_hex(out, data, size);
    return g_string_free(out, FALSE);
}

GByteArray *kft_bytes_from_hex(const char *hex)
{
    GByteArray *out = g_byte_array_new();
    int high = -1;

    for (; *hex != '\0'; hex++) {
        int digit = g_ascii_xdigit_value(*hex);
        if (digit < 0)
            continue;
        if (high < 0) {
            high = digit;
            continue;
        }
        uint8_t byte = (uint8_t)(high << 4 | digit);
        g_byte_array_append(out, &byte, 1);
        high = -1;
    }
    g_assert_cmpint(high, ==, -1);
    return out;
}

/* Appends bytes of a run; a new run gets a name before it. */
static void append_run(Reader *self, const char *name, const uint8_t *data, size_t size)
{
    if (strcmp(self->last, name) != 0) {
        g_string_append_printf(self->out, "%s%s:", self->out->len > 0 ? " " : "", name);
        (void)g_strlcpy(self->last, name, sizeof self->last);
    }
    kft_append_hex(self->out, data, size);
}

static void append_event(Reader *self, const char *text)
{
    g_string_append_printf(self->out, "%s%s", self->out->len > 0 ? " " : "", text);
    self->last[0] = '\0';
}

static void show_frame_piece(Reader *self, const KftWsEvent *event)
{
    if (event->is_frame_start)
        g_string_append_printf(self->out, "(%u ", event->opcode);
    kft_append_hex(self->out, event->data, event->size);
    if (event->is_frame_end)
        g_string_append_c(self->out, ')');
    if (event->is_message_end)
        g_string_append_c(self->out, '!');
}

static KftResult show_channel(Reader *self, const KftWsEvent *frame)
{
    KftChannelEvent event;
    KftResult result = kft_channel_decoder_feed(&self->channel, frame, &event);
    if (result == KFT_R_OK && event.type != KFT_CHANNEL_EVENT_NONE) {
        g_assert_cmpuint(event.size, >, 0);
        g_assert_true(event.data + event.size == frame->data + frame->size);
        append_run(self, event.type == KFT_CHANNEL_EVENT_DATA ? "data" : "error", event.data,
                   event.size);
    }
    return result;
}

static KftResult
step_web_socket(Reader *self, const uint8_t *data, size_t size, size_t *ret_consumed)
{
    KftWsEvent event;
    KftResult result = kft_ws_decoder_next(&self->web_socket, data, size, ret_consumed, &event);
    if (result != KFT_R_OK)
        return result;
    if (event.type == KFT_WS_EVENT_DATA) {
        g_assert_true(event.data >= data && event.data + event.size == data + *ret_consumed);
        if (self->kind == KFT_EVENTS_CHANNEL)
            return show_channel(self, &event);
        show_frame_piece(self, &event);
        return KFT_R_OK;
    }
    g_string_append_printf(self->out, "<%u ", event.opcode);
    kft_append_hex(self->out, event.data, event.size);
    if (event.type == KFT_WS_EVENT_CLOSE)
        g_string_append_printf(self->out, " %u", event.close_code);
    g_string_append_c(self->out, '>');
    return KFT_R_OK;
}

static void show_spdy(Reader *self, const KftSpdyEvent *event)
{
    char text[64];

    switch (event->type) {
    case KFT_SPDY_EVENT_DATA:
        (void)g_snprintf(text, sizeof text, "d%u", event->stream_id);
        append_run(self, text, event->data, event->size);
        if (event->is_fin) {
            g_string_append_c(self->out, '.');
            self->last[0] = '\0';
        }
        return;
    case KFT_SPDY_EVENT_SYN_STREAM:
        (void)g_snprintf(text, sizeof text, "syn%u", event->stream_id);
        break;
    case KFT_SPDY_EVENT_SYN_REPLY:
        (void)g_snprintf(text, sizeof text, "reply%u%s", event->stream_id,
                         event->is_fin ? "." : "");
        break;
    case KFT_SPDY_EVENT_RST_STREAM:
        (void)g_snprintf(text, sizeof text, "rst%u=%u", event->stream_id, event->value);
        break;
    case KFT_SPDY_EVENT_PING:
        (void)g_snprintf(text, sizeof text, "ping%u", event->value);
        break;
    case KFT_SPDY_EVENT_GOAWAY:
        (void)g_snprintf(text, sizeof text, "goaway%u=%u", event->stream_id, event->value);
        break;
    case KFT_SPDY_EVENT_IGNORED:
        (void)g_strlcpy(text, "ignored", sizeof text);
        break;
    }
    append_event(self, text);
}

static KftResult step_spdy(Reader *self, const uint8_t *data, size_t size, size_t *ret_consumed)
{
    KftSpdyEvent event;
    KftResult result = kft_spdy_decoder_next(&self->spdy, data, size, ret_consumed, &event);
    if (result == KFT_R_OK) {
        if (event.type == KFT_SPDY_EVENT_DATA)
            g_assert_true(event.data >= data && event.data + event.size == data + *ret_consumed);
        show_spdy(self, &event);
    }
    return result;
}

static KftResult step_head(Reader *self, const uint8_t *data, size_t size, size_t *ret_consumed)
{
    static const char *const names[] = {"Upgrade", "Connection", "Sec-WebSocket-Accept", "X-A",
                                        "X-B"};
    KftResult result = kft_http_head_feed(self->head, data, size, ret_consumed);
    if (result != KFT_R_OK)
        return result;
    g_string_append_printf(self->out, "%u @%zu", kft_http_head_get_status(self->head),
                           self->n_taken + *ret_consumed);
    for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
        const char *value = kft_http_head_get_field(self->head, names[i]);
        if (value != NULL)
            g_string_append_printf(self->out, " %s=[%s]", names[i], value);
    }
    return KFT_R_EOF; /* the rest is not the head's */
}

static KftResult step_relay(Reader *self, const uint8_t *data, size_t size, size_t *ret_consumed)
{
    KftRelayDatagram datagram;
    KftResult result = kft_relay_decoder_next(&self->relay, data, size, ret_consumed, &datagram);
    if (result == KFT_R_OK) {
        g_assert_nonnull(datagram.data);
        g_assert_true(kft_relay_decoder_is_between_frames(&self->relay));
        g_string_append_c(self->out, '<');
        kft_append_hex(self->out, datagram.data, datagram.size);
        g_string_append_c(self->out, '>');
    }
    return result;
}

/* The message is written anew and must be the same, but for the reserved byte. */
static void show_socks_address(Reader *self)
{
    uint8_t again[KFT_SOCKS5_MAX_BYTES];
    KftSocks5Address address;
    uint8_t code = kft_socks5_decoder_get_code(&self->socks);

    kft_socks5_decoder_get_address(&self->socks, &address);
    size_t size = kft_socks5_write_message(again, code, &address);
    self->socks.bytes[2] = 0;
    g_assert_cmpmem(again, (int)size, self->socks.bytes, (int)self->socks.size);
    g_string_append_printf(self->out, "%u ", code);
    if (address.type == KFT_SOCKS5_NAME) {
        g_string_append_printf(self->out, "name %s", address.name);
    } else {
        bool is_v4 = address.type == KFT_SOCKS5_IPV4;
        g_string_append(self->out, is_v4 ? "ipv4 " : "ipv6 ");
        kft_append_hex(self->out, address.bytes, is_v4 ? 4 : 16);
    }
    g_string_append_printf(self->out, ":%u", address.port);
}

static void show_socks(Reader *self)
{
    switch (self->socks.kind) {
    case KFT_SOCKS5_GREETING:
        append_event(self, "offers");
        for (unsigned method = 0; method <= UINT8_MAX; method++) {
            if (kft_socks5_decoder_offers(&self->socks, (uint8_t)method))
                g_string_append_printf(self->out, " %02x", method);
        }
        kft_socks5_decoder_init(&self->socks, KFT_SOCKS5_REQUEST);
        return;
    case KFT_SOCKS5_CHOICE:
        append_event(self, "choice ");
        g_string_append_printf(self->out, "%02x", kft_socks5_decoder_get_code(&self->socks));
        kft_socks5_decoder_init(&self->socks, KFT_SOCKS5_REPLY);
        return;
    case KFT_SOCKS5_REQUEST:
    case KFT_SOCKS5_REPLY:
        append_event(self, self->socks.kind == KFT_SOCKS5_REQUEST ? "request " : "reply ");
        show_socks_address(self);
        self->is_socks_done = true;
        return;
    }
    g_assert_not_reached();
}

static KftResult step_socks(Reader *self, const uint8_t *data, size_t size, size_t *ret_consumed)
{
    if (self->is_socks_done) {
        *ret_consumed = size;
        if (size > 0)
            append_run(self, "data", data, size);
        return KFT_R_AGAIN;
    }
    KftResult result = kft_socks5_decoder_feed(&self->socks, data, size, ret_consumed);
    if (result == KFT_R_OK)
        show_socks(self);
    if (result != KFT_R_INVALID)
        return result;
    append_event(self, "invalid value");
    return KFT_R_EOF;
}

static KftResult step(Reader *self, const uint8_t *data, size_t size, size_t *ret_consumed)
{
    switch (self->kind) {
    case KFT_EVENTS_HTTP_HEAD:
        return step_head(self, data, size, ret_consumed);
    case KFT_EVENTS_WEBSOCKET:
    case KFT_EVENTS_CHANNEL:
        return step_web_socket(self, data, size, ret_consumed);
    case KFT_EVENTS_SPDY:
        return step_spdy(self, data, size, ret_consumed);
    case KFT_EVENTS_RELAY:
        return step_relay(self, data, size, ret_consumed);
    case KFT_EVENTS_SOCKS_CLIENT:
    case KFT_EVENTS_SOCKS_SERVER:
        return step_socks(self, data, size, ret_consumed);
    }
    g_assert_not_reached();
}

static void show_error(Reader *self)
{
    append_event(self, kft_result_name(self->result));
    /* The others judge whole pieces, so where they stop depends on them. */
    if (self->kind != KFT_EVENTS_HTTP_HEAD && self->kind != KFT_EVENTS_CHANNEL)
        g_string_append_printf(self->out, " @%zu", self->n_taken);
}

static void feed(Reader *self, const uint8_t *data, size_t size)
{
    g_autofree uint8_t *piece = g_memdup2(data, size);
    size_t at = 0;

    while (self->result == KFT_R_OK || self->result == KFT_R_AGAIN) {
        size_t consumed = 0;
        self->result = step(self, piece + at, size - at, &consumed);
        g_assert_cmpuint(consumed, <=, size - at);
        if (self->result == KFT_R_OK)
            g_assert_cmpuint(consumed, >, 0);
        at += consumed;
        self->n_taken += consumed;
        if (self->result == KFT_R_AGAIN) {
            g_assert_cmpuint(at, ==, size);
            return;
        }
        if (kft_result_is_fatal(self->result))
            show_error(self);
    }
}

char *kft_events_cut(
    KftEventsKind kind, const uint8_t *data, size_t size, const size_t *cuts, size_t n_cuts)
{
    Reader self = {.kind = kind, .head = kft_http_head_new(), .out = g_string_new(NULL)};
    size_t at = 0;

    kft_ws_decoder_init(&self.web_socket);
    kft_spdy_decoder_init(&self.spdy);
    kft_channel_decoder_init(&self.channel, PORT);
    kft_relay_decoder_init(&self.relay);
    kft_socks5_decoder_init(&self.socks, kind == KFT_EVENTS_SOCKS_SERVER ? KFT_SOCKS5_CHOICE
                                                                         : KFT_SOCKS5_GREETING);
    for (size_t i = 0; i <= n_cuts; i++) {
        size_t end = i < n_cuts ? cuts[i] : size;
        if (end > at)
            feed(&self, data + at, end - at);
        at = end;
    }
    kft_http_head_free(self.head);
    kft_relay_decoder_clear(&self.relay);
    return g_string_free(self.out, FALSE);
}

char *kft_events_whole(KftEventsKind kind, const uint8_t *data, size_t size)
{
    return kft_events_cut(kind, data, size, NULL, 0);
}

char *kft_events_bytewise(KftEventsKind kind, const uint8_t *data, size_t size)
{
    size_t *cuts = g_new(size_t, size + 1);
    for (size_t i = 0; i < size; i++)
        cuts[i] = i;
    char *text = kft_events_cut(kind, data, size, cuts, size);
    g_free(cuts);
    return text;
}

static int compare_sizes(const void *a, const void *b)
{
    size_t left = *(const size_t *)a;
    size_t right = *(const size_t *)b;
    return (left > right) - (left < right);
}

static void
check_random_cuts(KftEventsKind kind, const uint8_t *data, size_t size, const char *expected)
{
    size_t cuts[8];

    for (unsigned run = 0; run < N_RANDOM_RUNS; run++) {
        size_t n_cuts = (size_t)g_test_rand_int_range(1, G_N_ELEMENTS(cuts) + 1);
        for (size_t i = 0; i < n_cuts; i++)
            cuts[i] = (size_t)g_test_rand_int_range(0, (gint32)size + 1);
        qsort(cuts, n_cuts, sizeof cuts[0], compare_sizes);
        g_autofree char *text = kft_events_cut(kind, data, size, cuts, n_cuts);
        g_assert_cmpstr(text, ==, expected);
    }
}

void kft_events_check(KftEventsKind kind, const uint8_t *data, size_t size, const char *expected)
{
    g_autofree char *whole = kft_events_whole(kind, data, size);
    g_assert_cmpstr(whole, ==, expected);
    g_autofree char *bytewise = kft_events_bytewise(kind, data, size);
    g_assert_cmpstr(bytewise, ==, expected);
    for (size_t cut = 1; cut < size; cut++) {
        g_autofree char *text = kft_events_cut(kind, data, size, &cut, 1);
        g_assert_cmpstr(text, ==, expected);
    }
    check_random_cuts(kind, data, size, expected);
}

void kft_events_check_hex(KftEventsKind kind, const char *hex, const char *expected)
{
    g_autoptr(GByteArray) bytes = kft_bytes_from_hex(hex);
    kft_events_check(kind, bytes->data, bytes->len, expected);
}

/* NOLINTEND(readability-function-size,readability-function-cognitive-complexity) */
