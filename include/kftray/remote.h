#ifndef KFTRAY_REMOTE_H
#define KFTRAY_REMOTE_H

#include "kftray/config.h"
#include "kftray/error.h"

/* The running kftray of this session, asked over the session bus. */

typedef enum {
    KFT_REMOTE_START,
    KFT_REMOTE_STOP,
    KFT_REMOTE_TOGGLE, /* stops them if it runs one of them, else starts them */
} KftRemoteVerb;

/* Asks it to do so with @ids (@n_ids = 0: all forwards), and starts kftray itself if it is
 * installed and does not run. Starting goes on after the answer. Blocks for 25 s at most. Errors:
 * NOT_FOUND (kftray does not run, or knows no such config), UNREACHABLE (no session bus), TIMEOUT.
 * Thread: any. */
bool kft_remote_ask(KftRemoteVerb verb, const KftConfigId *ids, size_t n_ids, GError **error);

#endif
