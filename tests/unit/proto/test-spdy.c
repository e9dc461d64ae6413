/* Header blocks are judged as the server judges them: by inflating them with SPDY/3's dictionary.
 */
#include <string.h>
#include <zlib.h>

#include "events.h"
#include "proto/spdy.h"

/* NOLINTBEGIN(readability-function-size,readability-function-cognitive-complexity): each assertion
 * is a macro of several branches. */

#define check(hex, text) kft_events_check_hex(KFT_EVENTS_SPDY, hex, text)
/* Frame head, stream id, associated id, priority, slot: then comes the header block. */
#define SYN_FIXED_BYTES 18
#define DICTIONARY_BYTES 1423
#define DICTIONARY_SHA256 "51d27341373f923f3cd88e1eb7162aeaa3723d7585ff2399201dc06498407f02"

static void assert_hex(const uint8_t *data, size_t size, const char *expected)
{
    g_autoptr(GByteArray) bytes = kft_bytes_from_hex(expected);
    g_autofree char *wanted = kft_bytes_to_hex(bytes->data, bytes->len);
    g_autofree char *hex = kft_bytes_to_hex(data, size);
    g_assert_cmpstr(hex, ==, wanted);
}

static void append_u32(GByteArray *out, uint32_t value)
{
    uint8_t bytes[] = {(uint8_t)(value >> 24), (uint8_t)(value >> 16), (uint8_t)(value >> 8),
                       (uint8_t)value};
    g_byte_array_append(out, bytes, sizeof bytes);
}

static void append_text(GByteArray *out, const char *text)
{
    g_byte_array_append(out, (const guint8 *)text, (guint)strlen(text));
}

/* The dictionary from its structure (wire protocols, 3.3). */
static GByteArray *make_dictionary(void)
{
    static const char entries[] =
        "options|head|post|put|delete|trace|accept|accept-charset|accept-encoding|accept-language|"
        "accept-ranges|age|allow|authorization|cache-control|connection|content-base|"
        "content-encoding|content-language|content-length|content-location|content-md5|"
        "content-range|content-type|date|etag|expect|expires|from|host|if-match|if-modified-since|"
        "if-none-match|if-range|if-unmodified-since|last-modified|location|max-forwards|pragma|"
        "proxy-authenticate|proxy-authorization|range|referer|retry-after|server|te|trailer|"
        "transfer-encoding|upgrade|user-agent|vary|via|warning|www-authenticate|method|get|status|"
        "200 OK|version|HTTP/1.1|url|public|set-cookie|keep-alive|origin";
    static const char tail[] =
        "100101201202205206300302303304305306307402405406407408409410411412413414415416417502504505"
        "203 Non-Authoritative Information204 No Content301 Moved Permanently400 Bad Request"
        "401 Unauthorized403 Forbidden404 Not Found500 Internal Server Error501 Not Implemented"
        "503 Service UnavailableJan Feb Mar Apr May Jun Jul Aug Sept Oct Nov Dec 00:00:00 "
        "Mon, Tue, Wed, Thu, Fri, Sat, Sun, GMT"
        "chunked,text/html,image/png,image/jpg,image/gif,application/xml,application/xhtml+xml,"
        "text/plain,text/javascript,publicprivatemax-age=gzip,deflate,sdch"
        "charset=utf-8charset=iso-8859-1,utf-,*,enq=0.";
    GByteArray *out = g_byte_array_new();
    g_auto(GStrv) words = g_strsplit(entries, "|", -1);

    for (size_t i = 0; words[i] != NULL; i++) {
        append_u32(out, (uint32_t)strlen(words[i]));
        append_text(out, words[i]);
    }
    append_text(out, tail);
    return out;
}

static void test_dictionary(void)
{
    g_autoptr(GByteArray) dictionary = make_dictionary();
    g_assert_cmpuint(dictionary->len, ==, DICTIONARY_BYTES);
    g_autofree char *sum =
        g_compute_checksum_for_data(G_CHECKSUM_SHA256, dictionary->data, dictionary->len);
    g_assert_cmpstr(sum, ==, DICTIONARY_SHA256);
}

static uint32_t take_u32(const uint8_t **at)
{
    const uint8_t *bytes = *at;
    *at += 4;
    return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
}

/* Inflates one header block and says what it holds: "name=value name=value". What zlib gives out
 * before the end of this block is all that a server would see. */
static char *inflate_block(z_stream *stream, const uint8_t *block, size_t size)
{
    uint8_t out[1024];
    GString *text = g_string_new(NULL);
    g_autofree uint8_t *input = g_memdup2(block, size);

    stream->next_in = input;
    stream->avail_in = (uInt)size;
    stream->next_out = out;
    stream->avail_out = sizeof out;
    int result = inflate(stream, Z_SYNC_FLUSH);
    if (result == Z_NEED_DICT) {
        g_autoptr(GByteArray) dictionary = make_dictionary();
        g_assert_cmpint(inflateSetDictionary(stream, dictionary->data, dictionary->len), ==, Z_OK);
        result = inflate(stream, Z_SYNC_FLUSH);
    }
    g_assert_cmpint(result, ==, Z_OK);
    g_assert_cmpuint(stream->avail_in, ==, 0);
    const uint8_t *at = out;
    const uint8_t *end = stream->next_out;
    uint32_t count = take_u32(&at);
    for (uint32_t i = 0; i < 2 * count; i++) {
        uint32_t length = take_u32(&at);
        g_assert_cmpuint(length, <=, (size_t)(end - at));
        g_string_append_len(text, (const char *)at, (gssize)length);
        g_string_append_c(text, i % 2 == 0 ? '=' : ' ');
        at += length;
    }
    g_assert_true(at == end);
    return g_string_free(text, FALSE);
}

static void test_syn_vectors(void)
{
    KftSpdyEncoder encoder;
    uint8_t out[KFT_SPDY_MAX_SYN_BYTES];

    kft_spdy_encoder_init(&encoder);
    uint32_t error = kft_spdy_encoder_take_id(&encoder);
    size_t size = kft_spdy_write_syn_stream(&encoder, out, error, KFT_SPDY_STREAM_ERROR, 80, error);
    assert_hex(out, size,
               "80030001 01000055 00000001 00000000 0000 7820e3c6a7c2 00 3b00 c4ff 00000003 "
               "0000000a 73747265616d74797065 00000005 6572726f72 00000004 706f7274 00000002 3830 "
               "00000009 726571756573746964 00000001 31 000000ffff");
    uint32_t data = kft_spdy_encoder_take_id(&encoder);
    size = kft_spdy_write_syn_stream(&encoder, out, data, KFT_SPDY_STREAM_DATA, 80, error);
    assert_hex(out, size,
               "80030001 0000004e 00000003 00000000 0000 00 3a00 c5ff 00000003 0000000a "
               "73747265616d74797065 00000004 64617461 00000004 706f7274 00000002 3830 00000009 "
               "726571756573746964 00000001 31 000000ffff");
}

static void test_small_vectors(void)
{
    uint8_t out[16];

    kft_spdy_write_data_head(out, 3, 0, 3);
    assert_hex(out, KFT_SPDY_HEAD_BYTES, "00000003 00000003");
    kft_spdy_write_data_head(out, 3, KFT_SPDY_FLAG_FIN, 0);
    assert_hex(out, KFT_SPDY_HEAD_BYTES, "00000003 01000000");
    kft_spdy_write_data_head(out, 0x7fffffff, KFT_SPDY_FLAG_FIN, KFT_SPDY_MAX_DATA_BYTES);
    assert_hex(out, KFT_SPDY_HEAD_BYTES, "7fffffff 01ffffff");
    assert_hex(out, kft_spdy_write_rst_stream(out, 3, KFT_SPDY_RST_CANCEL),
               "80030003 00000008 00000003 00000005");
    assert_hex(out, kft_spdy_write_ping(out, 1), "80030006 00000004 00000001");
    assert_hex(out, kft_spdy_write_goaway(out, 0), "80030007 00000008 00000000 00000000");
}

/* Every header block of a long connection, through one inflater, as the server reads them. */
static void test_blocks_inflate(void)
{
    z_stream stream = {0};
    KftSpdyEncoder encoder;
    uint8_t out[KFT_SPDY_MAX_SYN_BYTES];

    g_assert_cmpint(inflateInit2(&stream, 15), ==, Z_OK);
    kft_spdy_encoder_init(&encoder);
    encoder.next_stream_id = 4294961; /* so that ids get longer on the way */
    for (unsigned i = 0; i < 2000; i++) {
        uint32_t request = i < 1000 ? encoder.next_stream_id : g_test_rand_bit() ? UINT32_MAX : 0;
        uint16_t port = (uint16_t)(i == 0 ? 1 : i == 1 ? 65535 : g_test_rand_int_range(1, 65536));
        for (unsigned half = 0; half < 2; half++) {
            uint32_t id = kft_spdy_encoder_take_id(&encoder);
            size_t size = kft_spdy_write_syn_stream(
                &encoder, out, id, half == 0 ? KFT_SPDY_STREAM_ERROR : KFT_SPDY_STREAM_DATA, port,
                request);
            g_assert_cmpuint(size, <=, sizeof out);
            g_assert_cmpuint(out[4], ==, half == 0 ? KFT_SPDY_FLAG_FIN : 0);
            g_autofree char *text =
                inflate_block(&stream, out + SYN_FIXED_BYTES, size - SYN_FIXED_BYTES);
            g_autofree char *expected = g_strdup_printf(
                "streamtype=%s port=%u requestid=%u ", half == 0 ? "error" : "data", port, request);
            g_assert_cmpstr(text, ==, expected);
        }
    }
    (void)inflateEnd(&stream);
}

static void test_ids(void)
{
    KftSpdyEncoder encoder;

    kft_spdy_encoder_init(&encoder);
    g_assert_cmpuint(kft_spdy_encoder_take_id(&encoder), ==, 1);
    g_assert_cmpuint(kft_spdy_encoder_take_id(&encoder), ==, 3);
    encoder.next_stream_id = 0x7fffffff;
    g_assert_cmpuint(kft_spdy_encoder_take_id(&encoder), ==, 0x7fffffff);
    g_assert_cmpuint(kft_spdy_encoder_take_id(&encoder), ==, 0);
    g_assert_cmpuint(kft_spdy_encoder_take_id(&encoder), ==, 0);
}

static void test_read_frames(void)
{
    /* What a server answers to two SYNs (wire protocols, section 8). */
    check("80030002 00000014 00000003 78f9e3c6a7c2 62606060 00000000ffff "
          "80030002 0000000c 00000001 0261 00000000ffff",
          "reply3 reply1");
    check("80030002 01000004 00000005", "reply5.");
    check("00000003 00000003 474554", "d3:474554");
    check("00000003 01000003 474554", "d3:474554.");
    check("00000003 01000000", "d3:.");
    check("80030003 00000008 00000003 00000005", "rst3=5");
    check("80030006 00000004 00000001", "ping1");
    check("80030006 00000004 80000002", "ping2147483650");
    check("80030007 00000008 00000000 00000000", "goaway0=0");
    check("80030007 00000008 00000007 00000002", "goaway7=2");
    check("80030001 0000000a 00000002 00000000 0000", "syn2");
    /* The refusal of a port (3.7). */
    check("00000003 01000000 00000001 00000004 6e6f7065 80030003 00000008 00000001 00000005",
          "d3:. d1:6e6f7065 rst1=5");
}

static void test_read_ignored(void)
{
    check("80030004 0000000c 00000001 00000004 00000064 80030006 00000004 00000003",
          "ignored ping3");
    check("80030008 00000006 00000003 abcd 00000005 00000001 aa", "ignored d5:aa");
    check("80030009 00000008 00000000 00010000", "ignored");
    /* Unknown types, with and without content. */
    check("80030005 00000000 8003ffff ff000003 aabbcc 80030006 00000004 00000003",
          "ignored ignored ping3");
    /* Fields after those we know are skipped. */
    check("80030003 0000000a 00000003 00000005 ffff 80030006 00000004 00000003", "rst3=5 ping3");
    /* Flags on DATA other than FIN. */
    check("00000003 02000001 aa", "d3:aa");
    /* The reserved bit of an id in a control frame. */
    check("80030003 00000008 80000003 00000005", "rst3=5");
}

static void test_read_mixed(void)
{
    check("00000001 00000000 00000003 00000001 aa 00000003 00000002 bbcc 00000001 01000001 dd",
          "d1: d3:aabbcc d1:dd.");
}

static void test_read_errors(void)
{
    static const struct {
        const char *hex;
        const char *events;
    } cases[] = {
        {"80020001 0000000a", "protocol error @8"},    /* another version */
        {"81030001 0000000a", "protocol error @8"},    //
        {"ffff0001 0000000a", "protocol error @8"},    //
        {"80030001 00000009", "protocol error @8"},    /* too short for the type */
        {"80030002 00000003", "protocol error @8"},    //
        {"80030003 00000007", "protocol error @8"},    //
        {"80030004 00000003", "protocol error @8"},    //
        {"80030006 00000003", "protocol error @8"},    //
        {"80030006 00000000", "protocol error @8"},    //
        {"80030007 00000004", "protocol error @8"},    /* as in SPDY/2 */
        {"80030008 00000003", "protocol error @8"},    //
        {"80030009 00000007", "protocol error @8"},    //
        {"00000000 00000001 aa", "protocol error @8"}, /* stream 0 */
        {"80030001 0000000a 000000000000000000 00", "protocol error @18"},
        {"80030002 00000004 00000000", "protocol error @12"}, //
        {"80030003 00000008 80000000 00000001", "protocol error @16"},
        {"80030006 00000004 00000000", "protocol error @12"}, /* ping 0 */
        {"80030002 00010001", "limit exceeded @8"},           /* 64 KiB and one */
        {"8003ffff 00ffffff", "limit exceeded @8"},           //
        {"00000003 00000001 aa 80020006", "d3:aa"},           /* not yet known to be wrong */
        {"00000003 00000001 aa 80020006 00000004", "d3:aa protocol error @17"},
    };

    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++)
        check(cases[i].hex, cases[i].events);
}

static void test_read_large(void)
{
    /* A reply of 64 KiB is skipped, whatever its pieces; DATA of 16 MiB is announced. */
    g_autoptr(GByteArray) bytes = kft_bytes_from_hex("80030002 00010000 00000003");
    g_byte_array_set_size(bytes, bytes->len + 65532);
    g_autoptr(GByteArray) data = kft_bytes_from_hex("00000003 01ffffff aabb");
    g_byte_array_append(bytes, data->data, data->len);
    g_autofree char *whole = kft_events_whole(KFT_EVENTS_SPDY, bytes->data, bytes->len);
    g_assert_cmpstr(whole, ==, "reply3 d3:aabb");
    g_autofree char *bytewise = kft_events_bytewise(KFT_EVENTS_SPDY, bytes->data, bytes->len);
    g_assert_cmpstr(bytewise, ==, whole);
}

/* What the encoder writes is what the decoder reads. */
static void test_round_trip(void)
{
    g_autoptr(GByteArray) bytes = g_byte_array_new();
    KftSpdyEncoder encoder;
    uint8_t out[KFT_SPDY_MAX_SYN_BYTES];

    kft_spdy_encoder_init(&encoder);
    for (unsigned i = 0; i < 2; i++) {
        uint32_t id = kft_spdy_encoder_take_id(&encoder);
        g_byte_array_append(
            bytes, out,
            (guint)kft_spdy_write_syn_stream(&encoder, out, id, KFT_SPDY_STREAM_DATA, 8080, id));
    }
    g_byte_array_append(bytes, out, (guint)kft_spdy_write_rst_stream(out, 3, 5));
    kft_spdy_write_data_head(out, 1, KFT_SPDY_FLAG_FIN, 2);
    g_byte_array_append(bytes, out, KFT_SPDY_HEAD_BYTES);
    g_byte_array_append(bytes, (const guint8 *)"hi", 2);
    g_byte_array_append(bytes, out, (guint)kft_spdy_write_ping(out, 7));
    g_byte_array_append(bytes, out, (guint)kft_spdy_write_goaway(out, 9));
    kft_events_check(KFT_EVENTS_SPDY, bytes->data, bytes->len,
                     "syn1 syn3 rst3=5 d1:6869. ping7 goaway9=0");
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/proto/spdy/dictionary", test_dictionary);
    g_test_add_func("/proto/spdy/write/syn-vectors", test_syn_vectors);
    g_test_add_func("/proto/spdy/write/small-vectors", test_small_vectors);
    g_test_add_func("/proto/spdy/write/blocks-inflate", test_blocks_inflate);
    g_test_add_func("/proto/spdy/write/ids", test_ids);
    g_test_add_func("/proto/spdy/read/frames", test_read_frames);
    g_test_add_func("/proto/spdy/read/ignored", test_read_ignored);
    g_test_add_func("/proto/spdy/read/mixed", test_read_mixed);
    g_test_add_func("/proto/spdy/read/errors", test_read_errors);
    g_test_add_func("/proto/spdy/read/large", test_read_large);
    g_test_add_func("/proto/spdy/round-trip", test_round_trip);
    return g_test_run();
}

/* NOLINTEND(readability-function-size,readability-function-cognitive-complexity) */
