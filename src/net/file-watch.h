#ifndef KFT_NET_FILE_WATCH_H
#define KFT_NET_FILE_WATCH_H

#include "net/loop.h"

/* Tells when some of a set of files change: are written, replaced, removed or made. Thread: loop.
 */
typedef struct KftFileWatch KftFileWatch;

/* @on_change: some time after a change, so that a burst of them is told once; a file may be half
 * written then, in which case it is told again. */
KftFileWatch *
kft_file_watch_new(KftLoop *loop, void (*on_change)(void *user_data), void *user_data);
/* Makes @paths, absolute and NULL ended, the set; what they are now is what changes count from. */
void kft_file_watch_set(KftFileWatch *self, const char *const *paths);
/* Looks now, for file systems that tell nothing (network file systems, folders that did not exist).
 * A change is told as always. */
void kft_file_watch_check(KftFileWatch *self);
/* NULL is allowed. */
void kft_file_watch_free(KftFileWatch *self);

#endif
