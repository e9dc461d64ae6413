/* The log: one line per record to stderr. Levels are set before threads start and only read later;
 * the line itself is one write(2), so lines of several threads do not mix and no lock is needed. */
#include "base/log.h"

#include <stdarg.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define MAX_LINE_BYTES 4096

static const char *const component_names[] = {
#define KFT_LOG_NAME(name, text) text,
    KFT_LOG_COMPONENTS(KFT_LOG_NAME)
#undef KFT_LOG_NAME
};
static const char *const level_names[] = {"error", "warning", "info", "debug"};

static KftLogLevel levels[KFT_LOG_N_COMPONENTS];

void kft_log_set_level(KftLogLevel level)
{
    for (size_t i = 0; i < KFT_LOG_N_COMPONENTS; i++)
        levels[i] = level;
}

static bool find_name(const char *const *names, size_t n_names, const char *name, size_t *ret_index)
{
    for (size_t i = 0; i < n_names; i++) {
        if (strcmp(names[i], name) == 0) {
            *ret_index = i;
            return true;
        }
    }
    return false;
}

static bool configure_one(const char *entry)
{
    g_auto(GStrv) parts = g_strsplit(entry, ":", 2);
    size_t level = KFT_LEVEL_DEBUG;
    size_t component = 0;

    if (parts[0] == NULL)
        return true;
    if (parts[1] != NULL && !find_name(level_names, G_N_ELEMENTS(level_names), parts[1], &level))
        return false;
    if (strcmp(parts[0], "all") == 0) {
        kft_log_set_level((KftLogLevel)level);
        return true;
    }
    if (!find_name(component_names, G_N_ELEMENTS(component_names), parts[0], &component))
        return false;
    levels[component] = (KftLogLevel)level;
    return true;
}

void kft_log_configure(const char *trace)
{
    g_auto(GStrv) entries = g_strsplit(trace, ",", -1);
    for (size_t i = 0; entries[i] != NULL; i++) {
        if (!configure_one(entries[i]))
            g_printerr("KFT_TRACE: \"%s\" is not a component, \"all\", or one of them with "
                       ":error, :warning, :info or :debug\n",
                       entries[i]);
    }
}

bool kft_log_is_enabled(KftLogComponent component, KftLogLevel level)
{
    return level <= levels[component];
}

void kft_log_write(KftLogComponent component, KftLogLevel level, const char *format, ...)
{
    char line[MAX_LINE_BYTES];
    struct timespec now;
    struct tm parts;

    (void)clock_gettime(CLOCK_REALTIME, &now);
    (void)gmtime_r(&now.tv_sec, &parts);
    size_t length = strftime(line, sizeof line, "%FT%T", &parts);
    length += (size_t)g_snprintf(line + length, sizeof line - length,
                                 ".%03ldZ %s %s: ", now.tv_nsec / 1000000, level_names[level],
                                 component_names[component]);
    va_list args;
    va_start(args, format);
    int wanted = g_vsnprintf(line + length, sizeof line - length - 1, format, args);
    va_end(args);
    length = MIN(length + (size_t)MAX(wanted, 0), sizeof line - 2);
    line[length++] = '\n';
    /* A log that cannot be written has nobody to tell. */
    ssize_t written = write(STDERR_FILENO, line, length);
    (void)written;
}
