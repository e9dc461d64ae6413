#include "kftray/history.h"

struct KftHistory {
    GQueue entries;
    size_t n_max;
};

static void entry_free(void *data)
{
    KftHistoryEntry *entry = data;
    g_free(entry->reason);
    g_free(entry->pod);
    g_free(entry);
}

KftHistory *kft_history_new(size_t n_max)
{
    g_return_val_if_fail(n_max > 0, NULL);
    KftHistory *self = g_new0(KftHistory, 1);
    g_queue_init(&self->entries);
    self->n_max = n_max;
    return self;
}

void kft_history_free(KftHistory *self)
{
    if (self == NULL)
        return;
    g_queue_clear_full(&self->entries, entry_free);
    g_free(self);
}

void kft_history_add(KftHistory *self, const KftEvent *event)
{
    g_return_if_fail(event != NULL);
    if (event->type != KFT_EVENT_FORWARD_STATUS)
        return;
    const KftForwardStatusEvent *status = &event->status;
    const char *reason = status->error != NULL ? status->error : status->waiting_for;
    const KftHistoryEntry *last = g_queue_peek_tail(&self->entries);
    if (last != NULL && last->state == status->state && g_strcmp0(last->reason, reason) == 0 &&
        g_strcmp0(last->pod, status->pod) == 0)
        return;
    KftHistoryEntry *entry = g_new0(KftHistoryEntry, 1);
    entry->time_ms = status->time_ms;
    entry->state = status->state;
    entry->reason = g_strdup(reason);
    entry->pod = g_strdup(status->pod);
    g_queue_push_tail(&self->entries, entry);
    if (g_queue_get_length(&self->entries) > self->n_max)
        entry_free(g_queue_pop_head(&self->entries));
}

size_t kft_history_get_length(const KftHistory *self)
{
    return self->entries.length;
}

const KftHistoryEntry *kft_history_get(const KftHistory *self, size_t index)
{
    for (const GList *at = self->entries.head; at != NULL; at = at->next) {
        if (index-- == 0)
            return at->data;
    }
    return NULL;
}
