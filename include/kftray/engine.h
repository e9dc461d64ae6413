#ifndef KFTRAY_ENGINE_H
#define KFTRAY_ENGINE_H

#include "kftray/command.h"
#include "kftray/event.h"

/* The engine: one thread that holds all network and all state of the forwards. Commands go in,
 * events come out; nothing else is shared. It needs no main loop of the program: wait on the event
 * descriptor, or with kft_engine_wait(). */
typedef struct KftEngine KftEngine;

/* Reads the KFT_TRACE environment variable (docs/testing.md) once per process and starts the
 * engine's thread. Errors: KFT_ERROR_INTERNAL (no threads or descriptors left). Thread: ui. */
KftEngine *kft_engine_start(GError **error);
/* Hands @command (transfer full) over. False once the engine has stopped; the command is freed
 * then. Thread: any. */
bool kft_engine_post(KftEngine *self, KftCommand *command);
/* Readable while events wait; do not read from it. Thread: any. */
int kft_engine_get_event_fd(const KftEngine *self);
/* The next event (transfer full), or NULL if none waits. Thread: ui. */
KftEvent *kft_engine_take_event(KftEngine *self);
/* Blocks until an event waits, at most @timeout_ms milliseconds, -1 = without limit. False if none
 * came. Thread: ui. */
bool kft_engine_wait(KftEngine *self, int timeout_ms);
/* Joins the thread and frees; the engine must have stopped: post SHUTDOWN and take events until
 * STOPPED. NULL is allowed. Thread: ui. */
void kft_engine_free(KftEngine *self);

#endif
