/* Reads /proc. A process that cannot be found there counts as dead. */
#include "store/owner.h"

#include <string.h>
#include <unistd.h>

#include "base/number.h"
#include "base/redact.h"

/* Fields of /proc/PID/stat behind the name, which is in parentheses and may hold spaces. */
enum {
    FIELD_STATE = 0,
    FIELD_START = 19
};
#define MAX_NAME_CHARS 64

static void read_boot(char *boot, size_t size)
{
    g_autofree char *text = NULL;
    boot[0] = '\0';
    if (g_file_get_contents("/proc/sys/kernel/random/boot_id", &text, NULL, NULL))
        (void)g_strlcpy(boot, g_strchomp(text), size);
}

/* 0 if there is no such process, or one that has ended. */
static int64_t read_start_ticks(int64_t pid)
{
    g_autofree char *file = g_strdup_printf("/proc/%" G_GINT64_FORMAT "/stat", pid);
    g_autofree char *text = NULL;
    if (pid <= 0 || !g_file_get_contents(file, &text, NULL, NULL))
        return 0;
    const char *rest = strrchr(text, ')');
    if (rest == NULL || rest[1] != ' ')
        return 0;
    g_auto(GStrv) fields = g_strsplit(rest + 2, " ", FIELD_START + 2);
    uint64_t ticks = 0;
    if (g_strv_length(fields) <= FIELD_START || strpbrk(fields[FIELD_STATE], "ZXx") != NULL ||
        !kft_parse_uint(fields[FIELD_START], 0, INT64_MAX, &ticks))
        return 0;
    return (int64_t)ticks;
}

KftOwner kft_owner_self(void)
{
    KftOwner self = {.pid = getpid()};
    self.start_ticks = read_start_ticks(self.pid);
    read_boot(self.boot, sizeof self.boot);
    return self;
}

bool kft_owner_equal(const KftOwner *a, const KftOwner *b)
{
    return a->pid == b->pid && a->start_ticks == b->start_ticks && strcmp(a->boot, b->boot) == 0;
}

bool kft_owner_is_alive(const KftOwner *self)
{
    char boot[sizeof self->boot];
    read_boot(boot, sizeof boot);
    return strcmp(boot, self->boot) == 0 && self->start_ticks != 0 &&
           read_start_ticks(self->pid) == self->start_ticks;
}

char *kft_owner_dup_name(const KftOwner *self)
{
    g_autofree char *file = g_strdup_printf("/proc/%" G_GINT64_FORMAT "/comm", self->pid);
    g_autofree char *text = NULL;
    if (!g_file_get_contents(file, &text, NULL, NULL))
        return g_strdup_printf("process %" G_GINT64_FORMAT, self->pid);
    g_autofree char *name = kft_one_line(text, MAX_NAME_CHARS);
    return g_strdup_printf("%s (pid %" G_GINT64_FORMAT ")", name, self->pid);
}
