#ifndef KFT_SERVER_LOG_H
#define KFT_SERVER_LOG_H

#include <glib.h>
#include <stdbool.h>

/* The server's log: one line per record on stderr, "key=value" pairs, as log collectors read them.
 *
 *   time=2024-05-01T12:00:00.000Z level=info event=listening mode=tcp address=[::]:8080
 *
 * Never what a connection carries. Thread: the loop's. */

typedef enum {
    KFT_LOG_ERROR,
    KFT_LOG_WARNING,
    KFT_LOG_INFO,
    KFT_LOG_DEBUG,
} KftServerLogLevel;

/* @name: "error", "warning" (or "warn"), "info" or "debug" (or "trace"), in any case. Returns false
 * for another one. */
bool kft_server_log_set_level(const char *name);
bool kft_server_log_is_enabled(KftServerLogLevel level);
/* Writes a line. Pairs of a key and a value, both strings, follow, then NULL; a pair whose value is
 * NULL is left out. A value with anything but plain characters is quoted and escaped, so that what
 * a client sent cannot forge lines. */
void kft_server_log(KftServerLogLevel level, const char *event, ...) G_GNUC_NULL_TERMINATED;

#endif
