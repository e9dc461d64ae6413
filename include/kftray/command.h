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
    KFT_COMMAND_RETRY_ALL, /* the network came back or the machine woke up */
    KFT_COMMAND_SHUTDOWN,  /* stop everything; the last event is STOPPED */
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
/* @type: one that needs no argument. Thread: any. */
KftCommand *kft_command_new(KftCommandType type);
/* NULL is allowed. Thread: any. */
void kft_command_free(KftCommand *self);

#endif
