#ifndef KFT_STORE_FREE_PORT_H
#define KFT_STORE_FREE_PORT_H

#include "kftray/config.h"

/* Chooses local ports that nothing listens on now and no config has. Thread: one at a time. */
typedef struct KftPortChooser KftPortChooser;

KftPortChooser *kft_port_chooser_new(void);
/* NULL is allowed. */
void kft_port_chooser_free(KftPortChooser *self);
/* @port belongs to a config; 0 is ignored. */
void kft_port_chooser_take(KftPortChooser *self, uint16_t port);
/* A port that can be bound on @address (NULL = 127.0.0.1), which is then taken; 0 = none is left.
 */
uint16_t kft_port_chooser_choose(KftPortChooser *self, const char *address, KftProtocol protocol);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(KftPortChooser, kft_port_chooser_free)

#endif
