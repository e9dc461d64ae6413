#include "events.h"
#include "proto/channel.h"

#define check(hex, text) kft_events_check_hex(KFT_EVENTS_CHANNEL, hex, text)
/* Both preambles of port 80 (wire protocols, 2.2). */
#define PREAMBLES "8203 005000 8203 015000 "

static void test_data(void)
{
    check(PREAMBLES, "");
    check(PREAMBLES "8203 006869", "data:6869");
    check(PREAMBLES "8203 006869 8203 006869", "data:68696869");
    /* The refusal of a port (2.5). */
    check(PREAMBLES "8205 016e6f7065 8802 03e8", "error:6e6f7065<8 03e8 1000>");
    check(PREAMBLES "8202 00aa 8202 01bb 8202 00cc", "data:aa error:bb data:cc");
}

static void test_order_of_preambles(void)
{
    check("8203 015000 8202 01ee 8203 005000 8202 00aa", "error:ee data:aa");
    check("8203 005000 8202 00aa 8203 015000", "data:aa");
}

static void test_nothing_to_do(void)
{
    /* Empty frames, channels without data, unknown channels. */
    check(PREAMBLES "8200 8201 00 8201 01 8203 02aabb 8202 ffaa 8201 04 8202 00cc", "data:cc");
    check("8200 8203 02aabb 8203 005000 8202 00aa", "data:aa");
}

static void test_split_messages(void)
{
    check(PREAMBLES "0202 00aa 0001 bb 8001 cc", "data:aabbcc");
    check(PREAMBLES "0200 0000 8002 00aa", "data:aa");
    check(PREAMBLES "0201 00 8901 ff 8001 aa", "<9 ff> data:aa");
    check("0202 0050 8001 00 8203 015000 8202 00aa", "data:aa");
    check(PREAMBLES "0202 05aa 8001 00 8202 00bb", "data:bb");
}

static void test_errors(void)
{
    check("8203 005100", "protocol error");                 /* another port */
    check("8203 000050", "protocol error");                 /* big-endian */
    check("8203 005000 8203 015001", "protocol error");     /* of the error channel */
    check("8204 00500000", "protocol error");               /* too long */
    check("8202 0050", "protocol error");                   /* too short */
    check("8201 00", "protocol error");                     /* empty */
    check("8203 006869", "protocol error");                 /* data without one */
    check("8203 005000 8205 016e6f7065", "protocol error"); //
    check(PREAMBLES "8280", "protocol error");              /* of the WebSocket */
}

static void test_every_port(void)
{
    for (unsigned port = 1; port <= 65535; port += 257) {
        const uint8_t bytes[] = {KFT_CHANNEL_DATA, (uint8_t)port, (uint8_t)(port >> 8)};
        KftWsEvent frame = {.data = bytes, .size = sizeof bytes, .is_message_end = true};
        KftChannelDecoder decoder;
        KftChannelEvent event;

        kft_channel_decoder_init(&decoder, (uint16_t)port);
        g_assert_cmpint(kft_channel_decoder_feed(&decoder, &frame, &event), ==, KFT_R_OK);
        g_assert_cmpint(event.type, ==, KFT_CHANNEL_EVENT_NONE);
        kft_channel_decoder_init(&decoder, (uint16_t)(port ^ 0x100));
        g_assert_cmpint(kft_channel_decoder_feed(&decoder, &frame, &event), ==, KFT_R_PROTOCOL);
        kft_channel_decoder_init(&decoder, (uint16_t)(port ^ 1));
        g_assert_cmpint(kft_channel_decoder_feed(&decoder, &frame, &event), ==, KFT_R_PROTOCOL);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/proto/channel/data", test_data);
    g_test_add_func("/proto/channel/order-of-preambles", test_order_of_preambles);
    g_test_add_func("/proto/channel/nothing-to-do", test_nothing_to_do);
    g_test_add_func("/proto/channel/split-messages", test_split_messages);
    g_test_add_func("/proto/channel/errors", test_errors);
    g_test_add_func("/proto/channel/every-port", test_every_port);
    return g_test_run();
}
