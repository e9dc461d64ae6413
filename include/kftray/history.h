#ifndef KFTRAY_HISTORY_H
#define KFTRAY_HISTORY_H

#include "kftray/event.h"

/* The last changes of one forward's state, collected from its STATUS events: for a details pane or
 * a bug report. Thread: one at a time. */
typedef struct KftHistory KftHistory;

/* What is kept of a STATUS event. */
typedef struct {
    int64_t time_ms; /* unix */
    KftForwardState state;
    char *reason; /* error or what is waited for; nullable */
    char *pod;    /* nullable */
} KftHistoryEntry;

/* @n_max: how many entries are kept; the oldest go first. Thread: any. */
KftHistory *kft_history_new(size_t n_max);
/* NULL is allowed. Thread: any. */
void kft_history_free(KftHistory *self);
/* @event: (transfer none); others than STATUS are ignored. One that says the same as the last entry
 * is not added. Thread: any. */
void kft_history_add(KftHistory *self, const KftEvent *event);
/* Thread: any. */
size_t kft_history_get_length(const KftHistory *self);
/* The entry @index, 0 is the oldest; borrowed until the next add. Thread: any. */
const KftHistoryEntry *kft_history_get(const KftHistory *self, size_t index);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(KftHistory, kft_history_free)

#endif
