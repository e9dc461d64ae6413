/* SOCKS messages; the first byte chooses whose. Taken at once, in single bytes and in two pieces
 * they mean the same, and written anew they are the same (events.c). */
#include <glib.h>

#include "events.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    KftEventsKind kind = (data[0] & 1) != 0 ? KFT_EVENTS_SOCKS_SERVER : KFT_EVENTS_SOCKS_CLIENT;
    data++;
    size--;
    g_autofree char *whole = kft_events_whole(kind, data, size);
    g_autofree char *bytewise = kft_events_bytewise(kind, data, size);
    g_assert_cmpstr(whole, ==, bytewise);
    size_t cut = size / 2;
    g_autofree char *halves = kft_events_cut(kind, data, size, &cut, 1);
    g_assert_cmpstr(whole, ==, halves);
    return 0;
}
