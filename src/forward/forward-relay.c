/* A forward by way of a relay. RESOLVING first gets the relay and then looks for its pods, by a
 * label that a new relay has, too; from there on all is as for any target. A relay that was deleted
 * or ended is noticed by the same watch; getting another one goes by BACKOFF, so that somebody who
 * deletes it again and again is not answered at full speed. */
#include "kftray/error.h"

#include "forward/forward-priv.h"

static void on_progress(const char *text, void *user_data)
{
    kft_forward_set_waiting_for(user_data, text);
}

static void on_deployed(const KftRelayPlace *place, void *user_data)
{
    KftForward *self = user_data;

    if (kft_forward_is_over(self))
        return;
    kft_target_free(self->target);
    self->target = kft_target_copy(place->target);
    g_free(self->namespace_);
    self->namespace_ = g_strdup(place->namespace_);
    g_free(self->options->via_host);
    self->options->via_host = g_strdup(place->via_host);
    self->options->via_port = place->via_port;
    g_clear_pointer(&self->keepalive, kft_keepalive_free);
    if (place->keepalive.port != 0)
        self->keepalive = kft_keepalive_new(self->loop, self->backends, place->keepalive.port,
                                            place->keepalive.interval_ms);
    /* Whatever the last one knew was of another pod. */
    g_clear_pointer(&self->resolver, kft_resolver_free);
    kft_forward_start_resolver(self);
    if (self->keepalive != NULL && self->state == KFT_FORWARD_STATE_READY)
        kft_keepalive_start(self->keepalive);
}

static void on_failed(const GError *error, void *user_data)
{
    KftForward *self = user_data;
    if (!kft_forward_is_over(self) && self->state != KFT_FORWARD_STATE_BACKOFF)
        kft_forward_handle_failure(self, error);
}

static void on_removed(void *user_data)
{
    kft_forward_stopped(user_data);
}

void kft_forward_init_relay(KftForward *self)
{
    static const KftRelayFuncs funcs = {
        .on_progress = on_progress,
        .on_deployed = on_deployed,
        .on_failed = on_failed,
        .on_removed = on_removed,
    };
    const KftForwardOptions *options = self->options;

    if (options->relay != NULL) {
        self->relay =
            kft_relay_new(self->cluster, options->relay, options->namespace_, &funcs, self);
        return;
    }
    self->target = kft_target_copy(options->target);
    self->namespace_ = g_strdup(options->namespace_);
}

void kft_forward_clear_relay(KftForward *self)
{
    g_clear_pointer(&self->keepalive, kft_keepalive_free);
    g_clear_pointer(&self->relay, kft_relay_free);
    g_clear_pointer(&self->target, kft_target_free);
    g_clear_pointer(&self->namespace_, g_free);
}

bool kft_forward_need_relay(KftForward *self)
{
    if (self->relay == NULL || kft_relay_is_deployed(self->relay))
        return true;
    kft_relay_deploy(self->relay);
    return false;
}

bool kft_forward_check_relay(KftForward *self, const KftResolution *resolution)
{
    if (self->relay == NULL || kft_relay_observe(self->relay, resolution->pods, resolution->n_pods))
        return true;
    g_autoptr(GError) error =
        g_error_new_literal(KFT_ERROR, KFT_ERROR_NOT_FOUND,
                            "the relay was deleted or has ended; another one is deployed");
    kft_backends_drain(self->backends);
    if (self->state != KFT_FORWARD_STATE_BACKOFF)
        kft_forward_handle_failure(self, error);
    return false;
}

size_t kft_forward_count_usable(const KftForward *self, const KftResolution *resolution)
{
    const KftPod *current = kft_backends_get_pod(self->backends);
    size_t n = 0;

    if (self->relay == NULL)
        return resolution->n_candidates;
    /* They come in order, the ready ones first. */
    for (; n < resolution->n_candidates; n++) {
        const KftPod *pod = resolution->candidates[n].pod;
        bool is_current = current != NULL && g_strcmp0(current->uid, pod->uid) == 0;
        if (!pod->is_ready && !is_current)
            break;
    }
    return n;
}

const char *kft_forward_describe_wait(const KftForward *self, const KftResolution *resolution)
{
    /* That watch is of the last one: its end is no news. */
    if (self->relay != NULL && !kft_relay_is_deployed(self->relay))
        return KFT_RELAY_DEPLOYING;
    return resolution->waiting_reason != NULL ? resolution->waiting_reason
                                              : "the relay is starting";
}

void kft_forward_doubt_relay(KftForward *self)
{
    if (self->relay != NULL)
        kft_relay_distrust(self->relay);
}

bool kft_forward_remove_relay(KftForward *self)
{
    if (self->relay == NULL)
        return false;
    kft_relay_remove(self->relay);
    return true;
}

uint16_t kft_forward_shown_port(const KftForward *self, uint16_t port)
{
    return self->options->shown_port != 0 ? self->options->shown_port : port;
}
