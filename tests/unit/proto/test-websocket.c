#include <string.h>

#include "events.h"
#include "proto/websocket.h"

/* NOLINTBEGIN(readability-function-size,readability-function-cognitive-complexity): each assertion
 * is a macro of several branches. */

#define check(hex, text) kft_events_check_hex(KFT_EVENTS_WEBSOCKET, hex, text)

static const uint8_t zero_mask[4];
/* RFC 6455 5.7. */
static const uint8_t rfc_mask[4] = {0x37, 0xfa, 0x21, 0x3d};

static void assert_hex(const uint8_t *data, size_t size, const char *expected)
{
    g_autofree char *hex = kft_bytes_to_hex(data, size);
    g_assert_cmpstr(hex, ==, expected);
}

static void test_write_vectors(void)
{
    uint8_t out[KFT_WS_MAX_HEAD_BYTES + KFT_WS_MAX_CONTROL_BYTES];
    uint8_t payload[] = {0, 'h', 'i'};

    /* Wire protocols, section 8. */
    size_t head = kft_ws_write_head(out, KFT_WS_BINARY, sizeof payload, zero_mask);
    memcpy(out + head, payload, sizeof payload);
    assert_hex(out, head + sizeof payload, "828300000000006869");
    assert_hex(out, kft_ws_write_head(out, KFT_WS_BINARY, 0, zero_mask), "828000000000");
    const uint8_t code[] = {0x03, 0xe8};
    assert_hex(out, kft_ws_write_control(out, KFT_WS_CLOSE, code, sizeof code, zero_mask),
               "88820000000003e8");
    /* RFC 6455 5.7: a masked "Hello", and the pong to it. */
    assert_hex(out, kft_ws_write_control(out, KFT_WS_PONG, (const uint8_t *)"Hello", 5, rfc_mask),
               "8a8537fa213d7f9f4d5158");
}

static void test_write_lengths(void)
{
    static const struct {
        uint64_t payload;
        const char *head;
    } cases[] = {
        {0, "828037fa213d"},
        {125, "82fd37fa213d"},
        {126, "82fe007e37fa213d"},
        {65535, "82feffff37fa213d"},
        {65536, "82ff000000000001000037fa213d"},
        {UINT64_C(0x0123456789abcdef), "82ff0123456789abcdef37fa213d"},
    };

    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        uint8_t head[KFT_WS_MAX_HEAD_BYTES];
        size_t size = kft_ws_write_head(head, KFT_WS_BINARY, cases[i].payload, rfc_mask);
        g_assert_cmpuint(size, ==, kft_ws_head_size(cases[i].payload));
        assert_hex(head, size, cases[i].head);
    }
}

static void test_largest_control(void)
{
    uint8_t out[KFT_WS_MAX_HEAD_BYTES + KFT_WS_MAX_CONTROL_BYTES];
    uint8_t payload[KFT_WS_MAX_CONTROL_BYTES];

    memset(payload, 0xa5, sizeof payload);
    size_t size = kft_ws_write_control(out, KFT_WS_PING, payload, sizeof payload, rfc_mask);
    g_assert_cmpuint(size, ==, 6 + KFT_WS_MAX_CONTROL_BYTES);
    kft_ws_mask(out + 6, sizeof payload, rfc_mask, 0);
    g_assert_cmpmem(out + 6, sizeof payload, payload, sizeof payload);
}

/* Every alignment, size and offset around the vector width against one byte at a time, with guards
 * on both sides. */
static void test_mask(void)
{
    enum {
        N_ALIGNMENTS = 33,
        N_SIZES = 200,
        ROOM = N_ALIGNMENTS + N_SIZES + 16
    };
    uint8_t data[ROOM];
    uint8_t expected[ROOM];

    for (size_t align = 0; align < N_ALIGNMENTS; align++) {
        for (size_t size = 0; size < N_SIZES; size++) {
            for (size_t offset = 0; offset < 8; offset++) {
                for (size_t i = 0; i < ROOM; i++)
                    data[i] = expected[i] = (uint8_t)(i * 7 + size);
                for (size_t i = 0; i < size; i++)
                    expected[align + i] ^= rfc_mask[(offset + i) % 4];
                kft_ws_mask(data + align, size, rfc_mask, offset);
                g_assert_cmpmem(data, ROOM, expected, ROOM);
            }
        }
    }
}

static void test_mask_in_pieces(void)
{
    uint8_t whole[1000];
    uint8_t pieces[sizeof whole];

    for (size_t i = 0; i < sizeof whole; i++)
        whole[i] = pieces[i] = (uint8_t)g_test_rand_int();
    kft_ws_mask(whole, sizeof whole, rfc_mask, 0);
    for (size_t at = 0; at < sizeof pieces;) {
        size_t n = (size_t)g_test_rand_int_range(0, 100);
        n = MIN(n, sizeof pieces - at);
        kft_ws_mask(pieces + at, n, rfc_mask, at);
        at += n;
    }
    g_assert_cmpmem(whole, sizeof whole, pieces, sizeof pieces);
    /* SIZE_MAX + 1 is a multiple of 4, so even an offset at the end of the range is right. */
    kft_ws_mask(whole, 4, rfc_mask, SIZE_MAX);
    pieces[0] ^= rfc_mask[3];
    pieces[1] ^= rfc_mask[0];
    pieces[2] ^= rfc_mask[1];
    pieces[3] ^= rfc_mask[2];
    g_assert_cmpmem(whole, 4, pieces, 4);
}

static void test_read_messages(void)
{
    check("82020068", "(2 0068)!");
    check("8200", "(2 )!");
    check("8105 48656c6c6f", "(1 48656c6c6f)!");
    check("8201aa 8100 8201bb", "(2 aa)!(1 )!(2 bb)!");
    /* RFC 6455 5.7. */
    check("010348656c 80026c6f", "(1 48656c)(1 6c6f)!");
}

static void test_read_fragments(void)
{
    /* As gorilla's server writes more than its buffer holds (wire protocols, 3.1). */
    check("0203 616263 8000", "(2 616263)(2 )!");
    check("0200 0001aa 0000 8001bb", "(2 )(2 aa)(2 )(2 bb)!");
    /* Control frames between fragments (RFC 6455 5.4). */
    check("0201aa 8901ff 0001bb 8a00 8001cc", "(2 aa)<9 ff>(2 bb)<10 >(2 cc)!");
    /* The next message may begin at once, of another kind. */
    check("0201aa 8001bb 8101cc", "(2 aa)(2 bb)!(1 cc)!");
}

static void test_read_lengths(void)
{
    static const size_t sizes[] = {125, 126, 127, 65535, 65536, 100000};

    for (size_t i = 0; i < G_N_ELEMENTS(sizes); i++) {
        g_autoptr(GByteArray) bytes = g_byte_array_new();
        size_t size = sizes[i];
        uint8_t head[10] = {0x82};
        size_t head_size = 2;
        if (size < 126) {
            head[1] = (uint8_t)size;
        } else if (size <= UINT16_MAX) {
            head[1] = 126;
            head[2] = (uint8_t)(size >> 8);
            head[3] = (uint8_t)size;
            head_size = 4;
        } else {
            head[1] = 127;
            for (size_t b = 0; b < 4; b++)
                head[6 + b] = (uint8_t)(size >> (24 - 8 * b));
            head_size = 10;
        }
        g_byte_array_append(bytes, head, (guint)head_size);
        g_byte_array_set_size(bytes, (guint)(head_size + size));
        for (size_t b = 0; b < size; b++)
            bytes->data[head_size + b] = (uint8_t)(b * 31);
        g_autofree char *hex = kft_bytes_to_hex(bytes->data + head_size, size);
        g_autofree char *expected = g_strdup_printf("(2 %s)!", hex);
        if (size < 1000) {
            kft_events_check(KFT_EVENTS_WEBSOCKET, bytes->data, bytes->len, expected);
        } else {
            g_autofree char *whole =
                kft_events_whole(KFT_EVENTS_WEBSOCKET, bytes->data, bytes->len);
            g_assert_cmpstr(whole, ==, expected);
            g_autofree char *bytewise =
                kft_events_bytewise(KFT_EVENTS_WEBSOCKET, bytes->data, bytes->len);
            g_assert_cmpstr(bytewise, ==, expected);
        }
    }
}

static void test_read_control(void)
{
    check("8900", "<9 >");
    check("890568656c6c6f 8a0568656c6c6f", "<9 68656c6c6f><10 68656c6c6f>");
    check("880203e8", "<8 03e8 1000>");
    check("8800", "<8  1005>");
    check("880503ea627965", "<8 03ea627965 1002>");
    /* The longest. */
    g_autoptr(GString) hex = g_string_new("897d");
    for (unsigned i = 0; i < KFT_WS_MAX_CONTROL_BYTES; i++)
        g_string_append(hex, "5a");
    g_autofree char *expected = g_strdup_printf("<9 %s>", hex->str + 4);
    check(hex->str, expected);
}

static void test_read_errors(void)
{
    static const struct {
        const char *hex;
        const char *events;
    } cases[] = {
        {"8280 00000000", "protocol error @2"},         /* masked */
        {"c200", "protocol error @2"},                  /* RSV1 */
        {"a200", "protocol error @2"},                  /* RSV2 */
        {"9200", "protocol error @2"},                  /* RSV3 */
        {"8300", "protocol error @2"},                  /* unknown data opcodes */
        {"8700", "protocol error @2"},                  //
        {"8b00", "protocol error @2"},                  /* unknown control opcodes */
        {"8f00", "protocol error @2"},                  //
        {"0900", "protocol error @2"},                  /* fragmented control frames */
        {"0a00", "protocol error @2"},                  //
        {"0800", "protocol error @2"},                  //
        {"897e007e", "protocol error @2"},              /* too long control frames */
        {"887f", "protocol error @2"},                  //
        {"8000", "protocol error @2"},                  /* a continuation without a message */
        {"8201aa 8001bb", "(2 aa)! protocol error @5"}, //
        {"0201aa 8201bb", "(2 aa) protocol error @5"},  /* a message inside one */
        {"0201aa 8100", "(2 aa) protocol error @5"},    //
        {"827e007d", "protocol error @4"},              /* not the shortest length */
        {"827e0000", "protocol error @4"},              //
        {"827f000000000000ffff", "protocol error @10"}, //
        {"827f8000000000000000", "protocol error @10"}, /* top bit */
        {"827fffffffffffffffff", "protocol error @10"}, //
        {"880103", "protocol error @2"},                /* half a close code */
        {"827f0000000002000001", "limit exceeded @10"}, /* one byte over 32 MiB */
        {"827f7fffffffffffffff", "limit exceeded @10"}, //
    };

    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++)
        check(cases[i].hex, cases[i].events);
    /* The largest that is taken. */
    check("827f0000000002000000", "");
    check("827f0000000002000000 aa", "(2 aa");
}

/* Data is given out as it arrives, in place. */
static void test_no_copy(void)
{
    const uint8_t input[] = {0x82, 0x05, 1, 2, 3};
    const uint8_t rest[] = {4, 5, 0x89, 0x00};
    KftWsDecoder decoder;
    KftWsEvent event;
    size_t consumed = 0;

    kft_ws_decoder_init(&decoder);
    g_assert_cmpint(kft_ws_decoder_next(&decoder, input, sizeof input, &consumed, &event), ==,
                    KFT_R_OK);
    g_assert_cmpuint(consumed, ==, 5);
    g_assert_true(event.data == input + 2);
    g_assert_cmpuint(event.size, ==, 3);
    g_assert_true(event.is_frame_start && !event.is_frame_end && !event.is_message_end);
    g_assert_cmpint(kft_ws_decoder_next(&decoder, rest, sizeof rest, &consumed, &event), ==,
                    KFT_R_OK);
    g_assert_cmpuint(consumed, ==, 2);
    g_assert_true(event.data == rest);
    g_assert_true(!event.is_frame_start && event.is_frame_end && event.is_message_end);
    g_assert_cmpint(kft_ws_decoder_next(&decoder, rest + 2, 2, &consumed, &event), ==, KFT_R_OK);
    g_assert_cmpint(event.type, ==, KFT_WS_EVENT_PING);
    g_assert_cmpint(kft_ws_decoder_next(&decoder, rest, 0, &consumed, &event), ==, KFT_R_AGAIN);
    g_assert_cmpuint(consumed, ==, 0);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/proto/websocket/write/vectors", test_write_vectors);
    g_test_add_func("/proto/websocket/write/lengths", test_write_lengths);
    g_test_add_func("/proto/websocket/write/largest-control", test_largest_control);
    g_test_add_func("/proto/websocket/mask/all-alignments", test_mask);
    g_test_add_func("/proto/websocket/mask/in-pieces", test_mask_in_pieces);
    g_test_add_func("/proto/websocket/read/messages", test_read_messages);
    g_test_add_func("/proto/websocket/read/fragments", test_read_fragments);
    g_test_add_func("/proto/websocket/read/lengths", test_read_lengths);
    g_test_add_func("/proto/websocket/read/control", test_read_control);
    g_test_add_func("/proto/websocket/read/errors", test_read_errors);
    g_test_add_func("/proto/websocket/read/no-copy", test_no_copy);
    return g_test_run();
}

/* NOLINTEND(readability-function-size,readability-function-cognitive-complexity) */
