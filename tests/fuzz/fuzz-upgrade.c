/* The answer to an upgrade request, head and body. The first byte chooses what was offered. Taken
 * at once and in single bytes it gets the same verdict, and the reason is one clean line of text.
 */
#include <glib.h>
#include <string.h>

#include "fuzz.h"
#include "proto/upgrade.h"

/* NOLINTBEGIN(readability-function-size,readability-function-cognitive-complexity): each assertion
 * is a macro of several branches. */

#define KEY "dGhlIHNhbXBsZSBub25jZQ=="

typedef struct {
    KftUpgradeVerdict verdict;
    KftCarrier carrier;
    char *reason;
} Judgement;

/* Returns false if the head is not complete or wrong. */
static bool judge(const KftUpgradeRequest *request,
                  const uint8_t *data,
                  size_t size,
                  size_t piece_bytes,
                  Judgement *ret_judgement)
{
    g_autoptr(KftHttpHead) head = kft_http_head_new();
    KftResult result = KFT_R_AGAIN;
    size_t at = 0;

    while (result == KFT_R_AGAIN && at < size) {
        size_t consumed = 0;
        result = kft_http_head_feed(head, data + at, MIN(piece_bytes, size - at), &consumed);
        at += consumed;
    }
    if (result != KFT_R_OK)
        return false;
    *ret_judgement = (Judgement){.carrier = KFT_CARRIER_SPDY};
    ret_judgement->verdict =
        kft_upgrade_judge(request, KEY, head, (const char *)data + at, size - at,
                          &ret_judgement->carrier, &ret_judgement->reason);
    return true;
}

static void check(const KftUpgradeRequest *request, const Judgement *judgement)
{
    bool is_post = !request->offer_tunnel && !request->offer_v4;

    if (judgement->verdict == KFT_UPGRADE_OPEN) {
        g_assert_null(judgement->reason);
        g_assert_true(judgement->carrier != KFT_CARRIER_TUNNEL || request->offer_tunnel);
        g_assert_true(judgement->carrier != KFT_CARRIER_WEBSOCKET || request->offer_v4);
        g_assert_true(judgement->carrier != KFT_CARRIER_SPDY || is_post);
        return;
    }
    g_assert_nonnull(judgement->reason);
    g_assert_true(g_utf8_validate(judgement->reason, -1, NULL));
    g_assert_null(strpbrk(judgement->reason, "\r\n"));
    g_assert_true(!is_post || (judgement->verdict != KFT_UPGRADE_TRY_SPDY &&
                               judgement->verdict != KFT_UPGRADE_TRY_SPDY_RIGHTS));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    KftUpgradeRequest request = {.host = "h", .path = "/", .port = 80};
    Judgement whole = {0};
    Judgement bytewise = {0};

    if (size == 0)
        return 0;
    request.offer_tunnel = (data[0] & 1) != 0;
    request.offer_v4 = (data[0] & 2) != 0;
    bool is_judged = judge(&request, data + 1, size - 1, size, &whole);
    g_assert_cmpint(is_judged, ==, judge(&request, data + 1, size - 1, 1, &bytewise));
    if (!is_judged)
        return 0;
    g_assert_cmpint(whole.verdict, ==, bytewise.verdict);
    g_assert_cmpint(whole.carrier, ==, bytewise.carrier);
    g_assert_cmpstr(whole.reason, ==, bytewise.reason);
    check(&request, &whole);
    g_free(whole.reason);
    g_free(bytewise.reason);
    return 0;
}

/* NOLINTEND(readability-function-size,readability-function-cognitive-complexity) */
