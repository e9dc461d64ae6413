/* Names of the public enumerations. */
#include "kftray/types.h"

#include <string.h>

static const char *const transport_names[] = {
#define KFT_TRANSPORT_NAME(name, text) [KFT_TRANSPORT_##name] = (text),
    KFT_TRANSPORTS(KFT_TRANSPORT_NAME)
#undef KFT_TRANSPORT_NAME
};

static const char *const balance_names[] = {
#define KFT_BALANCE_NAME(name, text) [KFT_BALANCE_##name] = (text),
    KFT_BALANCES(KFT_BALANCE_NAME)
#undef KFT_BALANCE_NAME
};

static const char *const protocol_names[] = {
#define KFT_PROTOCOL_NAME(name, text) [KFT_PROTOCOL_##name] = (text),
    KFT_PROTOCOLS(KFT_PROTOCOL_NAME)
#undef KFT_PROTOCOL_NAME
};

static const char *const state_names[] = {
#define KFT_FORWARD_STATE_NAME(name, text) [KFT_FORWARD_STATE_##name] = (text),
    KFT_FORWARD_STATES(KFT_FORWARD_STATE_NAME)
#undef KFT_FORWARD_STATE_NAME
};

const char *kft_transport_name(KftTransport transport)
{
    g_assert((size_t)transport < G_N_ELEMENTS(transport_names));
    return transport_names[transport];
}

bool kft_transport_parse(const char *name, KftTransport *ret_transport)
{
    for (size_t i = 0; i < G_N_ELEMENTS(transport_names); i++) {
        if (strcmp(transport_names[i], name) == 0) {
            *ret_transport = (KftTransport)i;
            return true;
        }
    }
    return false;
}

const char *kft_balance_name(KftBalance balance)
{
    g_assert((size_t)balance < G_N_ELEMENTS(balance_names));
    return balance_names[balance];
}

bool kft_balance_parse(const char *name, KftBalance *ret_balance)
{
    for (size_t i = 0; i < G_N_ELEMENTS(balance_names); i++) {
        if (strcmp(balance_names[i], name) == 0) {
            *ret_balance = (KftBalance)i;
            return true;
        }
    }
    return false;
}

const char *kft_protocol_name(KftProtocol protocol)
{
    g_assert((size_t)protocol < G_N_ELEMENTS(protocol_names));
    return protocol_names[protocol];
}

bool kft_protocol_parse(const char *name, KftProtocol *ret_protocol)
{
    for (size_t i = 0; i < G_N_ELEMENTS(protocol_names); i++) {
        if (strcmp(protocol_names[i], name) == 0) {
            *ret_protocol = (KftProtocol)i;
            return true;
        }
    }
    return false;
}

const char *kft_forward_state_name(KftForwardState state)
{
    g_assert((size_t)state < G_N_ELEMENTS(state_names));
    return state_names[state];
}
