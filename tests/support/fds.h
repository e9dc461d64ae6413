#ifndef KFT_TEST_FDS_H
#define KFT_TEST_FDS_H

/* Open descriptors of this process. Thread: one. */
unsigned kft_test_count_fds(void);
/* Waits until there are @n_fds, as they should be: a thread that libcurl or libuv has left behind
 * may close its own a little later. */
void kft_test_expect_fds(unsigned n_fds);

#endif
