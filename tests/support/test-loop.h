#ifndef KFT_TEST_LOOP_H
#define KFT_TEST_LOOP_H

#include "child.h"
#include "fds.h"
#include "net/loop.h"

/* A loop for a test: it must end clean and within a time. Thread: one. */
typedef struct {
    KftLoop *loop;
    unsigned n_fds; /* open before the loop was made */
} KftTestLoop;

/* Also ignores SIGPIPE, as programs with a loop must. */
void kft_test_loop_init(KftTestLoop *self);
/* Turns the loop until @is_done says true, which something in the loop must cause; the test fails
 * after a minute, as in all that follows. */
void kft_test_loop_run_until(KftTestLoop *self, bool (*is_done)(void *user_data), void *user_data);
/* The same for what happens outside of the loop: in files, in other threads. */
void kft_test_loop_poll_until(KftTestLoop *self, bool (*is_done)(void *user_data), void *user_data);
/* The same for a flag. */
void kft_test_loop_run_until_true(KftTestLoop *self, const bool *flag);
/* The same until @child has printed the line @expected, such as that a request has come. */
void kft_test_loop_run_until_line(KftTestLoop *self, KftTestChild *child, const char *expected);
/* Turns the loop for a while, for what must not happen; nothing may be expected to happen in it. */
void kft_test_loop_run_for(KftTestLoop *self, uint64_t duration_ms);
/* Runs the loop to its end, which comes when all objects are freed; then nothing may be open: no
 * object, no libuv handle, no descriptor. */
void kft_test_loop_clear(KftTestLoop *self);

#endif
