#ifndef KFT_TEST_FAKE_CLUSTER_H
#define KFT_TEST_FAKE_CLUSTER_H

#include "kube/cluster.h"

/* A cluster, a clock and timers that a test moves by hand: these functions stand in for
 * kube/cluster.h, net/timer.h and the clock and deferred calls of net/loop.h. Thread: one. */

/* One request and one timer may be open at a time. */
void fake_init(void);
/* As many of each; what is said of the open one below is then meant of the newest. */
void fake_allow(unsigned n_open);
/* Fails if something was left behind. */
void fake_check_clean(void);

/* The path of the open request; NULL if there is none. */
const char *fake_get_path(void);
/* The limit that the open request was given. */
uint32_t fake_get_timeout_ms(void);
/* How many requests there were. */
unsigned fake_count_requests(void);
/* Gives a piece of the open request's body. */
void fake_give(const char *text, size_t size);
/* The same, with ' for ", one event of a watch. */
void fake_give_event(const char *text);
/* Ends the open request with a 2xx answer; @body (with ' for ") as its body, nullable. */
void fake_answer(const char *body);
/* Ends it with an error: @status 0 = no answer came. */
void fake_refuse(unsigned status, uint32_t retry_after_s);

/* Lets time pass; a timer that is due fires. */
void fake_advance(uint64_t duration_ms);
/* How long until the timer fires; G_MAXUINT64 if it is not started. */
uint64_t fake_get_timer_ms(void);

/* Makes the cluster another user's. */
void fake_change_user(void);
/* Runs what was deferred until now. */
void fake_run_deferred(void);

#endif
