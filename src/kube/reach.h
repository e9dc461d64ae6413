#ifndef KFT_KUBE_REACH_H
#define KFT_KUBE_REACH_H

#include "net/endpoint.h"
#include "net/loop.h"

/* Whether a server can be reached, found out once for all who want to know. While it can, at most
 * so many exchanges are begun at once; while it cannot, nobody but one probe tries, so an outage
 * costs the server the same whether one forward waits for its end or fifty. Thread: loop. */
typedef struct KftReach KftReach;

/* @endpoint: what a probe asks; a reference is taken. */
KftReach *kft_reach_new(KftLoop *loop, KftEndpoint *endpoint);
/* NULL is allowed. Turns and watches must be gone. */
void kft_reach_free(KftReach *self);
/* @is_other: it is another server, of which nothing is known. */
void kft_reach_set_endpoint(KftReach *self, KftEndpoint *endpoint, bool is_other);

/* --- turns --- */

/* The right to begin one exchange with the server, or the wait for it. */
typedef struct KftTurn KftTurn;

/* Runs once, in a later turn of the loop. With an @error the server could not be reached, and the
 * turn is gone. */
typedef void (*KftTurnFunc)(const GError *error, void *user_data);
KftTurn *kft_reach_enter(KftReach *self, KftTurnFunc on_turn, void *user_data);
/* The server answered, whatever it was. Frees; NULL is allowed, for all three. */
void kft_turn_end_answered(KftTurn *turn);
/* It did not. @error: UNREACHABLE, TIMEOUT or PROTOCOL make the server one that is away. */
void kft_turn_end_failed(KftTurn *turn, const GError *error);
/* Nothing is known; also ends the wait. */
void kft_turn_cancel(KftTurn *turn);

/* --- the server is away --- */

bool kft_reach_is_away(const KftReach *self);
/* Why it is away, borrowed; NULL if it is not. */
const GError *kft_reach_get_error(const KftReach *self);
/* Looks now instead of later, if it is away: the network changed, the machine woke up. */
void kft_reach_probe_now(KftReach *self);
/* The same for what people and programs do, but no sooner than a second after the last probe was
 * begun, and no sooner than four if that one is still under way: a local connection waits. */
void kft_reach_probe_for_connection(KftReach *self);
/* The user starts something or wants another try: if that is in vain, too, the next ones follow as
 * if the outage had just begun. */
void kft_reach_probe_for_user(KftReach *self);

/* When it last answered anybody, loop time; 0 = never. */
uint64_t kft_reach_get_answered_ms(const KftReach *self);
/* A connection to it went silent: asks it, unless that is being done or it is known to be away. If
 * nobody gets an answer meanwhile, it is away. */
void kft_reach_doubt(KftReach *self);

typedef struct KftReachWatch KftReachWatch;
/* After each probe; @error: still away, and the next one is in @next_ms; NULL: it is back. */
typedef void (*KftReachFunc)(const GError *error, uint32_t next_ms, void *user_data);
/* Has the server probed until it is back. */
KftReachWatch *kft_reach_watch_new(KftReach *self, KftReachFunc on_news, void *user_data);
/* NULL is allowed; also inside on_news. */
void kft_reach_watch_free(KftReachWatch *watch);

/* --- the way to the server --- */

typedef enum {
    KFT_ROUTE_SAME,
    KFT_ROUTE_CHANGED, /* from another address of this machine, or back after it was gone */
    KFT_ROUTE_GONE,    /* there is none */
} KftRouteNews;

/* Which address answered. */
void kft_reach_note_peer(KftReach *self, const char *peer);
/* Asks the kernel, without a packet, how the server would be reached now, and compares with the
 * last time. */
KftRouteNews kft_reach_check_route(KftReach *self);

#endif
