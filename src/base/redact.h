#ifndef KFT_BASE_REDACT_H
#define KFT_BASE_REDACT_H

#include <glib.h>

/* Text for logs and messages with what looks like a credential replaced by "<redacted>": the value
 * of an Authorization header or of "Bearer"/"Basic", and the user part of URLs. For text that came
 * from elsewhere (a library, a plugin, a proxy). Returns: (transfer full). Thread: any. */
char *kft_redact(const char *text);

/* One line of printable text from a peer: control characters become spaces, runs of space one, at
 * most
 * @max_chars bytes with an ellipsis (at least 4). Returns: (transfer full), valid UTF-8. Thread:
 * any. */
char *kft_one_line(const char *text, gsize max_chars);

#endif
