/* A commit ends with new time stamps on the database file (kft_transaction_commit()): IN_ATTRIB. A
 * program that does not do that, sqlite3(1), or is killed before, closes the file in the end:
 * IN_CLOSE_WRITE. The directory is watched and not the file, because a file that is replaced takes
 * its watch away with it. */
#include "store/change.h"

#include <sys/inotify.h>
#include <unistd.h>

#include "base/fault.h"

struct KftChange {
    int fd;
};

KftChange *kft_change_new(const char *path)
{
    g_autofree char *folder = g_path_get_dirname(path);
    int fd = KFT_FAULT("inotify_init1") ? -1 : inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    if (fd < 0)
        return NULL;
    if (inotify_add_watch(fd, folder, IN_ATTRIB | IN_CLOSE_WRITE | IN_MOVED_TO) < 0) {
        (void)close(fd);
        return NULL;
    }
    KftChange *self = g_new0(KftChange, 1);
    self->fd = fd;
    return self;
}

void kft_change_free(KftChange *self)
{
    if (self == NULL)
        return;
    (void)close(self->fd);
    g_free(self);
}

int kft_change_get_fd(const KftChange *self)
{
    return self->fd;
}

void kft_change_drain(KftChange *self)
{
    char events[4096];
    while (read(self->fd, events, sizeof events) > 0)
        continue;
}
