#ifndef KFT_ENGINE_COMMAND_PRIV_H
#define KFT_ENGINE_COMMAND_PRIV_H

#include "kftray/command.h"

#include "base/secret.h"

struct KftCommand {
    KftCommandType type;
    KftForwardId forward;
    KftForwardSpec *spec;       /* START_FORWARD, DIAGNOSE */
    KftNetworkSettings network; /* SET_NETWORK */
    char *proxy;                /* SET_PROXY_LOGIN */
    char *user;
    KftSecret *password;
    KftRelaySettings relays; /* SET_RELAYS */
    KftQuery *query;         /* QUERY */
    KftQueryId query_id;     /* CANCEL_QUERY */
};

#endif
