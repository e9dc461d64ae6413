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

void kft_command_free(KftCommand *self)
{
    if (self == NULL)
        return;
    kft_forward_spec_free(self->spec);
    kft_query_free(self->query);
    g_free(self);
}
