#include "server/log.h"

#include <stdarg.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static const char *const level_names[] = {"error", "warning", "info", "debug"};

static KftServerLogLevel max_level = KFT_LOG_INFO;

bool kft_server_log_set_level(const char *name)
{
    static const struct {
        const char *name;
        KftServerLogLevel level;
    } names[] = {
        {"error", KFT_LOG_ERROR}, {"warning", KFT_LOG_WARNING}, {"warn", KFT_LOG_WARNING},
        {"info", KFT_LOG_INFO},   {"debug", KFT_LOG_DEBUG},     {"trace", KFT_LOG_DEBUG},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
        if (g_ascii_strcasecmp(name, names[i].name) == 0) {
            max_level = names[i].level;
            return true;
        }
    }
    return false;
}

bool kft_server_log_is_enabled(KftServerLogLevel level)
{
    return level <= max_level;
}

static bool is_plain(const char *value)
{
    if (*value == '\0')
        return false;
    for (const char *at = value; *at != '\0'; at++) {
        if (!g_ascii_isgraph(*at) || *at == '"' || *at == '\\' || *at == '=')
            return false;
    }
    return true;
}

static void append_value(GString *line, const char *value)
{
    if (is_plain(value)) {
        g_string_append(line, value);
        return;
    }
    g_autofree char *escaped = g_strescape(value, NULL);
    g_string_append_printf(line, "\"%s\"", escaped);
}

static void append_time(GString *line)
{
    char text[32];
    struct timespec now;
    struct tm parts;

    (void)clock_gettime(CLOCK_REALTIME, &now);
    (void)gmtime_r(&now.tv_sec, &parts);
    (void)strftime(text, sizeof text, "%FT%T", &parts);
    g_string_append_printf(line, "time=%s.%03ldZ", text, now.tv_nsec / 1000000);
}

static void append_pairs(GString *line, va_list args)
{
    const char *key = NULL;

    /* NOLINTNEXTLINE(clang-analyzer-valist.Uninitialized): the caller begins the list */
    while ((key = va_arg(args, const char *)) != NULL) {
        const char *value = va_arg(args, const char *);
        if (value == NULL)
            continue;
        g_string_append_printf(line, " %s=", key);
        append_value(line, value);
    }
}

void kft_server_log(KftServerLogLevel level, const char *event, ...)
{
    va_list args;

    if (!kft_server_log_is_enabled(level))
        return;
    GString *line = g_string_sized_new(200);
    append_time(line);
    g_string_append_printf(line, " level=%s event=%s", level_names[level], event);
    va_start(args, event);
    append_pairs(line, args);
    va_end(args);
    g_string_append_c(line, '\n');
    /* A log that cannot be written has nobody to tell. */
    ssize_t written = write(STDERR_FILENO, line->str, line->len);
    (void)written;
    (void)g_string_free(line, TRUE);
}
