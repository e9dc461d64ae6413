#ifndef KFT_CLI_DISCOVERY_H
#define KFT_CLI_DISCOVERY_H

#include <kftray/config.h>
#include <kftray/query.h>

/* The forwards that the services of an answer stand for: what a service's annotation says, else one
 * for each of its ports. */

typedef struct {
    const KftFoundService *service;
    const KftFoundPort *port; /* that it leads to; NULL if the annotation names another number */
    KftConfig *config;
    const KftConfig *stored; /* the same forward, whatever its local port; nullable */
} KftDiscovered;

typedef struct {
    GPtrArray *services; /* KftFoundService */
    GPtrArray *items;    /* KftDiscovered, in the order of the services */
    GPtrArray *skipped;  /* sentences: parts of annotations that are wrong */
} KftDiscovery;

/* @answer: to SERVICES, without an error. @kubeconfig: nullable. Services that have no pods or no
 * ports are left out. */
KftDiscovery *kft_discovery_new(const KftAnswer *answer, const char *kubeconfig);
/* NULL is allowed. */
void kft_discovery_free(KftDiscovery *self);
/* Finds the items that are stored already. @configs: KftConfig, must outlive @self. */
void kft_discovery_compare(KftDiscovery *self, const GPtrArray *configs);
/* Leaves only the items that one of @names means: "web", "shop/web", "web:80", "web:http"; "*" and
 * "?" stand for anything. Prints which name means nothing and returns false. */
bool kft_discovery_select(KftDiscovery *self, char *const *names);
/* Leaves only services with an annotation. */
void kft_discovery_select_annotated(KftDiscovery *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(KftDiscovery, kft_discovery_free)

#endif
