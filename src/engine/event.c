#include "kftray/event.h"

void kft_event_free(KftEvent *self)
{
    if (self == NULL)
        return;
    switch (self->type) {
    case KFT_EVENT_FORWARD_STATUS:
        g_free(self->status.error);
        g_free(self->status.waiting_for);
        g_free(self->status.pod);
        g_free(self->status.detour);
        break;
    case KFT_EVENT_FORWARD_LISTENING:
        g_free(self->listening.address);
        break;
    case KFT_EVENT_FORWARD_NOTICE:
        g_free(self->notice.text);
        break;
    case KFT_EVENT_FORWARD_CONNECTION:
    case KFT_EVENT_FORWARD_CONNECTION_ERROR:
        g_free(self->connection.text);
        break;
    case KFT_EVENT_PROXY_LOGIN:
        g_free(self->proxy_login.proxy);
        g_free(self->proxy_login.user);
        break;
    case KFT_EVENT_ANSWER:
        kft_answer_free(self->answer);
        break;
    case KFT_EVENT_FORWARD_STATISTICS:
    case KFT_EVENT_FORWARD_CLOSING:
    case KFT_EVENT_STOPPED:
        break;
    case KFT_EVENT_DIAGNOSE_STEP:
        kft_diagnose_result_clear(&self->diagnose_step);
        break;
    case KFT_EVENT_DIAGNOSE_DONE:
        g_free(self->diagnosis.error);
        g_free(self->diagnosis.report);
        g_free(self->diagnosis.json);
        break;
    }
    g_free(self);
}
