#ifndef KFT_NET_PROCESS_H
#define KFT_NET_PROCESS_H

#include "net/loop.h"

/* Runs a program once and collects what it prints on stdout (credential plugins). stderr goes to
 * ours, and its last line is kept for the message. Thread: loop. */
typedef struct KftProcess KftProcess;

typedef struct {
    const char *const *argv; /* argv[0] with a slash is a path, else it is looked up in PATH */
    const char *const *environment; /* the whole environment, "NAME=value", NULL ended */
    bool inherit_stdin;             /* else /dev/null */
    uint32_t timeout_ms;            /* then SIGTERM, and SIGKILL 2 s later; 0 = none */
    size_t max_output_bytes;        /* of stdout; more ends it with KFT_ERROR_LIMIT */
} KftProcessSpec;

/* Runs once. Errors: NOT_FOUND (no such program), BAD_CONFIG (not executable), TIMEOUT, LIMIT,
 * REFUSED (exit status not 0 or a signal; the message has the status and the last line of stderr).
 * @output: (transfer none), NUL terminated behind @size, NULL on errors. */
typedef void (*KftProcessFunc)(const char *output,
                               size_t size,
                               const GError *error,
                               void *user_data);

KftProcess *kft_process_start(KftLoop *loop,
                              const KftProcessSpec *spec,
                              KftProcessFunc on_done,
                              void *user_data);
/* Kills it if it still runs (by its own process group). Must be called also after on_done. */
void kft_process_free(KftProcess *self);

#endif
