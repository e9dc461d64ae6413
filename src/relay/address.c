/* A host or a service by its name is an address at once; what names pods (a pod, a workload, a
 * selector) has to be resolved and followed, as their addresses change with them. A fixed one
 * is told in a later turn of the loop, too. */
#include "relay/address.h"

#include <string.h>

#include "kftray/error.h"

#include "kube/resolver.h"

#define MAX_HOST_BYTES 253

struct KftRelayAddress {
    KftLoop *loop;
    KftRelayAddressFunc on_address;
    void *user_data;
    char *fixed;           /* NULL with a resolver */
    KftDeferred *answer;   /* of a fixed one */
    KftResolver *resolver; /* of pods */
    char *uid;             /* of the pod whose address was told last */
    bool is_asked;
};

char *kft_relay_address_dup_host(const char *text)
{
    const char *scheme = strstr(text, "://");
    const char *start = scheme != NULL ? scheme + 3 : text;
    const char *end = start + strcspn(start, "/?#");
    const char *user = memchr(start, '@', (size_t)(end - start));
    if (scheme != NULL && user != NULL)
        start = user + 1;
    if (start[0] == '[') {
        const char *bracket = memchr(start, ']', (size_t)(end - start));
        if (bracket != NULL)
            return g_strndup(start + 1, (size_t)(bracket - start - 1));
    }
    /* A port of a URL; a colon elsewhere belongs to an IPv6 address. */
    const char *colon = scheme != NULL ? memchr(start, ':', (size_t)(end - start)) : NULL;
    return g_strndup(start, (size_t)((colon != NULL ? colon : end) - start));
}

bool kft_relay_address_check_host(const char *host, GError **error)
{
    size_t length = strlen(host);
    bool is_good = length > 0 && length <= MAX_HOST_BYTES;

    for (const char *at = host; *at != '\0' && is_good; at++)
        is_good = g_ascii_isalnum(*at) || strchr("-._:%", *at) != NULL;
    if (is_good)
        return true;
    g_autofree char *shown = g_strescape(host, NULL);
    g_set_error(error, KFT_ERROR, KFT_ERROR_BAD_CONFIG,
                "remote address \"%.80s\" is neither a host name nor an IP address nor a URL",
                shown);
    return false;
}

static void on_answer(void *user_data)
{
    KftRelayAddress *self = user_data;
    self->answer = NULL;
    self->on_address(self->fixed, NULL, self->user_data);
}

/* Stays with a pod as long as it can be used. */
static const KftPod *choose(const KftRelayAddress *self, const KftResolution *resolution)
{
    const KftPod *best = NULL;
    for (size_t i = 0; i < resolution->n_candidates; i++) {
        const KftPod *pod = resolution->candidates[i].pod;
        if (pod->ip == NULL)
            continue;
        if (best == NULL || g_strcmp0(pod->uid, self->uid) == 0)
            best = pod;
    }
    return best;
}

static void on_change(const KftResolution *resolution, void *user_data)
{
    KftRelayAddress *self = user_data;
    const KftPod *pod = choose(self, resolution);

    if (pod == NULL && self->uid == NULL) {
        g_autoptr(GError) error =
            g_error_new(KFT_ERROR, KFT_ERROR_NOT_FOUND, "no pod to lead the relay to: %s",
                        resolution->waiting_reason != NULL ? resolution->waiting_reason
                                                           : "none has an address");
        self->on_address(NULL, error, self->user_data);
        return;
    }
    bool is_new = pod != NULL && g_strcmp0(pod->uid, self->uid) != 0;
    if (pod == NULL || (!is_new && !self->is_asked))
        return;
    g_free(self->uid);
    self->uid = g_strdup(pod->uid);
    self->is_asked = false;
    g_autofree char *host = g_strdup(pod->ip);
    self->on_address(host, NULL, self->user_data);
}

static void on_error(const GError *error, bool is_final, void *user_data)
{
    KftRelayAddress *self = user_data;
    /* What is in use is used on; the resolver looks again by itself. */
    if (is_final && self->uid == NULL)
        self->on_address(NULL, error, self->user_data);
}

KftRelayAddress *kft_relay_address_new(KftCluster *cluster,
                                       const KftRelaySpec *spec,
                                       const char *namespace_,
                                       bool is_full,
                                       KftRelayAddressFunc on_address,
                                       void *user_data)
{
    static const KftResolverFuncs funcs = {.on_change = on_change, .on_error = on_error};
    KftRelayAddress *self = g_new0(KftRelayAddress, 1);
    self->loop = kft_cluster_get_loop(cluster);
    self->on_address = on_address;
    self->user_data = user_data;
    self->is_asked = true;
    if (spec->host != NULL)
        self->fixed = g_strdup(spec->host);
    else if (spec->target->kind == KFT_TARGET_SERVICE && is_full)
        self->fixed = g_strdup_printf("%s.%s.svc.cluster.local", spec->target->name, namespace_);
    else if (spec->target->kind == KFT_TARGET_SERVICE)
        self->fixed = g_strdup(spec->target->name);
    else
        self->resolver = kft_resolver_new(cluster, spec->target, namespace_, NULL, 0, &funcs, self);
    if (self->fixed != NULL)
        self->answer = kft_loop_defer(self->loop, on_answer, self);
    return self;
}

void kft_relay_address_refresh(KftRelayAddress *self)
{
    self->is_asked = true;
    if (self->resolver != NULL)
        kft_resolver_refresh(self->resolver);
    else if (self->answer == NULL)
        self->answer = kft_loop_defer(self->loop, on_answer, self);
}

void kft_relay_address_free(KftRelayAddress *self)
{
    if (self == NULL)
        return;
    if (self->answer != NULL)
        kft_deferred_cancel(self->answer);
    kft_resolver_free(self->resolver);
    g_free(self->fixed);
    g_free(self->uid);
    g_free(self);
}
