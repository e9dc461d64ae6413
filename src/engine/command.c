#include "engine/command-priv.h"

KftCommand *kft_command_new(KftCommandType type)
{
    KftCommand *self = g_new0(KftCommand, 1);
    self->type = type;
    return self;
}

KftCommand *kft_command_new_start_forward(KftForwardId id, KftForwardSpec *spec)
{
    g_return_val_if_fail(id.v > 0 && spec != NULL, NULL);
    KftCommand *self = kft_command_new(KFT_COMMAND_START_FORWARD);
    self->forward = id;
    self->spec = spec;
    return self;
}

KftCommand *kft_command_new_stop_forward(KftForwardId id)
{
    KftCommand *self = kft_command_new(KFT_COMMAND_STOP_FORWARD);
    self->forward = id;
    return self;
}

KftCommand *kft_command_new_diagnose(KftForwardId id, KftForwardSpec *spec)
{
    g_return_val_if_fail(spec != NULL, NULL);
    KftCommand *self = kft_command_new(KFT_COMMAND_DIAGNOSE);
    self->forward = id;
    self->spec = spec;
    return self;
}

KftCommand *kft_command_new_stop_diagnosis(KftForwardId id)
{
    KftCommand *self = kft_command_new(KFT_COMMAND_STOP_DIAGNOSIS);
    self->forward = id;
    return self;
}

KftCommand *kft_command_new_set_network(const KftNetworkSettings *settings)
{
    KftCommand *self = kft_command_new(KFT_COMMAND_SET_NETWORK);
    kft_network_settings_copy(settings, &self->network);
    return self;
}

KftCommand *
kft_command_new_set_proxy_login(const char *proxy, const char *user, const char *password)
{
    g_return_val_if_fail(proxy != NULL && user != NULL && password != NULL, NULL);
    KftCommand *self = kft_command_new(KFT_COMMAND_SET_PROXY_LOGIN);
    self->proxy = g_strdup(proxy);
    self->user = g_strdup(user);
    self->password = kft_secret_new(password);
    return self;
}

KftCommand *kft_command_new_set_relays(const KftRelaySettings *settings)
{
    KftCommand *self = kft_command_new(KFT_COMMAND_SET_RELAYS);
    if (settings == NULL)
        return self;
    self->relays = (KftRelaySettings){
        .image = g_strdup(settings->image),
        .template_ = g_strdup(settings->template_),
        .use = settings->use,
        .state_dir = g_strdup(settings->state_dir),
    };
    return self;
}

KftCommand *kft_command_new_query(KftQuery *query)
{
    g_return_val_if_fail(query != NULL && query->id.v > 0, NULL);
    KftCommand *self = kft_command_new(KFT_COMMAND_QUERY);
    self->query = query;
    return self;
}

KftCommand *kft_command_new_cancel_query(KftQueryId id)
{
    KftCommand *self = kft_command_new(KFT_COMMAND_CANCEL_QUERY);
    self->query_id = id;
    return self;
}

KftCommand *kft_command_new_retry_forward(KftForwardId id)
{
    KftCommand *self = kft_command_new(KFT_COMMAND_RETRY_FORWARD);
    self->forward = id;
    return self;
}

void kft_command_free(KftCommand *self)
{
    if (self == NULL)
        return;
    kft_forward_spec_free(self->spec);
    kft_network_settings_clear(&self->network);
    g_free(self->proxy);
    g_free(self->user);
    kft_secret_free(self->password);
    kft_relay_settings_clear(&self->relays);
    kft_query_free(self->query);
    g_free(self);
}
