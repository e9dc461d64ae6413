#ifndef KFT_NET_TIMER_H
#define KFT_NET_TIMER_H

#include "net/loop.h"

/* A timer that fires once per start. Thread: loop. */
typedef struct KftTimer KftTimer;

KftTimer *kft_timer_new(KftLoop *loop, void (*func)(void *user_data), void *user_data);
/* (Re)starts it; it fires after @delay_ms milliseconds, 0 = in the next turn. */
void kft_timer_start(KftTimer *self, uint64_t delay_ms);
/* The same for what is looked at again and again: up to KFT_TIMER_COARSE_MS earlier, together with
 * others, so that many of them do not wake an idle process much more often than one does.
 * @delay_ms: no less than that. */
#define KFT_TIMER_COARSE_MS 500
void kft_timer_start_coarse(KftTimer *self, uint64_t delay_ms);
void kft_timer_stop(KftTimer *self);
bool kft_timer_is_active(const KftTimer *self);
/* NULL is allowed. */
void kft_timer_free(KftTimer *self);

#endif
