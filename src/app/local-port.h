#ifndef KFT_APP_LOCAL_PORT_H
#define KFT_APP_LOCAL_PORT_H

#include "model.h"

/* Which local ports are free: of the stored forwards and of the programs that run now. Asking binds
 * a socket for a moment. Thread: ui. */

/* Whether something could listen there now. @address: numeric; NULL = 127.0.0.1. */
bool kft_local_port_is_free(const char *address, uint16_t port);
/* A free port that no stored forward but @except has: @wanted itself, or the same with 10000,
 * 20000, … added, so that it can still be recognized; else any. */
uint16_t
kft_local_port_propose(KftModel *model, const char *address, uint16_t wanted, int64_t except);

#endif
