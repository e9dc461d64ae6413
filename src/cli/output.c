#include "output.h"

#include <stdarg.h>
#include <stdio.h>

G_GNUC_PRINTF(3, 0)
static void print(FILE *file, const char *prefix, const char *format, va_list args)
{
    g_autofree char *text = g_strdup_vprintf(format, args);
    (void)fprintf(file, "%s%s\n", prefix, text);
    (void)fflush(file);
}

void kft_print_line(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    print(stdout, "", format, args);
    va_end(args);
}

void kft_print_note(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    print(stderr, "", format, args);
    va_end(args);
}

void kft_print_error(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    print(stderr, "error: ", format, args);
    va_end(args);
}
