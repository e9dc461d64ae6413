#include <string.h>

#include "events.h"
#include "proto/socks5.h"

/* NOLINTBEGIN(readability-function-size,readability-function-cognitive-complexity): each assertion
 * is a macro of several branches. */

#define client(hex, text) kft_events_check_hex(KFT_EVENTS_SOCKS_CLIENT, hex, text)
#define server(hex, text) kft_events_check_hex(KFT_EVENTS_SOCKS_SERVER, hex, text)

static void test_client(void)
{
    client("050100", "offers 00");
    client("05020002", "offers 00 02");
    client("050100 05010001 7f000001 0050", "offers 00 request 1 ipv4 7f000001:80");
    client("050100 05010003 026462 1538 6869", "offers 00 request 1 name db:5432 data:6869");
    client("050100 05f30004 20010db8000000000000000000000001 0035",
           "offers 00 request 243 ipv6 20010db8000000000000000000000001:53");
    /* The reserved byte is nobody's. */
    client("050100 05017701 7f000001 0050", "offers 00 request 1 ipv4 7f000001:80");
    client("050100 050100", "offers 00");
}

static void test_server(void)
{
    server("0500", "choice 00");
    server("05ff", "choice ff");
    server("0500 05000001 0a000001 9c40 6869", "choice 00 reply 0 ipv4 0a000001:40000 data:6869");
    server("0500 05050001 00000000 0000", "choice 00 reply 5 ipv4 00000000:0");
}

static void test_errors(void)
{
    client("04", "protocol error @1");
    client("0500", "protocol error @2");
    client("050100 04", "offers 00 protocol error @4");
    client("050100 05010002", "offers 00 invalid value");
    client("050100 05010003 00", "offers 00 protocol error @8");
    client("050100 05010003 02 6100", "offers 00 protocol error @10");
    client("050100 05010003 02 6120", "offers 00 protocol error @10");
    client("050100 05010003 02 61ff", "offers 00 protocol error @10");
    server("0400", "protocol error @1");
    server("0500 05000005", "choice 00 invalid value");
}

static void test_writing(void)
{
    uint8_t out[KFT_SOCKS5_MAX_BYTES];
    KftSocks5Address address = {.type = KFT_SOCKS5_NAME, .port = 443};

    kft_socks5_write_greeting(out);
    g_assert_cmpmem(out, KFT_SOCKS5_GREETING_BYTES, "\5\1\0", 3);
    kft_socks5_write_choice(out, KFT_SOCKS5_METHOD_REFUSED);
    g_assert_cmpmem(out, KFT_SOCKS5_CHOICE_BYTES, "\5\xff", 2);
    memset(address.name, 'n', 255);
    size_t size = kft_socks5_write_message(out, KFT_SOCKS5_UDP_FRAMES, &address);
    g_assert_cmpuint(size, ==, KFT_SOCKS5_MAX_BYTES);
    g_assert_cmpmem(out, 5, "\5\xf3\0\3\xff", 5);
    g_assert_cmpmem(out + 260, 2, "\x01\xbb", 2);
    g_autofree char *hex = kft_bytes_to_hex(out, size);
    g_autofree char *input = g_strconcat("050100", hex, NULL);
    g_autofree char *text = g_strdup_printf("offers 00 request 243 name %s:443", address.name);
    client(input, text);
}

static void test_names(void)
{
    g_assert_cmpstr(kft_socks5_reply_name(0), ==, "succeeded");
    g_assert_cmpstr(kft_socks5_reply_name(8), ==, "address type not supported");
    g_assert_cmpstr(kft_socks5_reply_name(9), ==, "unknown reply");
}

/* NOLINTEND(readability-function-size,readability-function-cognitive-complexity) */

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/proto/socks5/client", test_client);
    g_test_add_func("/proto/socks5/server", test_server);
    g_test_add_func("/proto/socks5/errors", test_errors);
    g_test_add_func("/proto/socks5/writing", test_writing);
    g_test_add_func("/proto/socks5/names", test_names);
    return g_test_run();
}
