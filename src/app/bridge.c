#include "bridge.h"

#include <glib-unix.h>

/* Below input (0), layout and drawing (120): a flood of events must not freeze the window. */
#define EVENT_PRIORITY (G_PRIORITY_HIGH_IDLE + 30)
/* What one turn may take of the main loop; the rest comes in the next one. */
#define MAX_EVENTS 256
#define MAX_US 4000

struct KftBridge {
    KftEngine *engine;
    unsigned source;
    const KftBridgeFuncs *funcs;
    gpointer user_data;
};

static gboolean on_engine_events(int fd, GIOCondition condition, gpointer user_data)
{
    KftBridge *self = user_data;
    gint64 deadline_us = g_get_monotonic_time() + MAX_US;

    (void)fd;
    (void)condition;
    for (unsigned i = 0; i < MAX_EVENTS && g_get_monotonic_time() < deadline_us; i++) {
        g_autoptr(KftEvent) event = kft_engine_take_event(self->engine);
        if (event == NULL)
            break;
        self->funcs->on_event(event, self->user_data);
    }
    return G_SOURCE_CONTINUE;
}

KftBridge *kft_bridge_new(const KftBridgeFuncs *funcs, gpointer user_data, GError **error)
{
    KftEngine *engine = kft_engine_start(error);
    if (engine == NULL)
        return NULL;
    KftBridge *self = g_new0(KftBridge, 1);
    self->engine = engine;
    self->funcs = funcs;
    self->user_data = user_data;
    self->source = g_unix_fd_add_full(EVENT_PRIORITY, kft_engine_get_event_fd(engine), G_IO_IN,
                                      on_engine_events, self, NULL);
    return self;
}

void kft_bridge_post(KftBridge *self, KftCommand *command)
{
    (void)kft_engine_post(self->engine, command);
}

void kft_bridge_free(KftBridge *self)
{
    if (self == NULL)
        return;
    (void)g_source_remove(self->source);
    kft_engine_free(self->engine);
    g_free(self);
}
