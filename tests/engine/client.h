#ifndef KFT_TEST_CLIENT_H
#define KFT_TEST_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A blocking TCP client of a forwarded port, as the programs of a user are. Reads give up after 30
 * s. */

/* Connects to 127.0.0.1; -1 if refused. */
int kft_test_connect(uint16_t port);
/* Sends all of @text; the test fails if it cannot. */
void kft_test_send(int fd, const char *text);
/* Reads to the end of data; (transfer full), NUL terminated. NULL if the connection was reset. */
char *kft_test_read_all(int fd);
/* GET over HTTP/1.0 of a new connection; the whole answer, (transfer full) or NULL. */
char *kft_test_get(uint16_t port, const char *path);

/* A UDP socket that is connected to 127.0.0.1. */
int kft_test_udp_connect(uint16_t port);
/* The next datagram as text; (transfer full). */
char *kft_test_udp_receive(int fd);
/* Sends one and receives the next. */
char *kft_test_udp_ask(int fd, const char *text);

/* A listener on 127.0.0.1 that nobody takes connections from: a server that says nothing. */
int kft_test_listen(uint16_t *ret_port);
void kft_test_close(int fd);

#endif
