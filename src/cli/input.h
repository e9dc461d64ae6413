#ifndef KFT_CLI_INPUT_H
#define KFT_CLI_INPUT_H

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>

/* Reads a file, "-" = standard input, of at most @max bytes. Prints what is wrong and returns NULL.
 * Returns: (transfer full), with a NUL behind the last byte. */
char *kft_input_read(const char *path, size_t max, size_t *ret_size);
/* "standard input" for "-", else @path; for messages. */
const char *kft_input_name(const char *path);

/* Asks on the terminal; true for yes. Without a terminal it says that --yes is missing. @question:
 * without the "?". */
bool kft_input_ask(const char *question);

#endif
