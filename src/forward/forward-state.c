/* The forward's state table: data, so that it can be checked, printed and tested. */
#include "forward/forward.h"

#define TO(state) (1u << KFT_FORWARD_STATE_##state)
#define BY_TRANSITION UINT32_MAX

static const struct {
    uint32_t allowed;
    uint32_t deadline_ms;
} rules[KFT_FORWARD_N_STATES] = {
    [KFT_FORWARD_STATE_IDLE] = {TO(RESOLVING) | TO(STOPPING), 0},
    [KFT_FORWARD_STATE_RESOLVING] = {TO(CONNECTING) | TO(BACKOFF) | TO(FAILED) | TO(STOPPING),
                                     BY_TRANSITION},
    /* A negotiation ends by itself: within 30 s, after a credential plugin that may take 60 s. */
    [KFT_FORWARD_STATE_CONNECTING] = {TO(READY) | TO(RESOLVING) | TO(BACKOFF) | TO(FAILED) |
                                          TO(STOPPING),
                                      150000},
    [KFT_FORWARD_STATE_READY] = {TO(CONNECTING) | TO(RESOLVING) | TO(BACKOFF) | TO(STOPPING), 0},
    [KFT_FORWARD_STATE_BACKOFF] = {TO(RESOLVING) | TO(CONNECTING) | TO(FAILED) | TO(STOPPING),
                                   BY_TRANSITION},
    /* As long as a relay is being deleted. */
    [KFT_FORWARD_STATE_STOPPING] = {TO(IDLE), 4500},
    [KFT_FORWARD_STATE_FAILED] = {TO(STOPPING), 0},
};

bool kft_forward_transition_allowed(KftForwardState from, KftForwardState to)
{
    return (rules[from].allowed & (1u << to)) != 0;
}

uint32_t kft_forward_state_deadline_ms(KftForwardState state)
{
    return rules[state].deadline_ms;
}
