#ifndef KFT_KUBE_FOUND_H
#define KFT_KUBE_FOUND_H

#include "kftray/query.h"

#include "base/json.h"

/* Objects of the API as the answers of queries show them. Each function returns (transfer full)
 * NULL if the object has no name. Thread: any, one at a time. */

KftFoundService *kft_found_service_new_from_json(json_object *object);
KftFoundPod *kft_found_pod_new_from_json(json_object *object);
/* @short_kind: "deploy", "sts", "ds". */
KftFoundWorkload *kft_found_workload_new_from_json(json_object *object, const char *short_kind);

/* A pod with the labels of a relay; whether it is one of ours is not known here. */
KftFoundRelay *kft_found_relay_new_from_json(json_object *object);

/* NULL is allowed. */
void kft_found_relay_free(KftFoundRelay *self);
void kft_found_context_free(KftFoundContext *self);
void kft_found_service_free(KftFoundService *self);
void kft_found_pod_free(KftFoundPod *self);
void kft_found_workload_free(KftFoundWorkload *self);

/* Selectors that suit @pods (KftFoundPod): each label that names an application, and all labels of
 * a pod but those that its workload gives to single pods or revisions. Those of most pods first.
 * Returns: (transfer full) GPtrArray of KftFoundSelector. */
GPtrArray *kft_found_list_selectors(const GPtrArray *pods);

#endif
