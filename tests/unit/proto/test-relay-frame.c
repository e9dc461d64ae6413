#include <string.h>

#include "events.h"
#include "proto/relay-frame.h"

/* NOLINTBEGIN(readability-function-size,readability-function-cognitive-complexity): each assertion
 * is a macro of several branches. */

#define check(hex, text) kft_events_check_hex(KFT_EVENTS_RELAY, hex, text)

static void test_datagrams(void)
{
    check("00000002 6869", "<6869>");
    check("00000002 6869 00000001 21", "<6869><21>");
    check("00000000", "<>");
    check("00000000 00000000 00000001 aa 00000000", "<><><aa><>");
    check("00000003 aabbcc 00000002 dd", "<aabbcc>");
    check("000000", "");
}

static void test_too_long(void)
{
    check("0000ffe4", "protocol error @4");
    check("ffffffff 00", "protocol error @4");
    check("00000001 aa 00010000", "<aa> protocol error @9");
}

static void test_longest(void)
{
    g_autofree uint8_t *frame = g_malloc0(KFT_RELAY_MAX_FRAME_BYTES + 1);
    KftRelayDecoder decoder;
    KftRelayDatagram datagram;
    size_t consumed = 0;

    kft_relay_write_head(frame, KFT_RELAY_MAX_DATAGRAM_BYTES);
    g_assert_cmpmem(frame, KFT_RELAY_HEAD_BYTES, "\0\0\xff\xe3", 4);
    g_assert_cmpuint(kft_relay_frame_size(frame), ==, KFT_RELAY_MAX_FRAME_BYTES);
    memset(frame + KFT_RELAY_HEAD_BYTES, 0x5a, KFT_RELAY_MAX_DATAGRAM_BYTES);
    kft_relay_decoder_init(&decoder);
    for (size_t cut = 1; cut < KFT_RELAY_MAX_FRAME_BYTES; cut += 4093) {
        g_assert_cmpint(kft_relay_decoder_next(&decoder, frame, cut, &consumed, &datagram), ==,
                        KFT_R_AGAIN);
        g_assert_cmpuint(consumed, ==, cut);
        g_assert_false(kft_relay_decoder_is_between_frames(&decoder));
        g_assert_cmpint(kft_relay_decoder_next(&decoder, frame + cut,
                                               KFT_RELAY_MAX_FRAME_BYTES + 1 - cut, &consumed,
                                               &datagram),
                        ==, KFT_R_OK);
        g_assert_cmpuint(consumed, ==, KFT_RELAY_MAX_FRAME_BYTES - cut);
        g_assert_cmpmem(datagram.data, (int)datagram.size, frame + KFT_RELAY_HEAD_BYTES,
                        KFT_RELAY_MAX_DATAGRAM_BYTES);
        g_assert_true(kft_relay_decoder_is_between_frames(&decoder));
    }
    kft_relay_decoder_clear(&decoder);
}

/* A whole frame is given out where it lies. */
static void test_no_copy(void)
{
    const uint8_t input[] = {0, 0, 0, 1, 0xaa, 0, 0, 0, 2, 0xbb, 0xcc};
    KftRelayDecoder decoder;
    KftRelayDatagram datagram;
    size_t consumed = 0;

    kft_relay_decoder_init(&decoder);
    g_assert_cmpint(kft_relay_decoder_next(&decoder, input, sizeof input, &consumed, &datagram), ==,
                    KFT_R_OK);
    g_assert_true(datagram.data == input + 4);
    g_assert_cmpint(kft_relay_decoder_next(&decoder, input + consumed, sizeof input - consumed,
                                           &consumed, &datagram),
                    ==, KFT_R_OK);
    g_assert_true(datagram.data == input + 9);
    g_assert_null(decoder.payload.memory);
    kft_relay_decoder_clear(&decoder);
}

/* NOLINTEND(readability-function-size,readability-function-cognitive-complexity) */

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/proto/relay-frame/datagrams", test_datagrams);
    g_test_add_func("/proto/relay-frame/too-long", test_too_long);
    g_test_add_func("/proto/relay-frame/longest", test_longest);
    g_test_add_func("/proto/relay-frame/no-copy", test_no_copy);
    return g_test_run();
}
