#include "input.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "output.h"

#define PIECE ((size_t)64 * 1024)

const char *kft_input_name(const char *path)
{
    return strcmp(path, "-") == 0 ? "standard input" : path;
}

/* Pipes have no size to look at before: the limit is kept while reading. */
static char *read_all(int fd, const char *name, size_t max, size_t *ret_size)
{
    g_autoptr(GByteArray) all = g_byte_array_new();
    g_autofree guint8 *piece = g_malloc(PIECE);

    for (;;) {
        ssize_t n = read(fd, piece, PIECE);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            kft_print_error("%s: %s", name, g_strerror(errno));
            return NULL;
        }
        if (n == 0)
            break;
        if (all->len + (size_t)n > max) {
            kft_print_error("%s: longer than %zu MiB", name, max >> 20);
            return NULL;
        }
        g_byte_array_append(all, piece, (guint)n);
    }
    *ret_size = all->len;
    g_byte_array_append(all, (const guint8 *)"", 1);
    return (char *)g_byte_array_free(g_steal_pointer(&all), /* free_segment */ FALSE);
}

char *kft_input_read(const char *path, size_t max, size_t *ret_size)
{
    bool is_stdin = strcmp(path, "-") == 0;
    int fd = is_stdin ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);

    if (fd < 0) {
        kft_print_error("%s: %s", path, g_strerror(errno));
        return NULL;
    }
    char *text = read_all(fd, kft_input_name(path), max, ret_size);
    if (!is_stdin)
        (void)close(fd);
    return text;
}

bool kft_input_ask(const char *question)
{
    char answer[16] = "";

    if (isatty(STDIN_FILENO) != 1 || isatty(STDERR_FILENO) != 1) {
        kft_print_error("%s: there is no terminal to ask on; say --yes", question);
        return false;
    }
    (void)fprintf(stderr, "%s? [y/N] ", question);
    (void)fflush(stderr);
    if (fgets(answer, sizeof(answer), stdin) == NULL)
        answer[0] = '\0';
    (void)g_strstrip(answer);
    if (g_ascii_strcasecmp(answer, "y") == 0 || g_ascii_strcasecmp(answer, "yes") == 0)
        return true;
    kft_print_note("Nothing was changed");
    return false;
}
