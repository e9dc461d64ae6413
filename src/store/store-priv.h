#ifndef KFT_STORE_STORE_PRIV_H
#define KFT_STORE_STORE_PRIV_H

#include "kftray/store.h"

#include "store/change.h"
#include "store/database.h"
#include "store/owner.h"

#define KFT_STORE_FILE "kftray.db"

/* The store is one connection; its functions are in store-config.c, store-run.c, store-history.c,
 * store-traffic.c and store-setting.c. */
struct KftStore {
    KftDatabase *database;
    KftChange *change; /* NULL if the kernel has no more watches */
    KftOwner owner;    /* this process */
    int64_t data_version;
};

/* Of a name that is stored; IDLE if it is none. */
KftForwardState kft_store_parse_state(const char *name);
/* Adds to the history of @id if it differs from the last entry, and lets the oldest go. In the
 * caller's transaction. */
bool kft_store_add_history(KftStore *self,
                           KftConfigId id,
                           KftForwardState state,
                           const char *reason,
                           const char *pod,
                           GError **error);
/* NOT_FOUND: there is no config of that id (any more). */
void kft_store_set_not_found(KftConfigId id, GError **error);

#endif
