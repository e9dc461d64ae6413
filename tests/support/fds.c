/* Descriptors of a test. */
#include "fds.h"

#include <glib.h>

#define LIMIT_US ((gint64)60 * G_USEC_PER_SEC)
#define LOOK_US 5000

unsigned kft_test_count_fds(void)
{
    GDir *dir = g_dir_open("/proc/self/fd", 0, NULL);
    unsigned n_fds = 0;
    g_assert_nonnull(dir);
    while (g_dir_read_name(dir) != NULL)
        n_fds++;
    g_dir_close(dir);
    return n_fds - 1; /* that of the folder itself */
}

void kft_test_expect_fds(unsigned n_fds)
{
    gint64 end_us = g_get_monotonic_time() + LIMIT_US;
    while (kft_test_count_fds() > n_fds && g_get_monotonic_time() < end_us)
        g_usleep(LOOK_US);
    g_assert_cmpuint(kft_test_count_fds(), ==, n_fds);
}
