#ifndef KFT_KUBE_SERVICE_H
#define KFT_KUBE_SERVICE_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/json.h"
#include "kube/pod.h"

/* Services and the endpoints behind them, read from their JSON. Thread: any, one at a time. */

typedef struct {
    char *name; /* nullable */
    uint16_t number;
    uint16_t target_number; /* 0 if target_name is set */
    char *target_name;      /* of a container port; nullable */
    bool is_tcp;
} KftServicePort;

typedef struct {
    char *name;
    char *uid;
    char *selector;   /* "a=b,c=d"; NULL: its endpoints are made by someone else */
    GPtrArray *ports; /* KftServicePort* */
    bool is_headless;
    char *external_name; /* set for type ExternalName, "" if it names no host */
} KftService;

/* Returns: (transfer full), NULL if it has no name. */
KftService *kft_service_new_from_json(json_object *object);
/* NULL is allowed. */
void kft_service_free(KftService *self);
/* The port with @name (if not NULL) or @number; one for TCP wins over others. (transfer none),
 * nullable. */
const KftServicePort *
kft_service_find_port(const KftService *self, const char *name, uint16_t number);
/* "8080 (http), 7 (echo)", "none". (transfer full). */
char *kft_service_describe_ports(const KftService *self);

/* One EndpointSlice, or one subset of a core Endpoints object. */
typedef struct {
    GPtrArray *pods;       /* KftPod*, made from the targetRefs: name, uid and readiness only */
    GPtrArray *ports;      /* KftPodPort*: resolved target ports under the service port's name */
    char *foreign_address; /* of an endpoint that is no pod; nullable */
} KftEndpointSet;

/* All sets of one API object, an EndpointSlice (v1, v1beta1) or Endpoints. */
typedef struct {
    char *name;
    GPtrArray *sets; /* KftEndpointSet* */
} KftEndpoints;

/* Returns: (transfer full), NULL if it has no name. */
KftEndpoints *kft_endpoints_new_from_json(json_object *object);
/* NULL is allowed. */
void kft_endpoints_free(KftEndpoints *self);
/* The TCP port of the set for the service port @name ("" or NULL: the unnamed one), 0 if none. */
uint16_t kft_endpoint_set_find_port(const KftEndpointSet *self, const char *name);

#endif
