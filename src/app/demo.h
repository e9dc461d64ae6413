#ifndef KFT_APP_DEMO_H
#define KFT_APP_DEMO_H

#include "core.h"

/* The demo cluster: a make-believe API server on loopback with a few services, for people who have
 * no cluster. It is a program of its own, which ends with this one. Thread: ui. */

/* Whether its files and python3 are there. */
bool kft_demo_is_available(void);
/* Starts it, stores its forwards in the group "Demo" and starts them. Errors are told by the core's
 * "error" signal. */
void kft_demo_start(KftCore *core);

#endif
