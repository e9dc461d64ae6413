#ifndef KFT_KUBE_NETWORK_POLICY_H
#define KFT_KUBE_NETWORK_POLICY_H

#include "kftray/types.h"

#include "base/json.h"

/* What NetworkPolicies (networking.k8s.io/v1) say about packets between two ends, by their JSON
 * alone. Whether a cluster heeds them is up to its network plugin. Source:
 * https://kubernetes.io/docs/concepts/services-networking/network-policies/. No I/O. Thread: any,
 * one at a time. */

/* An end of a connection: a pod, or something that is none. */
typedef struct {
    const char *name;              /* as it is called in messages: "the relay" */
    const char *namespace_;        /* NULL: no pod of this cluster */
    json_object *namespace_labels; /* a map; NULL: not known but kubernetes.io/metadata.name */
    json_object *pod;              /* with metadata.labels and containers; NULL: no pod */
    const char *ip;                /* numeric; NULL: not known */
} KftPolicyEnd;

typedef enum {
    KFT_POLICY_EGRESS,
    KFT_POLICY_INGRESS,
} KftPolicyDirection;

typedef enum {
    KFT_POLICY_VERDICT_FREE,    /* no policy selects the pod */
    KFT_POLICY_VERDICT_ALLOWED, /* a rule allows it */
    KFT_POLICY_VERDICT_UNKNOWN, /* one may, by an address or a namespace that is not known */
    KFT_POLICY_VERDICT_DENIED,
} KftPolicyVerdict;

/* "free", "allowed", "unknown" or "denied". */
const char *kft_policy_verdict_name(KftPolicyVerdict verdict);

/* Whether @list, a NetworkPolicyList or any object with "items", lets @direction pass: EGRESS from
 * @pod to @peer, INGRESS from @peer to @pod. @port: at the end that is connected to; 0 = any.
 * @ret_text: one line that names the policies that select @pod and what they say, NULL for FREE.
 * (transfer full). */
KftPolicyVerdict kft_network_policies_judge(json_object *list,
                                            KftPolicyDirection direction,
                                            const KftPolicyEnd *pod,
                                            const KftPolicyEnd *peer,
                                            KftProtocol protocol,
                                            uint16_t port,
                                            char **ret_text);

/* Whether a LabelSelector (matchLabels, matchExpressions) fits @labels (a map, nullable). An empty
 * one fits everything, a missing one nothing. */
bool kft_label_selector_matches(json_object *selector, json_object *labels);

/* The number that the containers of @pod declare for a port with this name, else 0. */
uint16_t kft_pod_json_find_port(json_object *pod, const char *name, KftProtocol protocol);

#endif
