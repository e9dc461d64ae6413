#ifndef KFT_KUBE_POD_H
#define KFT_KUBE_POD_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

/* What of a pod matters for forwarding; read from its JSON. Immutable, reference counted.
 * Thread: any, one at a time. */

typedef enum {
    KFT_POD_PHASE_PENDING,
    KFT_POD_PHASE_RUNNING,
    KFT_POD_PHASE_SUCCEEDED,
    KFT_POD_PHASE_FAILED,
    KFT_POD_PHASE_UNKNOWN,
} KftPodPhase;

typedef struct {
    char *name; /* nullable */
    char *container;
    uint16_t number;
    bool is_tcp;
} KftPodPort;

typedef struct {
    char *namespace_;
    char *name;
    char *uid;
    char *ip;   /* nullable: none yet */
    char *node; /* nullable */
    KftPodPhase phase;
    bool is_scheduled;
    bool is_ready;
    bool is_terminating; /* has a deletionTimestamp */
    int64_t ready_since; /* unix seconds, 0 = never */
    int64_t created;
    uint32_t n_restarts; /* most of any container */
    GPtrArray *ports;    /* KftPodPort*, containers first, then init containers */
    char *waiting_reason; /* why it does not run: "ImagePullBackOff: …", "Unschedulable: …"; NULL if
                             it does */
    int ref_count;
} KftPod;

struct json_object;
/* From an object of an API answer; members that are missing or wrong read as absent.
 * Returns: (transfer full), NULL if it has no name. */
KftPod *kft_pod_new_from_json(struct json_object *object);
KftPod *kft_pod_ref(KftPod *self);
void kft_pod_unref(KftPod *self);

/* The TCP port that a container declares with this name, else 0; in the order of @ports.
 * @ret_is_udp: (nullable) whether there is one of that name, but for UDP or SCTP only. */
uint16_t kft_pod_find_port(const KftPod *self, const char *name, bool *ret_is_udp);
/* Whether a container declares @number for TCP. @ret_is_udp: as above. */
bool kft_pod_has_port(const KftPod *self, uint16_t number, bool *ret_is_udp);

/* Better first: kubectl's order (wire protocols, 7.3): scheduled, running, ready, not terminating,
 * ready for longer, fewer restarts, older; ties by name. <0: @a is better. */
int kft_pod_compare(const KftPod *a, const KftPod *b);
/* Running, not terminating, and with at least one container that runs (one in a crash loop has none
 * for minutes, though its phase stays Running). */
bool kft_pod_is_usable(const KftPod *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(KftPod, kft_pod_unref)

#endif
