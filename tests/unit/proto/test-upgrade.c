#include <string.h>

#include "base/secret.h"
#include "proto/upgrade.h"

/* NOLINTBEGIN(readability-function-size,readability-function-cognitive-complexity): each assertion
 * is a macro of several branches. */

/* RFC 6455 1.3. */
#define RFC_KEY "dGhlIHNhbXBsZSBub25jZQ=="
#define RFC_ACCEPT "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
#define SWITCH_HEAD "HTTP/1.1 101 Switching Protocols\r\n"
#define WEB_SOCKET_HEAD SWITCH_HEAD "Upgrade: websocket\r\nConnection: Upgrade\r\n"
#define ACCEPT_LINE "Sec-WebSocket-Accept: " RFC_ACCEPT "\r\n"
#define SPDY_HEAD SWITCH_HEAD "Connection: Upgrade\r\nUpgrade: SPDY/3.1\r\n"
#define STATUS(text)                                                                               \
    "{\"kind\":\"Status\",\"apiVersion\":\"v1\",\"message\":\"" text "\",\"code\":0}"

static const KftUpgradeRequest both = {
    .host = "api:6443",
    .path = "/api/v1/namespaces/n/pods/p/portforward",
    .port = 80,
    .offer_tunnel = TRUE,
    .offer_v4 = TRUE,
    .user_agent = "kftray/1",
};

static KftUpgradeRequest offer(gboolean tunnel, gboolean v4)
{
    KftUpgradeRequest request = both;
    request.offer_tunnel = tunnel;
    request.offer_v4 = v4;
    return request;
}

static void test_build_web_socket(void)
{
    const char *const headers[] = {"Authorization: Bearer abc", "Impersonate-User: jo", NULL};
    KftUpgradeRequest request = both;
    request.headers = headers;

    char *text = kft_upgrade_build(&request, RFC_KEY);
    g_assert_cmpstr(text, ==,
                    "GET /api/v1/namespaces/n/pods/p/portforward?ports=80 HTTP/1.1\r\n"
                    "Host: api:6443\r\n"
                    "Connection: Upgrade\r\n"
                    "Upgrade: websocket\r\n"
                    "Sec-WebSocket-Version: 13\r\n"
                    "Sec-WebSocket-Key: " RFC_KEY "\r\n"
                    "Sec-WebSocket-Protocol: SPDY/3.1+portforward.k8s.io, v4.channel.k8s.io\r\n"
                    "User-Agent: kftray/1\r\n"
                    "Authorization: Bearer abc\r\n"
                    "Impersonate-User: jo\r\n\r\n");
    kft_secret_wipe_string(text);
}

static void test_build_offers(void)
{
    KftUpgradeRequest tunnel = offer(TRUE, FALSE);
    KftUpgradeRequest v4 = offer(FALSE, TRUE);
    g_autofree char *tunnel_text = kft_upgrade_build(&tunnel, RFC_KEY);
    g_autofree char *v4_text = kft_upgrade_build(&v4, RFC_KEY);
    g_assert_nonnull(
        strstr(tunnel_text, "\r\nSec-WebSocket-Protocol: SPDY/3.1+portforward.k8s.io\r\n"));
    g_assert_nonnull(strstr(v4_text, "\r\nSec-WebSocket-Protocol: v4.channel.k8s.io\r\n"));
}

static void test_build_spdy(void)
{
    KftUpgradeRequest request = offer(FALSE, FALSE);
    request.user_agent = NULL;
    g_autofree char *text = kft_upgrade_build(&request, NULL);
    g_assert_cmpstr(text, ==,
                    "POST /api/v1/namespaces/n/pods/p/portforward HTTP/1.1\r\n"
                    "Host: api:6443\r\n"
                    "Connection: Upgrade\r\n"
                    "Upgrade: SPDY/3.1\r\n"
                    "X-Stream-Protocol-Version: portforward.k8s.io\r\n"
                    "Content-Length: 0\r\n\r\n");
}

static void test_build_refuses_injection(void)
{
    static const char *const bad[] = {"a\r\nX: y", "a\ny", "a\r", "\n"};

    for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
        const char *const headers[] = {"A: b", bad[i], NULL};
        KftUpgradeRequest requests[] = {both, both, both, both};
        requests[0].host = bad[i];
        requests[1].path = bad[i];
        requests[2].user_agent = bad[i];
        requests[3].headers = headers;
        for (size_t n = 0; n < G_N_ELEMENTS(requests); n++)
            g_assert_null(kft_upgrade_build(&requests[n], RFC_KEY));
        g_assert_null(kft_upgrade_build(&both, bad[i]));
    }
    /* A blank would end the path. */
    KftUpgradeRequest request = both;
    request.path = "/a b";
    g_assert_null(kft_upgrade_build(&request, RFC_KEY));
}

static void test_key(void)
{
    char first[KFT_UPGRADE_KEY_CHARS + 1];
    char second[KFT_UPGRADE_KEY_CHARS + 1];

    kft_upgrade_make_key(first);
    kft_upgrade_make_key(second);
    g_assert_cmpuint(strlen(first), ==, KFT_UPGRADE_KEY_CHARS);
    g_assert_cmpstr(first, !=, second);
    gsize size = 0;
    g_autofree guchar *bytes = g_base64_decode(first, &size);
    g_assert_nonnull(bytes);
    g_assert_cmpuint(size, ==, 16);
}

typedef struct {
    const char *head; /* without the empty line */
    const char *body;
    KftUpgradeVerdict verdict;
    KftCarrier carrier;
    const char *reason; /* a part of it */
} Case;

static void run_case(const KftUpgradeRequest *offered, const Case *test)
{
    g_autoptr(KftHttpHead) head = kft_http_head_new();
    g_autofree char *text = g_strconcat(test->head, "\r\n", NULL);
    g_autofree char *reason = NULL;
    KftCarrier carrier = (KftCarrier)99;
    size_t consumed = 0;

    g_assert_cmpint(kft_http_head_feed(head, (const uint8_t *)text, strlen(text), &consumed), ==,
                    KFT_R_OK);
    g_test_message("%s%s", test->head, test->body == NULL ? "" : test->body);
    g_assert_cmpint(kft_upgrade_judge(offered, RFC_KEY, head, test->body,
                                      test->body == NULL ? 0 : strlen(test->body), &carrier,
                                      &reason),
                    ==, test->verdict);
    if (test->verdict == KFT_UPGRADE_OPEN) {
        g_assert_cmpint(carrier, ==, test->carrier);
        g_assert_null(reason);
        return;
    }
    g_assert_nonnull(reason);
    g_assert_null(strpbrk(reason, "\r\n"));
    if (test->reason != NULL && strstr(reason, test->reason) == NULL)
        g_error("\"%s\" does not say \"%s\"", reason, test->reason);
}

static void test_judge_open(void)
{
    static const Case cases[] = {
        {WEB_SOCKET_HEAD ACCEPT_LINE "Sec-WebSocket-Protocol: SPDY/3.1+portforward.k8s.io\r\n",
         NULL, KFT_UPGRADE_OPEN, KFT_CARRIER_TUNNEL, NULL},
        {WEB_SOCKET_HEAD ACCEPT_LINE "Sec-WebSocket-Protocol: v4.channel.k8s.io\r\n", NULL,
         KFT_UPGRADE_OPEN, KFT_CARRIER_WEBSOCKET, NULL},
        {SWITCH_HEAD "upgrade: WebSocket\r\nconnection: keep-alive, upgrade\r\n" ACCEPT_LINE
                     "sec-websocket-protocol: v4.channel.k8s.io\r\nSec-WebSocket-Extensions:\r\n",
         NULL, KFT_UPGRADE_OPEN, KFT_CARRIER_WEBSOCKET, NULL},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++)
        run_case(&both, &cases[i]);
    static const Case spdy = {SPDY_HEAD "X-Stream-Protocol-Version: portforward.k8s.io\r\n", NULL,
                              KFT_UPGRADE_OPEN, KFT_CARRIER_SPDY, NULL};
    KftUpgradeRequest post = offer(FALSE, FALSE);
    run_case(&post, &spdy);
}

static void test_judge_wrong_switch(void)
{
#define V4_LINE "Sec-WebSocket-Protocol: v4.channel.k8s.io\r\n"
    static const Case cases[] = {
        {WEB_SOCKET_HEAD ACCEPT_LINE, NULL, KFT_UPGRADE_TRY_SPDY_BLOCKED, 0,
         "no WebSocket subprotocol"},
        {WEB_SOCKET_HEAD ACCEPT_LINE "Sec-WebSocket-Protocol:\r\n", NULL,
         KFT_UPGRADE_TRY_SPDY_BLOCKED, 0, "no WebSocket subprotocol"},
        {WEB_SOCKET_HEAD ACCEPT_LINE "Sec-WebSocket-Protocol: v5.channel.k8s.io\r\n", NULL,
         KFT_UPGRADE_TRY_SPDY_BLOCKED, 0, "v5.channel.k8s.io"},
        {WEB_SOCKET_HEAD ACCEPT_LINE V4_LINE V4_LINE, NULL, KFT_UPGRADE_TRY_SPDY_BLOCKED, 0,
         "offered"},
        {WEB_SOCKET_HEAD V4_LINE, NULL, KFT_UPGRADE_TRY_SPDY_BLOCKED, 0, "Accept"},
        {WEB_SOCKET_HEAD V4_LINE "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOO=\r\n", NULL,
         KFT_UPGRADE_TRY_SPDY_BLOCKED, 0, "Accept"},
        {SWITCH_HEAD "Upgrade: websocket\r\n" ACCEPT_LINE V4_LINE, NULL,
         KFT_UPGRADE_TRY_SPDY_BLOCKED, 0, "not to WebSocket"},
        {SWITCH_HEAD "Upgrade: h2c\r\nConnection: Upgrade\r\n" ACCEPT_LINE V4_LINE, NULL,
         KFT_UPGRADE_TRY_SPDY_BLOCKED, 0, "not to WebSocket"},
        {WEB_SOCKET_HEAD ACCEPT_LINE V4_LINE "Sec-WebSocket-Extensions: permessage-deflate\r\n",
         NULL, KFT_UPGRADE_TRY_SPDY_BLOCKED, 0, "extension"},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++)
        run_case(&both, &cases[i]);

    /* Known, but not offered. */
    KftUpgradeRequest tunnel = offer(TRUE, FALSE);
    static const Case foreign = {WEB_SOCKET_HEAD ACCEPT_LINE V4_LINE, NULL,
                                 KFT_UPGRADE_TRY_SPDY_BLOCKED, 0, "v4.channel.k8s.io"};
    run_case(&tunnel, &foreign);

    KftUpgradeRequest post = offer(FALSE, FALSE);
    static const Case posts[] = {
        {SPDY_HEAD, NULL, KFT_UPGRADE_FAILED, 0, "portforward.k8s.io"},
        {SPDY_HEAD "X-Stream-Protocol-Version: v9\r\n", NULL, KFT_UPGRADE_FAILED, 0, NULL},
        {WEB_SOCKET_HEAD ACCEPT_LINE V4_LINE, NULL, KFT_UPGRADE_FAILED, 0, "SPDY/3.1"},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(posts); i++)
        run_case(&post, &posts[i]);
#undef V4_LINE
}

/* Wire protocols, the rows of 1.4 in their order. */
static const Case refusals[] = {
    {"HTTP/1.1 400 Bad Request\r\n", "query parameter \"port\" is required", KFT_UPGRADE_TRY_SPDY,
     0, "\"port\" is required"},
    {"HTTP/1.1 403 Forbidden\r\n", NULL, KFT_UPGRADE_TRY_SPDY, 0, "403"},
    {"HTTP/1.1 403 Forbidden\r\n", "{\"kind\":\"Other\"}", KFT_UPGRADE_TRY_SPDY, 0, "403"},
    {"HTTP/1.1 405 Method Not Allowed\r\n", NULL, KFT_UPGRADE_TRY_SPDY, 0, "405"},
    {"HTTP/1.1 426 Upgrade Required\r\n", NULL, KFT_UPGRADE_TRY_SPDY_BLOCKED, 0, "426"},
    {"HTTP/1.1 501 Not Implemented\r\n", NULL, KFT_UPGRADE_TRY_SPDY, 0, "501"},
    {"HTTP/1.1 502 Bad Gateway\r\nContent-Type: text/html; charset=utf-8\r\n", "bad",
     KFT_UPGRADE_TRY_SPDY_BLOCKED, 0, "web page"},
    {"HTTP/1.1 503 x\r\n", "\n <!DOCTYPE html><html>", KFT_UPGRADE_TRY_SPDY_BLOCKED, 0, "web page"},
    {"HTTP/1.1 504 x\r\n", "<HTML>", KFT_UPGRADE_TRY_SPDY_BLOCKED, 0, "web page"},
    {"HTTP/1.1 403 Forbidden\r\nContent-Type: application/json\r\n",
     STATUS("pods \\\"p\\\" is forbidden: User \\\"u\\\" cannot get resource "
            "\\\"pods/portforward\\\" in API group \\\"\\\" in the namespace \\\"n\\\""),
     KFT_UPGRADE_TRY_SPDY_RIGHTS, 0, "cannot get resource \"pods/portforward\""},
    {"HTTP/1.1 401 Unauthorized\r\n", STATUS("Unauthorized"), KFT_UPGRADE_UNAUTHORIZED, 0,
     "Unauthorized"},
    {"HTTP/1.1 403 Forbidden\r\n",
     STATUS("pods \\\"p\\\" is forbidden: User \\\"u\\\" cannot create resource "
            "\\\"pods/portforward\\\" in API group \\\"\\\""),
     KFT_UPGRADE_FAILED, 0, "cannot create resource"},
    {"HTTP/1.1 404 Not Found\r\n", STATUS("pods \\\"p\\\" not found"), KFT_UPGRADE_FAILED, 0,
     "404: pods \"p\" not found"},
    {"HTTP/1.1 400 Bad Request\r\n", STATUS("pod p does not have a host assigned"),
     KFT_UPGRADE_FAILED, 0, "host assigned"},
    {"HTTP/1.1 429 Too Many Requests\r\nRetry-After: 60\r\n",
     "maximum number of in-flight requests exceeded", KFT_UPGRADE_THROTTLED, 0, "in-flight"},
    {"HTTP/1.1 500 Internal Server Error\r\n", STATUS("error dialing backend: dial tcp"),
     KFT_UPGRADE_FAILED, 0, "dialing backend"},
    /* Beside the table. */
    {"HTTP/1.1 400 Bad Request\r\n", STATUS("Upgrade request required"),
     KFT_UPGRADE_TRY_SPDY_BLOCKED, 0, "Upgrade request required"},
    {"HTTP/1.1 403 x\r\nContent-Type: text/html\r\n", "no", KFT_UPGRADE_TRY_SPDY_BLOCKED, 0,
     "web page"},
    {"HTTP/1.1 503 x\r\n", "upstream connect error", KFT_UPGRADE_TRY_SPDY_BLOCKED, 0, "upstream"},
    {"HTTP/1.1 404 Not Found\r\nContent-Type: text/html\r\n", "<html>", KFT_UPGRADE_FAILED, 0,
     "web page"},
    {"HTTP/1.1 500 x\r\n", "pod not found (\"p_ns\")", KFT_UPGRADE_FAILED, 0, "pod not found"},
    {"HTTP/1.1 503 x\r\n", STATUS("etcd is away"), KFT_UPGRADE_FAILED, 0, "etcd is away"},
    {"HTTP/1.1 502 x\r\n", NULL, KFT_UPGRADE_TRY_SPDY_BLOCKED, 0, "502 without saying why"},
    {"HTTP/1.1 400 x\r\n", "<html>", KFT_UPGRADE_TRY_SPDY_BLOCKED, 0, "web page"},
    {"HTTP/1.1 400 x\r\n", "nonsense", KFT_UPGRADE_TRY_SPDY_BLOCKED, 0, "nonsense"},
    {"HTTP/1.1 200 OK\r\n", "hello", KFT_UPGRADE_TRY_SPDY_BLOCKED, 0, "hello"},
    {"HTTP/1.1 302 Found\r\nLocation: /login\r\n", NULL, KFT_UPGRADE_FAILED, 0, "302"},
    {"HTTP/1.1 410 Gone\r\n", "{\"kind\":\"Status\"}", KFT_UPGRADE_FAILED, 0,
     "410 without saying why"},
    {"HTTP/1.1 410 Gone\r\n", "{\"kind\":\"Status\",\"message\":{}}", KFT_UPGRADE_FAILED, 0,
     "410 without"},
    {"HTTP/1.1 403 Forbidden\r\n", "{\"kind\":[\"Status\"],\"message\":\"cut", KFT_UPGRADE_TRY_SPDY,
     0, "cut"},
};

static void test_judge_refusals(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(refusals); i++)
        run_case(&both, &refusals[i]);
}

/* After a POST there is nothing else to try. */
static void test_judge_refusals_of_post(void)
{
    KftUpgradeRequest post = offer(FALSE, FALSE);

    for (size_t i = 0; i < G_N_ELEMENTS(refusals); i++) {
        Case test = refusals[i];
        if (test.verdict != KFT_UPGRADE_UNAUTHORIZED && test.verdict != KFT_UPGRADE_THROTTLED)
            test.verdict = KFT_UPGRADE_FAILED;
        run_case(&post, &test);
    }
}

/* What a peer says is one bounded, printable line without credentials. */
static void test_judge_reason_is_clean(void)
{
    g_autoptr(GString) body = g_string_new("first\r\nsecond \x1b[31m Bearer s3cr3t \xff\xfe ");
    g_autoptr(KftHttpHead) head = kft_http_head_new();
    static const char text[] = "HTTP/1.1 500 x\r\n\r\n";
    g_autofree char *reason = NULL;
    KftCarrier carrier = KFT_CARRIER_SPDY;
    size_t consumed = 0;

    while (body->len < 60000)
        g_string_append(body, "and more ");
    g_assert_cmpint(kft_http_head_feed(head, (const uint8_t *)text, strlen(text), &consumed), ==,
                    KFT_R_OK);
    g_assert_cmpint(
        kft_upgrade_judge(&both, RFC_KEY, head, body->str, body->len, &carrier, &reason), ==,
        KFT_UPGRADE_FAILED);
    g_assert_cmpuint(strlen(reason), <, 1100);
    g_assert_true(g_utf8_validate(reason, -1, NULL));
    g_assert_null(strpbrk(reason, "\r\n\x1b"));
    g_assert_null(strstr(reason, "s3cr3t"));
    g_assert_nonnull(strstr(reason, "first second"));
}

static void test_carrier_names(void)
{
    g_assert_cmpstr(kft_carrier_name(KFT_CARRIER_TUNNEL), ==, "tunnel");
    g_assert_cmpstr(kft_carrier_name(KFT_CARRIER_WEBSOCKET), ==, "websocket");
    g_assert_cmpstr(kft_carrier_name(KFT_CARRIER_SPDY), ==, "spdy");
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/proto/upgrade/build/web-socket", test_build_web_socket);
    g_test_add_func("/proto/upgrade/build/offers", test_build_offers);
    g_test_add_func("/proto/upgrade/build/spdy", test_build_spdy);
    g_test_add_func("/proto/upgrade/build/refuses-injection", test_build_refuses_injection);
    g_test_add_func("/proto/upgrade/key", test_key);
    g_test_add_func("/proto/upgrade/judge/open", test_judge_open);
    g_test_add_func("/proto/upgrade/judge/wrong-switch", test_judge_wrong_switch);
    g_test_add_func("/proto/upgrade/judge/refusals", test_judge_refusals);
    g_test_add_func("/proto/upgrade/judge/refusals-of-post", test_judge_refusals_of_post);
    g_test_add_func("/proto/upgrade/judge/reason-is-clean", test_judge_reason_is_clean);
    g_test_add_func("/proto/upgrade/carrier-names", test_carrier_names);
    return g_test_run();
}

/* NOLINTEND(readability-function-size,readability-function-cognitive-complexity) */
