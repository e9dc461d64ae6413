#include "base/fault.h"

#ifdef KFT_FAULTS

#include <glib.h>
#include <stdlib.h>

#include "base/number.h"

static uint64_t n_passed;

static uint64_t setting(const char *name)
{
    const char *text = g_getenv(name);
    uint64_t value = 0;
    if (text == NULL || !kft_parse_uint(text, 0, UINT32_MAX, &value))
        return 0;
    return value;
}

static void write_count(void)
{
    const char *file = g_getenv("KFT_FAULT_COUNT");
    if (file == NULL)
        return;
    g_autofree char *text = g_strdup_printf("%" G_GUINT64_FORMAT "\n", n_passed);
    (void)g_file_set_contents(file, text, -1, NULL);
}

bool kft_fault_hits(const char *name)
{
    if (n_passed == 0)
        (void)atexit(write_count);
    n_passed++;
    uint64_t nth = setting("KFT_FAULT_NTH");
    bool hit = nth != 0 && (n_passed == nth || (n_passed > nth && setting("KFT_FAULT_FROM") == 1));
    if (hit)
        g_printerr("fault injected: %s (point %" G_GUINT64_FORMAT ")\n", name, n_passed);
    return hit;
}

static size_t clip(size_t size, const char *name)
{
    uint64_t max = setting(name);
    return max == 0 || size <= max ? size : (size_t)max;
}

size_t kft_fault_clip_read(size_t size)
{
    return clip(size, "KFT_DBG_RMAX");
}

size_t kft_fault_clip_write(size_t size)
{
    return clip(size, "KFT_DBG_WMAX");
}

#else

/* ISO C wants a declaration in each translation unit. */
typedef int KftFaultIsOff;

#endif
