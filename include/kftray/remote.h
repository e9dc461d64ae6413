#ifndef KFTRAY_REMOTE_H
#define KFTRAY_REMOTE_H

#include "kftray/config.h"
#include "kftray/error.h"

/* The running kftray of this session, asked over the session bus. */

/* Asks it to start or stop @ids (@n_ids = 0: all forwards), and starts kftray itself if it is
 * installed and does not run. Starting goes on after the answer. Blocks for 25 s at most. Errors:
 * NOT_FOUND (kftray does not run, or knows no such config), UNREACHABLE (no session bus), TIMEOUT.
 * Thread: any. */
bool kft_remote_set_running(const KftConfigId *ids, size_t n_ids, bool runs, GError **error);

#endif
