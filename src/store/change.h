#ifndef KFT_STORE_CHANGE_H
#define KFT_STORE_CHANGE_H

#include <glib.h>
#include <stdbool.h>

/* Wakes up when another process may have committed to a database: an inotify descriptor on the
 * file's directory. Thread: one at a time. */
typedef struct KftChange KftChange;

/* NULL if the kernel has no more watches. */
KftChange *kft_change_new(const char *path);
/* NULL is allowed. */
void kft_change_free(KftChange *self);
/* Readable after something happened. */
int kft_change_get_fd(const KftChange *self);
/* Empties the descriptor. */
void kft_change_drain(KftChange *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(KftChange, kft_change_free)

#endif
