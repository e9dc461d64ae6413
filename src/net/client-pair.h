#ifndef KFT_NET_CLIENT_PAIR_H
#define KFT_NET_CLIENT_PAIR_H

#include "net/endpoint.h"

typedef enum {
    KFT_CLIENT_PAIR_OK,
    KFT_CLIENT_PAIR_BAD_CERTIFICATE, /* no certificate in PEM form */
    KFT_CLIENT_PAIR_BAD_KEY,         /* no private key in PEM form, or an encrypted one */
    KFT_CLIENT_PAIR_MISMATCH,        /* the key belongs to another certificate */
} KftClientPair;

/* What is wrong with the client certificate and key of an endpoint, for a message: curl's text does
 * not tell a key that cannot be read from one that does not fit. Reads the files; a key on a token
 * is not looked at. Thread: any. */
KftClientPair kft_client_pair_check(const KftEndpoint *endpoint);

/* When the client certificate is valid, unix seconds, 0 = not readable. False if there is none.
 * Reads the file. Thread: any. */
bool kft_client_pair_get_validity(const KftEndpoint *endpoint,
                                  int64_t *ret_not_before_s,
                                  int64_t *ret_not_after_s);

#endif
