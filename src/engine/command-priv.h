#ifndef KFT_ENGINE_COMMAND_PRIV_H
#define KFT_ENGINE_COMMAND_PRIV_H

#include "kftray/command.h"

struct KftCommand {
    KftCommandType type;
    KftForwardId forward;
    KftForwardSpec *spec; /* START_FORWARD */
    KftQuery *query;      /* QUERY */
    KftQueryId query_id;  /* CANCEL_QUERY */
};

#endif
