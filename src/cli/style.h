#ifndef KFT_CLI_STYLE_H
#define KFT_CLI_STYLE_H

#include <glib.h>
#include <stdbool.h>

/* Colours, only where somebody sees them: on a terminal that is not "dumb", unless NO_COLOR is set;
 * --color has the last word. Meaning is never in the colour alone. */
typedef enum {
    KFT_STYLE_PLAIN,
    KFT_STYLE_HEADING, /* bold */
    KFT_STYLE_GOOD,    /* green */
    KFT_STYLE_BUSY,    /* yellow: on its way, worth a look */
    KFT_STYLE_BAD,     /* red */
    KFT_STYLE_DIM,
} KftStyle;

/* @when: "auto", "always" or "never"; false for anything else. */
bool kft_style_set_color(const char *when);
/* Whether text for descriptor @fd is coloured. */
bool kft_style_has_color(int fd);
/* What begins @style on any terminal; "\033[0m" ends it. */
const char *kft_style_sequence(KftStyle style);
/* What begins and ends @style for @fd; "" where there are no colours. */
const char *kft_style_begin(KftStyle style, int fd);
const char *kft_style_end(KftStyle style, int fd);

/* Columns that @text takes on a terminal. */
size_t kft_text_width(const char *text);
/* @text on one line and without control characters, which a terminal would obey: names and errors
 * come from clusters. Returns: (transfer full). */
char *kft_text_printable(const char *text);
/* Columns of the terminal on standard output, 0 if it is none or does not know. */
unsigned kft_terminal_width(void);

#endif
