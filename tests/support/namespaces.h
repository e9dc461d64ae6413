#ifndef KFT_TEST_NAMESPACES_H
#define KFT_TEST_NAMESPACES_H

#include <stdbool.h>

/* Gives this process namespaces of its own, CLONE_NEWNET and the like; who is not root becomes root
 * in a user namespace first. False: not possible here. Thread: the only one. */
bool kft_test_unshare(int namespaces);
/* To a file of /proc that takes one. */
bool kft_test_write_line(const char *file, const char *line);

#endif
