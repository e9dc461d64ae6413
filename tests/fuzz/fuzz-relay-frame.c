/* Frames of the relay: taken at once, in single bytes and in two pieces, they mean the same. */
#include <glib.h>

#include "events.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    g_autofree char *whole = kft_events_whole(KFT_EVENTS_RELAY, data, size);
    g_autofree char *bytewise = kft_events_bytewise(KFT_EVENTS_RELAY, data, size);
    g_assert_cmpstr(whole, ==, bytewise);
    size_t cut = size / 2;
    g_autofree char *halves = kft_events_cut(KFT_EVENTS_RELAY, data, size, &cut, 1);
    g_assert_cmpstr(whole, ==, halves);
    return 0;
}
