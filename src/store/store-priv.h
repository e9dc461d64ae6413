#ifndef KFT_STORE_STORE_PRIV_H
#define KFT_STORE_STORE_PRIV_H

#include "kftray/store.h"

#include "store/change.h"
#include "store/database.h"
#include "store/owner.h"

#define KFT_STORE_FILE "kftray.db"

/* The store is one connection; its functions are in store-config.c, store-run.c, store-traffic.c
 * and store-setting.c. */
struct KftStore {
    KftDatabase *database;
    KftChange *change; /* NULL if the kernel has no more watches */
    KftOwner owner;    /* this process */
    int64_t data_version;
};

/* NOT_FOUND: there is no config of that id (any more). */
void kft_store_set_not_found(KftConfigId id, GError **error);

#endif
