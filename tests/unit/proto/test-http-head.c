#include <string.h>

#include "events.h"
#include "proto/http-head.h"

/* NOLINTBEGIN(readability-function-size,readability-function-cognitive-complexity): each assertion
 * is a macro of several branches. */

static void check(const char *text, const char *expected)
{
    kft_events_check(KFT_EVENTS_HTTP_HEAD, (const uint8_t *)text, strlen(text), expected);
}

/* Returns: (transfer full) the head of @text. */
static KftHttpHead *read_head(const char *text)
{
    KftHttpHead *head = kft_http_head_new();
    size_t consumed = 0;
    g_assert_cmpint(kft_http_head_feed(head, (const uint8_t *)text, strlen(text), &consumed), ==,
                    KFT_R_OK);
    return head;
}

static void test_plain(void)
{
    check("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
          "101 @77 Upgrade=[websocket] Connection=[Upgrade]");
    check("HTTP/1.0 200 OK\r\n\r\n", "200 @19");
    /* No reason, with and without the blank before it (RFC 9112 4). */
    check("HTTP/1.1 403 \r\n\r\n", "403 @17");
    check("HTTP/1.1 403\r\n\r\n", "403 @16");
    check("HTTP/1.1 599 x\r\n\r\n", "599 @18");
    check("HTTP/1.1 200 caf\xc3\xa9\r\n\r\n", "200 @22");
}

static void test_rest_is_kept(void)
{
    /* The first frames may come with the head (wire protocols, 1.2). */
    check("HTTP/1.1 101 x\r\nX-A: 1\r\n\r\n\x82\x03\x01P", "101 @26 X-A=[1]");
    check("HTTP/1.1 200 x\r\n\r\n\r\nHTTP/1.1 404 y\r\n\r\n", "200 @18");
}

static void test_interim(void)
{
    check("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nX-A: 1\r\n\r\n", "200 @52 X-A=[1]");
    check("HTTP/1.1 103 Early\r\nX-A: 1\r\n\r\nHTTP/1.1 101 S\r\nX-B: 2\r\n\r\n",
          "101 @56 X-B=[2]");
    check("HTTP/1.1 100 Continue\r\n\r\n", "");
    check("HTTP/1.1 100 Continue\r\n\r\nrubbish", "protocol error");
}

static void test_fields(void)
{
    check("HTTP/1.1 200 x\r\nX-A:1\r\nX-B: \t 2 3\t \r\n\r\n", "200 @39 X-A=[1] X-B=[2 3]");
    check("HTTP/1.1 200 x\r\nX-A:\r\nX-B: :\r\n\r\n", "200 @32 X-A=[] X-B=[:]");
    check("HTTP/1.1 200 x\r\nx-a: 1\r\nX-B: 2\r\nX-A: 3\r\n\r\n", "200 @42 X-A=[1, 3] X-B=[2]");
    check("HTTP/1.1 200 x\nX-A: 1\nX-B: 2\n\n", "200 @30 X-A=[1] X-B=[2]");
    check("HTTP/1.1 200 x\r\nX-A: 1\r\n  two\r\n\tthree\r\nX-B: 2\r\n\r\n",
          "200 @49 X-A=[1 two three] X-B=[2]");
    check("HTTP/1.1 200 x\r\nX-A: 1\r\nX-A: 2\r\n 3\r\n\r\n", "200 @38 X-A=[1, 2 3]");
}

static void test_errors(void)
{
    static const struct {
        const char *text;
        const char *events;
    } cases[] = {
        {"SSH-2.0-x", NULL},
        {"\r\nHTTP/1.1 200 OK\r\n\r\n", NULL},
        {"HTTP/2 200\r\n\r\n", NULL},
        {"http/1.1 200 x\r\n\r\n", NULL},
        {"HTTP/1.1\r\n", NULL},
        {"HTTP/1.x 200 x\r\n", NULL},
        {"HTTP/1.1  200 x\r\n", NULL},
        {"HTTP/1.1 20\r\n", NULL},
        {"HTTP/1.1 2000 x\r\n", NULL},
        {"HTTP/1.1 2x0 x\r\n", NULL},
        {"HTTP/1.1 099 x\r\n", NULL},
        {"HTTP/1.1 600 x\r\n", NULL},
        {"HTTP/1.1 200\tx\r\n", NULL},
        {"HTTP/1.1 200 x\ry\r\n", NULL},
        {"HTTP/1.1 200 x\r\n X-A: 1\r\n", NULL},  /* folded, but nothing before it */
        {"HTTP/1.1 200 x\r\nX-A : 1\r\n", NULL},  /* RFC 9112 5.1 */
        {"HTTP/1.1 200 x\r\nX A: 1\r\n", NULL},   //
        {"HTTP/1.1 200 x\r\n: 1\r\n", NULL},      //
        {"HTTP/1.1 200 x\r\nnonsense\r\n", NULL}, //
        {"HTTP/1.1 200 x\r\nX-\xc3\xa9: 1\r\n", NULL},
        {"HTTP/1.1 200 x\r\nX-A: 1\r2\r\n", NULL},
    };

    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *whole = kft_events_whole(
            KFT_EVENTS_HTTP_HEAD, (const uint8_t *)cases[i].text, strlen(cases[i].text));
        g_assert_true(g_str_has_prefix(whole, "protocol error"));
    }
    /* A NUL would hide the rest of a value. */
    const char nul[] = "HTTP/1.1 200 x\r\nX-A: 1\0002\r\n\r\n";
    kft_events_check(KFT_EVENTS_HTTP_HEAD, (const uint8_t *)nul, sizeof nul - 1, "protocol error");
}

/* A server that speaks first and sends no line end is found at once. */
static void test_early_error(void)
{
    KftHttpHead *head = kft_http_head_new();
    size_t consumed = 0;
    g_assert_cmpint(kft_http_head_feed(head, (const uint8_t *)"HTT", 3, &consumed), ==,
                    KFT_R_AGAIN);
    g_assert_cmpint(kft_http_head_feed(head, (const uint8_t *)"Q", 1, &consumed), ==,
                    KFT_R_PROTOCOL);
    kft_http_head_free(head);
}

static void test_limits(void)
{
    g_autoptr(GString) text = g_string_new("HTTP/1.1 200 x\r\n");
    for (unsigned i = 0; i < 200; i++)
        g_string_append_printf(text, "f%u: x\r\n", i);
    gsize at = text->len;
    g_string_append(text, "\r\n");
    g_autoptr(KftHttpHead) head = read_head(text->str);
    g_assert_cmpstr(kft_http_head_get_field(head, "F199"), ==, "x");
    g_string_insert(text, (gssize)at, "one: more\r\n");
    g_autofree char *many =
        kft_events_bytewise(KFT_EVENTS_HTTP_HEAD, (const uint8_t *)text->str, text->len);
    g_assert_true(g_str_has_prefix(many, "limit exceeded"));

    /* 64 KiB exactly, and one more; cut anywhere. */
    for (unsigned extra = 0; extra < 2; extra++) {
        g_string_assign(text, "HTTP/1.1 200 x\r\nX: ");
        while (text->len < 64 * 1024 - 4 + extra)
            g_string_append_c(text, 'a');
        g_string_append(text, "\r\n\r\n");
        const char *expected = extra == 0 ? "200 @65536" : "limit exceeded";
        g_autofree char *whole =
            kft_events_whole(KFT_EVENTS_HTTP_HEAD, (const uint8_t *)text->str, text->len);
        g_assert_cmpstr(whole, ==, expected);
        g_autofree char *bytewise =
            kft_events_bytewise(KFT_EVENTS_HTTP_HEAD, (const uint8_t *)text->str, text->len);
        g_assert_cmpstr(bytewise, ==, expected);
    }
}

/* Interim heads without end must end too. */
static void test_endless_interim(void)
{
    g_autoptr(GString) text = g_string_new(NULL);
    while (text->len < 70000)
        g_string_append(text, "HTTP/1.1 100 Continue\r\n\r\n");
    g_autofree char *whole =
        kft_events_whole(KFT_EVENTS_HTTP_HEAD, (const uint8_t *)text->str, text->len);
    g_assert_cmpstr(whole, ==, "limit exceeded");
}

static void test_tokens(void)
{
    g_autoptr(KftHttpHead) head = read_head("HTTP/1.1 101 x\r\n"
                                            "Connection: keep-alive , UPGRADE\t,\r\n"
                                            "Connection: last\r\n"
                                            "Upgrade: SPDY/3.1\r\n"
                                            "Empty:\r\n\r\n");
    g_assert_true(kft_http_head_has_token(head, "connection", "upgrade"));
    g_assert_true(kft_http_head_has_token(head, "Connection", "Keep-Alive"));
    g_assert_true(kft_http_head_has_token(head, "Connection", "last"));
    g_assert_true(kft_http_head_has_token(head, "Upgrade", "spdy/3.1"));
    g_assert_false(kft_http_head_has_token(head, "Connection", "upgrad"));
    g_assert_false(kft_http_head_has_token(head, "Connection", "upgrade2"));
    g_assert_false(kft_http_head_has_token(head, "Connection", "alive"));
    g_assert_false(kft_http_head_has_token(head, "Empty", "x"));
    g_assert_false(kft_http_head_has_token(head, "None", "x"));
    g_assert_null(kft_http_head_get_field(head, "None"));
}

static void test_unfinished(void)
{
    const char text[] = "HTTP/1.1 200 OK\r\nX-A: 1\r\n";
    g_autoptr(KftHttpHead) head = kft_http_head_new();
    size_t consumed = 0;
    g_assert_cmpuint(kft_http_head_get_status(head), ==, 0);
    g_assert_cmpint(kft_http_head_feed(head, (const uint8_t *)text, strlen(text), &consumed), ==,
                    KFT_R_AGAIN);
    g_assert_cmpuint(kft_http_head_get_status(head), ==, 0);
    /* After the end, nothing is taken any more. */
    g_assert_cmpint(kft_http_head_feed(head, (const uint8_t *)"\r\n", 2, &consumed), ==, KFT_R_OK);
    g_assert_cmpint(kft_http_head_feed(head, (const uint8_t *)"body", 4, &consumed), ==, KFT_R_OK);
    g_assert_cmpuint(consumed, ==, 0);
    g_assert_cmpuint(kft_http_head_get_status(head), ==, 200);
    kft_http_head_free(NULL);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/proto/http-head/plain", test_plain);
    g_test_add_func("/proto/http-head/rest-is-kept", test_rest_is_kept);
    g_test_add_func("/proto/http-head/interim", test_interim);
    g_test_add_func("/proto/http-head/fields", test_fields);
    g_test_add_func("/proto/http-head/errors", test_errors);
    g_test_add_func("/proto/http-head/early-error", test_early_error);
    g_test_add_func("/proto/http-head/limits", test_limits);
    g_test_add_func("/proto/http-head/endless-interim", test_endless_interim);
    g_test_add_func("/proto/http-head/tokens", test_tokens);
    g_test_add_func("/proto/http-head/unfinished", test_unfinished);
    return g_test_run();
}

/* NOLINTEND(readability-function-size,readability-function-cognitive-complexity) */
