#include "output.h"

#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include "style.h"

G_GNUC_PRINTF(3, 0)
static void print(FILE *file, const char *prefix, const char *format, va_list args)
{
    g_autofree char *text = g_strdup_vprintf(format, args);
    (void)fprintf(file, "%s%s\n", prefix, text);
    (void)fflush(file);
}

void kft_print_text(const char *text)
{
    (void)fputs(text, stdout);
    (void)fflush(stdout);
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
    g_autofree char *prefix =
        g_strconcat(kft_style_begin(KFT_STYLE_BAD, STDERR_FILENO),
                    "error:", kft_style_end(KFT_STYLE_BAD, STDERR_FILENO), " ", NULL);
    va_list args;
    va_start(args, format);
    print(stderr, prefix, format, args);
    va_end(args);
}
