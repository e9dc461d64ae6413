#ifndef KFT_ENGINE_SESSION_H
#define KFT_ENGINE_SESSION_H

#include "kftray/command.h"
#include "kftray/event.h"

#include "net/loop.h"

/* What the engine's thread holds: clusters, forwards and queries. Takes commands, gives events.
 * Thread: loop. */
typedef struct KftSession KftSession;

/* @post: takes the event over. @on_stopped: once, after kft_session_shutdown(), when all forwards
 * ended. */
KftSession *kft_session_new(KftLoop *loop,
                            void (*post)(KftEvent *event, void *user_data),
                            void (*on_stopped)(void *user_data),
                            void *user_data);
void kft_session_start_forward(KftSession *self, KftForwardId id, const KftForwardSpec *spec);
void kft_session_stop_forward(KftSession *self, KftForwardId id);
/* An earlier diagnosis of that id ends. */
void kft_session_diagnose(KftSession *self, KftForwardId id, const KftForwardSpec *spec);
void kft_session_stop_diagnosis(KftSession *self, KftForwardId id);
/* Also deletes what killed programs left. */
void kft_session_set_relays(KftSession *self, const KftRelaySettings *settings);
void kft_session_start_query(KftSession *self, const KftQuery *query);
void kft_session_cancel_query(KftSession *self, KftQueryId id);
void kft_session_retry_forward(KftSession *self, KftForwardId id);
void kft_session_retry_all(KftSession *self);
/* The way to the clusters may be another one from now on. */
void kft_session_set_network(KftSession *self, const KftNetworkSettings *settings);
void kft_session_set_proxy_login(KftSession *self,
                                 const char *proxy,
                                 const char *user,
                                 const char *password);
void kft_session_network_changed(KftSession *self);
void kft_session_sleep(KftSession *self);
void kft_session_wake(KftSession *self);
void kft_session_shutdown(KftSession *self);
void kft_session_free(KftSession *self);

#endif
