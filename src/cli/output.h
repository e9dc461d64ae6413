#ifndef KFT_CLI_OUTPUT_H
#define KFT_CLI_OUTPUT_H

#include <glib.h>

/* Lines for people and scripts: results on stdout, everything else on stderr; each line is flushed,
 * so that a reader of a pipe sees it at once. A closed pipe is no reason to end (kubectl's forwards
 * go on, too). */
void kft_print_line(const char *format, ...) G_GNUC_PRINTF(1, 2);
void kft_print_note(const char *format, ...) G_GNUC_PRINTF(1, 2);
/* Any number of whole lines on stdout, as they are. */
void kft_print_text(const char *text);
/* "error: …" on stderr. */
void kft_print_error(const char *format, ...) G_GNUC_PRINTF(1, 2);

#endif
