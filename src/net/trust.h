#ifndef KFT_NET_TRUST_H
#define KFT_NET_TRUST_H

#include <glib.h>
#include <openssl/x509.h>
#include <stdbool.h>

/* The sets of authorities that certificates of servers are verified by. Each is read and in memory
 * once, however many connections trust it. embeddable. Thread: loop. */
typedef struct {
    GQueue sets; /* of KftTrustSet, the one used last first */
    unsigned last_serial;
} KftTrust;

/* One of them, for good: other authorities are another set. */
typedef struct {
    X509_STORE *store;
    /* A path where nothing can be, another one for each set. */
    char *name;
    GBytes *own;
    GBytes *further;
    char *system;
} KftTrustSet;

/* The set of the certificates in @own and @further, PEM, both nullable, and if @has_system of the
 * system's, as they are now. Returns: borrowed until the next call; NULL if there is none that can
 * be used in one that was given. */
const KftTrustSet *kft_trust_get_set(KftTrust *self, GBytes *own, GBytes *further, bool has_system);
void kft_trust_clear(KftTrust *self);

#endif
