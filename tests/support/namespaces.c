#include "namespaces.h"

#include <fcntl.h>
#include <glib.h>
#include <sched.h>
#include <string.h>
#include <unistd.h>

bool kft_test_write_line(const char *file, const char *line)
{
    int fd = open(file, O_WRONLY | O_CLOEXEC);
    bool is_written = fd >= 0 && write(fd, line, strlen(line)) == (ssize_t)strlen(line);
    if (fd >= 0)
        (void)close(fd);
    return is_written;
}

/* Root in a user namespace, which stands for the user outside (user_namespaces(7)). */
static bool become_root(void)
{
    g_autofree char *users = g_strdup_printf("0 %u 1", geteuid());
    g_autofree char *groups = g_strdup_printf("0 %u 1", getegid());
    return unshare(CLONE_NEWUSER) == 0 && kft_test_write_line("/proc/self/uid_map", users) &&
           kft_test_write_line("/proc/self/setgroups", "deny") &&
           kft_test_write_line("/proc/self/gid_map", groups);
}

bool kft_test_unshare(int namespaces)
{
    return (geteuid() == 0 || become_root()) && unshare(namespaces) == 0;
}
