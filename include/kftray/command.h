#ifndef KFTRAY_COMMAND_H
#define KFTRAY_COMMAND_H

#include "kftray/network.h"
#include "kftray/query.h"
#include "kftray/spec.h"

/* What a program asks of the engine. Answers come as events. */
typedef enum {
    KFT_COMMAND_START_FORWARD,
    KFT_COMMAND_STOP_FORWARD,
    KFT_COMMAND_DIAGNOSE,
    KFT_COMMAND_STOP_DIAGNOSIS,
    KFT_COMMAND_SET_NETWORK,
    KFT_COMMAND_SET_PROXY_LOGIN,
    KFT_COMMAND_SET_RELAYS,
    KFT_COMMAND_QUERY,
    KFT_COMMAND_CANCEL_QUERY,
    KFT_COMMAND_RETRY_FORWARD, /* try now instead of at the end of the wait */
    KFT_COMMAND_RETRY_ALL,     /* the same for all; kubeconfigs are looked at as well */
    /* Hints of a desktop that knows more than the kernel tells: connections are verified. Without
     * them the engine sees changes of addresses and routes by itself. */
    KFT_COMMAND_NETWORK_CHANGED,
    KFT_COMMAND_SLEEP, /* the machine is about to sleep: what breaks until WAKE is no news */
    KFT_COMMAND_WAKE,
    KFT_COMMAND_SHUTDOWN, /* stop everything; the last event is STOPPED */
} KftCommandType;

typedef struct KftCommand KftCommand;

/* @id: not in use. @spec: (transfer full). Thread: any. */
KftCommand *kft_command_new_start_forward(KftForwardId id, KftForwardSpec *spec);
/* Thread: any. */
KftCommand *kft_command_new_stop_forward(KftForwardId id);
/* Looks for what is wrong on the way to a target, without touching what runs: events of type
 * DIAGNOSE_STEP and one DIAGNOSE_DONE tell. @id: the caller's, for those events; nothing to do with
 * forwards. @spec: (transfer full); without ports one that the pod declares is tried, without a
 * target only the way to the cluster. Thread: any. */
KftCommand *kft_command_new_diagnose(KftForwardId id, KftForwardSpec *spec);
/* Ends it without further events. Thread: any. */
KftCommand *kft_command_new_stop_diagnosis(KftForwardId id);
/* From now on @settings (copied) count for new connections; what waits for its next try, tries
 * again. Thread: any. */
KftCommand *kft_command_new_set_network(const KftNetworkSettings *settings);
/* The answer to PROXY_LOGIN: what to log in to @proxy ("host:port") with, as long as the engine
 * runs; what waits tries again. All copied. Thread: any. */
KftCommand *
kft_command_new_set_proxy_login(const char *proxy, const char *user, const char *password);
/* What counts for relays that are deployed from now on. Those of this installation that a killed
 * program left in clusters are deleted. @settings: copied; NULL = the defaults. Thread: any. */
KftCommand *kft_command_new_set_relays(const KftRelaySettings *settings);
/* @query: (transfer full), its id not in use. Thread: any. */
KftCommand *kft_command_new_query(KftQuery *query);
/* Its answer is CANCELLED, if it was not given already. Thread: any. */
KftCommand *kft_command_new_cancel_query(KftQueryId id);
/* Thread: any. */
KftCommand *kft_command_new_retry_forward(KftForwardId id);
/* @type: one that needs no argument. Thread: any. */
KftCommand *kft_command_new(KftCommandType type);
/* NULL is allowed. Thread: any. */
void kft_command_free(KftCommand *self);

#endif
