#include "base/random.h"

#include <glib.h>
#include <sys/random.h>

void kft_random_bytes(void *data, size_t size)
{
    uint8_t *at = data;
    while (size > 0) {
        ssize_t n = getrandom(at, size, 0);
        if (n <= 0)
            continue; /* EINTR only: the source never fails once it is seeded (getrandom(2)) */
        at += n;
        size -= (size_t)n;
    }
}

uint32_t kft_random_below(uint32_t bound)
{
    g_assert(bound > 0);
    uint64_t value = 0;
    kft_random_bytes(&value, sizeof value);
    return (uint32_t)(value % bound);
}

char *kft_random_dup_name(size_t n_bytes)
{
    uint8_t bytes[16];
    GString *out = g_string_new(NULL);

    g_assert(n_bytes <= sizeof bytes);
    kft_random_bytes(bytes, n_bytes);
    for (size_t i = 0; i < n_bytes; i++)
        g_string_append_printf(out, "%02x", bytes[i]);
    return g_string_free(out, FALSE);
}
