#ifndef KFT_NET_NETWORK_H
#define KFT_NET_NETWORK_H

#include <kftray/network.h>
#include <stdbool.h>

#include "base/secret.h"

/* What a program told to log in to a proxy with. */
typedef struct {
    char *user;
    KftSecret *password;
    unsigned serial; /* another one for each login */
} KftProxyLogin;

/* What is known of this machine's network. Held by the loop, and looked at by each new connection,
 * so a change needs no restart. Thread: loop. */
typedef struct {
    KftNetworkSettings settings;
    GHashTable *logins; /* "host:port" → KftProxyLogin; NULL = none */
    GHashTable *asked;  /* set of "host:port": on_login_wanted ran, and nothing came of it yet */
    unsigned last_serial;
    /* A proxy wants a login (@is_refused: another one). @user: the one that is known, nullable.
     * Nullable. */
    void (*on_login_wanted)(const char *proxy, const char *user, bool is_refused, void *user_data);
    void *user_data;
} KftNetwork;

/* False if nothing changed. */
bool kft_network_set(KftNetwork *self, const KftNetworkSettings *settings);
/* For @proxy, "host:port", from now on, also instead of the one that its URL has. */
void kft_network_set_login(KftNetwork *self,
                           const char *proxy,
                           const char *user,
                           const char *password);
/* NULL if there is none. (transfer none). */
const KftProxyLogin *kft_network_find_login(const KftNetwork *self, const char *proxy);
/* A connection was refused for want of a login, or for a wrong one. Tells, once until something was
 * done about it. @serial: of the login that was used, 0 = none that a program told. */
void kft_network_want_login(
    KftNetwork *self, const char *proxy, const char *user, unsigned serial, bool is_refused);
/* Questions that were not answered may be asked again. */
void kft_network_ask_again(KftNetwork *self);
void kft_network_clear(KftNetwork *self);

#endif
