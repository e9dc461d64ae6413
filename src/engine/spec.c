/* A user's words become options here, and everything that is wrong with them is found before
 * anything is started. A forward by way of a relay leads to the relay's port; the port that was
 * asked for goes into the relay's own spec and is what messages show. */
#include "engine/spec.h"

#include "kftray/error.h"

#include "base/number.h"
#include "forward/bindings.h"
#include "relay/address.h"

KftForwardSpec *kft_forward_spec_new(void)
{
    KftForwardSpec *self = g_new0(KftForwardSpec, 1);
    self->pod_timeout_ms = KFT_DEFAULT_POD_TIMEOUT_MS;
    self->half_close_ms = KFT_DEFAULT_HALF_CLOSE_MS;
    self->hold_ms = KFT_DEFAULT_HOLD_MS;
    self->udp_idle_ms = KFT_DEFAULT_UDP_IDLE_MS;
    return self;
}

void kft_forward_spec_free(KftForwardSpec *self)
{
    if (self == NULL)
        return;
    g_free(self->kubeconfig);
    g_free(self->context);
    g_free(self->namespace_);
    g_free(self->target);
    g_free(self->selector);
    g_free(self->remote_address);
    g_strfreev(self->ports);
    g_strfreev(self->addresses);
    g_free(self);
}

bool kft_duration_parse(const char *text, uint32_t *ret_ms)
{
    uint64_t ms = 0;
    if (!kft_parse_duration_ms(text, &ms) || ms >= UINT32_MAX)
        return false;
    *ret_ms = (uint32_t)ms;
    return true;
}

static bool take_ports(const KftForwardSpec *spec, KftForwardOptions *options, GError **error)
{
    size_t n_ports = spec->ports == NULL ? 0 : g_strv_length(spec->ports);

    if (n_ports > KFT_SPEC_MAX_PORTS) {
        g_set_error(error, KFT_ERROR, KFT_ERROR_BAD_CONFIG,
                    "%zu ports given, at most %d are possible", n_ports, KFT_SPEC_MAX_PORTS);
        return false;
    }
    if (n_ports == 0)
        return true;
    options->ports = g_new0(KftPortSpec, n_ports);
    options->port_is_local_from_remote = g_new0(bool, n_ports);
    for (size_t i = 0; i < n_ports; i++) {
        if (!kft_port_spec_parse(spec->ports[i], &options->ports[i],
                                 &options->port_is_local_from_remote[i], error))
            return false;
        options->n_ports++;
    }
    return true;
}

static bool take_addresses(const KftForwardSpec *spec, KftForwardOptions *options, GError **error)
{
    bool has_any = spec->addresses != NULL && spec->addresses[0] != NULL;
    options->addresses = has_any ? g_strdupv(spec->addresses) : g_strsplit("localhost", ",", -1);
    return kft_bindings_check_addresses((const char *const *)options->addresses, error);
}

static bool take_target(const KftForwardSpec *spec, KftForwardOptions *options, GError **error)
{
    options->target = kft_target_parse(spec->target, spec->selector, error);
    if (options->target == NULL)
        return false;
    options->label = kft_target_describe(options->target);
    return true;
}

/* --- relays --- */

static bool needs_relay(const KftForwardSpec *spec)
{
    return spec->relay != KFT_RELAY_USE_NONE &&
           (spec->remote_address != NULL || spec->protocol == KFT_PROTOCOL_UDP);
}

/* Its one port is behind the relay; the forward itself leads to the relay's. */
static bool take_relay_port(KftForwardOptions *options, uint16_t *ret_port, GError **error)
{
    if (options->n_ports != 1 || options->ports[0].remote_number == 0) {
        g_set_error_literal(error, KFT_ERROR, KFT_ERROR_BAD_CONFIG,
                            "a forward by way of a relay has one port, and the remote one is a "
                            "number: [LOCAL:]REMOTE");
        return false;
    }
    *ret_port = options->ports[0].remote_number;
    options->shown_port = options->ports[0].remote_number;
    g_free(options->ports[0].remote);
    options->ports[0].remote = g_strdup_printf("%d", KFT_RELAY_PORT);
    options->ports[0].remote_number = KFT_RELAY_PORT;
    return true;
}

static bool take_relay(const KftForwardSpec *spec, KftForwardOptions *options, GError **error)
{
    if (!needs_relay(spec))
        return true;
    KftRelaySpec *relay = g_new0(KftRelaySpec, 1);
    options->relay = relay;
    relay->use = spec->relay;
    relay->kubeconfig = g_strdup(spec->kubeconfig);
    relay->context = g_strdup(spec->context);
    relay->protocol = spec->protocol;
    if (spec->remote_address != NULL)
        relay->host = kft_relay_address_dup_host(spec->remote_address);
    else
        relay->target = kft_target_copy(options->target);
    if ((relay->host != NULL && !kft_relay_address_check_host(relay->host, error)) ||
        !take_relay_port(options, &relay->port, error))
        return false;
    /* Of a gateway's pods any is as good as another. */
    options->balance = KFT_BALANCE_LEAST;
    g_free(options->label);
    options->label = kft_relay_spec_describe(relay);
    return true;
}

static bool check_target(const KftForwardSpec *spec, GError **error)
{
    bool has_target = spec->target != NULL || spec->selector != NULL;
    if (spec->remote_address == NULL)
        return true;
    if (!has_target && spec->relay != KFT_RELAY_USE_NONE)
        return true;
    g_set_error_literal(error, KFT_ERROR, KFT_ERROR_BAD_CONFIG,
                        "a remote address is reached by a relay: it stands instead of a target");
    return false;
}

static KftForwardOptions *
make_options(const KftForwardSpec *spec, bool needs_target, GError **error)
{
    KftForwardOptions *options = kft_forward_options_new();
    bool has_target = spec->target != NULL || spec->selector != NULL;

    needs_target = needs_target && spec->remote_address == NULL;
    options->balance = spec->balance;
    if (!check_target(spec, error) ||
        ((needs_target || has_target) && !take_target(spec, options, error)) ||
        !take_ports(spec, options, error) || !take_addresses(spec, options, error) ||
        (options->n_ports > 0 && !take_relay(spec, options, error))) {
        kft_forward_options_free(options);
        return NULL;
    }
    options->protocol = spec->protocol;
    options->udp_idle_ms = spec->udp_idle_ms;
    options->transport = spec->transport;
    options->pod_timeout_ms = spec->pod_timeout_ms;
    options->limits.half_close_ms = spec->half_close_ms;
    options->limits.hold_ms = spec->hold_ms;
    options->auto_close_ms = spec->auto_close_ms;
    options->stop_at_s = spec->stop_at_s;
    options->retries_start = spec->retries_start;
    return options;
}

KftForwardOptions *kft_spec_to_options(const KftForwardSpec *spec, GError **error)
{
    KftForwardOptions *options = make_options(spec, /* needs_target */ true, error);
    if (options == NULL || options->n_ports > 0)
        return options;
    g_set_error_literal(error, KFT_ERROR, KFT_ERROR_BAD_CONFIG,
                        "no port given: say which one as [LOCAL:]REMOTE");
    kft_forward_options_free(options);
    return NULL;
}

KftForwardOptions *kft_spec_to_diagnose_options(const KftForwardSpec *spec, GError **error)
{
    return make_options(spec, /* needs_target */ false, error);
}
