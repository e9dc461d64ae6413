/* Reads and replaces small files. Reading works by bytes and not by the size that the file system
 * tells, because `--kubeconfig <(command)` is a pipe; the limit holds for what was really read. */
#include "kube/small-file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "kftray/error.h"

#define FIRST_READ_BYTES 16384

static void set_errno_error(GError **error, const char *path, int code)
{
    if (code == EISDIR)
        g_set_error(error, KFT_ERROR, KFT_ERROR_STORAGE, "%s is a directory, not a file", path);
    else if (code == ENOENT || code == ENOTDIR)
        g_set_error(error, KFT_ERROR, KFT_ERROR_NOT_FOUND, "%s does not exist%s", path,
                    strstr(path, "/~/") == NULL ? "" : " (\"~\" is not expanded in a kubeconfig)");
    else
        g_set_error(error, KFT_ERROR, KFT_ERROR_STORAGE, "%s cannot be read: %s", path,
                    g_strerror(code));
}

void kft_small_file_free(char *data, size_t size)
{
    if (data == NULL)
        return;
    explicit_bzero(data, size);
    g_free(data);
}

/* Moves to twice the room without leaving a copy behind, which realloc would. */
static char *grow(char *data, size_t size, size_t capacity)
{
    char *larger = g_malloc(capacity + 1);
    if (size > 0)
        memcpy(larger, data, size);
    kft_small_file_free(data, size);
    return larger;
}

/* Returns 0 or an errno value; EFBIG: more than @max_bytes. */
static int read_all(int fd, size_t max_bytes, char **ret_data, size_t *ret_size)
{
    size_t capacity = MIN(FIRST_READ_BYTES, max_bytes + 1);
    char *data = grow(NULL, 0, capacity);
    size_t size = 0;
    int result = 0;

    for (;;) {
        if (size == capacity) {
            capacity = MIN(capacity * 2, max_bytes + 1);
            data = grow(data, size, capacity);
        }
        ssize_t got = read(fd, data + size, capacity - size);
        if (got == 0)
            break;
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0) {
            result = errno;
            break;
        }
        size += (size_t)got;
        if (size > max_bytes) {
            result = EFBIG;
            break;
        }
    }
    if (result != 0) {
        kft_small_file_free(data, size);
        return result;
    }
    data[size] = '\0';
    *ret_data = data;
    *ret_size = size;
    return 0;
}

char *kft_small_file_read(const char *path, size_t max_bytes, size_t *ret_size, GError **error)
{
    char *data = NULL;

    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (fd < 0) {
        set_errno_error(error, path, errno);
        return NULL;
    }
    int result = read_all(fd, max_bytes, &data, ret_size);
    (void)close(fd);
    if (result == EFBIG)
        g_set_error(error, KFT_ERROR, KFT_ERROR_LIMIT, "%s is larger than %zu bytes", path,
                    max_bytes);
    else if (result != 0)
        set_errno_error(error, path, result);
    return data;
}

bool kft_small_file_check(const char *path, GError **error)
{
    struct stat info;

    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (fd < 0) {
        set_errno_error(error, path, errno);
        return false;
    }
    bool is_directory = fstat(fd, &info) == 0 && S_ISDIR(info.st_mode);
    (void)close(fd);
    if (is_directory)
        set_errno_error(error, path, EISDIR);
    return !is_directory;
}

static bool write_all(int fd, const char *data, size_t size)
{
    while (size > 0) {
        ssize_t written = write(fd, data, size);
        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0)
            return false;
        data += written;
        size -= (size_t)written;
    }
    return true;
}

/* Fills the new file at @fd and gives it the rights of the old one. */
static bool fill(int fd, const struct stat *old, const char *data, size_t size)
{
    /* The group may be one that we cannot give; the mode then still keeps others out. */
    if (old->st_gid != getegid() && fchown(fd, (uid_t)-1, old->st_gid) != 0)
        return fchmod(fd, old->st_mode & 0700) == 0 && write_all(fd, data, size) && fsync(fd) == 0;
    return fchmod(fd, old->st_mode & 07777) == 0 && write_all(fd, data, size) && fsync(fd) == 0;
}

bool kft_small_file_replace(const char *path, const char *data, size_t size, GError **error)
{
    struct stat old;
    char target[PATH_MAX];

    if (realpath(path, target) == NULL || stat(target, &old) != 0 || !S_ISREG(old.st_mode)) {
        g_set_error(error, KFT_ERROR, KFT_ERROR_STORAGE, "%s is no regular file", path);
        return false;
    }
    g_autofree char *temporary = g_strdup_printf("%s.XXXXXX", target);
    int fd = g_mkstemp_full(temporary, O_WRONLY | O_CLOEXEC, 0600);
    if (fd < 0) {
        g_set_error(error, KFT_ERROR, KFT_ERROR_STORAGE, "%s cannot be written: %s", path,
                    g_strerror(errno));
        return false;
    }
    bool is_ok = fill(fd, &old, data, size);
    int code = errno;
    if (close(fd) != 0 && is_ok) {
        code = errno;
        is_ok = false;
    }
    if (is_ok && rename(temporary, target) != 0) {
        code = errno;
        is_ok = false;
    }
    if (!is_ok) {
        (void)unlink(temporary);
        g_set_error(error, KFT_ERROR, KFT_ERROR_STORAGE, "%s cannot be written: %s", path,
                    g_strerror(code));
    }
    return is_ok;
}
