#ifndef KFT_TEST_CHILD_H
#define KFT_TEST_CHILD_H

#include <glib.h>
#include <stdint.h>

/* A server that a test runs as a child process: it prints one line "ready port=N …" and ends on
 * SIGTERM, or with the test, however that ends. Thread: one. */
typedef struct {
    GPid pid;
    int fd;
    uint16_t port;
} KftTestChild;

/* @argv: NULL ended; a script "x.py" or "x.sh" is run by its interpreter. Returns when it is ready.
 */
void kft_test_child_start(KftTestChild *self, const char *const *argv);
/* Waits for the next line of what it prints, without its end; empty when there is no more.
 * (transfer full). */
char *kft_test_child_read_line(KftTestChild *self);
/* Ends it and returns what it printed since; (transfer full). */
char *kft_test_child_stop(KftTestChild *self);

/* Runs a program to its end; the test fails if its status is not 0. */
void kft_test_run(const char *const *argv);
/* A path below the source tree; (transfer full). */
char *kft_test_source_path(const char *relative);
/* A fresh folder with the keys and certificates of certs.sh; (transfer full). */
char *kft_test_make_certificates(void);
/* Removes a folder with the files in it. */
void kft_test_remove_folder(const char *folder);

#endif
