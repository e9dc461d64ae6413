#ifndef KFT_CLI_NETWORK_H
#define KFT_CLI_NETWORK_H

#include <kftray/network.h>
#include <stdbool.h>

/* The settings of the network, as the store has them, for a command that need not have a store: one
 * that does not exist is not made, and one that cannot be read counts as empty. */
typedef struct KftCliNetwork KftCliNetwork;

KftCliNetwork *kft_cli_network_new(void);
/* NULL is allowed. */
void kft_cli_network_free(KftCliNetwork *self);
/* (transfer none). */
const KftNetworkSettings *kft_cli_network_get(const KftCliNetwork *self);
/* Counts instead of the stored file from now on; NULL = the stored one. */
void kft_cli_network_set_ca_bundle(KftCliNetwork *self, const char *file);
/* Readable when the store may have changed; -1 = never. */
int kft_cli_network_get_fd(const KftCliNetwork *self);
/* After that: true if the settings are others now. */
bool kft_cli_network_look(KftCliNetwork *self);

#endif
