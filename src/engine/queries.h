#ifndef KFT_ENGINE_QUERIES_H
#define KFT_ENGINE_QUERIES_H

#include "kftray/event.h"

#include "kube/cluster.h"
#include "relay/home.h"

/* The open queries: each has a deadline, and gets exactly one answer. Thread: loop. */
typedef struct KftQueries KftQueries;

typedef struct {
    /* The cluster that forwards of this context use, too; (transfer none). */
    KftCluster *(*find_cluster)(const char *kubeconfig,
                                const char *context,
                                GError **error,
                                void *user_data);
    /* Takes the event over. */
    void (*post)(KftEvent *event, void *user_data);
} KftQueriesFuncs;

/* @funcs: copied. */
/* @relays: borrowed. */
KftQueries *
kft_queries_new(KftLoop *loop, KftRelayHome *relays, const KftQueriesFuncs *funcs, void *user_data);
void kft_queries_start(KftQueries *self, const KftQuery *query);
/* Answers with CANCELLED. An @id that is not in use is ignored. */
void kft_queries_cancel(KftQueries *self, KftQueryId id);
/* The same for all, and for each that is started later. */
void kft_queries_shutdown(KftQueries *self);
/* NULL is allowed. */
void kft_queries_free(KftQueries *self);

#endif
