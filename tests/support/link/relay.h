/* A TCP relay: listens in one network namespace, connects in another. */
#ifndef KFT_LINK_RELAY_H
#define KFT_LINK_RELAY_H

#include <stdbool.h>

/* Listens at "ADDR:PORT=ADDR:PORT"'s first address in the namespace of the calling thread, and
 * connects to the second in the namespace of the process. Both are IPv4 numbers. Runs for ever
 * in its own threads. The address may be one that no device has yet. */
bool relay_listen(const char *spec);

/* Starts the threads of all relays; call it in the process's own namespace. */
bool relay_start(void);

#endif
