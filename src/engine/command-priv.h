#ifndef KFT_ENGINE_COMMAND_PRIV_H
#define KFT_ENGINE_COMMAND_PRIV_H

#include "kftray/command.h"

#include "net/network.h"

struct KftCommand {
    KftCommandType type;
    KftForwardId forward;
    KftForwardSpec *spec;    /* START_FORWARD, DIAGNOSE */
    KftNetwork network;      /* SET_NETWORK */
    KftRelaySettings relays; /* SET_RELAYS */
    KftQuery *query;         /* QUERY */
    KftQueryId query_id;     /* CANCEL_QUERY */
};

#endif
