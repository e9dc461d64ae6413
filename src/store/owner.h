#ifndef KFT_STORE_OWNER_H
#define KFT_STORE_OWNER_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

/* A process, told from others that had or will have its number: the time at which it started and
 * the boot of the machine belong to it. embeddable. Thread: any. */
typedef struct {
    int64_t pid;
    int64_t start_ticks; /* since the boot, proc(5) /proc/PID/stat field 22 */
    char boot[40];       /* /proc/sys/kernel/random/boot_id */
} KftOwner;

/* This process. */
KftOwner kft_owner_self(void);
bool kft_owner_equal(const KftOwner *a, const KftOwner *b);
/* False for one that ended but was not waited for yet, too. */
bool kft_owner_is_alive(const KftOwner *self);
/* "kftray (pid 123)". Returns: (transfer full). */
char *kft_owner_dup_name(const KftOwner *self);

#endif
