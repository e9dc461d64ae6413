#include "style.h"

#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

typedef enum {
    COLOR_AUTO,
    COLOR_ALWAYS,
    COLOR_NEVER,
} Color;

/* Of the whole program, set once from the command line. */
static Color color_mode = COLOR_AUTO;

static const char *const sequences[] = {
    [KFT_STYLE_PLAIN] = "",        [KFT_STYLE_HEADING] = "\033[1m", [KFT_STYLE_GOOD] = "\033[32m",
    [KFT_STYLE_BUSY] = "\033[33m", [KFT_STYLE_BAD] = "\033[31m",    [KFT_STYLE_DIM] = "\033[2m",
};

bool kft_style_set_color(const char *when)
{
    static const char *const words[] = {
        [COLOR_AUTO] = "auto", [COLOR_ALWAYS] = "always", [COLOR_NEVER] = "never"};

    for (size_t i = 0; i < G_N_ELEMENTS(words); i++) {
        if (strcmp(when, words[i]) == 0) {
            color_mode = (Color)i;
            return true;
        }
    }
    return false;
}

bool kft_style_has_color(int fd)
{
    const char *no_color = g_getenv("NO_COLOR");

    switch (color_mode) {
    case COLOR_ALWAYS:
        return true;
    case COLOR_NEVER:
        return false;
    case COLOR_AUTO:
        return (no_color == NULL || *no_color == '\0') &&
               g_strcmp0(g_getenv("TERM"), "dumb") != 0 && isatty(fd) == 1;
    }
    g_assert_not_reached();
}

const char *kft_style_sequence(KftStyle style)
{
    return sequences[style];
}

const char *kft_style_begin(KftStyle style, int fd)
{
    return kft_style_has_color(fd) ? sequences[style] : "";
}

const char *kft_style_end(KftStyle style, int fd)
{
    return style != KFT_STYLE_PLAIN && kft_style_has_color(fd) ? "\033[0m" : "";
}

/* Bytes of the first character. GLib's g_utf8_next_char() casts const away. */
static size_t first_size(const char *text)
{
    return (size_t)g_utf8_skip[(guchar)*text];
}

size_t kft_text_width(const char *text)
{
    size_t width = 0;

    for (const char *p = text; *p != '\0'; p += first_size(p)) {
        gunichar c = g_utf8_get_char(p);
        if (!g_unichar_iszerowidth(c))
            width += g_unichar_iswide(c) ? 2 : 1;
    }
    return width;
}

char *kft_text_printable(const char *text)
{
    g_autofree char *valid = g_utf8_make_valid(text, -1);
    GString *out = g_string_sized_new(strlen(valid));

    for (const char *p = valid; *p != '\0'; p += first_size(p)) {
        gunichar c = g_utf8_get_char(p);
        if (c == '\n' || c == '\t')
            g_string_append_c(out, ' ');
        else if (!g_unichar_iscntrl(c))
            g_string_append_unichar(out, c);
        else
            g_string_append_unichar(out, 0xfffd); /* REPLACEMENT CHARACTER */
    }
    return g_string_free(out, /* free_segment */ FALSE);
}

unsigned kft_terminal_width(void)
{
    struct winsize size;

    if (isatty(STDOUT_FILENO) != 1 || ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0)
        return 0;
    return size.ws_col;
}
