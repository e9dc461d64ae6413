#ifndef KFT_TEST_FIXTURE_H
#define KFT_TEST_FIXTURE_H

#include <kftray/engine.h>

#include "child.h"

/* An engine and the scripted API server, for g_test_add(). Thread: one. */
typedef struct {
    KftTestChild server;
    char *folder;
    char *kubeconfig; /* of the server */
    unsigned n_fds;
    KftEngine *engine;
} Fixture;

/* @world: of the server, JSON with ' for "; NULL = the built-in one. */
void fixture_set_up(Fixture *self, gconstpointer world);
/* Shuts the engine down and checks that nothing is left of it. */
void fixture_tear_down(Fixture *self, gconstpointer world);

/* The next event of that type; others are skipped. The test fails if none comes. */
KftEvent *fixture_wait_event(Fixture *self, KftEventType type);

/* What forwards to @target of the server, on 127.0.0.1. @ports: as on the command line, with blanks
 * between. Returns: (transfer full). */
KftForwardSpec *fixture_make_spec(Fixture *self, const char *target, const char *ports);
/* @spec: (transfer full). */
void fixture_start(Fixture *self, uint32_t id, KftForwardSpec *spec);
/* Until @n_forwards told that they are in @state; none may fail. */
void fixture_wait_state(Fixture *self, KftForwardState state, unsigned n_forwards);
/* The port of the next local address that is open. */
uint16_t fixture_wait_port(Fixture *self);

/* SHUTDOWN, and all events up to STOPPED. */
void fixture_shut_down(Fixture *self);
/* libuv keeps a pipe for signals from its first loop on, for the whole process: to be called before
 * descriptors are counted. */
void fixture_open_what_stays_open(void);

#endif
