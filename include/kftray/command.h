#ifndef KFTRAY_COMMAND_H
#define KFTRAY_COMMAND_H

#include "kftray/query.h"
#include "kftray/spec.h"

/* What a program asks of the engine. Answers come as events. */
typedef enum {
    KFT_COMMAND_START_FORWARD,
    KFT_COMMAND_STOP_FORWARD,
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
