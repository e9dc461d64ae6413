#ifndef KFT_APP_BRIDGE_H
#define KFT_APP_BRIDGE_H

#include <kftray/engine.h>

/* The engine as a source of the UI's main loop. */
typedef struct KftBridge KftBridge;

typedef struct {
    /* Each event, in order; STOPPED comes last. @event: (transfer none). */
    void (*on_event)(const KftEvent *event, gpointer user_data);
} KftBridgeFuncs;

/* Starts the engine. @funcs: static. Errors: INTERNAL. Thread: ui. */
KftBridge *kft_bridge_new(const KftBridgeFuncs *funcs, gpointer user_data, GError **error);
/* @command: (transfer full). Thread: ui. */
void kft_bridge_post(KftBridge *self, KftCommand *command);
/* The engine must have stopped (its STOPPED event was given). NULL is allowed. Thread: ui. */
void kft_bridge_free(KftBridge *self);

#endif
